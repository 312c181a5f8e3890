"""The blocks about commands and alerts, and the log: what each says, in much room and in little."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from pipeline.board_state import Snapshot
from pipeline.cli.board_command_blocks import alerts, commands, log
from pipeline.cli.board_text import ASCII, UNICODE, Room
from tests.pipeline.cli.board_samples import CROWDED, EMPTY, SAMPLE


def plain(lines: list[Text]) -> list[str]:
    return [line.plain.rstrip() for line in lines]


def test_commands_are_shown_with_their_figures() -> None:
    assert plain(commands(SAMPLE, Room(69, 12, UNICODE))) == [
        "Commands, last hour " + "─" * 49,
        "open 12  accepted 1,240  rejected 3",
        "timed out 4  expired 0  late 2",
        "response  p50 812 ms  p95 2.1 s  p99 1.0 min",
        "delivery  p50 -3 ms  p95 1.0 s  p99 2.0 s",
        "worst     EH000017: 3 of 5 failed",
        "silent    2: EH000003 EH000009",
    ]


def test_in_little_room_all_figures_stand_there_too() -> None:
    lines = plain(commands(SAMPLE, Room(42, 7, UNICODE)))

    assert lines[1] == "open 12 accepted 1,240 rejected 3"
    assert lines[3] == "response  p50 812 ms p95 2.1 s p99 1.0 min"


def test_without_commands_it_says_so() -> None:
    assert plain(commands(EMPTY, Room(69, 7, UNICODE)))[1:] == [
        "open 0  accepted 0  rejected 0",
        "timed out 0  expired 0  late 0",
        "response  nothing yet",
        "delivery  nothing yet",
        "worst     no command failed",
        "silent    nobody",
    ]


def test_a_window_that_is_cut_is_not_called_an_hour() -> None:
    assert plain(commands(CROWDED, Room(69, 7, UNICODE)))[0].startswith("Last 20,000 commands ─")


def test_alerts_are_shown_with_their_words_escaped_and_without_refs() -> None:
    assert plain(alerts(SAMPLE, Room(90, 4, UNICODE)))[1:] == [
        "06:59:16 ! command_timeout Reboot to EH000017 was not answered within 1 min",
        r"06:59:16 ✓ fleet_silent    Most devices are heard again\x1b[2J",
    ]


def test_in_little_room_alerts_say_about_whom_they_are() -> None:
    assert plain(alerts(SAMPLE, Room(36, 4, ASCII)))[1:] == [
        "06:59 ! EH000017 command_timeout",
        "06:59 y fleet    fleet_silent",
    ]
    assert plain(alerts(EMPTY, Room(36, 4, ASCII)))[1:] == ["nothing yet"]


def test_the_last_lines_of_a_log_are_shown_escaped() -> None:
    lines = ["one", "two\x1b[2J", "three", "f" * 50]

    assert plain(log(lines, Room(20, 4, UNICODE))) == ["Log ────────────────", r"two\x1b[2J", "three", "f" * 19 + "…"]
    assert plain(log([], Room(20, 4, UNICODE))) == ["Log ────────────────"]
    assert plain(log(lines, Room(20, 1, UNICODE))) == ["Log ────────────────"]


@pytest.mark.parametrize("glyphs", [UNICODE, ASCII])
@given(
    width=st.integers(30, 200),
    rows=st.integers(1, 20),
    snapshot=st.sampled_from([SAMPLE, EMPTY, CROWDED]),
    words=st.lists(st.text(), max_size=5),
)
def test_no_block_is_larger_than_its_room(
    glyphs: tuple[str, ...], width: int, rows: int, snapshot: Snapshot, words: list[str]
) -> None:
    room = Room(width, rows, UNICODE if glyphs is UNICODE else ASCII)
    for block in (commands(snapshot, room), alerts(snapshot, room), log(words, room)):
        assert len(block) <= rows
        assert max(line.cell_len for line in block) <= width
