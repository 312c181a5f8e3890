"""The board as a line: every fact is in it, in words."""

import pytest

from pipeline.cli.board_line import board_line, format_clock, format_latency, format_moment
from tests.pipeline.cli.board_samples import EMPTY, NOW, SAMPLE


def test_a_line_has_the_facts() -> None:
    assert board_line(SAMPLE) == (
        "2023-06-08 06:59:16  44,762 messages, 356/s  2 offline, 14 disconnected, 18 charging, 6 completed  "
        "196 kW  latency p95 2.0 s  31 rejected  commands 12 open, 4 unanswered, p95 2.1 s  2 silent"
    )


def test_a_line_about_nothing() -> None:
    assert board_line(EMPTY) == (
        "2023-06-08 06:59:16  0 messages, 0/s  no chargers yet  0 kW  latency p95 -  0 rejected  "
        "commands 0 open, 0 unanswered, p95 -  0 silent"
    )


def test_times_are_utc() -> None:
    assert format_moment(NOW) == "2023-06-08 06:59:16"
    assert format_clock(NOW, with_seconds=True) == "06:59:16"
    assert format_clock(NOW, with_seconds=False) == "06:59"


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0.0, "0 ms"),
        (870.4, "870 ms"),
        (-999.0, "-999 ms"),
        (1_000.0, "1.0 s"),
        (-1_560.0, "-1.6 s"),
        (402_000.0, "6.7 min"),
        (10_800_000.0, "3.0 h"),
    ],
)
def test_a_latency_has_the_unit_that_suits_it(milliseconds: float, text: str) -> None:
    assert format_latency(milliseconds) == text
