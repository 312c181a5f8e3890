"""Damage: not believed at first, and gone on from where it is found again; each partition by itself."""

import pytest

from pipeline.scale.damaged_state import DamagedState
from pipeline.wires.kafka_fault import ReadAgainError

DAMAGE = "1 of 2 entries were read"


def test_where_nothing_is_missing_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    damaged = DamagedState()
    damaged.see(1, "")
    damaged.see(1, "")
    assert caplog.text == ""


def test_what_is_missing_is_read_again_and_then_told(caplog: pytest.LogCaptureFixture) -> None:
    damaged = DamagedState()
    with pytest.raises(ReadAgainError, match=f"chargeline.state, partition 1: {DAMAGE}; it is read again"):
        damaged.see(1, DAMAGE)
    assert caplog.text == ""
    damaged.see(1, DAMAGE)
    assert f"chargeline.state, partition 1: {DAMAGE}, twice: what is missing is forgotten" in caplog.text
    # It may begin again before its first round says how much there is now.
    damaged.see(1, DAMAGE)
    damaged.see(1, DAMAGE)
    assert caplog.text.count("twice") == 1


@pytest.mark.parametrize("then", ["", "1 of 3 entries were read"])
def test_what_comes_back_otherwise_was_not_what_kafka_has(then: str) -> None:
    damaged = DamagedState()
    for place, damage in ((1, DAMAGE), (2, DAMAGE), (1, then), (1, DAMAGE)):
        if damage:
            with pytest.raises(ReadAgainError):
                damaged.see(place, damage)
        else:
            damaged.see(place, damage)
