"""A worker with one promise broken on purpose, to see that the checker finds it.

    python -m tests.torture.sabotage NAME run

Owns what is broken, by patching this process alone. Everything else is `chargeline`.
"""

import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from types import MappingProxyType

from pipeline.cli import main as chargeline
from pipeline.core import freshness, rows, watermark
from pipeline.core.settlement import Group, Refusals
from pipeline.core.verdict import Action, Verdict
from pipeline.journey import BatchReport, Journey
from pipeline.wires import influx
from pipeline.wires.amqp import AmqpSource
from pipeline.wires.source import Token
from pipeline.wires.store import Refusal
from pipeline.worker import Worker, _Load
from schemas.reject import RejectReason
from schemas.row import Row

ETERNITY_NS = 10**20


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


SABOTAGES: Mapping[str, Callable[[], None]] = MappingProxyType(
    {
        "acknowledge_before_write": acknowledge_before_write,
        "no_epochs": no_epochs,
        "no_bisecting": no_bisecting,
        "same_second_falls_together": same_second_falls_together,
        "state_before_store": state_before_store,
        "watermark_unbounded": watermark_unbounded,
    }
)


if __name__ == "__main__":
    SABOTAGES[sys.argv.pop(1)]()
    chargeline()
