"""Endurance: a crowd that talks evenly for hours, and how a worker is meanwhile.

Owns the crowd's messages, stamped now, and what is measured of a process again and again. Must not know the program but
by its metrics.
"""

import asyncio
import os
import re
import threading
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import aio_pika
from pamqp.commands import Basic

from pipeline.wires.amqp_carried import carried_headers
from schemas.delivery import Delivery
from tests.campaigns.backlog import Command, observation, response
from tests.services.http import request
from tests.services.process import ServiceError

BURST_S = 0.1
CHARGERS = 1_000
COMMANDS_A_SECOND = 2
ANSWER_NS = 300_000_000
BY_TURNS = (0, 2, 3)
READBACK = 1
"""Places of things that a charger says: by turns, and where a command set it."""
MIB = 1 << 20
_BUCKET = re.compile(r'^chargeline_cloud_to_stored_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)

Send = Callable[..., Awaitable[object]]


class Sample(NamedTuple):
    """How a worker is: bytes of memory, open files, bytes in DATA_DIR, CPU seconds so far.

    `stored`  how many messages were stored within so many seconds of their ArrivalTime, so far.
    """

    at_s: float
    resident: int
    files: int
    data_dir: int
    cpu_s: float
    stored: Mapping[float, float]


class Crowd:
    """Publishes so many messages a second, evenly, in a thread of its own while its context is entered.

    They go to the operator's queue; two commands a second are told of on the queue of copies, and answered.
    `late_s` is how far it was behind at most: then the machine, not the worker, is too slow.
    """

    def __init__(self, url: str, queue: str, copies: str, a_second: int) -> None:
        """Nothing is said before the context is entered."""
        self._url, self._queue, self._copies, self._a_second = url, queue, copies, a_second
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._talk()), name="crowd")
        self._answers: list[tuple[int, Delivery]] = []
        self.published = 0
        self.commands = 0
        self.late_s = 0.0

    def __enter__(self) -> Self:
        """Begin to talk."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Fall silent."""
        self._stopping.set()
        self._thread.join()

    async def _talk(self) -> None:
        async with await aio_pika.connect(self._url) as connection:
            channel = await connection.channel(publisher_confirms=False)
            for name in (self._queue, self._copies):
                exchange = await channel.declare_exchange(f"{name}.crowd", aio_pika.ExchangeType.FANOUT)
                await (await channel.declare_queue(name, durable=True)).bind(exchange)
            # The abstract channel does not know `wait`.
            send: Send = (await channel.get_underlay_channel()).basic_publish
            began, turn = time.monotonic(), 0
            while not self._stopping.is_set():
                turn += 1
                await self._burst(send, turn)
                behind_s = time.monotonic() - began - turn * BURST_S
                self.late_s = max(self.late_s, behind_s)
                await asyncio.sleep(max(-behind_s, 0))

    async def _burst(self, send: Send, turn: int) -> None:
        now = time.time_ns()
        due = [answer for at, answer in self._answers if at <= now]
        self._answers = [(at, answer) for at, answer in self._answers if at > now]
        for answer in due:
            await _publish(send, self._queue, answer)
        count = round(self._a_second * BURST_S)
        for number in range(self.published, self.published + count):
            serial = f"EH{number % CHARGERS:06}"
            place = BY_TURNS[number // CHARGERS % len(BY_TURNS)]
            await _publish(send, self._queue, observation(serial, now, place))
        self.published += count + len(due)
        if turn % round(1 / BURST_S / COMMANDS_A_SECOND) == 0:
            self.commands += 1
            command = Command(f"EH{self.commands % CHARGERS:06}", f"c{self.commands}", now, None, is_answered=True)
            await _publish(send, self._copies, command.copy())
            arrives_at = now + ANSWER_NS
            self._answers.append((arrives_at, response(command.serial, 48, now + ANSWER_NS // 3, arrives_at)))
            self._answers.append((arrives_at, observation(command.serial, arrives_at, READBACK)))


async def _publish(send: Send, queue: str, delivery: Delivery) -> None:
    properties = Basic.Properties(headers=carried_headers(delivery.headers), message_id=delivery.message_id)
    await send(
        delivery.body, exchange=f"{queue}.crowd", routing_key=delivery.routing_key, properties=properties, wait=False
    )


def sample(pid: int, url: str, data_dir: Path, began: float) -> Sample | None:
    """How a process is; None where it does not answer just now."""
    with suppress(OSError, ServiceError):
        text = request("GET", f"{url}/metrics", timeout_s=5).body.decode()
        ticks = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return Sample(
            at_s=time.monotonic() - began,
            resident=int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE"),
            files=len(list(Path(f"/proc/{pid}/fd").iterdir())),
            data_dir=sum(file.stat().st_size for file in data_dir.rglob("*") if file.is_file()),
            cpu_s=(int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK"),
            stored={float(bound): float(count) for bound, count in _BUCKET.findall(text)},
        )
    return None


def within_s(before: Sample, after: Sample, share: float) -> float:
    """Within how many seconds this share of what came between two samples was stored, to the next bound."""
    counts = {bound: count - before.stored.get(bound, 0.0) for bound, count in sorted(after.stored.items())}
    wanted = share * max(counts.values(), default=0.0)
    return next((bound for bound, count in counts.items() if count >= wanted), float("inf"))


def told(samples: Sequence[Sample], parts: int) -> list[str]:
    """A line for each part of the time."""
    lines = []
    places = [round(place * (len(samples) - 1) / parts) for place in range(parts + 1)]
    for first, last in pairwise(sorted(set(places))):
        before, after = samples[first], samples[last]
        cpu = (after.cpu_s - before.cpu_s) / (after.at_s - before.at_s)
        lines.append(
            f"{before.at_s / 60:5.1f} to {after.at_s / 60:5.1f} min: {after.resident / MIB:6.1f} MiB, "
            f"{after.files} files open, DATA_DIR {after.data_dir / MIB:5.1f} MiB, {cpu:5.1%} of a core, "
            f"stored within {within_s(before, after, 0.5):g} s (p50), {within_s(before, after, 0.99):g} s (p99)"
        )
    return lines
