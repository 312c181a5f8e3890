"""A worker with everything around it: source and store are scripted, so that each fault comes at its moment."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import orjson

from pipeline.core.backoff import Backoff
from pipeline.core.decode import Decoder
from pipeline.core.derivation import Derivation, Spans
from pipeline.core.operational_alerts import OperationalAlerts, Thresholds
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.rows import RowMaker
from pipeline.journey import BatchReport, Journey
from pipeline.meters import Meters
from pipeline.recording import Recording
from pipeline.self_metrics import SelfMetrics
from pipeline.tracking import Tracking
from pipeline.watch import Watch
from pipeline.wires.source import Token
from pipeline.wires.state import RejectLimits, StateFile, WhenFull
from pipeline.wires.store import Refusal, StoreUnavailableError
from pipeline.worker import BatchLimits, Parts, Patience, Worker
from schemas.alert import Alert
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from schemas.measurement import PIPELINE
from schemas.row import Row
from tests.pipeline.scripted_source import ScriptedSource
from tests.waiting import until

CATALOGUE = shipped_catalogue()
LIMITS = RejectLimits(most_bytes=10**9, keep_ns=10**18, when_full=WhenFull.STOP)
PATIENCE = Patience(again=Backoff(0.001, 0.001), hand_back_s=3_600, metrics_s=3_600)
QUICKLY = BatchLimits(100, 0.001)
HANGS_S = 30
S = 10**9
SPANS = Spans(timeout=60 * S, silent_after=1_200 * S, late_data=6 * 3_600 * S)


class ScriptedStore:
    """Takes rows, unless a fault is next; `gate` closed holds a write up, as a slow server does."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.batches: list[int] = []
        self.faults: deque[StoreUnavailableError] = deque()
        self.reloads = 0
        self.requests = 0
        self.gate = threading.Event()
        self.gate.set()

    def write(self, rows: Sequence[Row]) -> Sequence[Refusal]:
        self.gate.wait(HANGS_S)
        self.requests += 1
        if self.faults:
            raise self.faults.popleft()
        self.rows += rows
        self.batches.append(sum(row.measurement != PIPELINE for row in rows))
        return ()

    def reload(self) -> None:
        self.reloads += 1

    def close(self) -> None:
        """Nothing to let go of."""


class Bench:
    """A worker with everything around it."""

    def __init__(
        self, state: StateFile, limits: BatchLimits, patience: Patience, recording: Recording | None = None
    ) -> None:
        self.source = ScriptedSource()
        self.store = ScriptedStore()
        self.meters = Meters()
        self.told: list[Alert] = []
        self.reports: list[BatchReport] = []
        tracking = Tracking(Derivation(CATALOGUE, SPANS), state)
        decoder = Decoder(CATALOGUE, Redaction(Personal.DROP))
        journey = Journey(decoder, RowMaker(CATALOGUE), self.store, state, tracking)
        self.thread = ThreadPoolExecutor(max_workers=1)
        watch = Watch(self.meters, tracking, OperationalAlerts(Thresholds(3_600 * S, 10**6, 10**6)))
        watch.listen(self.told.extend)
        metrics = SelfMetrics(self.meters, "w")
        parts = Parts(self.source, journey, self.store, self.meters, metrics, self.thread, watch, recording)
        self.may_take = True
        parts = parts._replace(on_batch=self.reports.append, may_take=lambda: self.may_take)
        self.worker = Worker(parts, limits, patience)

    async def acknowledged(self, token: Token) -> None:
        await until(lambda: token in self.source.acknowledged)

    @property
    def times(self) -> list[int]:
        return [row.time for row in self.store.rows if row.measurement != PIPELINE]


@asynccontextmanager
async def working(
    state: StateFile,
    limits: BatchLimits = QUICKLY,
    patience: Patience = PATIENCE,
    recording: Recording | None = None,
    arrange: Callable[[Bench], None] = lambda _: None,
) -> AsyncIterator[Bench]:
    """A worker at work, stopped at the end."""
    bench = Bench(state, limits, patience, recording)
    arrange(bench)
    async with asyncio.timeout(HANGS_S), asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.worker.run())
        try:
            yield bench
        finally:
            bench.store.gate.set()
            await bench.worker.stop()
    bench.thread.shutdown()


def deliveries(count: int, first: int = 0) -> list[Delivery]:
    """Good ones, each of a second of its own."""
    return [
        Delivery(
            "EH000001.O.109",
            {},
            orjson.dumps(
                {"Id": 109, "Timestamp": f"2026-01-01T{n // 3600:02}:{n // 60 % 60:02}:{n % 60:02}Z", "Value": 3}
            ),
            None,
        )
        for n in range(first, first + count)
    ]


def away(words: str = "away", *, needs_operator: bool = False) -> StoreUnavailableError:
    return StoreUnavailableError(words, needs_operator=needs_operator)
