"""Replay: recorded lines through the journey, or, without touching anything, to what would be written of them.

Owns the count of what became of each line, and what a dry run says of it. Must not know where lines come from
(`pipeline.wires.replay_file`), how results are shown, or the present time.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from pipeline.core.decode import Decoder
from pipeline.core.derivation import Derivation
from pipeline.core.line_protocol import to_line
from pipeline.core.rows import RowMaker
from pipeline.journey import BatchReport, Journey
from pipeline.replay_lines import from_line
from pipeline.wires.replay_file import NumberedLine
from schemas.command import CommandSent
from schemas.delivery import Delivery
from schemas.reject import Reject, RejectReason
from schemas.surprise import Surprise


class RefusedLine(NamedTuple):
    """A recorded delivery that is rejected. `key` names it in the rejects, where a replay would put it."""

    line: int
    reason: RejectReason
    detail: str
    routing_key: str
    key: str


class Recorded(NamedTuple):
    """The deliveries of a batch of lines; `deliveries[i]` stood in line `numbers[i]`."""

    numbers: Sequence[int]
    deliveries: Sequence[Delivery]


class Summary(NamedTuple):
    """What became of the lines so far: `lines = blank + written + commands + sum(rejected)`.

    `dropped`  older rejects that had to go, so that the new ones have room.
    """

    lines: int
    blank: int
    written: int
    commands: int
    rejected: Counter[RejectReason]
    surprises: Counter[Surprise]
    dropped: int

    def after(self, lines: int, report: BatchReport) -> "Summary":
        """The summary when one more batch of `lines` lines was taken."""
        return Summary(
            lines=self.lines + lines,
            blank=self.blank + lines - report.delivered,
            written=self.written + report.written,
            commands=self.commands + report.commands,
            rejected=self.rejected + report.rejected,
            surprises=self.surprises + report.surprises,
            dropped=self.dropped + report.dropped,
        )


NOTHING = Summary(lines=0, blank=0, written=0, commands=0, rejected=Counter(), surprises=Counter(), dropped=0)
"""The summary before the first line."""


def read_deliveries(lines: Iterable[NumberedLine]) -> Recorded:
    """The deliveries of some lines, in order. Blank lines are none; whatever else a line holds is one."""
    filled = [line for line in lines if line.text and not line.text.isspace()]
    return Recorded([line.number for line in filled], [from_line(line.text) for line in filled])


def take_batches(
    batches: Iterable[Sequence[NumberedLine]], journey: Journey, now: Callable[[], int]
) -> Iterator[Summary]:
    """Take batches of lines through the journey; after each, when it is durable, the summary so far.

    `now` is our clock, nanoseconds since the epoch. Raises what `Journey.take` raises: what was summed up by then is
    durable, and the same lines may be replayed from the start, since every row is written to its same place again.
    """
    summary = NOTHING
    for batch in batches:
        summary = summary.after(len(batch), journey.take(read_deliveries(batch).deliveries, now()))
        yield summary
    while journey.has_news(now()):
        summary = summary.after(0, journey.take([], now()))


def preview_batches(
    batches: Iterable[Sequence[NumberedLine]], decoder: Decoder, rows: RowMaker, derivation: Derivation
) -> Iterator[str | RefusedLine]:
    """What a replay would make of each line, in order: line protocol, or why there is none. Writes nothing.

    The row of a fact comes first, then what follows from it and from the time that it says has passed; rows of which
    more becomes known are there again. A blank line gives nothing.
    """
    for batch in batches:
        numbers, deliveries = read_deliveries(batch)
        for number, outcome in zip(numbers, decoder.decode(deliveries).outcomes, strict=True):
            if isinstance(outcome, Reject):
                yield RefusedLine(number, outcome.reason, outcome.detail, outcome.routing_key, outcome.key)
                continue
            if not isinstance(outcome, CommandSent):
                yield to_line(rows.row(outcome))
            derivation.take([outcome])
            is_whole = False
            while not is_whole:
                derived = derivation.advance()
                yield from map(to_line, derived.rows)
                derivation.kept()
                is_whole = derived.is_whole
