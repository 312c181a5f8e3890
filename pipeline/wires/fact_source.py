"""The contract of reading facts back from a store, which SQLite and InfluxDB keep.

Owns what a caller may rely on. Must not know any particular store.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from pipeline.core.known_silences import SilenceEdge
from pipeline.core.recomputation import StoredRow

Fields = Mapping[str, Sequence[str]]
"""Fields to read, by measurement."""


class FactSource(Protocol):
    """Where facts are read back from. Used by one thread at a time; its calls block.

    Every method raises StoreUnavailableError. Moments are nanoseconds since the epoch. Measurements and fields that the
    store does not have are none.
    """

    def between(self, fields: Fields, first: int, until: int) -> Iterator[StoredRow]:
        """Rows of [first, until), in the order of their times."""

    def last_before(self, fields: Fields, first: int, until: int) -> Iterator[StoredRow]:
        """Of each field and charger the last row of [first, until) that has it, with that field alone."""

    def silences(self, first: int, until: int) -> Iterator[SilenceEdge]:
        """The rows of alert `charger_silent` that stand in [first, until)."""

    def firmwares(self, hours: Iterable[int]) -> Mapping[tuple[str, int], str]:
        """The tag `firmware` of the rows `charger_hour` that are there, by charger and hour."""

    def close(self) -> None:
        """Let go of the store."""
