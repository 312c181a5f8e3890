"""The row of an hour: one morning of a charger, hour by hour, as a person can check it."""

from pipeline.core.histories import Histories
from schemas.observation import Observation
from schemas.row import Row
from tests.pipeline.core.history_samples import (
    AFTER,
    CHATTER,
    ENERGY,
    HOUR,
    MODE,
    POWER,
    RELEASE,
    START,
    S,
    arrival,
    said,
)

MORNING = [
    # 0:00 The charger is there, and heard every ten minutes until 2:30.
    *(said(second, CHATTER, 0) for second in range(0, 9_001, 600)),
    said(0, RELEASE, 315),
    said(0, ENERGY, 1_000),
    said(0, MODE, 1),
    # 0:30 A car comes, and charges from 0:45 until 1:40.
    said(1_800, MODE, 2),
    said(2_700, MODE, 3),
    said(2_700, POWER, 7.2),
    said(3_600, ENERGY, 1_001.8),
    said(4_000, POWER, 10.8, lag=4.5),
    said(6_000, MODE, 4),
    said(6_000, POWER, 0),
    # 2:00 The meter is read, and says zero without reason.
    said(7_200, ENERGY, 1_008.2),
    said(7_230, ENERGY, 0),
]
"""The first hours; nothing is heard behind 2:30, so that the charger is offline from 2:50 on."""
LATER = [
    # 4:00 It is heard again, with another firmware, and has charged meanwhile.
    said(14_400, CHATTER, 0),
    said(14_400, RELEASE, 321),
    said(14_400, ENERGY, 1_010.2),
    *(said(second, CHATTER, 0) for second in range(15_000, 18_600, 600)),
]
TOLD_AFTERWARDS = [
    # 5:10 It tells that a car came back at 2:55, and left at 3:40.
    said(10_500, MODE, 3, lag=8_100),
    said(10_500, POWER, 3.6, lag=8_100),
    said(13_200, MODE, 1, lag=5_400),
]

MODES = (
    "offline_s",
    "disconnected_s",
    "awaiting_start_s",
    "charging_s",
    "completed_s",
    "error_s",
    "ready_to_charge_s",
    "awaiting_authentication_s",
    "de_authenticating_s",
    "unknown_mode_s",
)


LATE_DATA = 3 * HOUR


def in_words(row: Row) -> str:
    """An hour in one line, without modes of no time."""
    assert sum(float(value) for name, value in row.fields if name in MODES) == 3_600
    shown = [
        f"{name}={value:g}" for name, value in row.fields if isinstance(value, float) and (value or name not in MODES)
    ]
    return f"{(row.time - START) // HOUR}:00 {row.charger} {dict(row.tags)['firmware']} " + " ".join(shown)


def hours_after(histories: Histories, messages: list[Observation], watermark_s: int) -> list[str]:
    for message in messages:
        histories.add(message)
        histories.hear([message.serial], [arrival(message)])
    rows = histories.advance(START + watermark_s * S).rows
    return sorted(in_words(row) for row in rows if row.measurement == "charger_hour")


def test_a_morning() -> None:
    histories = Histories(AFTER, LATE_DATA)
    assert hours_after(histories, MORNING, 14_000) == [
        (
            "0:00 EH1 315 online_s=3599 offline_s=1 disconnected_s=1799 awaiting_start_s=900 charging_s=900 "
            "energy_kwh=1.8 max_power_kw=7.2 device_to_cloud_ms_max=1000 messages=12"
        ),
        (
            "1:00 EH1 315 online_s=3600 charging_s=2400 completed_s=1200 "
            "energy_kwh=6.4 max_power_kw=10.8 device_to_cloud_ms_max=4500 messages=10"
        ),
        "2:00 EH1 315 online_s=3001 offline_s=599 completed_s=3001 energy_kwh=0 device_to_cloud_ms_max=1000 messages=6",
    ]
    assert hours_after(histories, LATER, 18_500) == [
        "2:00 EH1 315 online_s=3001 offline_s=599 completed_s=3001 energy_kwh=1 device_to_cloud_ms_max=1000 messages=6",
        "3:00 EH1 315 online_s=0 offline_s=3600 energy_kwh=1 messages=0",
        "4:00 EH1 321 online_s=3599 offline_s=1 completed_s=3599 energy_kwh=0 device_to_cloud_ms_max=1000 messages=8",
    ]
    assert hours_after(histories, TOLD_AFTERWARDS, 18_590) == [
        (
            "2:00 EH1 315 online_s=3001 charging_s=300 completed_s=3300 "
            "energy_kwh=1 max_power_kw=3.6 device_to_cloud_ms_max=8.1e+06 messages=6"
        ),
        (
            "3:00 EH1 315 online_s=0 disconnected_s=1200 charging_s=2400 "
            "energy_kwh=1 device_to_cloud_ms_max=5.4e+06 messages=0"
        ),
        (
            "4:00 EH1 321 online_s=3599 offline_s=1 disconnected_s=3599 "
            "energy_kwh=0 device_to_cloud_ms_max=1000 messages=8"
        ),
    ]


def test_a_release_that_becomes_known_later_does_not_move_rows_that_were_written() -> None:
    histories = Histories(AFTER, LATE_DATA)
    assert [line[:10] for line in hours_after(histories, [said(60, MODE, 1)], 3_800)] == ["0:00 EH1 -"]
    late = [said(50, RELEASE, 315, lag=3_700), said(3_000, MODE, 3, lag=800)]
    assert [line[:10] for line in hours_after(histories, late, 3_900)] == ["0:00 EH1 -"]
    assert [line[:12] for line in hours_after(histories, [said(3_700, MODE, 1)], 7_400)] == ["1:00 EH1 315"]


def test_an_old_release_that_comes_again_is_no_new_one() -> None:
    histories = Histories(AFTER, LATE_DATA)
    first = [said(60, RELEASE, 315), said(70, RELEASE, 321)]
    assert [line[:12] for line in hours_after(histories, first, 3_800)] == ["0:00 EH1 321"]
    assert [line[:12] for line in hours_after(histories, first, 7_400)] == ["1:00 EH1 321"]


def test_a_charger_that_is_silent_has_hours_for_thirty_days() -> None:
    histories = Histories(AFTER, LATE_DATA)
    rows = hours_after(histories, [said(60, MODE, 1)], 40 * 86_400)
    while more := histories.advance(START + 40 * 86_400 * S).rows:
        rows += [in_words(row) for row in more]
    assert rows[-1].startswith("9:00 EH1 - online_s=0 offline_s=3600")
    assert len(rows) == 30 * 24 + 1


def test_before_it_ever_said_anything_a_charger_has_no_hours() -> None:
    histories = Histories(AFTER, LATE_DATA)
    assert hours_after(histories, [said(60, CHATTER, 0)], 8_000) == []
    assert len(hours_after(histories, [said(9_000, MODE, 1)], 15_000)) == 2
