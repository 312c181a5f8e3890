"""The row of a snapshot: one hour of a charger on the 5-minute grid, as a person can check it."""

from pipeline.core.histories import Histories
from schemas.observation import Observation, Product
from tests.pipeline.core.history_samples import (
    AFTER,
    CONNECTED,
    DYNAMIC,
    ERROR,
    HOUR,
    MAXIMUM,
    MODE,
    POWER,
    START,
    S,
    arrival,
    said,
)

HOUR_OF_A_CHARGER = [
    said(60, MODE, 2),
    said(65, DYNAMIC, 32),
    said(290, MODE, 3),
    said(300, POWER, 7.2),
    said(400, POWER, 10.8),
    said(500, MAXIMUM, 16),
    said(500, ERROR, 4),
    said(599, CONNECTED, 1),
]
"""It is heard last at 0:10, so that it is offline from 0:30 on."""


def snapshots_after(histories: Histories, messages: list[Observation], watermark_s: int) -> list[str]:
    """Rows in one line each: the minute, and the fields in order."""
    for message in messages:
        histories.add(message)
    histories.hear([message.serial for message in messages], [arrival(message) for message in messages])
    rows = [row for row in histories.advance(START + watermark_s * S).rows if row.measurement == "charger_snapshot"]
    return sorted(
        f"0:{(row.time - START) // S // 60:02} " + " ".join(f"{name}={value}" for name, value in row.fields)
        for row in rows
    )


def test_an_hour_of_a_charger() -> None:
    histories = Histories(AFTER, 2 * HOUR)
    whole = (
        "op_mode=3.0 total_power_kw=10.8 dynamic_charger_current_a=32.0 max_charger_current_a=16.0 "
        "connected_to_cloud=1.0 error_code=4.0"
    )
    assert snapshots_after(histories, HOUR_OF_A_CHARGER, 3_600) == [
        "0:05 op_mode=3.0 total_power_kw=7.2 dynamic_charger_current_a=32.0",
        f"0:10 {whole}",
        f"0:15 {whole}",
        f"0:20 {whole}",
        f"0:25 {whole}",
        f"0:30 {whole}",
        "0:35 op_mode=0.0",
    ]
    # It is heard at 1:00, and tells that it had paused from 0:12 until 0:18.
    late = [said(720, POWER, 0, lag=2_880), said(1_080, POWER, 9, lag=2_520)]
    assert snapshots_after(histories, late, 3_600) == [
        f"0:15 {whole.replace('10.8', '0.0')}",
        f"0:20 {whole.replace('10.8', '9.0')}",
        f"0:25 {whole.replace('10.8', '9.0')}",
        f"0:30 {whole.replace('10.8', '9.0')}",
        "0:35 op_mode=0.0",
    ]


def test_a_late_message_makes_a_silence_shorter() -> None:
    histories = Histories(AFTER, 2 * HOUR)
    snapshots_after(histories, [said(60, MODE, 3)], 3_600)
    assert snapshots_after(histories, [said(240, 42, 0)], 3_600)[-1] == "0:25 op_mode=0.0"
    assert snapshots_after(histories, [said(600, 42, 0)], 3_600)[-3:] == [
        "0:25 op_mode=3.0",
        "0:30 op_mode=3.0",
        "0:35 op_mode=0.0",
    ]


def test_what_never_said_a_mode_is_not_called_offline() -> None:
    histories = Histories(AFTER, 2 * HOUR)
    assert snapshots_after(histories, [said(60, POWER, 0)], 3_600)[-1] == "0:20 total_power_kw=0.0"


def test_an_equalizer_and_a_value_that_is_no_number_have_no_part_in_it() -> None:
    histories = Histories(AFTER, 2 * HOUR)
    strange = [said(60, MODE, 1)._replace(product=Product.EQUALIZER), said(60, MODE, 1)._replace(value="x")]
    assert snapshots_after(histories, [*strange, said(60, MODE, 1)._replace(value=None)], 3_600) == []
