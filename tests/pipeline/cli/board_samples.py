"""Snapshots for the tests of the board's look."""

from collections import Counter

from pipeline.board_alerts import Silent
from pipeline.board_commands import CommandSummary, Percentiles, WorstCharger
from pipeline.board_state import Answer, ChargerLine, ModeCount, SiteLine, Snapshot, mode_name
from pipeline.board_totals import Totals
from pipeline.board_windows import LatencySummary
from schemas.alert import Alert, AlertKind
from schemas.reject import RejectReason
from schemas.surprise import Surprise

NOW = 1_686_207_556 * 1_000_000_000
"""2023-06-08T06:59:16Z."""

RAISED = Alert(
    "EH000017",
    AlertKind.COMMAND_TIMEOUT,
    "Reboot",
    NOW,
    NOW,
    active=True,
    value=60.0,
    message=f"Reboot to EH000017 (ref {'a' * 32}) was not answered within 1 min",
    ref="a" * 32,
)
CLEARED = Alert(
    "-",
    AlertKind.FLEET_SILENT,
    "-",
    NOW,
    NOW - 60 * 10**9,
    active=False,
    value=1.0,
    message="Most devices are heard again\x1b[2J",
)

SAMPLE = Snapshot(
    now=NOW,
    totals=Totals(
        delivered=44_762,
        written=44_731,
        commands=0,
        rejected=Counter({RejectReason.KIND: 25, RejectReason.JSON: 6}),
        surprises=Counter({Surprise.COERCED: 427, Surprise.UNKNOWN_ID: 79, Surprise.MISFIT: 7}),
    ),
    messages_a_second=356.4,
    latency=LatencySummary(970.0, 2_000.0, 437_833.0),
    chargers=40,
    equalizers=2,
    modes=[ModeCount(code, mode_name(code), chargers) for code, chargers in ((0, 2), (1, 14), (3, 18), (4, 6), (5, 0))],
    power_kw=196.4,
    import_kw=52.0,
    power_history=(10.0, 50.0, 196.4),
    busiest=[
        ChargerLine("EH000021", 3, "Charging", 21.6, 19.1, None, True),
        ChargerLine("EH000017", 1, "Disconnected", 0.0, None, -61.0, False),
    ],
    sites=[SiteLine("QP000001", 20.4, 0.0), SiteLine("QP000002", 31.6, None)],
    answers=(
        Answer(NOW, "EH000038", "SetDynamicCircuitCurrent", True, -1_047.3, 1_297.0),
        Answer(NOW, "EH000037", "SetDynamicChargerCurrent", False, None, 401_000.0),
    ),
    commands=CommandSummary(
        open=12,
        accepted=1_240,
        rejected=3,
        timed_out=4,
        expired=0,
        late=2,
        response=Percentiles(812.0, 2_100.0, 61_000.0),
        delivery=Percentiles(-3.0, 1_000.0, 2_000.0),
        worst=WorstCharger("EH000017", 3, 5),
        is_cut=False,
    ),
    silent=Silent(2, ["EH000003", "EH000009"]),
    alerts=(RAISED, CLEARED),
)

EMPTY = Snapshot(
    now=NOW,
    totals=Totals(0, 0, 0, Counter(), Counter()),
    messages_a_second=0.0,
    latency=None,
    chargers=0,
    equalizers=0,
    modes=[],
    power_kw=0.0,
    import_kw=0.0,
    power_history=(),
    busiest=[],
    sites=[],
    answers=(),
    commands=CommandSummary(0, 0, 0, 0, 0, 0, None, None, None, is_cut=False),
    silent=Silent(0, []),
    alerts=(),
)

CROWDED = SAMPLE._replace(
    totals=Totals(
        delivered=10**12,
        written=10**12 - 10**9,
        commands=10**6,
        rejected=Counter(dict.fromkeys(RejectReason, 10**8)),
        surprises=Counter(dict.fromkeys(Surprise, 10**8)),
    ),
    chargers=50_000,
    equalizers=5_000,
    modes=[ModeCount(code, mode_name(code), 2_000) for code in (*range(20), None)],
    power_kw=1e6,
    power_history=tuple(float(place % 7) for place in range(60)),
    busiest=[ChargerLine("E" * 64, 7, mode_name(7), 1e6, 1e9, -110.0, True)] * 60,
    sites=[SiteLine("Q" * 64, 1e6, 1e6)] * 60,
    answers=(Answer(NOW, "E" * 64, "SetDynamicCurrentOfflineFallback", False, -1e12, 1e12),) * 60,
    commands=CommandSummary(
        open=10**9,
        accepted=10**9,
        rejected=10**9,
        timed_out=10**9,
        expired=10**9,
        late=10**9,
        response=Percentiles(-1e12, 1e12, 1e12),
        delivery=Percentiles(-1e12, 1e12, 1e12),
        worst=WorstCharger("E" * 64, 10**9, 10**9),
        is_cut=True,
    ),
    silent=Silent(50_000, ["E" * 64] * 60),
    alerts=(RAISED._replace(serial="E" * 64, message="日本" * 200),) * 60,
)
