"""Facts as they are kept: each comes back as it was, under a key of its own."""

import pytest

from pipeline.core.charger_memory import Firmware
from pipeline.core.command_life import Decided
from pipeline.core.command_thread import Sending
from pipeline.core.kept_facts import Changes, Fact, KeptKey, from_bytes, key_of, to_bytes
from pipeline.core.sightings import Sighting
from schemas.command import Argument, CommandResponse, CommandSent, Outcome

COMMAND = CommandSent("EH1", 48, (Argument(1, "13"), Argument(2, "é")), 7, 10**18, "ref", None)
RESPONSE = CommandResponse("EH1", 48, True, "638218043566469000", 10**18, None, 2, "text", "é", 3)
DECIDED = (Decided(Outcome.TIMED_OUT, 7, "300"), Decided(Outcome.ACCEPTED, 9, "-"))
FACTS: list[Fact] = [
    Sending(COMMAND, 1, False),
    Sending(COMMAND._replace(published_at=1), 0, True),
    Sending(COMMAND._replace(ref="other"), 0, True),
    Sending(COMMAND._replace(id=47), 0, True, DECIDED, 10**18 + 1),
    RESPONSE,
    RESPONSE._replace(accepted=False),
    RESPONSE._replace(created_at=1, result_code=1.5),
    Sighting(7, 8, 48, 13.0),
    Sighting(7, 8, 48, "13"),
    Sighting(7, None, 48, None),
    Sighting(7, 8, 47, 13.0),
    Firmware(7, "300"),
]


@pytest.mark.parametrize("fact", FACTS)
def test_it_comes_back_as_it_was(fact: Fact) -> None:
    again = from_bytes(key_of("EH1", fact), to_bytes(fact))
    assert again == fact
    assert type(again) is type(fact)


def test_each_has_a_key_of_its_own() -> None:
    assert len({key_of("EH1", fact) for fact in FACTS}) == len(FACTS)
    assert key_of("EH1", FACTS[0]) != key_of("EH2", FACTS[0])


@pytest.mark.parametrize(
    ("fact", "copy"),
    [
        (FACTS[0], Sending(COMMAND._replace(received_at=9), 1, True)),
        (FACTS[0], Sending(COMMAND, 1, True, DECIDED, 7)),
        (RESPONSE, RESPONSE._replace(arrived_at=1, received_at=1)),
        (FACTS[-1], Firmware(8, "301")),
    ],
)
def test_a_copy_takes_the_place_of_what_it_copies(fact: Fact, copy: Fact) -> None:
    assert key_of("EH1", fact) == key_of("EH1", copy)


def test_an_entry_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind is kept: promise"):
        from_bytes(KeptKey("EH1", "promise 7"), b"[]")


def test_of_changes_the_last_word_counts_and_is_asked_for_once() -> None:
    changes = Changes()
    changes.keep("EH1", FACTS[0])
    changes.keep("EH1", RESPONSE)
    changes.drop("EH1", RESPONSE)
    changes.keep("EH1", Sending(COMMAND, 1, True))
    changes.keep("EH2", RESPONSE)
    assert changes.take() == {
        key_of("EH1", FACTS[0]): to_bytes(Sending(COMMAND, 1, True)),
        key_of("EH1", RESPONSE): None,
        key_of("EH2", RESPONSE): to_bytes(RESPONSE),
    }
    assert changes.take() == {}
    changes.keep("EH1", RESPONSE)
    changes.clear()
    assert changes.take() == {}
