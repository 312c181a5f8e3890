"""The contract of a store, which every one of them keeps (SQLite here, InfluxDB later).

Owns what a caller may rely on. Must not know any particular store.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from schemas.reject import RejectReason
from schemas.row import Row


class Refusal(NamedTuple):
    """A row that the store will never take, by its place in the batch.

    `reason` is `store` or `retention`; `detail` is the store's own words.
    """

    row: int
    reason: RejectReason
    detail: str


class StoreUnavailableError(Exception):
    """Nothing of the batch may be taken as written; the same call can be made again. Says what to do about it."""


class Store(Protocol):
    """Where rows become durable."""

    def write(self, rows: Sequence[Row]) -> Sequence[Refusal]:
        """Make every row durable but those it returns, which will never be.

        Rows are applied in order: of two that share measurement, tags and time, the fields of the later one
        replace those of the earlier one, and fields that only one of them has stay. Writing a row again changes
        nothing. Raises StoreUnavailableError.
        """

    def close(self) -> None:
        """Let go of the store. What was written stays written, also when this is never called."""
