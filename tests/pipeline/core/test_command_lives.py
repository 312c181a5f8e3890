"""Lives: everything that a charger's memory holds of a command, in one record."""

from pipeline.core.charger_memory import ChargerMemory, place_of
from pipeline.core.command_life import Life
from pipeline.core.command_lives import Lives
from pipeline.core.command_thread import Sending
from pipeline.core.confirmation import Sighting
from schemas.catalogue import shipped_catalogue
from schemas.command import Argument, CommandResponse, CommandSent

S = 10**9
LIVES = Lives(shipped_catalogue(), 60 * S)
RESPONSE = CommandResponse("EH1", 48, True, None, 10 * S, None, 11 * S, None, None, None)


def sending(seconds: int, ref: str) -> Sending:
    return Sending(CommandSent("EH1", 48, (Argument(1, "13"),), None, seconds * S, ref, None), 1, False)


def memory_of(*sendings: Sending) -> ChargerMemory:
    memory = ChargerMemory()
    for each in sendings:
        memory.thread(48).add_sending(each)
        memory.add_place(place_of(each.command), LIVES.family(48))
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


def test_the_deadline_is_that_of_the_life() -> None:
    assert LIVES.deadline(sending(10, "a")) == 70 * S


def test_commands_without_readback_supersede_only_their_own() -> None:
    assert LIVES.family(48) == 48
    assert len({LIVES.family(command_id) for command_id in (1, 22, 48, 999)}) == 4
