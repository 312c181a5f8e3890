"""`chargeline check` against real servers: each thing that can be wrong is named, with what to do, and ends with 3."""

import asyncio
from pathlib import Path
from urllib.parse import quote

import aio_pika
import orjson
import pytest
from aio_pika.abc import AbstractIncomingMessage
from click.testing import CliRunner, Result

from pipeline.check import STEPS, STEPS_OF
from pipeline.cli.check import command
from tests.pipeline.scale.bridging import make_topics
from tests.services.certificates import Shown
from tests.services.influxdb import InfluxDb
from tests.services.kafka import Kafka
from tests.services.rabbitmq import RabbitMq, fresh_name

pytestmark = pytest.mark.services

QUEUE = "Operator_1.Q"
SECRET = "hidden/word"


def check(folder: Path, *words: str, **settings: str) -> Result:
    # Without HTTP: whether its usual address is free is this machine's affair.
    given = {"DATA_DIR": str(folder / "data"), "HTTP": "off", **settings}
    environ = {f"CHARGELINE_{name}": value for name, value in given.items()}
    result = CliRunner().invoke(command, words, env=environ, catch_exceptions=False)
    assert SECRET not in result.output
    assert "hidden%2Fword" not in result.output
    return result


def line_of(result: Result, beginning: str) -> str:
    """The line that begins so, and what to do about it."""
    lines = result.stdout.splitlines()
    (place,) = [place for place, line in enumerate(lines) if line.startswith(beginning)]
    todo = lines[place + 1] if place + 1 < len(lines) and lines[place + 1].startswith("         ->") else ""
    return f"{lines[place]}{todo}"


@pytest.fixture
def operator(rabbitmq: RabbitMq, vhost: str, influxdb: InfluxDb, bucket: str) -> dict[str, str]:
    """Settings with which everything is right: TLS, a queue, an exchange, and a bucket."""
    user = fresh_name("operator")
    rabbitmq.add_user(user, SECRET, vhost)

    async def declare() -> None:
        async with await aio_pika.connect(rabbitmq.url(vhost=vhost)) as connection:
            channel = await connection.channel()
            await channel.declare_queue(QUEUE, durable=True)
            await channel.declare_exchange("Operator_1.C.X", "topic", durable=True)

    asyncio.run(declare())
    return {
        "AMQP_URL": rabbitmq.url(user, SECRET, vhost, tls=True),
        "AMQP_CA_FILE": str(rabbitmq.authority),
        "AMQP_QUEUE": QUEUE,
        "AMQP_EXCHANGE": "Operator_1.C.X",
        "INFLUX_URL": influxdb.url,
        "INFLUX_TOKEN": influxdb.token,
        "INFLUX_ORG": influxdb.org,
        "INFLUX_BUCKET": bucket,
    }


def test_all_is_well(tmp_path: Path, operator: dict[str, str]) -> None:
    result = check(tmp_path, **operator)
    assert result.exit_code == 0
    assert "failed" not in result.stdout
    assert "its certificate is trusted, and valid until 3000-01-01" in result.stdout
    assert line_of(result, "ok       login as operator").endswith(": accepted")
    assert line_of(result, "ok       queue").endswith("0 messages wait, 0 consumers")
    assert line_of(result, "ok       exchange").endswith("is there")
    assert "answers, version 2." in line_of(result, "ok       InfluxDB")
    assert line_of(result, "ok       bucket").endswith("takes rows with this token")
    assert line_of(result, "ok       retention of bucket").endswith("keeps rows for ever")
    assert "agrees with InfluxDB's to a second" in line_of(result, "ok       clock")


def test_json_has_the_same(tmp_path: Path, operator: dict[str, str]) -> None:
    findings = orjson.loads(check(tmp_path, "--json", **operator).stdout)
    assert {finding["result"] for finding in findings} == {"ok"}
    asked = [step.name for step in STEPS[:-1] if step.name not in ("copies", "sending", "fleet")]
    assert [finding["step"] for finding in findings] == ["settings", *asked]
    assert findings[0].keys() == {"step", "result", "tried", "found", "todo"}


def test_wrong_settings_are_findings_and_nothing_is_tried(tmp_path: Path) -> None:
    result = check(tmp_path, AMQP_URL=f"http://u:{SECRET}@h", BATCH="0", BACH="1")
    assert result.exit_code == 3
    lines = result.stdout.splitlines()
    assert len([line for line in lines if line.startswith("failed   settings: CHARGELINE_")]) == 3
    assert len([line for line in lines if line.startswith("skipped")]) == len(STEPS)
    assert not (tmp_path / "data").exists()


def test_nothing_colours_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "\x1b[31m").touch()
    result = check(tmp_path, DATA_DIR=str(tmp_path / "\x1b[31m" / "data"))
    assert result.exit_code == 3
    assert "\x1b" not in result.stdout
    assert r"\x1b[31m is no folder" in line_of(result, "failed   DATA_DIR")


def test_an_env_file(tmp_path: Path) -> None:
    url = f"amqp://u:{quote(SECRET, safe='')}@127.0.0.1:1/"
    (tmp_path / "env").write_text(f"CHARGELINE_AMQP_URL={url}\nCHARGELINE_AMQP_QUEUE=q\n")
    (tmp_path / "env").chmod(0o644)
    result = check(tmp_path, "--env-file", str(tmp_path / "env"))
    assert result.exit_code == 3
    assert "is open to others" in line_of(result, "warning  settings")
    assert line_of(result, "failed   broker 127.0.0.1:1")


def test_no_broker(tmp_path: Path) -> None:
    result = check(tmp_path, AMQP_URL="amqp://u:p@127.0.0.1:1/", AMQP_QUEUE=QUEUE)
    assert result.exit_code == 3
    assert "connection refused: nobody listens there" in line_of(result, "failed   broker 127.0.0.1:1")
    assert "see that the broker runs" in line_of(result, "failed   broker 127.0.0.1:1")
    assert "because of: broker" in line_of(result, "skipped  login")
    assert "SQLite" in result.stdout


def test_a_wrong_password(tmp_path: Path, operator: dict[str, str]) -> None:
    wrong = {**operator, "AMQP_URL": operator["AMQP_URL"].replace("hidden%2Fword", "wrong")}
    result = check(tmp_path, **wrong)
    assert result.exit_code == 3
    assert "Login was refused" in line_of(result, "failed   login")
    assert "see user and password" in line_of(result, "failed   login")
    assert line_of(result, "skipped  queue")


def test_a_wrong_queue(tmp_path: Path, operator: dict[str, str]) -> None:
    result = check(tmp_path, **{**operator, "AMQP_QUEUE": "Operator_2.Q"})
    assert result.exit_code == 3
    assert line_of(result, "ok       exchange")
    assert "no queue 'Operator_2.Q'" in line_of(result, "failed   queue Operator_2.Q")
    assert "CHARGELINE_AMQP_QUEUE" in line_of(result, "failed   queue Operator_2.Q")


def test_a_wrong_exchange(tmp_path: Path, operator: dict[str, str]) -> None:
    result = check(tmp_path, **{**operator, "AMQP_EXCHANGE": "nowhere"})
    assert result.exit_code == 3
    assert "CHARGELINE_AMQP_EXCHANGE" in line_of(result, "failed   exchange nowhere")


async def test_somebody_else_consuming(
    tmp_path: Path, rabbitmq: RabbitMq, vhost: str, operator: dict[str, str]
) -> None:
    async with await aio_pika.connect(rabbitmq.url(vhost=vhost)) as connection:
        queue = await (await connection.channel()).get_queue(QUEUE)
        await queue.consume(asyncio.Queue[AbstractIncomingMessage]().put, exclusive=True)
        result = await asyncio.to_thread(check, tmp_path, **operator)
        shared = await asyncio.to_thread(check, tmp_path, AMQP_SHARE="on", **operator)
    assert result.exit_code == 0
    assert "1 consumer" in line_of(result, "warning  queue")
    assert "would stand by" in line_of(result, "warning  queue")
    assert "would share" in line_of(shared, "ok       queue")


def test_a_wrong_token(tmp_path: Path, operator: dict[str, str]) -> None:
    result = check(tmp_path, **{**operator, "INFLUX_TOKEN": "wrong"})
    assert result.exit_code == 3
    assert "unauthorized" in line_of(result, "failed   bucket")
    assert "CHARGELINE_INFLUX_TOKEN" in line_of(result, "failed   bucket")


def test_no_influxdb(tmp_path: Path, operator: dict[str, str]) -> None:
    result = check(tmp_path, **{**operator, "INFLUX_URL": "http://127.0.0.1:1"})
    assert result.exit_code == 3
    assert "Connection refused" in line_of(result, "failed   InfluxDB http://127.0.0.1:1")
    assert "CHARGELINE_INFLUX_URL" in line_of(result, "failed   InfluxDB http://127.0.0.1:1")
    assert "because of: store" in line_of(result, "skipped  bucket")
    assert "because of: store" in line_of(result, "skipped  clock")


def test_a_wrong_organisation(tmp_path: Path, operator: dict[str, str]) -> None:
    result = check(tmp_path, **{**operator, "INFLUX_ORG": "nobodys"})
    assert result.exit_code == 3
    assert "CHARGELINE_INFLUX_ORG" in line_of(result, "failed   bucket")


def test_a_wrong_bucket(tmp_path: Path, operator: dict[str, str]) -> None:
    result = check(tmp_path, **{**operator, "INFLUX_BUCKET": "nowhere"})
    assert result.exit_code == 3
    assert 'bucket "nowhere" not found' in line_of(result, "failed   bucket")
    assert "CHARGELINE_INFLUX_BUCKET" in line_of(result, "failed   bucket")


@pytest.mark.parametrize(("shown", "words"), [(Shown.EXPIRED, "expired"), (Shown.OTHER_HOST, "address mismatch")])
def test_a_certificate_that_is_not_to_be_trusted(
    tmp_path: Path, rabbitmq: RabbitMq, operator: dict[str, str], shown: Shown, words: str
) -> None:
    with rabbitmq.showing(shown):
        result = check(tmp_path, **operator)
    assert result.exit_code == 3
    assert words in line_of(result, "failed   broker")
    assert "CHARGELINE_AMQP_CA_FILE" in line_of(result, "failed   broker")


def test_a_certificate_of_an_unknown_authority(tmp_path: Path, operator: dict[str, str]) -> None:
    del operator["AMQP_CA_FILE"]
    result = check(tmp_path, **operator)
    assert result.exit_code == 3
    assert "self-signed" in line_of(result, "failed   broker") or "local issuer" in line_of(result, "failed   broker")


def test_every_role_can_be_named_and_a_kafka_that_is_away_is_told(tmp_path: Path) -> None:
    (option,) = [each for each in command.params if each.name == "role"]
    assert list(STEPS_OF) == list(getattr(option.type, "choices", ()))
    for role in ("bridge", "track", "write"):
        result = check(tmp_path, "--role", role, KAFKA_BROKERS="127.0.0.1:1")
        assert result.exit_code == 3
        assert "see that Kafka runs" in line_of(result, "failed   Kafka 127.0.0.1:1")
        assert "because of: kafka" in line_of(result, "skipped  topics")


def test_roles_with_all_they_need(tmp_path: Path, operator: dict[str, str], kafka: Kafka) -> None:
    make_topics(kafka)
    plan = {"KAFKA_BROKERS": kafka.brokers, "KAFKA_PARTITIONS": "3", "KAFKA_REPLICATION": "1", "KAFKA_RETENTION": "1d"}
    for role in ("bridge", "track", "write"):
        result = check(tmp_path, "--role", role, **operator, **plan)
        assert result.exit_code == 0, result.stdout
        assert "3 partitions each, 1 copy" in line_of(result, "warning  topics")
    wrong = check(tmp_path, "--role", "write", **{**operator, **plan, "INFLUX_BUCKET": "nowhere"})
    assert wrong.exit_code == 3
