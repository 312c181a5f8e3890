"""What is said too early is found, and told from what the stream itself was late with."""

import pytest

from schemas.measurement import COMMAND_OUTCOME
from tests.campaigns.command_ends import S, false_time_outs, taken_back
from tests.oracle.stores import Rows

DEADLINE, ARRIVED = 60 * S, 59 * S
IN_TIME, LATE = {("EH1", ARRIVED): DEADLINE}, {("EH1", ARRIVED): DEADLINE + 1}


def outcome(name: str, at: int, refuted: float) -> Rows:
    """A decision about one command, set apart from others of its moment."""
    tags = (("command", "Start"), ("firmware", "1"), ("outcome", name))
    return {(COMMAND_OUTCOME, "EH1", tags, at + 42): {"ref": "r", "refuted": refuted}}


ANSWERED = outcome("accepted", ARRIVED, 0.0)


@pytest.mark.parametrize("silence", ["timed_out", "expired"])
@pytest.mark.parametrize(
    ("refuted", "answer", "told", "came", "count"),
    [
        pytest.param(1.0, ANSWERED, {}, IN_TIME, 1, id="false"),
        pytest.param(1.0, {}, {}, {}, 1, id="taken back for nothing"),
        pytest.param(1.0, ANSWERED, {}, LATE, 0, id="the answer came late"),
        pytest.param(1.0, ANSWERED, {"refuted": 1.0}, IN_TIME, 0, id="whoever reads in order was as hasty"),
        pytest.param(1.0, ANSWERED, {"refuted": 0.0}, IN_TIME, 1, id="whoever reads in order stands by it"),
        pytest.param(0.0, {}, {}, {}, 0, id="true"),
    ],
)
def test_a_time_out_that_nothing_excuses_is_found(
    silence: str, refuted: float, answer: Rows, told: dict[str, float], came: dict[tuple[str, int], int], count: int
) -> None:
    rows = {**outcome(silence, DEADLINE, refuted), **answer}
    of_reader = outcome(silence, DEADLINE, told["refuted"]) if told else {}
    assert len(false_time_outs(rows, of_reader, came)) == count
    assert taken_back(rows) == ({("EH1", "r", DEADLINE)} if refuted else set())
