"""A worker, or all roles, with one promise broken on purpose, to see that the checker finds it.

    python -m tests.torture.sabotage NAME run
    python -m tests.torture.sabotage NAME run --role bridge

Owns what is broken, by patching this process alone. Everything else is `chargeline`.
"""

import asyncio
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from types import MappingProxyType

from pipeline.cli import main as chargeline
from pipeline.core import freshness, rows, watermark
from pipeline.core.atomic_entries import RawEntry
from pipeline.core.bridges import Bridges
from pipeline.core.settlement import Group, Refusals
from pipeline.core.stream_messages import StreamMessage
from pipeline.core.verdict import Action, Verdict
from pipeline.journey import BatchReport, Journey
from pipeline.scale.bridge_lane import Lane, Sent
from pipeline.scale.confirmed_sender import ConfirmedSender
from pipeline.scale.round_plan import RoundPlan
from pipeline.scale.track_partition import TrackPartition
from pipeline.scale.write import Writer
from pipeline.scale.write_load import Load
from pipeline.wires import influx
from pipeline.wires.amqp import AmqpSource
from pipeline.wires.source import Token
from pipeline.wires.store import Refusal
from pipeline.worker import Worker, _Load
from schemas.reject import RejectReason
from schemas.row import Row
from schemas.stream import Tick

ETERNITY_NS = 10**20
ROWS_LATER_S = 1.0


def put(owner: object, name: str, broken: object) -> None:
    """In place of what the program has there."""
    if not hasattr(owner, name):
        raise SystemExit(f"there is no {name} to break any more")
    setattr(owner, name, broken)


def acknowledge_before_write() -> None:
    make_durable = Worker._make_durable

    async def early(self: Worker, load: _Load) -> BatchReport | None:
        if load.token is not None:
            await self._source.acknowledge(load.token)
        return await make_durable(self, load)

    put(Worker, "_make_durable", early)


def no_epochs() -> None:
    """What was taken on a channel that is lost counts as that of the next one."""

    def is_current(self: AmqpSource, _: Token) -> bool:
        return self._epoch is not None

    put(AmqpSource, "is_current", is_current)


def no_bisecting() -> None:
    """Where a store refuses one row, the whole request is given up."""

    def settle(batch: Sequence[Row], _: Sequence[str]) -> Generator[Group, Verdict, Refusals]:
        verdict = yield range(len(batch))
        if verdict.action is Action.ACCEPT:
            return {}
        return dict.fromkeys(range(len(batch)), (RejectReason.STORE, verdict.words))

    put(influx, "settle", settle)


def same_second_falls_together() -> None:
    def stays(observed_at: int, _: int | None, __: int) -> int:
        return observed_at

    put(rows, "spread_stamp", stays)


def state_before_store() -> None:
    """What follows from a batch counts as told before it is written."""
    write = Journey._write

    def early(self: Journey, batch: Sequence[Row]) -> Sequence[Refusal]:
        if self._tracking is not None:
            self._tracking.keep((), 0)
        return write(self, batch)

    put(Journey, "_write", early)


def watermark_unbounded() -> None:
    """It believes the cloud's clock, however far that is ahead of our receipt."""
    for module in (freshness, watermark):
        put(module, "AHEAD_NS", ETERNITY_NS)


def bridge_acknowledges_before_kafka() -> None:
    def early(self: Lane) -> Sequence[Sent]:
        taken = list(self._under_way)
        self._under_way.clear()
        self._unconfirmed = 0
        return taken

    put(Lane, "take_confirmed", early)


def track_keeps_before_rows() -> None:
    """What follows from a round is remembered a while before its rows are sent."""
    intended, send = TrackPartition.intended, ConfirmedSender.send

    def everything(self: TrackPartition) -> Iterator[RawEntry]:
        yield from intended(self)
        yield from self.changes()

    async def later(self: ConfirmedSender, messages: Sequence[StreamMessage]) -> None:
        if messages:
            await asyncio.sleep(ROWS_LATER_S)
        await send(self, messages)

    put(TrackPartition, "intended", everything)
    put(ConfirmedSender, "send", later)
    made = RoundPlan.made

    def soon(self: RoundPlan, partition: int, _: float, partitions: int, now: float) -> None:
        made(self, partition, 0.0, partitions, now)

    # Or rounds that take so long would be made so seldom that no kill falls into one.
    put(RoundPlan, "made", soon)


def track_hears_one_bridge() -> None:
    """Time is what the foremost bridge says."""

    def take(self: Bridges, tick: Tick) -> int | None:
        self._watermark = max(self._watermark or 0, tick.watermark or 0)
        return self._watermark

    put(Bridges, "take", take)


def write_commits_before_write() -> None:
    submit = Writer._submit

    def early(self: Writer, load: Load) -> None:
        submit(self, load)
        self._progress.written(load.batch.ends, load.again)
        self._commit(self._progress.due())

    put(Writer, "_submit", early)


SABOTAGES: Mapping[str, Callable[[], None]] = MappingProxyType(
    {
        "acknowledge_before_write": acknowledge_before_write,
        "no_epochs": no_epochs,
        "no_bisecting": no_bisecting,
        "same_second_falls_together": same_second_falls_together,
        "state_before_store": state_before_store,
        "watermark_unbounded": watermark_unbounded,
        "bridge_acknowledges_before_kafka": bridge_acknowledges_before_kafka,
        "track_keeps_before_rows": track_keeps_before_rows,
        "track_hears_one_bridge": track_hears_one_bridge,
        "write_commits_before_write": write_commits_before_write,
    }
)


if __name__ == "__main__":
    SABOTAGES[sys.argv.pop(1)]()
    chargeline()
