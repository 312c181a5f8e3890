"""The derivation of one of several consumers: it says nothing that another may refute, and its memory is bounded."""

from collections.abc import Iterator, Sequence

from pipeline.core.decode import Outcome
from pipeline.core.derivation import Derivation, Spans
from pipeline.core.derivation_scope import SHARE
from pipeline.core.kept_facts import KeptKey
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandResponse, CommandSent
from schemas.measurement import ALERT, COMMAND, COMMAND_OUTCOME, COMMAND_RESPONSE
from schemas.observation import Observation, Product
from schemas.row import Row

S = 10**9
T = 1_750_000_000 * S
SPANS = Spans(timeout=60 * S, silent_after=20 * 60 * S, late_data=6 * 3_600 * S)
CATALOGUE = shipped_catalogue()


def sent(ref: str, at: float) -> CommandSent:
    return CommandSent("EH1", 48, (), None, T + int(at * S), ref, None)


def answered(at: float) -> CommandResponse:
    created = T + int(at * S)
    return CommandResponse("EH1", 48, True, None, created, created, created + S, None, None, created + S)


def seen(at: float, serial: str = "EH1") -> Observation:
    moment = T + int(at) * S
    return Observation(serial, Product.CHARGER, 48, "x", at, 0, moment, moment, moment)


class _Disk:
    """A derivation that shares its queue, and what a state file would have of it."""

    def __init__(self) -> None:
        self.derivation = Derivation(CATALOGUE, SPANS, SHARE)
        self.facts: dict[KeptKey, bytes] = {}
        self.heard: dict[str, int] = {}
        self.watermark: int | None = None

    def take(self, outcomes: Sequence[Outcome]) -> tuple[Row, ...]:
        self.derivation.take(outcomes)
        rows = self.derivation.advance().rows
        progress = self.derivation.progress()
        if progress is not None:
            self.facts = {
                key: content for key, content in {**self.facts, **progress.facts}.items() if content is not None
            }
            self.heard = {**({} if progress.is_all else self.heard), **progress.heard}
            self.watermark = progress.watermark
        self.derivation.kept()
        return rows


def hours(count: int) -> Iterator[list[Outcome]]:
    """Four commands an hour, of which this half has every other answer, and answers to what nobody told us of."""
    for hour in range(count):
        outcomes: list[Outcome] = []
        for number in range(4):
            at = hour * 3_600 + number * 600
            answer = answered(at + (0.5 if number % 2 else 300))
            outcomes += [sent(f"{hour} {number}", at), seen(at + 2), seen(at, serial="EH2"), answer]
        yield outcomes


def fields(rows: Sequence[Row], measurement: str) -> list[dict[str, float | str]]:
    return [dict(row.fields) for row in rows if row.measurement == measurement]


def test_nothing_is_said_that_the_other_half_may_refute() -> None:
    disk = _Disk()
    rows = [row for outcomes in hours(48) for row in disk.take(outcomes)]
    disk.derivation.queue_was_empty(T + 100 * 3_600 * S)
    rows += disk.take(())
    assert {field["state"] for field in fields(rows, COMMAND)} == {"published", "accepted"}
    assert {field["ok"] for field in fields(rows, COMMAND_OUTCOME)} == {1.0}
    assert {field["paired"] for field in fields(rows, COMMAND_RESPONSE)} == {1.0}
    assert not fields(rows, ALERT)
    assert not disk.derivation.active()
    assert disk.derivation.watermark == 0


def test_what_is_remembered_is_bounded() -> None:
    disk = _Disk()
    sizes = []
    for outcomes in hours(96):
        disk.take(outcomes)
        sizes.append(len(disk.facts))
    assert max(sizes[48:]) == max(sizes[24:48])
    assert not any(disk.heard.values())


def test_an_answer_that_comes_late_is_the_commands_for_as_long_as_it_may_come_late() -> None:
    disk = _Disk()
    disk.take([sent("a", 0)])
    disk.take([seen(5 * 3_600)])
    disk.take([seen(5 * 3_600 + 1)])
    rows = disk.take([answered(0.5)])
    assert [field["state"] for field in fields(rows, COMMAND)] == ["accepted"]


def test_whoever_begins_to_share_forgets_silences_and_raises_no_time_out_of_before() -> None:
    alone = Derivation(CATALOGUE, SPANS)
    alone.take([sent("a", 0), seen(100)])
    alone.advance()
    progress = alone.progress()
    assert progress is not None
    alone.kept()
    assert alone.active()
    facts = [(key, content) for key, content in progress.facts.items() if content is not None]
    disk = _Disk()
    disk.derivation.restore(facts, progress.heard, progress.watermark)
    rows = disk.take([seen(5_000, serial="EH2")])
    assert (fields(rows, ALERT), list(disk.derivation.active())) == ([], [])
    assert not any(disk.heard.values())
    assert disk.watermark == progress.watermark
    assert disk.derivation.find("EH1", 48, "a") is not None
