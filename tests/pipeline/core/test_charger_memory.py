"""The memory of a charger: what is kept comes back, families have an order, and what is old goes with all of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.charger_memory import ChargerMemory, Firmware, Place, UnknownVersionError, place_of
from pipeline.core.command_life import Decision
from pipeline.core.command_thread import Sending
from schemas.command import Argument, CommandResponse, CommandSent, Outcome

S = 10**9
FAMILY = 48


def sending(seconds: int, ref: str = "a", command_id: int = 48) -> Sending:
    return Sending(CommandSent("EH1", command_id, (Argument(1, "13"),), 7, seconds * S, ref, None), 1, False)


def filled() -> ChargerMemory:
    memory = ChargerMemory()
    memory.add_sending(sending(1), FAMILY)
    memory.add_sending(sending(100, "b", 22), 111)
    memory.thread(48).add_response(CommandResponse("EH1", 48, True, "7", S, None, 2 * S, "text", "é", 3 * S))
    memory.decided[place_of(sending(1).command)] = {Decision(Outcome.ACCEPTED, 2 * S): "300"}
    memory.add_firmware(Firmware(5, "300"))
    return memory


def test_what_is_kept_comes_back() -> None:
    memory = filled()
    again = ChargerMemory.from_bytes(memory.to_bytes())
    assert again.to_bytes() == memory.to_bytes()
    assert again.families == {FAMILY: [Place(S, "a", 48)], 111: [Place(100 * S, "b", 22)]}
    assert again.decided == memory.decided
    assert again.firmware == Firmware(5, "300")
    assert list(again.threads[48].sendings()) == [sending(1)]
    assert again.threads[48].cluster(S) == memory.threads[48].cluster(S)


def test_an_empty_one_comes_back_too() -> None:
    assert ChargerMemory.from_bytes(ChargerMemory().to_bytes()).to_bytes() == ChargerMemory().to_bytes()


def test_a_newer_form_is_refused() -> None:
    with pytest.raises(UnknownVersionError, match="version 2, this program knows 1"):
        ChargerMemory.from_bytes(b'{"version": 2}')


@given(st.permutations(range(6)))
def test_a_family_has_an_order_of_its_own(order: list[int]) -> None:
    memory = ChargerMemory()
    known: list[int] = []
    for number in order:
        before = memory.add_sending(sending(number), FAMILY)
        earlier = [other for other in known if other < number]
        assert before == (place_of(sending(max(earlier)).command) if earlier else None)
        known.append(number)
        assert memory.add_sending(sending(number), FAMILY) == before
    places = [place_of(sending(number).command) for number in range(6)]
    assert [memory.next_in_family(place, FAMILY) for place in places] == [*places[1:], None]
    assert memory.next_in_family(places[0], 7) is None


@given(st.permutations([Firmware(1, "299"), Firmware(2, "300"), Firmware(2, "301")]))
def test_the_latest_firmware_counts_in_any_order(reports: list[Firmware]) -> None:
    memory = ChargerMemory()
    for report in reports:
        memory.add_firmware(report)
    assert memory.firmware == Firmware(2, "301")


def test_what_is_old_is_forgotten_with_all_that_is_known_of_it() -> None:
    memory = filled()
    memory.forget(50 * S)
    assert memory.threads.keys() == {22}
    assert memory.families.keys() == {111}
    assert memory.decided == {}
    assert memory.firmware == Firmware(5, "300")
