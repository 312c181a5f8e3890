"""What is remembered of a fleet: what comes in time, what of it is kept, and nothing for ever."""

from pipeline.core.charger_memory import Firmware
from pipeline.core.command_life import Decided
from pipeline.core.command_lives import Lives
from pipeline.core.command_thread import Sending
from pipeline.core.fleet_memory import FleetMemory
from pipeline.core.forgetting import CLOSED_NS, EVERY_NS, PAST_NS
from pipeline.core.kept_facts import KeptKey
from pipeline.core.sightings import Sighting
from schemas.catalogue import shipped_catalogue
from schemas.command import Argument, CommandResponse, CommandSent, Outcome

S = 10**9
START = 1_700_000_000 * S
KEPT = 6 * 3_600 * S
LIVES = Lives(shipped_catalogue(), 60 * S, KEPT)
TOUCH = ("EH1", 48, START)
FIRMWARE = Firmware(START, "300")


def sending(seconds: int = 0, ref: str = "a", *, is_confirmed: bool = True) -> Sending:
    command = CommandSent("EH1", 48, (Argument(1, "13"),), None, START + seconds * S, ref, None)
    return Sending(command, 0, is_confirmed)


def response(seconds: int = 0) -> CommandResponse:
    at = START + seconds * S
    return CommandResponse("EH1", 48, True, None, at, None, at + S, None, None, None)


def sighting(seconds: int = 0, value: float = 13.0) -> Sighting:
    return Sighting(START + seconds * S, None, 48, value)


def fleet_at(watermark: int) -> FleetMemory:
    fleet = FleetMemory(LIVES, KEPT)
    fleet.advance(watermark)
    return fleet


def kinds(fleet: FleetMemory) -> list[str]:
    return sorted(key.name.partition(" ")[0] for key in fleet.changes())


def test_what_is_added_is_found_and_kept() -> None:
    fleet = fleet_at(START)
    assert fleet.add_sending(sending()) == sending().command
    assert fleet.add_response(response())
    assert fleet.add_sighting("EH1", sighting())
    fleet.add_firmware("EH1", FIRMWARE)
    cluster = fleet.cluster(TOUCH)
    assert cluster is not None
    assert (cluster.sendings, cluster.responses) == ((sending(),), (response(),))
    assert [serial for serial, _ in fleet] == ["EH1"]
    assert fleet.responses_near(sending().command) == [response()]
    assert kinds(fleet) == ["firmware", "response", "sending", "sighting"]
    assert fleet.add_sending(sending(9)) == sending().command
    fleet.add_firmware("EH1", FIRMWARE)
    assert kinds(fleet) == []


def test_what_is_unknown_is_found_nowhere() -> None:
    fleet = fleet_at(START)
    fleet.add_firmware("EH1", FIRMWARE)
    assert (fleet.get("EH2"), fleet.thread("EH1", 48), fleet.cluster(TOUCH)) == (None, None, None)
    assert fleet.drop_sending(sending().command) is None
    assert list(fleet.responses_near(sending().command)) == []


def test_a_copy_adds_that_it_is_confirmed_at_the_moment_that_was_known() -> None:
    fleet = fleet_at(START)
    fleet.add_sending(sending(is_confirmed=False))
    assert fleet.add_sending(sending(3)) == sending().command
    cluster = fleet.cluster(TOUCH)
    assert cluster is not None
    assert cluster.sendings == (sending(),)


def test_a_sending_that_is_dropped_is_kept_no_longer() -> None:
    fleet = fleet_at(START)
    fleet.add_sending(sending())
    (key,) = fleet.changes()
    assert fleet.drop_sending(sending().command) == sending()
    assert fleet.changes() == {key: None}
    assert fleet.cluster(TOUCH) is None


def test_what_is_noted_is_kept() -> None:
    fleet = fleet_at(START)
    fleet.add_sending(sending())
    fleet.changes()
    noted = sending()._replace(decided=(Decided(Outcome.ACCEPTED, START, "-"),))
    fleet.note(noted)
    assert kinds(fleet) == ["sending"]
    cluster = fleet.cluster(TOUCH)
    assert cluster is not None
    assert cluster.sendings == (noted,)


def test_what_is_unknown_and_past_is_passed_over() -> None:
    for late, is_taken in ((PAST_NS, True), (PAST_NS + 1, False)):
        fleet = fleet_at(START + late)
        assert (fleet.add_sending(sending()) is not None) == is_taken
        fleet = fleet_at(START + late)
        assert fleet.add_response(response()) == is_taken
        assert len(fleet) == is_taken


def test_what_is_past_but_belongs_to_what_is_known_is_taken_in_until_late_data_ends() -> None:
    fleet = fleet_at(START)
    fleet.add_sending(sending())
    fleet.advance(START + KEPT)
    assert fleet.add_sending(sending()) is not None
    assert not fleet.add_response(response(6))
    assert fleet.add_response(response())
    fleet.advance(START + KEPT + 1)
    assert not fleet.add_response(response())
    assert not fleet.add_sighting("EH1", sighting())
    assert fleet.add_sighting("EH1", sighting(1))


def test_what_was_just_said_can_be_said_once_more_however_far_the_watermark_jumped() -> None:
    fleet = fleet_at(START)
    fleet.add_sending(sending())
    fleet.add_response(response())
    fleet.changes()
    fleet.advance(START + 9 * KEPT)
    assert fleet.cluster(TOUCH) is not None
    fleet.advance(START + 9 * KEPT)
    assert (fleet.cluster(TOUCH), len(fleet)) == (None, 0)
    assert sorted(content is None for content in fleet.changes().values()) == [True, True]


def test_a_charger_of_which_there_is_a_last_value_is_remembered_and_looked_at_when_there_is_more() -> None:
    fleet = fleet_at(START)
    fleet.add_sighting("EH1", sighting())
    for days in (1, 2):
        fleet.advance(START + days * 86_400 * S)
    assert len(fleet) == 1
    fleet.changes()
    fleet.add_sighting("EH1", sighting(2 * 86_400, 6.0))
    for hours in (50, 51):
        fleet.advance(START + hours * 3_600 * S)
    assert list(fleet.changes().values()).count(None) == 1


def test_a_clock_that_is_ahead_does_not_put_off_forgetting() -> None:
    fleet = fleet_at(START)
    fleet.add_sighting("EH1", sighting(86_400))
    fleet.add_response(response())
    for minutes in (90, 91):
        fleet.advance(START + minutes * 60 * S)
    assert fleet.thread("EH1", 48) is None


def test_it_is_remembered_as_it_was_kept() -> None:
    fleet, kept = fleet_at(START), dict[KeptKey, bytes]()
    fleet.add_sending(sending())
    fleet.add_response(response())
    fleet.add_sighting("EH1", sighting())
    fleet.add_firmware("EH1", FIRMWARE)
    kept.update((key, content) for key, content in fleet.changes().items() if content is not None)
    again = FleetMemory(LIVES, KEPT)
    again.add_response(response(999))
    again.restore(kept.items(), START + S)
    memory = again.get("EH1")
    assert memory is not None
    assert (again.watermark, memory.firmware, again.changes()) == (START + S, FIRMWARE, {})
    assert again.cluster(TOUCH) == fleet.cluster(TOUCH)
    assert memory.sightings.between((48,), START, START + 1) == [sighting()]
    assert again.cluster(("EH1", 48, START + 999 * S)) is None
    for _ in range(2):
        again.advance(START + KEPT + CLOSED_NS + EVERY_NS)
    assert again.cluster(TOUCH) is None
