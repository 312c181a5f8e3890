"""The contract of a store, which SQLite and InfluxDB keep.

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
    """Nothing of the batch may be taken as written; the same call can be made again. Says what to do about it.

    `needs_operator`  True where it cannot end by itself: a token, a bucket, a full disk.
    `retry_after_ns`  how long the store asks to be left alone, None where it does not ask.
    `may_come_later`  nobody knows what became of the rows: they may be written yet, after those of later calls.
    """

    def __init__(
        self,
        message: str,
        *,
        needs_operator: bool = False,
        retry_after_ns: int | None = None,
        may_come_later: bool = False,
    ) -> None:
        """`message` names the culprit and the next step."""
        super().__init__(message)
        self.needs_operator = needs_operator
        self.retry_after_ns = retry_after_ns
        self.may_come_later = may_come_later


class Store(Protocol):
    """Where rows become durable. Used by one thread at a time; its calls block."""

    @property
    def requests(self) -> int:
        """How many requests or transactions `write` has made so far: more than one a call where rows were refused."""

    def write(self, rows: Sequence[Row]) -> Sequence[Refusal]:
        """Make every row durable but those it returns, which will never be.

        Rows are applied in order: of two that share measurement, tags and time, the fields of the later one
        replace those of the earlier one, and fields that only one of them has stay. Writing a row again changes
        nothing. Raises StoreUnavailableError.
        """

    def reload(self) -> None:
        """Read secrets again where they stand in files. Never raises: what was good before stays in use."""

    def close(self) -> None:
        """Let go of the store. What was written stays written, also when this is never called."""
