"""The contract of reading whole rows back from a store, which SQLite and InfluxDB keep.

Owns what a caller may rely on. Must not know any particular store.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from schemas.measurement import FieldType, Measurement

KEY = ("charger", "site")
"""The tags that every measurement has; `site` is empty where a row has none."""


class WholeRow(NamedTuple):
    """A row as it is in a store.

    `time`    nanoseconds since the epoch, UTC.
    `tags`    in the order of KEY and the measurement's own.
    `values`  in the order that was asked for; None where the row has no such field.
    """

    time: int
    tags: tuple[str, ...]
    values: tuple[float | str | None, ...]


class RowSource(Protocol):
    """Where rows are read back from. Used by one thread at a time; its calls block.

    Every method raises StoreUnavailableError. A measurement that the store does not have has no rows.
    """

    def fields(self, measurement: Measurement) -> Mapping[str, FieldType]:
        """Its fields: those of the catalogue, then those that only the store has, by name."""

    def rows(
        self, measurement: Measurement, fields: Sequence[str], first: int, until: int, chargers: Collection[str]
    ) -> Iterator[WholeRow]:
        """Rows of [first, until), nanoseconds, by time and tags; of some chargers, or of all where none is named."""

    def close(self) -> None:
        """Let go of the store."""
