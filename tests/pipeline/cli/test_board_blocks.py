"""The blocks: what each says, in much room and in little."""

from collections.abc import Callable

import pytest
from rich.text import Text

from pipeline.board_state import ModeCount, Snapshot, mode_name
from pipeline.cli.board_blocks import MODES, answers, chargers, fleet, oddities, shown_modes, stream
from pipeline.cli.board_text import UNICODE, Room
from tests.pipeline.cli.board_samples import CROWDED, EMPTY, SAMPLE

Block = Callable[[Snapshot, Room], list[Text]]

BLOCKS: list[Block] = [fleet, stream, oddities, chargers, answers]


def plain(block: Block, width: int, rows: int = 13, snapshot: Snapshot = SAMPLE) -> list[str]:
    return [line.plain.rstrip() for line in block(snapshot, Room(width, rows, UNICODE))]


def test_the_fleet_is_shown_by_mode_with_bars_against_the_largest() -> None:
    assert plain(fleet, 40, rows=7) == [
        "Fleet ──────────────────────────────────",
        "● Charging                  18 █████████",
        "● Completed                  6 ███",
        "● Disconnected              14 ███████",
        "● Error                      0",
        "● Offline                    2 █",
        "Power 196 kW ▁▃█",
    ]


def test_names_are_cut_where_there_is_little_room() -> None:
    snapshot = SAMPLE._replace(modes=[ModeCount(7, mode_name(7), 1)])

    assert plain(fleet, 33, snapshot=snapshot)[1] == "● Awaiting authen…    1 █████████"


def test_the_stream_is_shown_with_its_figures() -> None:
    assert plain(stream, 60) == [
        "Stream ─────────────────────────────────────────────────────",
        "messages   356 a second",
        "delivered  44,762",
        "written    44,731",
        "rejected   31: kind 25, json 6",
        "surprises  513: coerced 427, unknown_id 79, misfit 7",
        "latency    p50 970 ms  p95 2.0 s  max 7.3 min",
        "sites      2, importing 52.0 kW",
        "           QP000001 20.4 kW  QP000002 31.6 kW",
    ]


def test_sites_go_below_each_other_where_they_do_not_fit() -> None:
    assert plain(stream, 40)[-2:] == ["           QP000001 20.4 kW", "           QP000002 31.6 kW"]


def test_commands_are_shown_where_there_are_any() -> None:
    snapshot = SAMPLE._replace(totals=SAMPLE.totals._replace(commands=12))

    assert "commands   12" in plain(stream, 60, snapshot=snapshot)


def test_rejects_and_surprises_are_listed_by_name() -> None:
    assert plain(oddities, 30) == [
        "Rejects ──────────────────────",
        "kind                      25",
        "json                       6",
        "Surprises ────────────────────",
        "coerced                  427",
        "unknown_id                79",
        "misfit                     7",
    ]


def test_chargers_are_a_table() -> None:
    assert plain(chargers, 49)[1:] == [
        "charger  mode                kW    kWh       dBm",
        "EH000021 Charging          21.6   19.1      cell",
        "EH000017 Disconnected       0.0      -       -61",
    ]
    assert plain(chargers, 36)[1:] == [
        "charger  mode           kW  kWh  dBm",
        "EH000021 Charging     21.6 19.1 cell",
        "EH000017 Disconnected  0.0    -  -61",
    ]


def test_answers_are_a_table() -> None:
    assert plain(answers, 69)[1:] == [
        "time     charger  command                  answer   delivery response",
        "06:59:16 EH000038 SetDynamicCircuitCurrent accepted    -1047     1297",
        "06:59:16 EH000037 SetDynamicChargerCurrent refused         -   401000",
    ]
    assert plain(answers, 42)[1:] == [
        "time  charger  command         deliv  resp",
        "06:59 EH000038 SetDynamicCi… ✓ -1047  1297",
        "06:59 EH000037 SetDynamicCh… ✗     - 401 s",
    ]


def test_a_signal_on_the_cellular_network_has_its_strength_where_it_is_known() -> None:
    line = SAMPLE.busiest[0]._replace(signal_dbm=-85.0)

    assert plain(chargers, 49, snapshot=SAMPLE._replace(busiest=[line]))[2].endswith(" cell -85")


def test_modes_that_do_not_fit_become_one_line() -> None:
    modes = [ModeCount(code, mode_name(code), 1) for code in (40, 1, 3)] + [ModeCount(5, "Error", 0)]

    assert [mode.name for mode in shown_modes(modes, 4)] == ["Charging", "Disconnected", "Error", "Mode 40"]
    assert [mode.name for mode in shown_modes(modes, 3)] == ["Charging", "Disconnected", "Mode 40"]
    assert shown_modes(modes, 2) == [ModeCount(3, "Charging", 1), ModeCount(None, "Others", 2)]


def test_the_worst_modes_stand_out() -> None:
    charging, error, offline = (MODES[code] for code in (3, 5, 0))

    assert len({charging, error, offline, MODES[1]}) == 4


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("width", [36, 45, 80, 120])
def test_no_block_takes_more_than_its_room(block: Block, width: int) -> None:
    lines = block(CROWDED, Room(width, 9, UNICODE))

    assert len(lines) <= 9
    assert max(len(line) for line in lines) <= width


@pytest.mark.parametrize("block", [oddities, chargers, answers])
def test_where_there_is_nothing_it_says_so(block: Block) -> None:
    assert "nothing yet" in plain(block, 49, snapshot=EMPTY)
