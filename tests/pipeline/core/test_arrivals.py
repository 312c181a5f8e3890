"""Arrivals: what was heard at once, and what was said after a device was cut off, is told apart."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.core.arrivals import HELD_NS, PERIOD_NS, Arrivals, Said
from pipeline.core.timestamps import NS_PER_S

START = 1_750_000_000 * NS_PER_S
AHEAD_NS = 100 * NS_PER_S


class Message(NamedTuple):
    """A message as it truly was: its stamp, and when it arrived."""

    stamp: int
    arrived_at: int

    @property
    def earliest(self) -> int:
        """As a store tells it: right but for multiples of 1,000 s."""
        first = self.stamp - AHEAD_NS
        return first + (self.arrived_at - first) % PERIOD_NS


def decided(messages: Sequence[Message]) -> list[Message]:
    """What comes out of it, as the arrivals that were found; by stamp."""
    arrivals: Arrivals[Message] = Arrivals()
    found: list[tuple[Message, int]] = []
    for message in sorted(messages):
        found += arrivals.add("EH1", Said(message.stamp, message.earliest, message))
    found += arrivals.finish()
    return sorted(Message(message.stamp, arrived_at) for message, arrived_at in found)


class Course(NamedTuple):
    """Messages so many seconds apart: some heard at once, then some that wait, then some heard at once again."""

    before: list[int]
    waiting: list[int]
    after: list[int]


gaps = st.lists(st.integers(45, 850), min_size=2, max_size=12)
courses = st.lists(st.builds(Course, gaps, st.lists(st.integers(5, 850), max_size=30), gaps), min_size=1, max_size=3)


@given(courses, st.integers(0, 3_000), st.integers(20, 600))
def test_a_device_that_is_cut_off_now_and_then(many: list[Course], lag_ms: int, pause_s: int) -> None:
    lag = lag_ms * 10**6
    at, messages = START, list[Message]()
    for course in many:
        for gap in course.before:
            at += gap * NS_PER_S
            messages.append(Message(at, at + lag))
        last = messages[-1].arrived_at
        waiting = []
        for gap in course.waiting:
            at += gap * NS_PER_S
            waiting.append(at)
        at += pause_s * NS_PER_S
        # The last that was heard before looks as if it had waited, too, where the remainders happen to agree.
        assume(not waiting or (at - last + 15 * NS_PER_S) % PERIOD_NS > 30 * NS_PER_S)
        messages += [Message(stamp, at + place * NS_PER_S // 10) for place, stamp in enumerate(waiting)]
        for gap in course.after:
            at += gap * NS_PER_S
            messages.append(Message(at, at + lag))
    assert decided(messages) == sorted(messages)


def test_a_value_that_came_late_while_others_were_heard_keeps_its_remainder() -> None:
    prompt = [Message(START + at * NS_PER_S, START + (at + 1) * NS_PER_S) for at in range(0, 6_000, 60)]
    late = Message(START + 90 * NS_PER_S, START + (90 + 2_400) * NS_PER_S)
    (found,) = set(decided([*prompt, late])) - set(prompt)
    assert (found.stamp, found.arrived_at % PERIOD_NS) == (late.stamp, late.arrived_at % PERIOD_NS)


@pytest.mark.parametrize("ahead_s", [10, 20, 90])
def test_a_clock_that_is_ahead_makes_no_late_message_of_a_prompt_one(ahead_s: int) -> None:
    messages = [Message(START + at * NS_PER_S, START + (at - ahead_s) * NS_PER_S) for at in range(0, 3_000, 60)]
    assert decided(messages) == messages


def test_of_what_nothing_is_known_the_neighbour_tells() -> None:
    arrivals: Arrivals[str] = Arrivals()
    reconnected = START + 5_000 * NS_PER_S
    found = dict(
        decision
        for at, earliest, item in [
            (0, 2, "prompt"),
            (60, None, "between"),
            (120, 122, "prompt, too"),
            (1_200, None, "waiting"),
            (1_300, 2_000, "waiting, too"),
            (5_100, 5_102, "prompt again"),
            (5_200, 5_202, "and again"),
            (5_300, 5_302, "and again, surely"),
        ]
        for decision in arrivals.add(
            "EH1",
            Said(START + at * NS_PER_S, None if earliest is None else START + earliest * NS_PER_S, item),
        )
    )
    assert found["between"] == START + 62 * NS_PER_S
    assert found["waiting"] == found["waiting, too"] == reconnected


def test_nothing_is_held_for_longer_than_a_day() -> None:
    arrivals: Arrivals[int] = Arrivals()
    quiet = [Said(START + number * PERIOD_NS, START + number * PERIOD_NS, number) for number in range(200)]
    found = [number for said in quiet for number, _ in arrivals.add("EH1", said)]
    assert sorted(found) == list(range(len(found)))
    assert (200 - len(found)) * PERIOD_NS <= HELD_NS + PERIOD_NS
    assert sorted(number for number, _ in arrivals.finish()) == list(range(len(found), 200))


def test_devices_do_not_mix() -> None:
    arrivals: Arrivals[str] = Arrivals()
    found: list[tuple[str, int]] = []
    for minute in range(3):
        at = START + minute * 60 * NS_PER_S
        for serial in ("EH1", "EH2")[: 3 - minute]:
            found += arrivals.add(serial, Said(at, at, f"{serial} {minute}"))
    assert [item for item, _ in found] == ["EH1 1", "EH1 0"]


def test_who_cannot_wait_has_what_is_held_of_those_of_whom_it_is_old() -> None:
    arrivals: Arrivals[str] = Arrivals()
    for serial, seconds in (("EH1", (0, 20)), ("EH2", (10,))):
        for second in seconds:
            at = START + second * NS_PER_S
            assert not list(arrivals.add(serial, Said(at, at, f"{serial} {second}")))
    assert not list(arrivals.decide(START))
    assert list(arrivals.decide(START + 1)) == [("EH1 20", START + 20 * NS_PER_S), ("EH1 0", START)]
    assert list(arrivals.finish()) == [("EH2 10", START + 10 * NS_PER_S)]
