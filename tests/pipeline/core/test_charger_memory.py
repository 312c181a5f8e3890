"""The memory of a charger: families have an order, and what is old goes with all that is known of it."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.charger_memory import ChargerMemory, Firmware, Place, place_of
from pipeline.core.command_life import Decision
from pipeline.core.command_thread import Sending
from pipeline.core.confirmation import Sighting
from schemas.command import Argument, CommandResponse, CommandSent, Outcome

S = 10**9
FAMILY = 48
DECISION = Decision(Outcome.ACCEPTED, 2 * S)


def sending(seconds: int, ref: str = "a", command_id: int = 48) -> Sending:
    return Sending(CommandSent("EH1", command_id, (Argument(1, "13"),), 7, seconds * S, ref, None), 1, False)


def place(seconds: int, ref: str = "a", command_id: int = 48) -> Place:
    return place_of(sending(seconds, ref, command_id).command)


@given(st.permutations(range(6)))
def test_a_family_has_an_order_of_its_own(order: list[int]) -> None:
    memory = ChargerMemory()
    known: list[int] = []
    for number in order:
        before = memory.add_place(place(number), FAMILY)
        earlier = [other for other in known if other < number]
        assert before == (place(max(earlier)) if earlier else None)
        known.append(number)
        assert memory.add_place(place(number), FAMILY) == before
    places = [place(number) for number in range(6)]
    assert [memory.next_in_family(each, FAMILY) for each in places] == [*places[1:], None]
    assert memory.next_in_family(places[0], 7) is None
    assert memory.places_between(FAMILY, 2 * S, 4 * S) == places[2:5]
    assert memory.places_between(7, 0, 9 * S) == []


@given(st.permutations([Firmware(1, "299"), Firmware(2, "300"), Firmware(2, "301")]))
def test_the_latest_firmware_counts_in_any_order(reports: list[Firmware]) -> None:
    memory = ChargerMemory()
    for report in reports:
        memory.add_firmware(report)
    assert memory.firmware == Firmware(2, "301")


def test_what_is_old_is_forgotten_with_all_that_is_known_of_it() -> None:
    memory = ChargerMemory()
    old, new = sending(1), sending(100, "b", 22)
    for each, family in ((old, FAMILY), (new, 111)):
        memory.thread(each.command.id).add_sending(each)
        memory.add_place(place_of(each.command), family)
    response = CommandResponse("EH1", 48, True, None, S, None, 2 * S, None, None, None)
    memory.thread(48).add_response(response)
    memory.decided[place(1)] = {DECISION: "300"}
    seen = [Sighting(S, None, 48, 6.0), Sighting(2 * S, None, 48, 13.0), Sighting(90 * S, None, 48, 6.0)]
    memory.sightings |= set(seen)
    memory.add_firmware(Firmware(5, "300"))

    gone = memory.forget(50 * S)

    assert (gone.sendings, gone.responses) == ((old,), (response,))
    assert gone.decisions == ((place(1), DECISION),)
    assert gone.sightings == (seen[0],)
    assert memory.threads.keys() == {22}
    assert memory.families == {111: [place(100, "b", 22)]}
    assert memory.decided == {}
    assert memory.sightings == {seen[1], seen[2]}
    assert memory.firmware == Firmware(5, "300")
    assert memory.forget(50 * S) == ((), (), (), ())
