"""The worker: acknowledged is what is durable, trouble is sat out, and the end is orderly.

Source and store are scripted, so that each fault comes at its moment; the state file is real. With real servers:
tests/pipeline/test_service.py and tests/campaigns.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.core.backoff import Backoff
from pipeline.recording import Recording
from pipeline.replay_lines import from_line
from pipeline.wires.source import QueueAnswer, Token
from pipeline.wires.state import StateFile
from pipeline.wires.store import StoreUnavailableError
from pipeline.worker import BatchLimits, Patience
from schemas.delivery import Delivery
from schemas.measurement import PIPELINE
from schemas.meters import WorkerState
from tests.pipeline.working import LIMITS, PATIENCE, Bench, away, deliveries, working
from tests.waiting import until


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFile]:
    with StateFile.open(tmp_path / "state.sqlite3", LIMITS) as opened:
        yield opened


async def test_what_is_stored_is_acknowledged_in_order(state: StateFile) -> None:
    async with working(state) as bench:
        tokens = [bench.source.deliver(deliveries(3, first)) for first in range(0, 300, 3)]
        await bench.acknowledged(tokens[-1])
    assert len(bench.times) == 300
    assert bench.times == sorted(bench.times)
    assert bench.source.acknowledged == sorted(bench.source.acknowledged)


async def test_whoever_looks_on_is_told_of_each_batch_once_it_is_durable(state: StateFile) -> None:
    async with working(state, BatchLimits(3, 3_600)) as bench:
        bench.store.faults.append(away())
        tokens = [bench.source.deliver(deliveries(3, first)) for first in range(0, 9, 3)]
        await bench.acknowledged(tokens[-1])
        assert [report.written for report in bench.reports] == [3, 3, 3]


async def test_until_deliveries_may_be_taken_they_stay_with_the_source_and_no_queue_counts_as_empty(
    state: StateFile,
) -> None:
    def arrange(bench: Bench) -> None:
        bench.may_take = False
        bench.source.answer = QueueAnswer(at=10**18, ready=0, consumers=1, epoch=1, delivered=0, counted_at=10**18)

    async with working(state, patience=PATIENCE._replace(metrics_s=0.001), arrange=arrange) as bench:
        token = bench.source.deliver(deliveries(3))
        await until(lambda: len(bench.store.rows) > 1)
        assert (bench.source.waiting, bench.times, state.watermark()) == (1, [], None)
        bench.may_take = True
        await bench.acknowledged(token)
        await until(lambda: state.watermark() == 10**18)


async def test_nothing_is_acknowledged_before_the_store_took_it(state: StateFile) -> None:
    async with working(state) as bench:
        bench.store.gate.clear()
        token = bench.source.deliver(deliveries(3))
        await until(lambda: not bench.source.waiting)
        await asyncio.sleep(0.05)
        assert bench.times == []
        assert bench.source.acknowledged == []
        bench.store.gate.set()
        await bench.acknowledged(token)
        assert len(bench.times) == 3


async def test_the_next_batch_is_read_while_one_is_written_and_then_no_more(state: StateFile) -> None:
    async with working(state, BatchLimits(10, 3_600)) as bench:
        bench.store.gate.clear()
        tokens = [bench.source.deliver(deliveries(10, first)) for first in range(0, 60, 10)]
        # One is being written, one waits, one is full and has nowhere to go.
        await until(lambda: bench.source.waiting == 3)
        await asyncio.sleep(0.05)
        assert bench.source.waiting == 3
        bench.store.gate.set()
        await bench.acknowledged(tokens[-1])
    assert bench.store.batches == [10] * 6


async def test_a_batch_is_full_or_old(state: StateFile) -> None:
    async with working(state, BatchLimits(4, 0.05)) as bench:
        for first in range(10):
            token = bench.source.deliver(deliveries(1, first))
        await bench.acknowledged(token)
    assert bench.store.batches == [4, 4, 2]


async def test_trouble_is_sat_out(state: StateFile) -> None:
    def arrange(bench: Bench) -> None:
        bench.store.faults += [away(), away("full", needs_operator=True), away()]

    async with working(state, arrange=arrange) as bench:
        token = bench.source.deliver(deliveries(3))
        await bench.acknowledged(token)
        snapshot = bench.meters.snapshot()
        assert snapshot.counts.retries == 3
        assert snapshot.counts.written == 3
        assert snapshot.gauges.state is WorkerState.CONSUMING


async def test_holding_is_seen_while_it_lasts(state: StateFile) -> None:
    def arrange(bench: Bench) -> None:
        bench.store.faults += [away("disk full", needs_operator=True)]

    patience = PATIENCE._replace(again=Backoff(3_600, 3_600))
    async with working(state, patience=patience, arrange=arrange) as bench:
        token = bench.source.deliver(deliveries(1))
        await until(lambda: bench.meters.snapshot().gauges.state is WorkerState.HOLDING)
        assert "disk full" in bench.meters.snapshot().gauges.words
        bench.worker.reload()
        await bench.acknowledged(token)
        await until(lambda: bench.store.reloads == 1)
        assert bench.source.events[0] == "reload"


async def test_the_wait_that_a_store_asks_for_is_kept(state: StateFile) -> None:
    def arrange(bench: Bench) -> None:
        bench.store.faults += [StoreUnavailableError("busy", retry_after_ns=3_600 * 10**9)]

    async with working(state, arrange=arrange) as bench:
        bench.source.deliver(deliveries(1))
        await until(lambda: bench.meters.snapshot().gauges.state is WorkerState.RETRYING)
        await asyncio.sleep(0.05)
        assert bench.store.requests == 1


async def test_after_long_trouble_deliveries_go_back_until_the_store_answers(state: StateFile) -> None:
    def arrange(bench: Bench) -> None:
        bench.store.faults += [away(f"away {n}") for n in range(60)]

    patience = Patience(again=Backoff(0.01, 0.01), hand_back_s=0.1, metrics_s=0.001)
    async with working(state, patience=patience, arrange=arrange) as bench:
        stale = bench.source.deliver(deliveries(3))
        await until(lambda: "resume" in bench.source.events)
        again = bench.source.deliver(deliveries(3), redelivered=3)
        await bench.acknowledged(again)
        assert stale not in bench.source.acknowledged
        assert bench.source.events[0].startswith("hand back: waiting for the store: away")
        assert bench.meters.snapshot().counts.redelivered == 3
    assert len(bench.times) == 3


async def test_deliveries_of_a_lost_channel_are_left_to_the_next(state: StateFile) -> None:
    async with working(state, BatchLimits(100, 0.05)) as bench:
        bench.source.deliver(deliveries(3))
        await until(lambda: not bench.source.waiting)
        bench.source.lose_channel()
        token = bench.source.deliver(deliveries(4), redelivered=3)
        await bench.acknowledged(token)
    assert bench.source.acknowledged == [Token(2, 4)]
    assert len(bench.times) == 4


async def test_stopping_finishes_what_is_at_hand(state: StateFile) -> None:
    async with working(state, BatchLimits(10, 3_600)) as bench:
        bench.store.gate.clear()
        bench.source.deliver(deliveries(10))
        token = bench.source.deliver(deliveries(5, 10))
        await until(lambda: not bench.source.waiting)
        stopping = asyncio.create_task(bench.worker.stop())
        await until(lambda: "cancel" in bench.source.events)
        bench.store.gate.set()
        await stopping
        await bench.acknowledged(token)
    assert len(bench.times) == 15
    # Whoever leaves the bench cancels once more, before the end or after it.
    assert (bench.source.events[0], bench.source.events.count("stop")) == ("cancel", 1)


async def test_stopping_in_trouble_leaves_the_rest_to_the_broker(state: StateFile) -> None:
    def arrange(bench: Bench) -> None:
        bench.store.faults += [away() for _ in range(1_000_000)]

    async with working(state, patience=PATIENCE._replace(again=Backoff(3_600, 3_600)), arrange=arrange) as bench:
        bench.source.deliver(deliveries(3))
        await until(lambda: bench.meters.snapshot().counts.retries == 1)
    assert bench.source.acknowledged == []
    assert bench.times == []


async def test_a_row_about_the_worker_comes_with_traffic_and_without(state: StateFile) -> None:
    async with working(state, patience=PATIENCE._replace(metrics_s=0.01)) as bench:
        token = bench.source.deliver(deliveries(3))
        await bench.acknowledged(token)
        await until(lambda: sum(row.measurement == PIPELINE for row in bench.store.rows) >= 3)
    about = [dict(row.fields) for row in bench.store.rows if row.measurement == PIPELINE]
    assert sum(float(fields["delivered"]) for fields in about) == 3


async def test_what_is_raised_about_the_worker_is_kept_while_it_lasts_and_not_beyond_its_end(state: StateFile) -> None:
    async with working(state, patience=PATIENCE._replace(metrics_s=0.001)) as bench:
        bench.source.backlog = 10**7
        await until(lambda: set(state.raised()) == {"backlog"})
    assert state.raised() == {}
    assert [alert.active for alert in bench.told] == [True, False]


async def test_rejects_are_kept_and_acknowledged(state: StateFile) -> None:
    async with working(state) as bench:
        token = bench.source.deliver([Delivery("nonsense", {}, b"", None), *deliveries(1)])
        await bench.acknowledged(token)
    assert state.total()[1] == 1
    assert len(bench.times) == 1


async def test_everything_acknowledged_is_in_the_recording_once(state: StateFile, tmp_path: Path) -> None:
    def arrange(bench: Bench) -> None:
        bench.store.faults += [away(), away()]

    recording = Recording(tmp_path / "stream.jsonl")
    sent = [*deliveries(5), Delivery("nonsense", {}, b"\xff", None)]
    async with working(state, recording=recording, arrange=arrange) as bench:
        await bench.acknowledged(bench.source.deliver(sent))
    recording.close()
    assert [from_line(line) for line in (tmp_path / "stream.jsonl").read_bytes().splitlines()] == sent
