"""`chargeline simulate` as a user runs it, against a real broker: its ends, its record, and what it refuses."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage

from pipeline.cli.simulate import Ending, progress_line
from pipeline.replay_lines import from_line
from pipeline.simulate import Counts
from schemas.delivery import Delivery
from tests.services.rabbitmq import RabbitMq, fresh_name

PROGRAM = [sys.executable, "-c", "from pipeline.cli import main; main()", "simulate"]
S = 1_000_000_000


@pytest.fixture
def environ(rabbitmq: RabbitMq, vhost: str) -> Mapping[str, str]:
    name = fresh_name("Operator")
    return {
        **bare_environment(),
        "CHARGELINE_AMQP_URL": rabbitmq.url(vhost=vhost),
        "CHARGELINE_AMQP_QUEUE": f"{name}.Q",
        "CHARGELINE_AMQP_EXCHANGE": f"{name}.C.X",
    }


def bare_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")}


def simulate(folder: Path, environ: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *arguments], cwd=folder, env=environ, capture_output=True, text=True, check=False)


def arrived(environ: Mapping[str, str]) -> list[Delivery]:
    """Everything that is in the queue, without the ids that aiormq makes up."""

    async def take() -> list[Delivery]:
        async with await aio_pika.connect(environ["CHARGELINE_AMQP_URL"]) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(environ["CHARGELINE_AMQP_QUEUE"], passive=True)
            count = queue.declaration_result.message_count or 0
            messages = [await queue.get(no_ack=True) for _ in range(count)]
        return [Delivery(each.routing_key or "", each.headers, each.body, None) for each in messages]

    return asyncio.run(take())


@contextmanager
def running(folder: Path, environ: Mapping[str, str], *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command, which has published something when this begins."""

    async def wait_for_a_message() -> None:
        async with await aio_pika.connect(environ["CHARGELINE_AMQP_URL"]) as connection:
            channel = await connection.channel()
            # Declared as the command does it, so it does not matter who is first.
            inlet = await channel.declare_exchange(
                f"{environ['CHARGELINE_AMQP_QUEUE']}.simulated", aio_pika.ExchangeType.TOPIC, durable=True
            )
            copies = await channel.declare_queue(exclusive=True)
            await copies.bind(inlet, "#")
            came = asyncio.Queue[AbstractIncomingMessage]()
            await copies.consume(came.put, no_ack=True)
            process.append(_start(folder, environ, *arguments))
            await asyncio.wait_for(came.get(), 60)

    process: list[subprocess.Popen[str]] = []
    try:
        asyncio.run(wait_for_a_message())
        yield process[0]
    finally:
        for each in process:
            each.kill()
            each.communicate()


def _start(folder: Path, environ: Mapping[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, *arguments], cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.services
def test_so_many_messages_are_published_and_recorded(tmp_path: Path, environ: Mapping[str, str]) -> None:
    done = simulate(
        tmp_path, environ, "--count", "700", "--rate", "1e6", "--quirks", "all", "--record", "stream.jsonl", "--json"
    )
    assert (done.returncode, done.stderr) == (0, "")
    summary = json.loads(done.stdout)
    assert summary["published"] == 700
    assert summary["queue"] == environ["CHARGELINE_AMQP_QUEUE"]
    recorded = [from_line(line) for line in (tmp_path / "stream.jsonl").read_bytes().splitlines()]
    assert [each._replace(received_at=None) for each in recorded] == arrived(environ)


@pytest.mark.services
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_a_signal_ends_it_with_a_summary(
    tmp_path: Path, environ: Mapping[str, str], number: signal.Signals, code: int
) -> None:
    with running(tmp_path, environ, "--speed", "60", "--record", "stream.jsonl") as process:
        process.send_signal(number)
        output, errors = process.communicate()
        assert (process.returncode, errors) == (code, "")
    found = arrived(environ)
    assert output.startswith(f"published  {len(found)}, ")
    assert len((tmp_path / "stream.jsonl").read_bytes().splitlines()) == len(found)


@pytest.mark.services
def test_commands_are_answered(tmp_path: Path, environ: Mapping[str, str]) -> None:
    async def command_and_answer() -> None:
        async with await aio_pika.connect(environ["CHARGELINE_AMQP_URL"]) as operator:
            channel = await operator.channel(on_return_raises=True)
            copies = await channel.declare_queue(exclusive=True)
            await copies.bind(f"{environ['CHARGELINE_AMQP_QUEUE']}.simulated", "EH000001.CR.48")
            exchange = await channel.get_exchange(environ["CHARGELINE_AMQP_EXCHANGE"])
            body = b'{"Id": 48, "Arguments": [{"Id": 1, "Value": "10"}, {"Id": 2, "Value": "60"}]}'
            answers = asyncio.Queue[AbstractIncomingMessage]()
            await copies.consume(answers.put, no_ack=True)
            await exchange.publish(aio_pika.Message(body), "EH000001.C.48")
            await asyncio.wait_for(answers.get(), 60)

    with running(tmp_path, environ, "--quirks", "none", "--json") as process:
        asyncio.run(command_and_answer())
        process.send_signal(signal.SIGTERM)
        summary = json.loads(process.communicate()[0])
    assert (summary["commands"], summary["understood"]) == (1, 1)


@pytest.mark.services
def test_a_queue_of_somebody_else_is_refused(tmp_path: Path, environ: Mapping[str, str]) -> None:
    async def declare() -> None:
        async with await aio_pika.connect(environ["CHARGELINE_AMQP_URL"]) as connection:
            await (await connection.channel()).declare_queue(environ["CHARGELINE_AMQP_QUEUE"], durable=True)

    asyncio.run(declare())
    done = simulate(tmp_path, environ, "--count", "5")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: amqp")
    assert "no simulator declared it" in done.stderr
    assert arrived(environ) == []


@pytest.mark.services
def test_a_record_that_is_there_already_is_left_as_it_is(tmp_path: Path, environ: Mapping[str, str]) -> None:
    (tmp_path / "stream.jsonl").write_text("precious")
    done = simulate(tmp_path, environ, "--count", "5", "--record", "stream.jsonl")
    assert done.returncode == 1
    assert done.stderr.startswith("Error: stream.jsonl: File exists")
    assert (tmp_path / "stream.jsonl").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "given", "words"),
    [
        ([], {}, "CHARGELINE_AMQP_URL and CHARGELINE_AMQP_QUEUE must be set"),
        (["--rate", "5", "--speed", "5"], {}, "leave one of them away"),
        (["--count", "0"], {}, "--count"),
        (["--rate", "0"], {}, "--rate"),
        (["--duration", "soon"], {}, "must be"),
        (["--quirks", "some"], {}, "everyday"),
    ],
)
def test_wrong_usage_ends_with_exit_code_2(
    tmp_path: Path, arguments: list[str], given: Mapping[str, str], words: str
) -> None:
    done = simulate(tmp_path, {**bare_environment(), **given}, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broker_that_is_not_there_is_said_in_words(tmp_path: Path) -> None:
    given = {"CHARGELINE_AMQP_URL": "amqp://guest:secret-word@127.0.0.1:1", "CHARGELINE_AMQP_QUEUE": "q"}
    done = simulate(tmp_path, {**bare_environment(), **given})
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("see that the broker runs, and host and port")
    assert "secret-word" not in done.stderr
    assert "Traceback" not in done.stderr


def test_progress_is_one_line() -> None:
    counts = Counts(due=5_000, commands=2, understood=1, began_at=0, fleet_at=1_748_772_000 * S, elapsed=2 * S)
    assert progress_line(counts, 4_000) == ("4,000 published, 2,000 a second, 2 commands, fleet at 2025-06-01T10:00:00")


def test_a_second_signal_does_not_wait() -> None:
    async def ask_twice() -> tuple[bool, bool]:
        task = asyncio.create_task(asyncio.Event().wait())
        ending = Ending(task)
        ending.ask(signal.SIGTERM)
        is_waited_for = not task.cancelling()
        ending.ask(signal.SIGINT)
        assert ending.signal is signal.SIGTERM
        return is_waited_for, task.cancelling() > 0

    assert asyncio.run(ask_twice()) == (True, True)
