"""Tracking where the program fails at a record: nothing follows from that one, and its neighbours are followed."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from pipeline.core.decode import Outcome
from pipeline.core.derivation import Derivation
from pipeline.core.kept_facts import KeptKey
from pipeline.core.tracker import Tracker
from pipeline.tracking import TWIN_NS
from pipeline.wires.state import StateFile
from schemas.command import CommandResponse
from tests.pipeline.test_tracking import ANSWER, LIMITS, NOW, SENT, fresh, heard, sent_by, states

POISON = "EH666"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFile]:
    with StateFile.open(tmp_path / "state.sqlite3", LIMITS) as opened:
        yield opened


@pytest.fixture
def poisoned(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tracker fails at one charger's responses, and then at all of them, until it begins anew."""
    add, restore, harm = Tracker.add_response, Tracker.restore, [False]

    def fail(tracker: Tracker, response: CommandResponse) -> None:
        add(tracker, response)
        harm[0] |= response.serial == POISON
        if harm[0]:
            raise ZeroDivisionError

    def mend(tracker: Tracker, kept: Iterable[tuple[KeptKey, bytes]], watermark: int) -> None:
        harm[0] = False
        restore(tracker, kept, watermark)

    monkeypatch.setattr(Tracker, "add_response", fail)
    monkeypatch.setattr(Tracker, "restore", mend)


@pytest.mark.usefixtures("poisoned")
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_record_that_makes_the_program_fail_costs_its_neighbours_nothing(state: StateFile, place: int) -> None:
    tracking = fresh(state)
    tracking.begin([SENT._replace(serial=serial, ref=serial) for serial in ("EH1", "EH2", POISON)], NOW)
    tracking.keep((), NOW)
    batch: list[Outcome] = [heard(70), ANSWER, ANSWER._replace(serial="EH2")]
    batch.insert(place, ANSWER._replace(serial=POISON))
    rows = tracking.begin(batch, NOW).rows
    assert [(at, words.split()[0]) for at, words in tracking.failed.items()] == [(place, "ZeroDivisionError")]
    found = {row.charger: dict(row.fields)["state"] for row in rows if row.measurement == "command"}
    assert found == {"EH1": "accepted", "EH2": "accepted", POISON: "timed_out"}
    # They are all of one round: nothing was said too early, and taken back.
    assert not [row for row in rows if dict(row.fields).get("refuted")]
    tracking.keep((), NOW)
    assert set(fresh(state).begin(batch, NOW).rows) < set(rows)


@pytest.mark.usefixtures("poisoned")
def test_what_is_to_be_said_again_is_said_beside_a_record_that_fails(state: StateFile) -> None:
    tracking = fresh(state)
    sent_by(tracking)
    tracking.overtaken(tracking.begin([ANSWER], NOW), NOW)
    tracking.keep((), NOW)
    assert states(tracking.begin([ANSWER._replace(serial=POISON)], NOW + TWIN_NS).rows) == ["accepted"]
    tracking.keep((), NOW + TWIN_NS)
    assert not tracking.has_news(NOW + 2 * TWIN_NS)


@pytest.mark.usefixtures("poisoned")
def test_where_a_great_many_fail_none_is_left_out(state: StateFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.tracking._MOST_FAILED", 2)
    tracking = fresh(state)
    sent_by(tracking)
    poison = [ANSWER._replace(serial=POISON, created_at=NOW + place) for place in range(3)]
    assert (tracking.begin([ANSWER, *poison], NOW).rows, tracking.failed) == ((), {})
    tracking.keep((), NOW)
    assert states(tracking.begin([ANSWER, *poison[1:]], NOW).rows) == ["accepted"]
    assert list(tracking.failed) == [1, 2]


def test_a_fault_of_ours_costs_what_follows_and_nothing_else(
    state: StateFile, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tracking = fresh(state)
    sent_by(tracking)
    with monkeypatch.context() as patched:
        patched.setattr(Derivation, "take", lambda *_: 1 / 0)
        assert tracking.begin([ANSWER], NOW).rows == ()
        assert tracking.keep((), NOW)[1] == ()
    assert "ZeroDivisionError in test_tracking_faults.py" in caplog.text
    assert states(tracking.begin([ANSWER], NOW).rows) == ["accepted"]
