"""The chronicle of a fleet: its hours, snapshots and sessions, beside the life of commands.

Owns what goes to which of them, and the names that tell apart what each keeps. Pure: time is the watermark, an
argument. Must not know sources, stores, or commands.

One round is: `takers` and `hear` for its messages; `advance`, for the rows; write them; keep `changes`; then say
`kept`. Where a round fails, `touch` gives its rows again with the next one. What was taken and cannot be kept is
forgotten with `restore`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from pipeline.core.histories import Histories, HistoryTouched
from pipeline.core.kept_facts import KeptKey
from pipeline.core.sessions import Sessions, SessionTouched
from schemas.observation import Observation
from schemas.row import Row

_HISTORY, _SESSION = "history", "session"
KINDS = frozenset({_HISTORY, _SESSION})
"""The first word of the names that entries of the chronicle are kept under."""


Taker = Callable[[Observation], None]
"""Takes an observation in; what is of no use is passed over."""


class ChronicleTouched(NamedTuple):
    """What rows are about, for `Chronicle.touch`; nobody else need look inside."""

    histories: HistoryTouched = HistoryTouched()
    sessions: SessionTouched = frozenset()

    @property
    def size(self) -> int:
        """How many rows it is about, at most."""
        return len(self.histories.hours) + len(self.histories.snapshots) + len(self.sessions)


NOTHING_TOUCHED = ChronicleTouched()


class ChronicleRows(NamedTuple):
    """What is to be written, for the first time or again, and what it is about.

    `late`      how often an observation came too late to count, since the last round; one can count in two ways.
    `is_whole`  False where more is due: it comes with the next rounds, once this one is kept.
    """

    rows: tuple[Row, ...]
    touched: ChronicleTouched
    late: int
    is_whole: bool


class Chronicle:
    """See above. For one thread at a time."""

    def __init__(self, silent_after: int, late_ns: int) -> None:
        """Knows nothing yet. SILENT_AFTER and LATE_DATA, nanoseconds."""
        self._histories = Histories(silent_after, late_ns)
        self._sessions = Sessions(late_ns)

    def begin(self, at: int) -> None:
        """See Histories.begin."""
        self._histories.begin(at)

    @property
    def takers(self) -> Mapping[int, tuple[Taker, ...]]:
        """What takes observations in, by their id; for all others nobody does. The same as long as this lives."""
        takers: dict[int, tuple[Taker, ...]] = {}
        for part in (self._histories, self._sessions):
            for number in part.wanted:
                takers[number] = (*takers.get(number, ()), part.add)
        return takers

    def hear(self, serials: Sequence[str], arrivals: list[int]) -> None:
        """See Histories.hear."""
        self._histories.hear(serials, arrivals)

    def advance(self, watermark: int, most: int) -> ChronicleRows:
        """What is due when everything before the watermark is known, `most` rows of hours and snapshots at once."""
        histories = self._histories.advance(watermark, most)
        sessions = self._sessions.advance(watermark)
        return ChronicleRows(
            (*histories.rows, *sessions.rows),
            ChronicleTouched(histories.touched, sessions.touched),
            histories.late + sessions.late,
            histories.is_whole and sessions.is_whole,
        )

    def touch(self, touched: ChronicleTouched) -> None:
        """Give rows again at the next `advance`, as they are then."""
        self._histories.touch(touched.histories)
        self._sessions.touch(touched.sessions)

    def changes(self) -> Mapping[KeptKey, bytes | None]:
        """What is to be kept since the last call, by key; None for what is to be dropped."""
        return {**self._histories.changes(), **self._sessions.changes()}

    def kept(self) -> None:
        """All that `changes` gave is durable."""
        self._sessions.kept()

    def restore(self, kept: Iterable[tuple[KeptKey, bytes]], heard: Mapping[str, int], watermark: int | None) -> None:
        """Remember what was kept at this watermark, and nothing else. `heard` is when each device was heard last.

        Raises ValueError for an entry that this program does not know.
        """
        of_kind: dict[str, list[tuple[KeptKey, bytes]]] = {_HISTORY: [], _SESSION: []}
        for key, content in kept:
            of_kind[kind_of(key)].append((key, content))
        self._histories.restore(of_kind[_HISTORY], heard)
        self._sessions.restore(of_kind[_SESSION], watermark or 0)


def kind_of(key: KeptKey) -> str:
    """The first word of a name."""
    return key.name.partition(" ")[0]
