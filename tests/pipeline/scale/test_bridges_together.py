"""Several bridges on one queue, with lost channels and dead processes: the watermark of all never says too much.

The broker is a model: it hands out in order, puts what was not acknowledged back to the front, and notices a dead
consumer after a while. What bridges say of themselves and what is made of it are the program's own.
"""

from collections import deque
from random import Random
from typing import NamedTuple

import pytest

from pipeline.core.bridges import MARGIN_NS, Bridges
from pipeline.scale.bridge_progress import BridgeProgress
from pipeline.wires.source import QueueAnswer, SourceState, SourceStatus, Token

S = 10**9
T = 1_780_000_000 * S
NOTICES_AT_MOST_S = 60
LAG_S = 8
QUIET_S = 2 * NOTICES_AT_MOST_S + MARGIN_NS // S


class Waiting(NamedTuple):
    """A message in the queue: when it reached the cloud, and whether it was delivered before."""

    at: int
    is_again: bool


class Held(NamedTuple):
    """A delivery: its tag, and when it reached the bridge."""

    message: Waiting
    tag: int
    received_at: int


class Bridge:
    """One process: its channel, and what it holds unacknowledged, in order."""

    def __init__(self, name: str) -> None:
        self.progress = BridgeProgress(name)
        self.epoch = 1
        self.tag = 0
        self.held: deque[Held] = deque()


class Broker:
    """The queue, its consumers, and what has reached Kafka."""

    def __init__(self, random: Random, count: int) -> None:
        self.random = random
        self.now = T
        self.queue: deque[Waiting] = deque()
        self.published: list[int] = []
        self.in_kafka: set[int] = set()
        self.alive = [self._new() for _ in range(count)]
        self.dead: list[tuple[int, Bridge]] = []
        self.together = Bridges()

    def second(self, *, has_faults: bool) -> None:
        """All that happens within a second."""
        random = self.random
        self.now += S
        for number in range(random.randint(0, 3)):
            self.published.append(self.now + number)
            self.queue.append(Waiting(self.now + number, is_again=False))
        self._notice_deaths()
        for bridge in list(self.alive):
            if has_faults and random.random() < 0.02:
                self._lose(bridge)
            elif has_faults and random.random() < 0.02:
                self.alive.remove(bridge)
                self.dead.append((self.now + random.randint(0, NOTICES_AT_MOST_S) * S, bridge))
                self.alive.append(self._new())
        for bridge in random.sample(self.alive, len(self.alive)):
            self._deliver(bridge, random.randint(0, 4) if has_faults else 100)
            # Kafka is slow now and then, for one of them or for all.
            self._confirm(bridge, random.choice([0, 1, 4]) if has_faults else 100)
            self._look(bridge)
            self.together = Bridges.from_bytes(self.together.to_bytes())
            self.together.take(bridge.progress.tick(self.now))
            self._judge()

    def _judge(self) -> None:
        watermark = self.together.watermark
        if watermark is not None:
            missing = [at for at in self.published if at < watermark and at not in self.in_kafka]
            assert missing == [], f"{len(missing)} messages from before the watermark are not in Kafka"

    def _new(self) -> Bridge:
        return Bridge(f"bridge-{self.random.getrandbits(64):x}")

    def _deliver(self, bridge: Bridge, most: int) -> None:
        for _ in range(min(most, len(self.queue))):
            bridge.tag += 1
            bridge.held.append(Held(self.queue.popleft(), bridge.tag, self.now))

    def _confirm(self, bridge: Bridge, most: int) -> None:
        for _ in range(min(most, len(bridge.held))):
            message, tag, received_at = bridge.held.popleft()
            self.in_kafka.add(message.at)
            fresh_at = None if message.is_again else received_at
            bridge.progress.confirmed(Token(bridge.epoch, tag), message.at, fresh_at)

    def _look(self, bridge: Bridge) -> None:
        consumers = len(self.alive) + len(self.dead)
        answer = QueueAnswer(self.now, len(self.queue), consumers, bridge.epoch, bridge.tag, self.now)
        bridge.progress.look(SourceStatus(SourceState.CONSUMING, "", 0, consumers, 0, 100, 1, 0, answer))

    def _lose(self, bridge: Bridge) -> None:
        """Its channel is closed, and a new one opened."""
        self._put_back(bridge)
        bridge.epoch += 1
        bridge.tag = 0

    def _notice_deaths(self) -> None:
        for entry in [entry for entry in self.dead if entry[0] <= self.now]:
            self.dead.remove(entry)
            self._put_back(entry[1])

    def _put_back(self, bridge: Bridge) -> None:
        for held in reversed(bridge.held):
            self.queue.appendleft(held.message._replace(is_again=True))
        bridge.held.clear()


@pytest.mark.parametrize("count", [1, 2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_nothing_before_the_watermark_is_missing_and_it_goes_on_after_faults(count: int, seed: int) -> None:
    broker = Broker(Random(seed), count)
    for _ in range(600):
        broker.second(has_faults=True)
    for _ in range(QUIET_S):
        broker.second(has_faults=False)
    assert broker.together.watermark is not None
    assert broker.now - broker.together.watermark <= LAG_S * S
