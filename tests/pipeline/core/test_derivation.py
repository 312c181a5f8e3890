"""The derivation: records in any order and batches end in the same rows, also over failed rounds and restarts."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.core.decode import Outcome
from pipeline.core.derivation import Derivation, Spans
from pipeline.core.kept_facts import KeptKey
from pipeline.core.progress import Progress
from schemas.alert import AlertKind
from schemas.catalogue import shipped_catalogue
from schemas.command import Argument, CommandResponse, CommandSent
from schemas.measurement import ALERT, COMMAND, COMMAND_OUTCOME
from schemas.observation import Observation, Product
from schemas.reject import Reject, RejectReason
from schemas.row import Row

S = 10**9
T = 1_750_000_000 * S
SPANS = Spans(timeout=60 * S, silent_after=20 * 60 * S, late_data=6 * 3_600 * S)
CATALOGUE = shipped_catalogue()

Key = tuple[str, str, tuple[tuple[str, str], ...], int]
Kept = dict[Key, dict[str, float | str]]


def sent(ref: str, at: float = 0, serial: str = "EH1", amperes: str = "13") -> CommandSent:
    arguments = (Argument(1, amperes), Argument(2, "5"))
    return CommandSent(serial, 48, arguments, None, T + int(at * S), ref, None)


def answered(at: float, *, serial: str = "EH1", after: float = 0.4, accepted: bool = True) -> CommandResponse:
    created = T + int(at * S)
    arrived = created + int(after * S)
    return CommandResponse(serial, 48, accepted, None, created, created + S // 10, arrived, None, None, arrived)


def seen(at: float, value: float = 13.0, serial: str = "EH1", number: int = 48) -> Observation:
    observed = T + int(at) * S
    arrived = T + int(at * S)
    return Observation(serial, Product.CHARGER, number, "x", value, 0, observed, arrived, arrived)


def told(derivation: Derivation, *outcomes: Outcome) -> tuple[Row, ...]:
    """The rows of one round that is kept."""
    derivation.take(outcomes)
    rows = derivation.advance().rows
    derivation.progress()
    derivation.kept()
    return rows


def fields(rows: Sequence[Row], measurement: str) -> list[dict[str, float | str]]:
    return [dict(row.fields) for row in rows if row.measurement == measurement]


@pytest.fixture
def derivation() -> Derivation:
    return Derivation(CATALOGUE, SPANS)


def test_the_watermark_follows_the_operators_queue_alone(derivation: Derivation) -> None:
    derivation.take_copies([sent("a", 1_000)])
    assert derivation.watermark == 0
    derivation.take([seen(100), Reject(RejectReason.JSON, "k", {}, b"", T + 900 * S, "")])
    assert derivation.watermark == T + 95 * S
    derivation.take([seen(50), sent("b", 1_000)])
    assert derivation.watermark == T + 95 * S


def test_an_arrival_in_2099_moves_it_no_further_than_our_receipt_allows(derivation: Derivation) -> None:
    derivation.take([seen(100)._replace(arrived_at=4_080_000_000 * S)])
    assert derivation.watermark == T + 100 * S
    assert not derivation.active()
    told(derivation, seen(2_000, serial="EH2"))
    assert [alert.serial for alert in derivation.active()] in ([], ["EH1"])


def test_without_an_arrival_it_does_not_move(derivation: Derivation) -> None:
    derivation.take([seen(100)._replace(arrived_at=None)])
    assert derivation.watermark == 0


def test_a_time_out_is_told_once_and_ends_with_a_late_answer(derivation: Derivation) -> None:
    derivation.add_command(sent("a"), 0, is_confirmed=True)
    derivation.take([seen(66, serial="EH2")])
    rows = derivation.advance().rows
    assert fields(rows, COMMAND)[-1]["timed_out"] == 1
    assert not derivation.active()
    (raised,) = derivation.kept()
    assert (raised.kind, raised.ref, raised.active) == (AlertKind.COMMAND_TIMEOUT, "a", True)
    assert list(derivation.active()) == [raised]
    rows = told(derivation, sent("a"))
    assert not fields(rows, ALERT) or fields(rows, ALERT)[0]["active"] == 1
    derivation.take([answered(0.2, after=80)])
    derivation.advance()
    (cleared,) = derivation.kept()
    assert (cleared.active, cleared.ref, cleared.raised_at) == (False, "a", raised.at)
    assert not derivation.active()


def test_a_round_that_was_not_kept_is_said_again(derivation: Derivation) -> None:
    derivation.add_command(sent("a"), 0, is_confirmed=True)
    derivation.take([seen(66, serial="EH2")])
    first = derivation.advance().rows
    assert set(derivation.advance().rows) == set(first)
    derivation.kept()
    assert derivation.advance().rows == ()


def test_what_was_overtaken_is_said_again_as_it_is_then(derivation: Derivation) -> None:
    derivation.add_command(sent("a"), 0, is_confirmed=True)
    touched = derivation.advance().touched
    derivation.kept()
    told(derivation, answered(0.2))
    derivation.say_again(touched)
    assert fields(derivation.advance().rows, COMMAND)[-1]["state"] == "accepted"


def test_what_comes_too_late_to_be_followed_is_counted(derivation: Derivation) -> None:
    told(derivation, seen(50_000, serial="EH2"))
    told(derivation, seen(50_001, serial="EH2"))
    derivation.take([sent("a"), answered(0.2), seen(3)])
    assert derivation.advance().too_late == 2
    assert derivation.advance().too_late == 0


def test_a_command_that_was_not_published_leaves_nothing(derivation: Derivation) -> None:
    derivation.drop_command(sent("a"))
    assert derivation.advance().rows == ()
    assert derivation.find("EH1", 48, "a") is None


def test_nothing_is_to_be_kept_where_nothing_happened(derivation: Derivation) -> None:
    assert derivation.progress() is None
    told(derivation, seen(10))
    assert derivation.progress() is None
    derivation.queue_was_empty(T + 30 * S)
    derivation.advance()
    assert derivation.progress() is None
    derivation.queue_was_empty(T + 120 * S)
    assert derivation.progress() is None
    derivation.advance()
    progress = derivation.progress()
    assert progress is not None
    assert progress.watermark == T + 120 * S


def test_the_log_of_who_was_heard_begins_anew_now_and_then(derivation: Derivation) -> None:
    whole = 0
    for second in range(401):
        derivation.take([seen(second, serial=f"EH{second}")])
        derivation.advance()
        progress = derivation.progress()
        assert progress is not None
        whole += progress.is_all
        devices = {key for key in progress.heard if " " not in key}
        assert len(devices) == (second + 1 if progress.is_all else 1)
        derivation.kept()
    assert whole == 3


RECORDS: list[Outcome] = [
    sent("a"),
    answered(0.2),
    seen(1.5),
    sent("b", 20),
    answered(20.3, accepted=False),
    sent("c", 40, amperes="16"),
    answered(40.1, after=90),
    seen(132, 16.0),
    sent("d", 60),
    answered(300),
    seen(400, serial="EH2"),
]
END = seen(7_000, serial="EH3")


class _Disk:
    """What a state file and a store would have."""

    def __init__(self) -> None:
        self.facts: dict[KeptKey, bytes] = {}
        self.heard: dict[str, int] = {}
        self.watermark: int | None = None
        self.rows: Kept = {}

    def write(self, rows: Sequence[Row]) -> None:
        for row in rows:
            key = (row.measurement, row.charger, row.tags, row.time)
            self.rows.setdefault(key, {}).update(row.fields)

    def keep(self, progress: Progress | None) -> None:
        if progress is None:
            return
        for key, content in progress.facts.items():
            if content is None:
                self.facts.pop(key, None)
            else:
                self.facts[key] = content
        self.heard = {**({} if progress.is_all else self.heard), **progress.heard}
        self.watermark = progress.watermark

    def load(self) -> Derivation:
        derivation = Derivation(CATALOGUE, SPANS)
        derivation.restore(self.facts.items(), self.heard, self.watermark)
        return derivation


def true_rows(rows: Kept) -> Kept:
    """Without what was taken back: whole rows, and the fields that do not count (see command_life)."""
    return {
        key: {name: value for name, value in values.items() if name not in ONLY_WHERE or values[ONLY_WHERE[name]]}
        for key, values in rows.items()
        if not (key[0] == COMMAND_OUTCOME and values["refuted"])
        and not (key[0] == ALERT and not values["active"] and not values["duration_s"])
    }


ONLY_WHERE = {"effect_ms": "confirmed", "lateness_ms": "late"}


def in_order() -> Kept:
    disk = _Disk()
    derivation = disk.load()
    for record in [*RECORDS, END]:
        disk.write(told(derivation, record))
    return true_rows(disk.rows)


@settings(deadline=None)
@given(st.permutations(RECORDS), st.lists(st.sampled_from(["kept", "lost", "again", "killed"]), min_size=6), st.data())
def test_any_order_batching_failure_and_restart_ends_in_the_same_rows(
    records: list[Outcome], ends: list[str], data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(records)), max_size=len(ends) - 1)))
    disk = _Disk()
    derivation = disk.load()
    for (first, last), end in zip(pairwise([0, *cuts, len(records)]), ends, strict=False):
        batch = records[first:last]
        derivation.take(batch)
        rows = derivation.advance().rows
        if end in ("lost", "killed"):
            # The rows may have come through; the batch is delivered again to whoever goes on from what was kept.
            disk.write(rows if end == "killed" else ())
            derivation = disk.load()
            derivation.take(batch)
            rows = derivation.advance().rows
        if end == "again":
            derivation.take(batch)
            rows = derivation.advance().rows
        disk.write(rows)
        disk.keep(derivation.progress())
        derivation.kept()
    derivation.take([END])
    disk.write(derivation.advance().rows)
    assert true_rows(disk.rows) == in_order()
