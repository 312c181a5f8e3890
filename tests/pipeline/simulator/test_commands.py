"""Commands in the simulated world: answered, refused, ignored, read back."""

import orjson
import pytest

from pipeline.simulator.commands import USUAL
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirk, Quirks
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from tests.oracle.times import nanoseconds

SECOND = 10**9
MINUTE = 60 * SECOND


def command(number: int, *arguments: str) -> bytes:
    return orjson.dumps(
        {"Id": number, "Arguments": [{"Id": place, "Value": value} for place, value in enumerate(arguments, 1)]}
    )


def quiet_fleet(**rates: float) -> tuple[Fleet, int]:
    """A charger that has settled, and the time."""
    fleet = Fleet(
        FleetPlan(chargers=1, commands_an_hour=0), Quirks({Quirk(name): rate for name, rate in rates.items()})
    )
    now = fleet.plan.start + 2 * MINUTE
    fleet.advance(now)
    return fleet, now


def told(deliveries: list[Delivery], key: str) -> list[dict[str, object]]:
    return [orjson.loads(delivery.body) for delivery in deliveries if delivery.routing_key == key]


def test_a_command_is_answered_takes_effect_and_falls_back() -> None:
    fleet, now = quiet_fleet()
    truth = fleet.send("EH000001.C.48", command(48, "10", "5"), now)
    assert truth
    deliveries = fleet.advance(now + MINUTE)
    (answer,) = told(deliveries, "EH000001.CR.48")
    assert answer["WasAccepted"] is True
    created = nanoseconds(str(answer["Timestamp"]))
    assert created == truth.created_at
    assert now < truth.created_at < now + SECOND
    assert told(deliveries, "EH000001.O.48")[-1]["Value"] == 10
    assert told(fleet.advance(now + 6 * MINUTE), "EH000001.O.48")[-1]["Value"] in (16, 20, 32)
    assert truth.is_applied


def test_a_refusal_has_a_code_and_no_effect() -> None:
    fleet, now = quiet_fleet(refused=1.0)
    truth = fleet.send("EH000001.C.48", command(48, "10", "5"), now)
    deliveries = fleet.advance(now + MINUTE)
    (answer,) = told(deliveries, "EH000001.CR.48")
    assert (answer["WasAccepted"], answer["ResultCode"]) == (False, 3)
    assert not told(deliveries, "EH000001.O.48")
    assert truth
    assert (truth.accepted, truth.is_applied) == (False, False)


@pytest.mark.parametrize("rates", [{"no_response": 1.0}])
def test_silence_is_silence(rates: dict[str, float]) -> None:
    fleet, now = quiet_fleet(**rates)
    truth = fleet.send("EH000001.C.48", command(48, "10", "5"), now)
    assert not told(fleet.advance(now + 10 * MINUTE), "EH000001.CR.48")
    assert truth
    assert truth.answered_at is None


def test_a_charger_that_is_offline_never_answers() -> None:
    fleet, _ = quiet_fleet(offline=1.0)
    now = fleet.plan.start + 60 * MINUTE
    fleet.advance(now)
    answered = 0
    for _ in range(120):
        now += MINUTE
        fleet.send("EH000001.C.1", command(1), now)
        answered += len(told(fleet.advance(now + MINUTE), "EH000001.CR.1"))
    assert fleet.truth.quirks[Quirk.OFFLINE]
    silent = [sent for sent in fleet.truth.commands if sent.answered_at is None]
    assert len(silent) >= 9
    assert answered == len([sent for sent in fleet.truth.commands if sent.answered_at and sent.answered_at < now])


@pytest.mark.parametrize(
    ("routing_key", "body"),
    [
        ("EH000001.C", b"{}"),
        ("EH000001.C.x", command(48)),
        ("EH000001.O.48", command(48)),
        ("EH999999.C.48", command(48)),
        ("EH000001.C.48", b"{"),
        ("EH000001.C.48", b"{}"),
        ("EH000001.C.48", b'{"Arguments": [1]}'),
    ],
)
def test_what_the_cloud_does_not_understand_is_lost(routing_key: str, body: bytes) -> None:
    fleet, now = quiet_fleet()
    assert fleet.send(routing_key, body, now) is None
    assert fleet.truth.commands == []


def test_controllers_send_only_what_the_catalogue_has() -> None:
    assert set(USUAL) <= set(shipped_catalogue().commands)


def test_a_slow_answer_comes_within_seventy_seconds() -> None:
    fleet, now = quiet_fleet(slow_response=1.0)
    truth = fleet.send("EH000001.C.1", command(1), now, "a")
    fleet.advance(now + 2 * MINUTE)
    assert truth
    assert truth.ref == "a"
    assert truth.arrived_at
    assert now + 10 * SECOND < truth.arrived_at < now + 75 * SECOND


def test_a_limit_that_was_renewed_does_not_fall_back_at_its_first_end() -> None:
    for rate, falls_back_after in ((0.0, 6), (1.0, 7)):
        fleet, now = quiet_fleet(renewed=rate)
        for amperes in ("10", "13"):
            fleet.send("EH000001.C.48", command(48, amperes, "5"), now)
            now += MINUTE
            fleet.advance(now)
        minutes = next(
            minute for minute in range(3, 9) if told(fleet.advance(now + (minute - 2) * MINUTE), "EH000001.O.48")
        )
        assert minutes == falls_back_after


def test_the_truth_knows_whether_what_was_shown_can_be_read() -> None:
    for rates, is_legible in (({}, True), ({"misfit": 1.0}, False), ({"bad_json": 1.0}, False)):
        fleet, now = quiet_fleet(**rates)
        truth = fleet.send("EH000001.C.48", command(48, "10", "5"), now)
        fleet.advance(now + MINUTE)
        assert truth
        assert (truth.shown_at is not None, truth.is_legible) == (True, is_legible)


def test_where_only_changes_are_said_a_command_that_changes_nothing_shows_nothing() -> None:
    fleet, now = quiet_fleet(only_changes=1.0)
    shown = []
    for phases in (("16", "16", "16"), ("16", "16", "10"), ("16", "16", "10")):
        truth = fleet.send("EH000001.C.22", command(22, *phases, "30"), now)
        now += MINUTE
        deliveries = fleet.advance(now)
        assert truth
        assert truth.is_applied
        phases_shown = [number for number in (111, 112, 113) if told(deliveries, f"EH000001.O.{number}")]
        shown.append((phases_shown, truth.shown_at is not None))
    assert shown == [([111, 112, 113], True), ([113], True), ([], False)]
