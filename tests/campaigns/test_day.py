"""A hard day for commands: what the rows say of each is what truly happened.

Chargers that are offline or dead, controllers that send every 30 s whether anybody answers or not, others that send
the same at nearly the same time, duplicates, reordering, clocks of chargers that are 2 s off and one of ours that is
1 s off. `make test` follows 200 chargers for 3 hours, `make prove` 5,000 for a day. The tables are printed.
"""

import pytest

from pipeline.simulator.fleet import FleetPlan
from pipeline.simulator.quirks import Quirk, Quirks
from tests.campaigns.day import Day, live_through

RIGHT = 0.999
EFFECTS_RIGHT = 0.998
"""Less than of ends, since an observation does not say whose command it shows: one of somebody else that sets the same
value within the same minutes confirms ours, too, which is what `confirmed` says (the charger shows it)."""
MOST_HASTY = 0.001
"""Of all commands: answers that are overtaken by everything sent until 5 s after their deadline."""
DENSER = {Quirk.DEAD: 0.03, Quirk.REPEATED: 0.03}
"""In a small fleet, so that there are some."""

DAYS = [
    pytest.param(
        (FleetPlan(seed=1, chargers=200, busy=0.5, chargers_a_site=50), Quirks.hard().but(DENSER), 3),
        id="200-for-3-h",
    ),
    pytest.param(
        (FleetPlan(seed=2, chargers=5_000, busy=0.5, chargers_a_site=50), Quirks.hard(), 24),
        id="5000-for-a-day",
        marks=pytest.mark.prove,
    ),
]


@pytest.fixture(scope="module", params=DAYS)
def day(request: pytest.FixtureRequest) -> Day:
    plan, quirks, hours = request.param
    day = live_through(plan, quirks, hours)
    print(day.summary())
    assert day.confusion.judged > plan.chargers * hours * plan.commands_an_hour * 0.9
    return day


def test_commands_end_in_the_rows_as_they_truly_ended(day: Day) -> None:
    assert day.confusion.share_of_right_ends >= RIGHT


def test_commands_are_confirmed_that_truly_took_effect(day: Day) -> None:
    assert day.confusion.share_of_right_effects >= EFFECTS_RIGHT


def test_no_command_that_was_answered_in_time_stands_as_timed_out(day: Day) -> None:
    assert day.confusion.false_timeouts == []


def test_hardly_a_time_out_is_written_before_the_answer_in_time_is_read(day: Day) -> None:
    assert day.hasty <= day.confusion.judged * MOST_HASTY


def test_what_is_settled_stays_as_it_is(day: Day) -> None:
    assert day.confusion.changed == []
