"""The whole screen: it has the size of the terminal, whatever is to be shown, and the key facts are on it."""

import io
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from pipeline.board_state import Snapshot
from pipeline.cli.board_view import BoardView
from tests.pipeline.cli.board_samples import CROWDED, EMPTY, SAMPLE


def screen(
    width: int, height: int, snapshot: Snapshot = SAMPLE, encoding: str = "utf-8", log: Sequence[str] | None = None
) -> list[str]:
    """The lines of a terminal of this size."""
    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=output, width=width, height=height, force_terminal=True, color_system=None)
    console.print(BoardView(snapshot, "Chargeline demo", "60x", "The rows go to data.sqlite3", log))
    output.seek(0)
    return output.read().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 40)])
def test_the_key_facts_are_on_the_screen(width: int, height: int) -> None:
    lines = screen(width, height)

    text = "\n".join(lines)
    assert lines[0].startswith("Chargeline demo  40 chargers, 2 Equalizers ")
    assert lines[0].endswith(" 2023-06-08 06:59:16 UTC  60x")
    assert lines[-1] == "The rows go to data.sqlite3"
    for fact in (
        "Charging",
        "Power 196 kW",
        "356 a second",
        "44,762",
        "44,731",
        "31: kind 25, json 6",
        "p50 970 ms  p95 2.0 s",
        "importing 52.0 kW",
        "QP000001 20.4 kW",
        "EH000021 Charging",
        "EH000038 SetDynamicCi",
        "-1047",
        "timed out 4",
        "p99 1.0 min",
        "EH000017: 3 of 5 failed",
        "2: EH000003 EH000009",
        "command_timeout",
    ):
        assert fact in text


def test_a_wide_screen_has_lists_and_whole_words() -> None:
    lines = screen(120, 40)

    assert any(line.endswith(" Rejects ─────────────────────") for line in lines)
    assert any("SetDynamicCircuitCurrent accepted" in line for line in lines)
    assert any("SetDynamicChargerCurrent refused" in line for line in lines)


def test_with_a_log_its_last_lines_stand_above_the_footer_and_the_commands_stay() -> None:
    lines = screen(80, 24, log=["first", "second", "third"])

    assert lines[-4].startswith("Log ─")
    assert [line.rstrip() for line in lines[-3:]] == ["second", "third", "The rows go to data.sqlite3"]
    for fact in ("EH000017: 3 of 5 failed", "2: EH000003 EH000009", "command_timeout", "EH000021 Charging"):
        assert fact in "\n".join(lines)
    assert "Log" not in "\n".join(screen(80, 24))


def test_words_that_are_too_long_for_the_first_line_are_cut_and_the_time_stays() -> None:
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True, color_system=None)
    with console.capture() as shown:
        console.print(BoardView(SAMPLE, "Chargeline", "holding: the store does not answer", "footer"))

    assert shown.get().splitlines()[0].endswith(" 2023-06-08 06:59:16 UTC  holding: the sto…")


def test_alerts_have_their_words_where_there_is_room() -> None:
    assert any("Reboot to EH000017 was not answered" in line for line in screen(120, 40))


@given(
    width=st.integers(1, 260),
    height=st.integers(1, 90),
    snapshot=st.sampled_from([SAMPLE, EMPTY, CROWDED]),
    log=st.none() | st.lists(st.sampled_from(["short", "long " * 60]), max_size=9),
)
def test_every_screen_is_filled_and_nothing_is_wrapped(
    width: int, height: int, snapshot: Snapshot, log: list[str] | None
) -> None:
    lines = screen(width, height, snapshot, log=log)

    assert len(lines) == height
    assert max(map(cell_len, lines)) <= width


@pytest.mark.parametrize("snapshot", [SAMPLE, EMPTY, CROWDED])
def test_a_terminal_without_unicode_gets_plain_signs(snapshot: Snapshot) -> None:
    assert len(screen(80, 24, snapshot, encoding="ascii")) == 24
