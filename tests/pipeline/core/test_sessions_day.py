"""A simulated day: the rows are the sessions that there really were."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import pytest

from pipeline.core.decode import Decoder
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.sessions import Sessions
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.questions import sessions_of
from pipeline.simulator.quirks import Quirk, Quirks
from pipeline.simulator.truth import ChargingSession
from schemas.catalogue import shipped_catalogue
from schemas.observation import Observation, Product
from tests.pipeline.core.session_samples import BEGINNING, DOCUMENT, HOUR, MINUTE, MODE, Batch, Fate, S, Table, work

PLAN = FleetPlan(seed=5, chargers=8, reports=0.2)
SPAN = 30 * HOUR
LATE = 6 * HOUR
SETTLED = 41 * MINUTE
MOST_OFF = 2 * S
MOST_WRONG = 0.001


class Day(NamedTuple):
    """What a fleet said of sessions, in the order of the queue, and which there were, by charger and start."""

    said: Sequence[Observation]
    truth: Sequence[ChargingSession]
    end: int


@pytest.fixture(scope="module")
def day() -> Day:
    # Where the mode that shows a car's coming cannot be read, its session begins with the next one.
    legible = Quirks.everyday().without([Quirk.MISFIT, Quirk.NULL_VALUE])
    fleet = Fleet(PLAN, legible.but({Quirk.LATE_ENERGY: 0.5, Quirk.OFFLINE: 0.1, Quirk.SPURIOUS_ZERO: 0.05}))
    decoder, wanted = Decoder(shipped_catalogue(), Redaction(Personal.DROP)), Sessions(LATE).wanted
    end = PLAN.start + SPAN
    outcomes = decoder.decode(fleet.advance(end)).outcomes
    said = [each for each in outcomes if isinstance(each, Observation) and each.id in wanted]
    truth = [session for serial in fleet.serials for session in sessions_of(fleet.truth, serial, end)]
    for quirk in (Quirk.LATE_ENERGY, Quirk.OFFLINE, Quirk.SPURIOUS_ZERO, Quirk.OUT_OF_ORDER, Quirk.REDELIVERY):
        assert fleet.truth.quirks[quirk] > 0
    return Day([each for each in said if each.product is Product.CHARGER], truth, end)


def rows_of(day: Day, is_said: Callable[[Observation], bool]) -> Table:
    """The rows that follow from a part of what was said, with the process killed now and then."""
    said = [each for each in day.said if is_said(each)]
    batches = [Batch(40, Fate.KEPT), Batch(40, Fate.KEPT), Batch(40, Fate.DEAD_AFTER)] * (len(said) // 80 + 1)
    worker = work(said, batches, LATE)
    worker.pass_time((day.end - worker.watermark) // S + 600)
    return worker.store


@pytest.mark.parametrize(
    ("is_said", "source"),
    [
        pytest.param(lambda _: True, "json", id="everything"),
        pytest.param(lambda each: each.id not in (DOCUMENT, BEGINNING), "op_mode", id="without documents"),
        pytest.param(lambda each: each.id != MODE, "json", id="without modes"),
        pytest.param(lambda each: each.id != DOCUMENT, "json", id="without the documents of the ends"),
    ],
)
def test_no_session_is_missing_double_or_wrong(day: Day, is_said: Callable[[Observation], bool], source: str) -> None:
    rows = rows_of(day, is_said)
    ended = [session for session in day.truth if session.ended_at and session.ended_at < day.end - 4 * HOUR]
    assert len(ended) >= 12
    for session in day.truth:
        (place,) = [
            place for place in rows if place[0] == session.serial and abs(place[1] - session.started_at) <= MOST_OFF
        ]
        row = rows.pop(place)
        assert row["source"] == source
        if session in ended:
            assert row["stopped_at"]
            assert float(row["energy_kwh"]) == pytest.approx(session.energy_kwh, rel=MOST_WRONG)
            truth_s = ((session.ended_at or 0) - session.started_at) / S
            assert abs(float(row["duration_s"]) - truth_s) <= 2 * MOST_OFF / S
    assert rows == {}
