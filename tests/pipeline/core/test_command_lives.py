"""Lives: everything that a charger's memory holds of a command, in one record."""

from pipeline.core.charger_memory import ChargerMemory
from pipeline.core.command_life import Life
from pipeline.core.command_lives import Lives
from pipeline.core.command_thread import Sending
from pipeline.core.confirmation import AFTER_NS
from pipeline.core.pairing import LATEST_NS
from pipeline.core.sightings import Sighting
from schemas.catalogue import shipped_catalogue
from schemas.command import Argument, CommandResponse, CommandSent

S = 10**9
KEPT = 6 * 3_600 * S
LIVES = Lives(shipped_catalogue(), 60 * S, KEPT)
RESPONSE = CommandResponse("EH1", 48, True, None, 10 * S, None, 11 * S, None, None, None)


def sending(seconds: int, ref: str) -> Sending:
    return Sending(CommandSent("EH1", 48, (Argument(1, "13"),), None, seconds * S, ref, None), 1, False)


def memory_of(*sendings: Sending) -> ChargerMemory:
    memory = ChargerMemory(60 * 10**9)
    for each in sendings:
        memory.thread(48).add_sending(each)
    return memory


def test_what_is_known_is_put_together() -> None:
    first, second = sending(10, "a"), sending(90, "b")
    memory = memory_of(first, second)
    memory.thread(48).add_response(RESPONSE)
    memory.sightings.add(Sighting(11 * S, 12 * S, 48, 13.0))
    (life,) = LIVES.of(memory, memory.thread(48).cluster(10 * S))
    assert life == Life(
        first.command,
        60 * S,
        attempt=1,
        is_confirmed=False,
        response=RESPONSE,
        is_superseded=True,
        is_effective=True,
        effect_ns=2 * S,
    )
    (life,) = LIVES.of(memory, memory.thread(48).cluster(90 * S))
    assert life == Life(second.command, 60 * S, attempt=1, is_confirmed=False)


def test_a_command_that_is_refused_has_no_effect() -> None:
    memory = memory_of(sending(10, "a"))
    memory.thread(48).add_response(RESPONSE._replace(accepted=False))
    memory.sightings.add(Sighting(11 * S, 12 * S, 48, 13.0))
    (life,) = LIVES.of(memory, memory.thread(48).cluster(10 * S))
    assert not life.is_effective


def test_that_it_was_superseded_by_what_is_forgotten_stays() -> None:
    memory = memory_of(sending(10, "a")._replace(superseded_at=11 * S))
    memory.thread(48).add_response(RESPONSE)
    memory.sightings.add(Sighting(11 * S, 12 * S, 48, 13.0))
    (life,) = LIVES.of(memory, memory.thread(48).cluster(10 * S))
    assert (life.is_superseded, life.is_effective) == (True, False)


def test_a_command_is_superseded_by_one_that_comes_within_the_time_for_which_it_is_remembered() -> None:
    for apart, is_superseded in ((KEPT, True), (KEPT + 1, False)):
        later = sending(10, "b")
        later = later._replace(command=later.command._replace(published_at=10 * S + apart))
        memory = memory_of(sending(10, "a"), later)
        (life,) = LIVES.of(memory, memory.thread(48).cluster(10 * S))
        assert life.is_superseded is is_superseded


def test_the_deadline_is_that_of_the_life() -> None:
    assert LIVES.deadline(sending(10, "a").command) == 70 * S


def test_commands_that_share_a_readback_supersede_each_other() -> None:
    shipped = shipped_catalogue()
    spec = shipped.commands[48]
    twin = spec._replace(id=900, name="Twin")
    lives = Lives(shipped._replace(commands={**shipped.commands, 900: twin}), 60 * S, KEPT)
    assert lives.family(48) == lives.family(900) == (48, 900)
    assert lives.shown_in(48) == [48, 900]
    assert LIVES.family(48) == (48,)
    assert LIVES.family(1) == (1,)
    assert LIVES.shown_in(7) == []
    assert LIVES.readbacks == {number for spec in shipped.commands.values() for number in spec.readback}


def test_a_sighting_concerns_the_last_command_before_it_and_those_behind_until_the_next() -> None:
    memory = memory_of(*(sending(second, f"{second}") for second in (10, 20, 30, 40, 60)))
    seen = Sighting(25 * S, None, 48, 13.0)
    assert list(LIVES.concerned(memory, seen)) == [(48, second * S) for second in (20, 30, 40, 60)]
    memory.sightings.add(Sighting(36 * S, None, 48, 13.0))
    assert list(LIVES.concerned(memory, seen)) == [(48, second * S) for second in (20, 30, 40)]
    late = 60 * S + AFTER_NS + LATEST_NS
    assert list(LIVES.concerned(memory, seen._replace(observed_at=late))) == [(48, 60 * S)]
    assert list(LIVES.concerned(memory, seen._replace(observed_at=late + 1))) == []
    assert list(LIVES.concerned(memory, seen._replace(observation_id=111))) == []
