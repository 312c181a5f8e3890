"""One life of `chargeline run --role bridge`, from queue to topics: what it took.

Simulated messages are drained from a queue that was filled before, by one process or by several. CPU time is that of
the processes, user and system and the client library's threads together. Wall time is from the first message that left
the queue until their own counters say that all are acknowledged: the first of two has a head start while the other
connects. Afterwards the topics must hold every message.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from schemas.delivery import Delivery
from schemas.stream import Topic
from tests.bench.cost_table import Life
from tests.bench.queue_watch import QueueWatch
from tests.bench.role_stage import RoleStage
from tests.bench.server_cost import cpu_s_of
from tests.services.fill_queue import fill_queues
from tests.services.kafka import Kafka
from tests.services.process import ServiceError
from tests.services.rabbitmq import RabbitMq

PATIENCE_S = 120.0


class BridgeRing:
    """The broker and Kafka, each with a folder of its name in `folder`, which gets all that a bridge leaves."""

    def __init__(self, folder: Path, rabbitmq: RabbitMq, kafka: Kafka) -> None:
        self._folder = folder
        self._rabbitmq = rabbitmq
        self._kafka = kafka
        self._stage = RoleStage(folder, kafka)

    async def live(self, messages: Sequence[Delivery], count: int) -> Life:
        """One life of so many bridges, on a queue of its own and fresh topics."""
        self._stage.make_topics()
        vhost = self._rabbitmq.add_vhost()
        url = self._rabbitmq.url(vhost=vhost)
        await fill_queues(url, ("Q",), messages)
        settings = {"CHARGELINE_AMQP_URL": url, "CHARGELINE_AMQP_QUEUE": "Q", "CHARGELINE_AMQP_SHARE": "on"}
        before = self._servers()
        try:
            with self._stage.lives("bridge", count, settings) as bridges:

                async def is_done() -> bool:
                    delivered = await asyncio.to_thread(bridges.delivered)
                    return None not in delivered and sum(filter(None, delivered)) == len(messages)

                async def has_begun() -> bool:
                    if messages:
                        return await watch.length() < len(messages)
                    return await watch.consumers() == count

                async with QueueWatch(url, "Q", PATIENCE_S) as watch:
                    began = await watch.until(has_begun, bridges.check)
                    wall_s = await watch.until(is_done, bridges.check) - began
                after = self._servers()
                usage = await asyncio.to_thread(bridges.end)
        finally:
            self._rabbitmq.delete_vhost(vhost)
        kept = sum(self._kafka.count(topic.value) for topic in (Topic.OBSERVATIONS, Topic.RESPONSES, Topic.REJECTS))
        if kept != len(messages):
            raise ServiceError(f"the topics hold {kept} of {len(messages)} messages")
        broker_s, kafka_s = (later - earlier for later, earlier in zip(after, before, strict=True))
        return Life(max(len(messages), 1), 0.0, usage.cpu_s, wall_s, usage.peak_bytes, broker_s, kafka_cpu_s=kafka_s)

    def _servers(self) -> tuple[float, float]:
        return cpu_s_of(self._folder / "rabbitmq"), cpu_s_of(self._folder / "kafka")
