"""The check of a broker, at a real one. What the faults look like to a user: tests/pipeline/cli/test_check.py."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage

from pipeline.check_broker import (
    look_at_backlog,
    look_at_bridges_backlog,
    look_at_broker,
    look_at_commands,
    look_at_copies,
    look_at_sending,
    look_at_user,
)
from pipeline.check_step import Ground, Look, Result
from pipeline.wires.folder_lock import lock_folder
from tests.pipeline.settings_for_tests import settings_in
from tests.services.rabbitmq import RabbitMq, fresh_name

DAY_NS = 86_400 * 10**9


async def look(step: Callable[[Ground], Look | None], folder: Path, now: int = 0, /, **given: str) -> Look:
    found = await asyncio.to_thread(step, Ground(settings_in(folder, **given), lambda: now))
    assert found is not None
    return found


@asynccontextmanager
async def queue_with(rabbitmq: RabbitMq, vhost: str, *, messages: int, consumers: int) -> AsyncIterator[dict[str, str]]:
    """A queue with so many messages and consumers, who leave them alone; the settings that name it."""
    name = fresh_name("queue")
    async with await aio_pika.connect(rabbitmq.url(vhost=vhost)) as connection:
        channel = await connection.channel()
        queue = await channel.declare_queue(name, auto_delete=not consumers)
        for _ in range(consumers):
            await queue.consume(asyncio.Queue[AbstractIncomingMessage]().put)
        for _ in range(messages):
            await channel.default_exchange.publish(aio_pika.Message(b""), name)
        yield {"AMQP_URL": rabbitmq.url(vhost=vhost), "AMQP_QUEUE": name}
        await queue.delete(if_unused=False, if_empty=False)


@pytest.mark.services
@pytest.mark.parametrize(("messages", "found"), [(1, "1 message waits, 0 consumers"), (2, "2 messages wait, 0 c")])
async def test_a_queue_that_nobody_reads(
    tmp_path: Path, rabbitmq: RabbitMq, vhost: str, messages: int, found: str
) -> None:
    async with queue_with(rabbitmq, vhost, messages=messages, consumers=0) as settings:
        for _ in range(2):
            queue = await look(look_at_backlog, tmp_path, **settings)
            assert queue.result is Result.OK
            assert queue.found.startswith(found)


@pytest.mark.services
async def test_somebody_who_consumes_is_a_warning_unless_it_is_our_worker_or_shared(
    tmp_path: Path, rabbitmq: RabbitMq, vhost: str
) -> None:
    async with queue_with(rabbitmq, vhost, messages=0, consumers=1) as settings:
        other = await look(look_at_backlog, tmp_path, **settings)
        shared = await look(look_at_backlog, tmp_path, AMQP_SHARE="on", **settings)
        with lock_folder(tmp_path):
            ours = await look(look_at_backlog, tmp_path, **settings)
            bridge = await look(look_at_bridges_backlog, tmp_path, **settings)
    assert other.result is Result.WARNING
    assert "stand by and take over" in other.todo
    assert "CHARGELINE_AMQP_SHARE=on" in other.todo
    assert (shared.result, ours.result) == (Result.OK, Result.OK)
    assert "would share" in shared.found
    assert "the worker that has DATA_DIR" in ours.found
    assert bridge.result is Result.WARNING
    assert "a bridge would stand by" in bridge.todo


@pytest.mark.services
async def test_two_consumers_are_not_our_worker_alone(tmp_path: Path, rabbitmq: RabbitMq, vhost: str) -> None:
    async with queue_with(rabbitmq, vhost, messages=0, consumers=2) as settings:
        with lock_folder(tmp_path):
            assert (await look(look_at_backlog, tmp_path, **settings)).result is Result.WARNING


@pytest.mark.services
@pytest.mark.parametrize(
    ("days", "result"), [(15, Result.OK), (14, Result.OK), (13, Result.WARNING), (0, Result.WARNING)]
)
async def test_a_certificate_that_ends_soon_is_a_warning(
    tmp_path: Path, rabbitmq: RabbitMq, vhost: str, days: int, result: Result
) -> None:
    settings = {
        "AMQP_URL": rabbitmq.url(vhost=vhost, tls=True),
        "AMQP_CA_FILE": str(rabbitmq.authority),
        "AMQP_QUEUE": "q",
    }
    end = int(datetime(3000, 1, 1, tzinfo=UTC).timestamp()) * 10**9
    broker = await look(look_at_broker, tmp_path, end - days * DAY_NS, **settings)
    assert broker.result is result
    assert "valid until 3000-01-01" in broker.found
    assert ("renew" in broker.todo) == (result is Result.WARNING)


@pytest.mark.services
async def test_without_tls_is_a_warning(tmp_path: Path, rabbitmq: RabbitMq, vhost: str) -> None:
    broker = await look(look_at_broker, tmp_path, AMQP_URL=rabbitmq.url(vhost=vhost), AMQP_QUEUE="q")
    assert broker.result is Result.WARNING
    assert "amqps://" in broker.todo


@pytest.mark.services
async def test_a_vhost_that_is_not_there(tmp_path: Path, rabbitmq: RabbitMq) -> None:
    login = await look(look_at_user, tmp_path, AMQP_URL=rabbitmq.url(vhost="nowhere"), AMQP_QUEUE="q")
    assert login.result is Result.FAILED
    assert "vhost nowhere" in login.tried
    assert login.found == "the broker knows this user, and does not open the vhost"


def test_an_exchange_that_is_not_named_is_no_step(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, AMQP_URL="amqp://u:p@127.0.0.1:1/", AMQP_QUEUE="q")
    assert look_at_commands(Ground(settings, lambda: 0)) is None


async def test_settings_that_name_no_broker(tmp_path: Path) -> None:
    broker = await look(look_at_broker, tmp_path)
    assert broker.result is Result.FAILED
    assert "CHARGELINE_AMQP_URL and CHARGELINE_AMQP_QUEUE must be set" in broker.found


async def test_a_ca_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="CHARGELINE_AMQP_CA_FILE"):
        await look(
            look_at_broker,
            tmp_path,
            AMQP_URL="amqps://u:p@127.0.0.1:1/",
            AMQP_QUEUE="q",
            AMQP_CA_FILE=str(tmp_path / "x"),
        )


async def test_copies_and_sending_are_no_steps_where_nobody_asked_for_them(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, AMQP_URL="amqp://u:p@127.0.0.1:1/", AMQP_QUEUE="q")
    ground = Ground(settings, lambda: 0)
    assert (look_at_copies(ground), look_at_sending(ground)) == (None, None)


@pytest.mark.services
async def test_a_queue_of_copies_is_looked_at_where_it_is_named(tmp_path: Path, rabbitmq: RabbitMq, vhost: str) -> None:
    async with queue_with(rabbitmq, vhost, messages=2, consumers=0) as settings:
        there = await look(look_at_copies, tmp_path, **settings, COMMAND_QUEUE=settings["AMQP_QUEUE"])
        missing = await look(look_at_copies, tmp_path, **settings, COMMAND_QUEUE="nowhere")
    assert (there.result, there.found) == (Result.OK, "is there; 2 copies wait")
    assert missing.result is Result.FAILED
    assert "CHARGELINE_COMMAND_QUEUE" in missing.todo


async def test_sending_needs_a_name_and_an_exchange(tmp_path: Path) -> None:
    broker = {"AMQP_URL": "amqp://u:p@127.0.0.1:1/", "AMQP_QUEUE": "q", "HTTP_TOKEN": "a-token"}
    wrong = await look(look_at_sending, tmp_path, **broker)
    assert wrong.result is Result.FAILED
    assert "CHARGELINE_OPERATOR must be set" in wrong.found
    assert "CHARGELINE_AMQP_EXCHANGE must be set" in wrong.found
    right = await look(look_at_sending, tmp_path, **broker, OPERATOR="Acme", AMQP_EXCHANGE="x")
    assert (right.result, right.found.partition(",")[0]) == (Result.OK, "as Acme.Easee")
