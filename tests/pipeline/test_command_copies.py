"""Copies of commands: acknowledged when durable, tried again until they are, and without a word about time."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pipeline.command_copies import CommandCopies
from pipeline.core.backoff import Backoff
from pipeline.core.decode import Decoder
from pipeline.core.derivation import Derivation
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.rows import RowMaker
from pipeline.journey import BatchReport, Journey
from pipeline.meters import Meters
from pipeline.tracking import Tracking
from pipeline.wires.state import StateFile
from schemas.alert import AlertKind
from schemas.delivery import Delivery
from schemas.measurement import COMMAND
from tests.pipeline.scripted_source import ScriptedSource
from tests.pipeline.working import CATALOGUE, HANGS_S, LIMITS, SPANS, ScriptedStore, away
from tests.waiting import until

COPY = Delivery(
    "EH1.C.48", {"PublishedAt": "2026-01-01T00:00:00.5Z"}, b'{"Id": 48, "Arguments": []}', None, message_id="m"
)
PUBLISHED = 1_767_225_600_500_000_000


class Bench:
    def __init__(self, state: StateFile, patience_s: float = HANGS_S) -> None:
        self.is_consuming = True
        self.source = ScriptedSource()
        self.store = ScriptedStore()
        self.meters = Meters()
        self.thread = ThreadPoolExecutor(max_workers=1)
        self.reports: list[BatchReport] = []
        self.tracking = Tracking(Derivation(CATALOGUE, SPANS), state)
        decoder = Decoder(CATALOGUE, Redaction(Personal.DROP))
        journey = Journey(decoder, RowMaker(CATALOGUE), self.store, state, self.tracking)
        self.copies = CommandCopies(
            self.source,
            journey,
            self.meters,
            self.thread,
            self.reports.append,
            lambda: self.is_consuming,
            Backoff(0.001, 0.001),
            patience_s,
        )

    @property
    def commands(self) -> int:
        return sum(row.measurement == COMMAND for row in self.store.rows)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFile]:
    with StateFile.open(tmp_path / "state.sqlite3", LIMITS) as opened:
        yield opened


@asynccontextmanager
async def reading(
    state: StateFile, patience_s: float = HANGS_S, arrange: Callable[[Bench], None] = lambda _: None
) -> AsyncIterator[Bench]:
    bench = Bench(state, patience_s)
    arrange(bench)
    async with asyncio.timeout(HANGS_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.copies.run())
        await until(lambda: "resume" in bench.source.events or not bench.is_consuming)
        try:
            yield bench
        finally:
            await bench.copies.stop()
    bench.thread.shutdown()


async def test_a_copy_becomes_a_command_and_is_acknowledged_then(state: StateFile) -> None:
    async with reading(state) as bench:
        token = bench.source.deliver([COPY])
        await until(lambda: token in bench.source.acknowledged)
        assert bench.commands == 1
        counts = bench.meters.snapshot().counts
        assert (counts.delivered, counts.commands) == (1, 1)
    assert len(dict(state.facts())) == 1


async def test_whoever_wants_to_is_told_of_what_is_durable_with_its_alerts(state: StateFile) -> None:
    async with reading(state) as bench:
        bench.store.faults.append(away())
        # The queue was empty long after the command was published: nothing that waits can be its answer.
        bench.tracking.queue_was_empty(PUBLISHED + 2 * SPANS.timeout)
        token = bench.source.deliver([COPY])
        await until(lambda: token in bench.source.acknowledged)
        [report] = bench.reports
    assert report.commands == 1
    assert [(alert.kind, alert.active) for alert in report.told] == [(AlertKind.COMMAND_TIMEOUT, True)]


async def test_what_is_no_command_ends_as_a_reject_or_a_fact_like_anywhere(state: StateFile) -> None:
    async with reading(state) as bench:
        token = bench.source.deliver([COPY._replace(body=b"{"), COPY])
        await until(lambda: token in bench.source.acknowledged)
    assert state.total()[1] == 1


async def test_a_store_that_is_away_is_waited_for(state: StateFile) -> None:
    async with reading(state) as bench:
        bench.store.faults.extend([away(), away()])
        token = bench.source.deliver([COPY])
        await until(lambda: token in bench.source.acknowledged)
        assert bench.store.requests == 3


async def test_what_is_no_longer_ours_is_neither_kept_nor_acknowledged(state: StateFile) -> None:
    async with reading(state) as bench:
        bench.store.gate.clear()
        bench.store.faults.append(away())
        lost = bench.source.deliver([COPY])
        await until(lambda: not bench.source.waiting)
        bench.source.lose_channel()
        bench.store.gate.set()
        token = bench.source.deliver([COPY])
        await until(lambda: token in bench.source.acknowledged)
        assert lost not in bench.source.acknowledged
        assert bench.commands == 1


def left_alone(bench: Bench) -> None:
    bench.is_consuming = False


async def test_without_the_operators_queue_copies_are_left_to_whoever_has_it(state: StateFile) -> None:
    async with reading(state, arrange=left_alone) as bench:
        await until(lambda: bool(bench.source.events))
        assert not bench.source.is_wanted
        assert not bench.copies.is_level()
        bench.is_consuming = True
        await until(lambda: bench.source.is_wanted)
        token = bench.source.deliver([COPY])
        await until(lambda: token in bench.source.acknowledged)
        bench.is_consuming = False
        await until(lambda: not bench.source.is_wanted)
        assert not bench.copies.is_level()


async def test_a_copy_that_is_at_hand_when_the_operators_queue_is_lost_is_not_acknowledged(state: StateFile) -> None:
    async with reading(state) as bench:
        bench.store.gate.clear()
        token = bench.source.deliver([COPY])
        await until(lambda: not bench.source.waiting)
        bench.is_consuming = False
        bench.store.gate.set()
        await until(lambda: not bench.source.is_wanted)
        assert bench.commands == 1
        assert token not in bench.source.acknowledged


async def test_what_waits_for_the_store_when_the_operators_queue_is_lost_is_forgotten(state: StateFile) -> None:
    async with reading(state) as bench:
        bench.store.gate.clear()
        bench.store.faults.append(away())
        bench.source.deliver([COPY])
        await until(lambda: not bench.source.waiting)
        bench.is_consuming = False
        bench.store.gate.set()
        await until(lambda: not bench.source.is_wanted)
    assert bench.commands == 0
    assert not bench.tracking.begin((), PUBLISHED).rows


async def test_it_is_level_when_nothing_waits_and_all_is_durable(state: StateFile) -> None:
    async with reading(state, arrange=lambda bench: setattr(bench.source, "backlog", 1)) as bench:
        token = bench.source.deliver([COPY])
        await until(lambda: token in bench.source.acknowledged)
        assert not bench.copies.is_level()
        bench.source.backlog = 0
        await until(bench.copies.is_level)


async def test_copies_that_take_too_long_keep_nobody(state: StateFile, caplog: pytest.LogCaptureFixture) -> None:
    async with reading(state, 0.0, arrange=lambda bench: setattr(bench.source, "backlog", 1)) as bench:
        await until(bench.copies.is_level)
    assert "going on without all copies" in caplog.text
