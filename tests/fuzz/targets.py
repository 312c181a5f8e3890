"""The targets: what each makes of any bytes, and what must be true of it whatever they are.

Owns the form of an input and the claims. A target returns when all of them hold, and raises otherwise. Must not know
where inputs come from.
"""

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from pipeline.assembly import make_decoder, make_derivation
from pipeline.core.decode import Outcome
from pipeline.core.derivation_scope import SHARE, WHOLE
from pipeline.core.line_protocol import to_line
from pipeline.core.rows import RowMaker
from pipeline.replay import RefusedLine, preview_batches, read_deliveries
from pipeline.replay_lines import from_line
from pipeline.replay_lines import to_line as to_recorded_line
from pipeline.wires.replay_file import read_batches
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandSent
from schemas.delivery import Delivery
from schemas.reject import Reject, RejectReason
from tests.oracle.reading import Oracle, RejectedError
from tests.oracle.stores import rows_of_line_protocol
from tests.pipeline.settings_for_tests import settings_in
from tests.pipeline.wires.amqp_streams import check_spoiled

SEPARATOR = b"\x1e"
"""Between the deliveries of an input of `check_decode`."""

BATCH = 3
SETTINGS = settings_in(Path("unused"))
VETERAN = make_decoder(SETTINGS)
"""It has seen every input before: nothing that it remembers of them may change an outcome."""
ROWS = RowMaker(shipped_catalogue())
ORACLE = Oracle()

Check = Callable[[bytes], None]


class BrokenPromiseError(AssertionError):
    """The program made of an input what it must not; with words."""


def check_decode(data: bytes) -> None:
    """Deliveries, each `routing key LF arrival time LF body`, through the decoder and into rows.

    One outcome for each; none is a fault of ours; neighbours change nothing, nor does what was read before; the oracle
    says the same.
    """
    deliveries = list(deliveries_of(data))
    outcomes = make_decoder(SETTINGS).decode(deliveries).outcomes
    require(len(outcomes) == len(deliveries), "there is one outcome for each delivery")
    for delivery, outcome in zip(deliveries, outcomes, strict=True):
        alone = VETERAN.decode([delivery]).outcomes[0]
        require(alone == outcome, f"{delivery}: {outcome} among others, {alone} alone")
        check_outcome(delivery, outcome)


def check_amqp(data: bytes) -> None:
    """A broker's bytes through the fast reader's tap: what pamqp takes, in whatever pieces they come, or an error."""
    check_spoiled(data)


def check_replay(data: bytes) -> None:
    """A recording through a dry replay: every line is counted, in whatever pieces it is read, and can be recorded.

    Where the last line is ended, what follows over the hours is worked out, too; that takes far longer.
    """
    whole = list(read_batches(io.BytesIO(data), BATCH, age_s=1.0))
    pieces = list(read_batches(_Dribble(data), len(data) + 1, age_s=1.0))
    lines = [line for batch in whole for line in batch]
    require([line for batch in pieces for line in batch] == lines, "lines depend on how the bytes come")
    require(b"\n".join(line.text for line in lines) == data.removesuffix(b"\n"), "bytes are lost between the lines")
    numbers, deliveries = read_deliveries(lines)
    for delivery in deliveries:
        again = from_line(to_recorded_line(delivery))
        require(to_recorded_line(again) == to_recorded_line(delivery), f"{delivery}: recorded, it is {again}")
    refused = {}
    derivation = make_derivation(SETTINGS, WHOLE if data.endswith(b"\n") else SHARE)
    for said in preview_batches(whole, make_decoder(SETTINGS), ROWS, derivation):
        if isinstance(said, RefusedLine):
            refused[said.line] = said.reason
        else:
            require(len(rows_of_line_protocol(said)) == 1, f"this is not one row: {said!r}")
    for number, delivery in zip(numbers, deliveries, strict=True):
        require(refused.pop(number, None) == reason_of(delivery), f"line {number} is refused for another reason")
    require(not refused, f"lines that are none were refused: {refused}")


TARGETS: Mapping[str, Check] = MappingProxyType({"decode": check_decode, "amqp": check_amqp, "replay": check_replay})


def deliveries_of(data: bytes) -> Iterator[Delivery]:
    """The deliveries of an input of `check_decode`. Without an arrival time there are no headers."""
    for part in data.split(SEPARATOR):
        key, _, rest = part.partition(b"\n")
        arrival, _, body = rest.partition(b"\n")
        headers: dict[str, object] = {"ArrivalTime": arrival.decode(errors="replace")} if arrival else {}
        yield Delivery(key.decode(errors="replace"), headers, body, 1)


def check_outcome(delivery: Delivery, outcome: Outcome) -> None:
    """What became of a delivery is what the oracle says, to the last field of the row."""
    reason = outcome.reason if isinstance(outcome, Reject) else None
    require(reason is not RejectReason.INTERNAL, f"{delivery}: a fault of ours, {outcome}")
    require(reason == reason_of(delivery), f"{delivery}: {outcome}, and the oracle says {reason_of(delivery)}")
    if isinstance(outcome, Reject | CommandSent):
        return
    line = to_line(ROWS.row(outcome))
    read = ORACLE.read(delivery.routing_key, delivery.headers, delivery.body)
    rows = rows_of_line_protocol(line)
    require(read is not None and rows == {read[0]: read[1]}, f"{delivery}: {rows}, and the oracle says {read}")


def reason_of(delivery: Delivery) -> str | None:
    """Why the oracle refuses a delivery; None where it takes it."""
    try:
        ORACLE.read(delivery.routing_key, delivery.headers, delivery.body)
    except RejectedError as rejected:
        return str(rejected)
    return None


def require(holds: bool, words: str) -> None:
    """Raise BrokenPromiseError where a claim does not hold."""
    if not holds:
        raise BrokenPromiseError(words)


class _Dribble(io.BytesIO):
    """A stream that gives seven bytes at a time."""

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(min(size or 7, 7))
