"""What the live board knows of commands: how those of the last hour stand, and how soon they were answered.

Owns the last word about each command, as rows of measurement `command` tell it by their place, and the sums. Pure. Must
not know how a row comes about (the tracker), or how the sums look.
Memory is bounded: of commands that are open, and of those that are not, the last MOST_COMMANDS are known.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import ceil
from typing import NamedTuple, Self

from pipeline.core.command_life import CommandState
from pipeline.core.timestamps import NS_PER_S
from schemas.measurement import COMMAND
from schemas.row import Row

COMMAND_WINDOW_NS = 3_600 * NS_PER_S
"""How long ago a command may have been published that counts, unless it is still open."""

MOST_COMMANDS = 20_000

_OPEN = (CommandState.PUBLISHED, CommandState.UNCONFIRMED)


class Percentiles(NamedTuple):
    """Of latencies in milliseconds: the smallest one that so many percent do not exceed."""

    p50_ms: float
    p95_ms: float
    p99_ms: float

    @classmethod
    def of(cls, latencies_ms: Iterable[float]) -> Self | None:
        """None where there are no latencies."""
        ordered = sorted(latencies_ms)
        return cls(*(ordered[ceil(share * len(ordered)) - 1] for share in (0.50, 0.95, 0.99))) if ordered else None


class WorstCharger(NamedTuple):
    """The charger with the most failed commands: refused, or not answered at all. `sent` leaves out open ones."""

    serial: str
    failed: int
    sent: int


class CommandSummary(NamedTuple):
    """Commands of ours, and those whose copies we get.

    `open`        wait for their answer now, whenever they were published.
    `accepted`, `rejected`, `timed_out`, `expired`   how the others of COMMAND_WINDOW_NS stand; each counts once.
    `late`        how many of the accepted and rejected ones were answered after their deadline.
    `response`    ArrivalTime - created, on the cloud's clock; `delivery` DeliveredAt - created, signed.
    `is_cut`      there were more than MOST_COMMANDS, so the window is shorter than it should be.
    """

    open: int
    accepted: int
    rejected: int
    timed_out: int
    expired: int
    late: int
    response: Percentiles | None
    delivery: Percentiles | None
    worst: WorstCharger | None
    is_cut: bool


class _Known(NamedTuple):
    """The last word about a command. Latencies count where it was answered."""

    serial: str
    published_at: int
    state: str
    is_late: bool
    has_failed: bool
    response_ms: float | None
    delivery_ms: float | None


_Place = tuple[str, tuple[tuple[str, str], ...], int]


class CommandWindow:
    """Takes rows, in the order in which they were written."""

    def __init__(self) -> None:
        """No command is known."""
        self._open: dict[_Place, _Known] = {}
        self._ended: dict[_Place, _Known] = {}
        self._cut_until = 0
        self._summary: CommandSummary | None = None

    def take(self, rows: Iterable[Row]) -> None:
        """Take in what was written; rows of other measurements say nothing here."""
        for row in rows:
            if row.measurement != COMMAND:
                continue
            place = (row.charger, row.tags, row.time)
            known = _read(row)
            self._open.pop(place, None)
            self._ended.pop(place, None)
            (self._open if known.state in _OPEN else self._ended)[place] = known
            self._summary = None
        self._drop_oldest(self._open)
        self._drop_oldest(self._ended)

    def summary(self, now: int) -> CommandSummary:
        """How commands stand at `now`, the present of the data, nanoseconds since the epoch."""
        begin = now - COMMAND_WINDOW_NS
        past = [place for place, known in self._ended.items() if known.published_at < begin]
        for place in past:
            del self._ended[place]
        if self._summary is None or past:
            self._summary = self._sum_up()
        return self._summary._replace(is_cut=self._cut_until >= begin)

    def _drop_oldest(self, commands: dict[_Place, _Known]) -> None:
        for place in list(commands)[: max(len(commands) - MOST_COMMANDS, 0)]:
            self._cut_until = max(self._cut_until, commands.pop(place).published_at)

    def _sum_up(self) -> CommandSummary:
        ended = self._ended.values()
        states = Counter(known.state for known in ended)
        return CommandSummary(
            open=len(self._open),
            accepted=states[CommandState.ACCEPTED],
            rejected=states[CommandState.REJECTED],
            timed_out=states[CommandState.TIMED_OUT],
            expired=states[CommandState.EXPIRED],
            late=sum(known.is_late for known in ended),
            response=Percentiles.of(known.response_ms for known in ended if known.response_ms is not None),
            delivery=Percentiles.of(known.delivery_ms for known in ended if known.delivery_ms is not None),
            worst=_worst(list(ended)),
            is_cut=False,
        )


def _read(row: Row) -> _Known:
    fields = dict(row.fields)
    is_answered = fields["answered"] == 1
    return _Known(
        serial=row.charger,
        published_at=row.time,
        state=str(fields["state"]),
        is_late=fields["late"] == 1,
        has_failed=fields["failed"] == 1,
        response_ms=_latency(fields.get("response_ms")) if is_answered else None,
        delivery_ms=_latency(fields.get("delivery_ms")) if is_answered else None,
    )


def _latency(value: float | str | None) -> float | None:
    return value if isinstance(value, float) else None


def _worst(ended: Sequence[_Known]) -> WorstCharger | None:
    """Of several that are equally bad, the one with the fewest commands, then the first by serial."""
    failed = Counter(known.serial for known in ended if known.has_failed)
    if not failed:
        return None
    sent = Counter(known.serial for known in ended if known.serial in failed)
    serial = min(failed, key=lambda each: (-failed[each], sent[each], each))
    return WorstCharger(serial, failed[serial], sent[serial])
