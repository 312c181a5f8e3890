"""The memory of a charger: commands of one family have an order, whatever their ids, and the latest firmware counts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.charger_memory import ChargerMemory, Firmware, Place, firmware_of
from pipeline.core.command_thread import Sending
from pipeline.core.sightings import Sighting
from schemas.command import CommandResponse, CommandSent
from schemas.observation import Observation, Product

S = 10**9
FAMILY = (22, 48)


def command(number: int) -> CommandSent:
    return CommandSent("EH1", FAMILY[number % 2], (), None, number // 3 * S, f"{number}", None)


def response(seconds: int, command_id: int) -> CommandResponse:
    return CommandResponse("EH1", command_id, True, None, seconds * S, None, None, None, None, None)


@given(st.permutations(range(7)))
def test_a_family_has_an_order_of_its_own(order: list[int]) -> None:
    memory = ChargerMemory(60 * 10**9)
    for number in order:
        memory.thread(command(number).id).add_sending(Sending(command(number), 0, True))
    places = [Place(command(number).published_at, f"{number}", command(number).id) for number in range(7)]
    assert [memory.next_of(FAMILY, command(number)) for number in range(7)] == [*places[1:], None]
    assert [memory.before_of(FAMILY, command(number)) for number in range(7)] == [None, *places[:-1]]
    assert memory.next_of((7,), command(0)) is None
    assert memory.first_published() == 0


@given(st.permutations([Firmware(1, "299"), Firmware(2, "300"), Firmware(2, "301")]))
def test_the_latest_firmware_counts_in_any_order(reports: list[Firmware]) -> None:
    memory = ChargerMemory(60 * 10**9)
    for report in reports:
        memory.add_firmware(report)
    assert memory.firmware == Firmware(2, "301")


def test_the_responses_of_a_span_are_those_to_all_commands() -> None:
    memory = ChargerMemory(60 * 10**9)
    for each in (response(1, 22), response(2, 48), response(3, 48), response(4, 22)):
        memory.thread(each.id).add_response(each)
    assert memory.responses_between(2 * S, 4 * S) == [response(2, 48), response(3, 48)]
    assert memory.first_published() is None


def test_it_is_empty_until_something_is_known() -> None:
    memory = ChargerMemory(60 * 10**9)
    assert memory.is_empty
    memory.sightings.add(Sighting(1, None, 48, 6.0))
    assert not memory.is_empty


@pytest.mark.parametrize(("value", "release"), [(327.0, "327"), (3.5, "3.5"), ("v1", "v1")])
def test_a_release_is_text_and_a_number_stands_without_a_fraction(value: float | str, release: str) -> None:
    observation = Observation("EH1", Product.CHARGER, 80, "x", value, 0, 7 * S, None, None)
    assert firmware_of(observation) == Firmware(7 * S, release)
