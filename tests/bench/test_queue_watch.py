"""Watching a queue at a real broker."""

import pytest

from tests.bench.queue_watch import QueueWatch
from tests.pipeline.wires.queue_reading import QUEUE, numbered, publish
from tests.services.rabbitmq import RabbitMq

pytestmark = pytest.mark.services


async def test_its_length_and_its_consumers_are_seen(rabbitmq: RabbitMq, vhost: str) -> None:
    url = rabbitmq.url(vhost=vhost)
    await publish(url, numbered(3))
    async with QueueWatch(url, QUEUE, 0.1) as watch:
        assert await watch.length() == 3
        assert await watch.consumers() == 0

        async def is_empty() -> bool:
            return await watch.length() == 0

        with pytest.raises(TimeoutError):
            await watch.until(is_empty, lambda: None)
