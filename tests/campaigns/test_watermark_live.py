"""The traps of the watermark, with a real broker: what must move it, and what must not.

Each test has a command that is answered in time, or is not, and a charger that is heard within SILENT_AFTER, or is not;
the broker and the store are in a state that could be taken for a reason to give them up. What was given up too early
would still be seen at the end: its row is taken back where it stands, and never vanishes.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import aio_pika
import aio_pika.abc
import pytest

from schemas.delivery import Delivery
from schemas.measurement import ALERT, COMMAND_OUTCOME, COMMAND_RESPONSE
from tests.campaigns.backlog import COMMAND_ID, FOREIGN_ID, Command, S, observation, response
from tests.campaigns.running import RunningWorker
from tests.campaigns.stage import QUEUE, Stage
from tests.services.influxdb import InfluxDb
from tests.services.rabbitmq import RabbitMq

pytestmark = pytest.mark.services

SERIAL, QUIET, TALKATIVE = "EH000001", "EH000002", "EH000003"
MINUTE = 60 * S
MANY = 3_000
IN_SMALL_STEPS = {"BATCH": "50"}
ACCEPTED = [("accepted", 0.0)]
TIMED_OUT = [("timed_out", 0.0)]
LOOKS_NS = 6 * S
"""Longer than it takes until the broker is asked for the queue again."""
IN_2099 = "2099-01-01T00:00:00.0000000Z"


@pytest.fixture
def in_sqlite(rabbitmq: RabbitMq, vhost: str, tmp_path: Path) -> Stage:
    """A stage whose rows go to a file."""
    return Stage(tmp_path, rabbitmq, vhost)


@pytest.fixture
def in_influxdb(rabbitmq: RabbitMq, influxdb: InfluxDb, vhost: str, tmp_path: Path) -> Iterator[Stage]:
    """A stage whose rows go to a bucket; the server may be left stopped."""
    influxdb.settle()
    yield Stage(tmp_path, rabbitmq, vhost, influxdb)
    influxdb.settle()


def test_an_empty_queue_moves_it(in_sqlite: Stage) -> None:
    now = time.time_ns()
    command = sent(now - 10 * MINUTE)
    in_sqlite.fill([observation(QUIET, now - 25 * MINUTE), command.copy()])
    with at_work(in_sqlite) as worker:
        worker.until(lambda: bool(ends(in_sqlite)))
    assert ends(in_sqlite) == TIMED_OUT
    assert silences(in_sqlite) == [("charger_silent", QUIET, 1.0)]


def test_prefetch_hides_the_backlog(in_influxdb: Stage, influxdb: InfluxDb) -> None:
    """Nothing is ready in the queue, since all of it is here, and the store is stopped."""
    now = time.time_ns()
    in_influxdb.fill(answered_meanwhile(now))
    influxdb.stop()
    with at_work(in_influxdb, **IN_SMALL_STEPS) as worker:
        worker.until(lambda: is_all_here(worker, MANY))
        influxdb.start()
        worker.until(lambda: is_past_the_end(in_influxdb))
    assert ends(in_influxdb) == ACCEPTED
    assert silences(in_influxdb) == []


def test_it_stands_still_while_we_hold(in_influxdb: Stage, influxdb: InfluxDb, tmp_path: Path) -> None:
    """The token is wrong until long after the deadline of a command that is answered at once."""
    token = tmp_path / "token"
    token.write_text("wrong")
    in_influxdb.fill([observation(TALKATIVE, time.time_ns())])
    others = {**IN_SMALL_STEPS, "COMMAND_TIMEOUT": "2s", "INFLUX_TOKEN": "", "INFLUX_TOKEN_FILE": str(token)}
    with at_work(in_influxdb, **others) as worker:
        worker.until(lambda: worker.metrics().get("chargeline_holding") == 1)
        command = sent(time.time_ns())
        talk = [observation(TALKATIVE, command.published_at + place * S // MANY, place) for place in range(MANY)]
        in_influxdb.fill([command.copy(), *talk, answer(command, S)])
        asked_by = command.published_at + 2 * S + LOOKS_NS
        worker.until(lambda: time.time_ns() > asked_by and is_all_here(worker, MANY))
        in_influxdb.fill([foreign(time.time_ns())])
        token.write_text(influxdb.token)
        worker.until(lambda: is_past_the_end(in_influxdb))
    assert ends(in_influxdb) == ACCEPTED
    assert silences(in_influxdb) == []


async def test_it_stands_still_where_another_consumer_takes_a_part(in_sqlite: Stage) -> None:
    """The answer is with the other one until long after the deadline."""
    now = time.time_ns()
    command = sent(now - 10 * MINUTE)
    await asyncio.to_thread(in_sqlite.fill, [answer(command, 50 * S)])
    other = await take_one(in_sqlite)
    others = [observation(QUIET, now - 25 * MINUTE), command.copy(), observation(TALKATIVE, now)]
    await asyncio.to_thread(in_sqlite.fill, others)
    with at_work(in_sqlite, AMQP_SHARE="on") as worker:
        await asyncio.to_thread(worker.until, lambda: worker.delivered() == 3 and is_looked_at(worker, consumers=2))
        await other.close()
        await asyncio.to_thread(worker.until, lambda: worker.delivered() == 4 and is_looked_at(worker, consumers=1))
        await asyncio.to_thread(in_sqlite.fill, [observation(TALKATIVE, time.time_ns())])
        await asyncio.to_thread(worker.until, lambda: worker.delivered() == 5)
    assert ends(in_sqlite) == ACCEPTED
    assert silences(in_sqlite) == []


def test_an_arrival_in_2099_moves_it_to_its_receipt_at_most(in_sqlite: Stage) -> None:
    now = time.time_ns()
    command = sent(now)
    astray = observation(TALKATIVE, now)._replace(headers={"ArrivalTime": IN_2099})
    in_sqlite.fill([observation(QUIET, now), command.copy(), foreign(now - MINUTE), astray])
    with at_work(in_sqlite) as worker:
        worker.until(lambda: is_past_the_end(in_sqlite))
        assert ends(in_sqlite) == []
        in_sqlite.fill([answer(command, 50 * S), observation(TALKATIVE, time.time_ns())])
        worker.until(lambda: bool(ends(in_sqlite)))
    assert ends(in_sqlite) == ACCEPTED
    assert silences(in_sqlite) == []


def answered_meanwhile(now: int) -> Sequence[Delivery]:
    """A queue in order of ArrivalTime, from 25 minutes ago on.

    A command is answered 50 s after it was sent, and a charger talks every 17 minutes.
    """
    command = sent(now - 10 * MINUTE)
    step = 40 * S // MANY
    talk = [observation(TALKATIVE, command.published_at + place * step, place) for place in range(MANY)]
    begin = [observation(QUIET, now - 25 * MINUTE), command.copy()]
    return [*begin, *talk, answer(command, 50 * S), observation(QUIET, now - 8 * MINUTE), foreign(now)]


def sent(published_at: int) -> Command:
    """A command that somebody sends."""
    return Command(SERIAL, "the one", published_at, None, is_answered=True)


def answer(command: Command, after: int) -> Delivery:
    """Its answer, that many nanoseconds later."""
    return response(command.serial, COMMAND_ID, command.published_at + S // 20, command.published_at + after)


def foreign(at: int) -> Delivery:
    """An answer to a command that nobody here sent: that is known once the watermark is 5 s past it."""
    return response(SERIAL, FOREIGN_ID, at, at)


def is_past_the_end(stage: Stage) -> bool:
    """Whether that is known."""
    rows = stage.read(COMMAND_RESPONSE).values()
    return any(fields.get("command_id") == FOREIGN_ID and fields.get("paired") == 0.0 for fields in rows)


def ends(stage: Stage) -> list[tuple[str, float]]:
    """Every outcome of a command that was ever written, with its flag `refuted`."""
    rows = stage.read(COMMAND_OUTCOME).items()
    return sorted((dict(tags)["outcome"], float(fields["refuted"])) for (_, _, tags, _), fields in rows)


def silences(stage: Stage) -> list[tuple[str, str, float]]:
    """Every silence that was ever written, with its flag `active`."""
    rows = stage.read(ALERT).items()
    found = [(dict(tags)["kind"], serial, float(fields["active"])) for (_, serial, tags, _), fields in rows]
    return sorted(each for each in found if each[0] in ("charger_silent", "fleet_silent"))


def is_all_here(worker: RunningWorker, count: int) -> bool:
    """Whether so many deliveries are here, and the broker has said since that nothing waits."""
    metrics = worker.metrics()
    is_here = metrics.get("chargeline_unacknowledged_messages", 0) >= count
    return is_here and metrics.get("chargeline_backlog_messages") == 0


def is_looked_at(worker: RunningWorker, consumers: int) -> bool:
    """Whether the broker has said that nothing waits, and for how many."""
    metrics = worker.metrics()
    return (metrics.get("chargeline_backlog_messages"), metrics.get("chargeline_queue_consumers")) == (0, consumers)


async def take_one(stage: Stage) -> aio_pika.abc.AbstractConnection:
    """Consume one message of the queue beside others, and keep it until the connection is closed."""
    connection = await aio_pika.connect(stage.rabbitmq.url(vhost=stage.vhost))
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=1)
    taken = asyncio.Event()

    async def take(_: aio_pika.abc.AbstractIncomingMessage) -> None:
        taken.set()

    await (await channel.get_queue(QUEUE)).consume(take)
    await taken.wait()
    return connection


@contextmanager
def at_work(stage: Stage, **settings: str) -> Iterator[RunningWorker]:
    """A worker, which ends in order."""
    worker = RunningWorker(stage.folder, stage.settings(**settings))
    worker.start()
    try:
        worker.until(lambda: bool(worker.metrics()))
        yield worker
        assert worker.end() == 0
    finally:
        worker.kill()
    assert "Traceback" not in worker.log.read_text("utf-8", "replace")
