"""The whole screen: it has the size of the terminal, whatever is to be shown, and the key facts are on it."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pipeline.board_state import Snapshot
from pipeline.cli.board_view import BoardView
from tests.pipeline.cli.board_samples import CROWDED, EMPTY, SAMPLE


def screen(width: int, height: int, snapshot: Snapshot = SAMPLE, encoding: str = "utf-8") -> list[str]:
    """The lines of a terminal of this size."""
    output = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    console = Console(file=output, width=width, height=height, force_terminal=True, color_system=None)
    console.print(BoardView(snapshot, "Chargeline demo", "60x", "The rows go to data.sqlite3"))
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
    ):
        assert fact in text


def test_a_wide_screen_has_lists_and_whole_words() -> None:
    lines = screen(120, 40)

    assert any(line.endswith(" Rejects ─────────────────────") for line in lines)
    assert any("SetDynamicCircuitCurrent accepted" in line for line in lines)
    assert any("SetDynamicChargerCurrent refused" in line for line in lines)


@given(
    width=st.integers(1, 260),
    height=st.integers(1, 90),
    snapshot=st.sampled_from([SAMPLE, EMPTY, CROWDED]),
)
def test_every_screen_is_filled_and_nothing_is_wrapped(width: int, height: int, snapshot: Snapshot) -> None:
    lines = screen(width, height, snapshot)

    assert len(lines) == height
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("snapshot", [SAMPLE, EMPTY, CROWDED])
def test_a_terminal_without_unicode_gets_plain_signs(snapshot: Snapshot) -> None:
    assert len(screen(80, 24, snapshot, encoding="ascii")) == 24
