"""One charger from evening to noon, as it comes from the queue (`tests/golden/sessions.jsonl`), and its sessions.

1. A car comes at 22:10. A document names the session 816, a zero is said at midnight without reason, the car leaves at
   06:30, and the document of the end comes with 17.125 kWh.
2. A car comes at 08:00, and no document tells of it. It leaves at 08:35; 35 minutes later, its energy is said.
3. A car comes at 10:00 and is still there.
"""

import json
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import pytest

from pipeline.core.decode import Decoder
from pipeline.core.redaction import Personal, Redaction
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from schemas.observation import Observation
from tests.pipeline.core.session_samples import Batch, Fate, Table, Worker, true_ones, work

STREAM = Path(__file__).parents[2] / "golden" / "sessions.jsonl"
LATE_DATA_NS = 6 * 3_600 * 10**9
TAKEN_BACK = 1
"""Told backwards, session 816 seems to begin where its document says, until the car is seen."""

EVENING_AND_MORNING = """
time                 energy_kwh duration_s charging_s stopped_at           session_id source
2025-06-01T22:10:00Z     17.125    29998.0     9000.0 2025-06-02T06:29:58Z        816 json
2025-06-02T08:00:00Z        5.5     2100.0     1800.0 2025-06-02T08:35:00Z          - op_mode
2025-06-02T10:00:00Z       2.25     1200.0     1200.0 -                             - op_mode
"""
"""When the last message came. What was said last counts some minutes later."""

NOON = EVENING_AND_MORNING.replace(
    "       2.25     1200.0     1200.0 -",
    "        4.5     2400.0     2400.0 -",
)

MIDNIGHT = """
time                 energy_kwh duration_s charging_s stopped_at           session_id source
2025-06-01T22:10:00Z      12.75     6480.0     6420.0 -                           816 json
"""


@pytest.fixture(scope="module")
def stream() -> Sequence[Observation]:
    lines = [json.loads(line) for line in STREAM.read_text("utf-8").splitlines()]
    deliveries = [Delivery(line["routing_key"], line["headers"], line["body"].encode(), None) for line in lines]
    outcomes = Decoder(shipped_catalogue(), Redaction(Personal.DROP)).decode(deliveries).outcomes
    observations = [outcome for outcome in outcomes if isinstance(outcome, Observation)]
    assert len(observations) == len(lines)
    return observations


def in_words(table: Table) -> str:
    """A table as it stands above."""
    lines = ["", "time                 energy_kwh duration_s charging_s stopped_at           session_id source"]
    for (_, time), fields in sorted(table.items()):
        kwh, duration, charging, stopped_at, number, source = fields.values()
        start, stop = _clock(time), str(stopped_at).replace(".000000000", "") or "-"
        lines.append(f"{start} {kwh:>10} {duration:>10} {charging:>10} {stop:20} {number or '-':>10} {source}")
    return "\n".join([*lines, ""])


def _clock(time: int) -> str:
    day, second = 1 + (time // 10**9 - 1_748_736_000) // 86_400, time // 10**9 % 86_400
    return f"2025-06-{day:02d}T{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"


def test_the_sessions_of_a_night_and_a_morning(stream: Sequence[Observation]) -> None:
    worker = work(stream, late=LATE_DATA_NS)
    assert in_words(worker.store) == EVENING_AND_MORNING
    worker.pass_time(1_200)
    assert in_words(worker.store) == NOON
    assert worker.late == 0


@pytest.mark.parametrize(("size", "fate"), list(product((1, 2, 5), Fate)))
def test_however_it_is_cut_and_interrupted(stream: Sequence[Observation], size: int, fate: Fate) -> None:
    batches = [Batch(size, each) for each in (fate, Fate.KEPT) * len(stream)]
    assert in_words(work(stream, batches, LATE_DATA_NS).store) == EVENING_AND_MORNING


def test_the_last_may_be_the_first(stream: Sequence[Observation]) -> None:
    worker = Worker(4 * LATE_DATA_NS)
    for message in reversed(stream):
        worker.round([message])
    worker.finish()
    assert in_words(true_ones(worker.store)) == EVENING_AND_MORNING
    assert [row["source"] for row in worker.store.values()].count("none") == TAKEN_BACK


def test_a_session_that_goes_on_is_seen_at_midnight(stream: Sequence[Observation]) -> None:
    worker = work(stream[:6], late=LATE_DATA_NS)
    worker.pass_time(600)
    assert in_words(worker.store) == MIDNIGHT
