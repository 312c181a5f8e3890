"""What a worker needs for commands, as the settings ask, against a real broker."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import aio_pika
import pytest
from pamqp.common import FieldTable

from pipeline.assembly import open_parts
from pipeline.broker import read_broker
from pipeline.command_parts import make_copies, open_desk
from pipeline.core.command_life import CommandState
from pipeline.core.decode_command import PUBLISHED_AT
from pipeline.core.encode_command import check_command
from pipeline.journey import BatchReport
from pipeline.meters import Meters
from pipeline.settings import Settings, load_settings
from pipeline.wires.command_desk import CommandRequest
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from tests.services.rabbitmq import RabbitMq
from tests.waiting import until

EXCHANGE = "Operator_1.C.X"
COPIES = "copies"


def settings_at(folder: Path, url: str, **others: str) -> Settings:
    given = {
        "AMQP_URL": url,
        "AMQP_QUEUE": "Operator_1.Q",
        "AMQP_EXCHANGE": EXCHANGE,
        "DATA_DIR": str(folder / "data"),
        "OPERATOR": "Acme",
        **others,
    }
    return load_settings({f"CHARGELINE_{name}": value for name, value in given.items()})


@asynccontextmanager
async def exchange_at(url: str) -> AsyncIterator[None]:
    """An exchange, all of whose commands come to the queue of copies."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        exchange = await channel.declare_exchange(EXCHANGE, aio_pika.ExchangeType.TOPIC, durable=True)
        queue = await channel.declare_queue(COPIES, durable=True)
        await queue.bind(exchange, "#")
        yield


def test_without_a_queue_there_are_no_copies(tmp_path: Path) -> None:
    settings = settings_at(tmp_path, "amqp://me:secret@localhost/")
    with open_parts(settings, now=1) as opened, ThreadPoolExecutor() as thread:
        assert make_copies(settings, opened.journey, Meters(), thread, "x", lambda _: None, lambda: True) is None


@pytest.mark.services
async def test_a_command_of_ours_that_comes_back_as_a_copy_is_the_same_one(
    rabbitmq: RabbitMq, vhost: str, tmp_path: Path
) -> None:
    settings = settings_at(tmp_path, rabbitmq.url(vhost=vhost), COMMAND_QUEUE=COPIES)
    noted: list[Delivery] = []
    reports: list[BatchReport] = []
    meters = Meters()
    with open_parts(settings, now=1) as opened, ThreadPoolExecutor(max_workers=1) as thread:
        copies = make_copies(settings, opened.journey, meters, thread, "x", reports.append, lambda: True)
        assert copies is not None
        async with (
            asyncio.timeout(60),
            exchange_at(rabbitmq.url(vhost=vhost)),
            open_desk(settings, opened.tracking, lambda: read_broker(settings), "x", noted.append, str) as desk,
        ):
            command = check_command(shipped_catalogue(), "EH1", "48", ("13", "5"), now=0)
            sent = await desk.send(CommandRequest(command, "m", ""))
            assert sent.state is CommandState.PUBLISHED
            reading = asyncio.create_task(copies.run())
            # Without ArrivalTime or PublishedAt nobody could say when a copy was published: a reject, by its name.
            await until(lambda: meters.snapshot().counts.rejected == 1)
            async with await aio_pika.connect(rabbitmq.url(vhost=vhost)) as connection:
                channel = await connection.channel()
                headers: FieldTable = {PUBLISHED_AT: str(noted[0].headers[PUBLISHED_AT])}
                message = aio_pika.Message(noted[0].body, headers=headers, message_id="m")
                await channel.default_exchange.publish(message, COPIES)
                await (await channel.get_exchange(EXCHANGE)).publish(message, noted[0].routing_key)
            await until(lambda: meters.snapshot().counts.commands == 1)
            assert len(await desk.list(open_only=False, limit=10)) == 1
            assert sum(report.commands for report in reports) == 1
            await copies.stop()
            await reading
