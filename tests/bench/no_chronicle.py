"""The program without hours, snapshots and sessions, to see what these add.

`python -m tests.bench.no_chronicle run` is `chargeline run` without them.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from unittest.mock import patch

from pipeline.cli import main as program
from pipeline.core.chronicle import NOTHING_TOUCHED, ChronicleRows, ChronicleTouched, Taker
from pipeline.core.kept_facts import KeptKey


class NoChronicle:
    """A chronicle that nothing goes to, and nothing follows from."""

    takers: Mapping[int, tuple[Taker, ...]] = MappingProxyType({})

    def __init__(self, *_spans: int) -> None:
        """Knows nothing."""

    def hear(self, serials: Sequence[str], arrivals: list[int]) -> None:
        """Nobody asks."""

    def advance(self, _watermark: int, _most: int) -> ChronicleRows:
        return ChronicleRows((), NOTHING_TOUCHED, 0, is_whole=True)

    def touch(self, touched: ChronicleTouched) -> None:
        """There are no rows."""

    def changes(self) -> Mapping[KeptKey, bytes | None]:
        return {}

    def kept(self) -> None:
        """Nothing was to be kept."""

    def restore(self, *_kept: Iterable[object]) -> None:
        """Nothing was kept."""


def main() -> None:
    """Be the program."""
    with patch("pipeline.core.derivation.Chronicle", NoChronicle):
        program()


if __name__ == "__main__":
    main()
