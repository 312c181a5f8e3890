"""Decision intents: kept before rows are written, dropped with them, and unsure where a life before left them."""

from pipeline.core.command_life import Decided
from pipeline.core.command_thread import Sending
from pipeline.core.decision_intents import DecisionIntents
from pipeline.core.kept_facts import Intended, from_bytes
from schemas.command import Outcome
from tests.pipeline.core.derivation_samples import T, sent

DECIDED = Sending(sent("a"), 0, True, (Decided(Outcome.TIMED_OUT, T, "1"),))


def test_an_intent_is_an_entry_until_its_rows_are_durable() -> None:
    intents = DecisionIntents()
    assert intents.entries() == {}
    intents.note(DECIDED)
    entries = dict(intents.entries())
    assert [from_bytes(key, content) for key, content in entries.items()] == [Intended(DECIDED)]
    assert intents.entries() == entries
    intents.kept()
    assert intents.entries() == {}


def test_of_two_about_one_command_the_later_counts() -> None:
    intents = DecisionIntents()
    later = DECIDED._replace(decided=(*DECIDED.decided, Decided(Outcome.ACCEPTED, T + 1, "1")))
    for sending in (DECIDED, later):
        intents.note(sending)
        entries = intents.entries()
    assert [from_bytes(key, content) for key, content in entries.items()] == [Intended(later)]


def test_what_a_life_before_left_is_unsure_until_it_is_said_and_an_entry_until_that_is_durable() -> None:
    intents = DecisionIntents()
    intents.note(DECIDED._replace(command=sent("b")))
    intents.restore([DECIDED, DECIDED._replace(command=sent("c"))], ["a"])
    assert [intents.is_unsure(ref) for ref in "abc"] == [True, False, False]
    assert len(intents.entries()) == 2
    intents.said()
    assert not intents.is_unsure("a")
    assert len(intents.entries()) == 2
    intents.kept()
    assert intents.entries() == {}


def test_a_command_that_was_never_sent_is_none() -> None:
    intents = DecisionIntents()
    intents.note(DECIDED)
    intents.drop(DECIDED.command)
    assert intents.entries() == {}
