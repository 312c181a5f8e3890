"""The worker as a process: its signals, its supervisor, its recording, with a real broker and a real store.

That nothing is lost meanwhile is what tests/campaigns shows.
"""

import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

from pipeline.replay_lines import from_line
from pipeline.wires.amqp_address import address_of_url
from schemas.catalogue import shipped_catalogue
from schemas.measurement import fact_measurements
from tests.campaigns.answering_cloud import answering
from tests.campaigns.held_line import Kept, held_line
from tests.campaigns.running import RunningWorker
from tests.campaigns.stage import QUEUE, Stage, Stream, simulate
from tests.services.influxdb import InfluxDb
from tests.services.rabbitmq import RabbitMq

pytestmark = pytest.mark.services

EXCHANGE = "Operator_1.C.X"
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def stream() -> Stream:
    return simulate(500, 3, seed=1)


@contextmanager
def started(worker: RunningWorker) -> Iterator[RunningWorker]:
    worker.start()
    try:
        yield worker
    finally:
        worker.kill()


def hear(supervisor: socket.socket, beginning: bytes) -> None:
    """Wait for a notification that begins so."""
    while not supervisor.recv(1_000).startswith(beginning):
        pass


def test_a_recording_has_all_that_was_delivered(rabbitmq: RabbitMq, vhost: str, tmp_path: Path, stream: Stream) -> None:
    stage = Stage(tmp_path, rabbitmq, vhost)
    stage.fill(stream.deliveries)
    with started(RunningWorker(tmp_path, stage.settings(), "--record", str(tmp_path / "stream.jsonl"))) as worker:
        worker.until(lambda: worker.delivered() == 500)
        assert worker.end() == 0
    recorded = [from_line(line) for line in (tmp_path / "stream.jsonl").read_bytes().splitlines()]
    assert [(each.routing_key, each.body) for each in recorded] == [
        (each.routing_key, each.body) for each in stream.deliveries
    ]
    assert all(each.received_at for each in recorded)
    assert stage.faults(stream) == []


def test_rows_that_are_too_old_go_while_the_worker_runs(
    rabbitmq: RabbitMq, vhost: str, tmp_path: Path, stream: Stream
) -> None:
    stage = Stage(tmp_path, rabbitmq, vhost)
    stage.fill(stream.deliveries)
    with started(RunningWorker(tmp_path, stage.settings(KEEP="raw:1s,hour:forever"))) as worker:
        worker.until(lambda: worker.delivered() == 500)
        worker.until(lambda: "rows older than CHARGELINE_KEEP says were dropped" in worker.story())
        dropped = worker.metrics()["chargeline_rows_dropped_total"]
        assert worker.end() == 0
    facts = [key[3] for key in stage.rows() if str(key[0]) in fact_measurements(shipped_catalogue())]
    assert facts
    assert dropped > 100
    assert max(facts) - min(facts) < 2 * 10**9


def test_systemd_is_told(
    rabbitmq: RabbitMq, vhost: str, tmp_path: Path, stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    stage = Stage(tmp_path, rabbitmq, vhost)
    stage.fill(stream.deliveries)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.settimeout(60)
        with started(RunningWorker(tmp_path, stage.settings())) as worker:
            hear(supervisor, b"READY=1")
            hear(supervisor, b"STATUS=connecting")
            hear(supervisor, b"STATUS=consuming, ")
            worker.send(signal.SIGHUP)
            hear(supervisor, b"RELOADING=1\n")
            hear(supervisor, b"READY=1")
            assert worker.end() == 0
            hear(supervisor, b"STOPPING=1")


@pytest.mark.parametrize("has_second_signal", [False, True])
def test_a_store_that_does_not_answer_keeps_no_process(
    rabbitmq: RabbitMq, vhost: str, influxdb: InfluxDb, tmp_path: Path, stream: Stream, has_second_signal: bool
) -> None:
    stage = Stage(tmp_path, rabbitmq, vhost, influxdb)
    influxdb.pause()
    try:
        stage.fill(stream.deliveries)
        with started(RunningWorker(tmp_path, stage.settings())) as worker:
            worker.until(lambda: worker.metrics().get("chargeline_unacknowledged_messages") == 500)
            if has_second_signal:
                worker.send(signal.SIGTERM)
                worker.until(lambda: "SIGTERM: finishing" in worker.story())
            assert worker.end() == 0
            assert ("leaving at once" if has_second_signal else "without waiting any longer") in worker.story()
    finally:
        influxdb.resume()
    with started(worker):
        worker.until(lambda: worker.delivered() == 500)
        assert worker.end() == 0
    assert stage.faults(stream) == []


def test_a_broker_that_confirms_nothing_keeps_no_process(rabbitmq: RabbitMq, vhost: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, rabbitmq, vhost)
    stage.fill(())
    with (
        answering(rabbitmq.url(vhost=vhost), QUEUE, EXCHANGE, lambda _: ()) as cloud,
        held_line(rabbitmq.url(vhost=vhost)) as line,
        ThreadPoolExecutor() as senders,
    ):
        settings = stage.settings(AMQP_URL=line.url, AMQP_EXCHANGE=EXCHANGE, OPERATOR="Acme", HTTP_TOKEN="t")
        with started(RunningWorker(tmp_path, settings)) as worker:
            worker.until(lambda: worker.metrics().get("chargeline_consuming") == 1)
            line.keep("EH1.C.1", Kept.CONFIRM)
            sending = senders.submit(send, worker.url)
            worker.until(lambda: bool(cloud.taken))
            assert worker.end() == 0
            sending.exception(PATIENCE_S)
            # It was cut off, and did not wait until the broker's time was over.
            assert "it may arrive or not" in worker.story()
            assert "no answer in time" not in worker.story()
            worker.start()
            worker.until(lambda: worker.metrics().get("chargeline_consuming") == 1)
            assert worker.end() == 0
    states = [fields["state"] for key, fields in stage.read("command").items()]
    assert states == ["unconfirmed"]


def send(url: str) -> None:
    headers = {"Authorization": "Bearer t", "Content-Type": "application/json"}
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=PATIENCE_S)) as connection:
        connection.request("POST", "/v1/commands", orjson.dumps({"serial": "EH1", "command": 1}), headers)
        connection.getresponse()


def test_easees_reply_is_all_it_takes(rabbitmq: RabbitMq, vhost: str, tmp_path: Path, stream: Stream) -> None:
    stage = Stage(tmp_path, rabbitmq, vhost)
    stage.fill(stream.deliveries)
    address = address_of_url(rabbitmq.url(vhost=vhost, tls=True))
    reply = {
        "server": address.host,
        "port": address.port,
        "useSsl": True,
        "virtualHost": address.vhost,
        "queueName": QUEUE,
        "exchangeName": "Operator_1.C.X",
        "username": address.user,
        "password": address.password,
    }
    (tmp_path / "reply.json").write_bytes(orjson.dumps(reply))
    settings = stage.settings(
        AMQP_URL="",
        AMQP_QUEUE="",
        EASEE_CONNECTION_FILE=str(tmp_path / "reply.json"),
        AMQP_CA_FILE=str(rabbitmq.authority),
    )
    with started(RunningWorker(tmp_path, settings)) as worker:
        worker.until(lambda: worker.delivered() == 500)
        assert worker.end() == 0
    assert stage.faults(stream) == []
    assert address.password not in worker.log.read_text("utf-8")


def test_interrupted_it_says_so_by_its_exit_code(rabbitmq: RabbitMq, vhost: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, rabbitmq, vhost)
    stage.fill(())
    with started(RunningWorker(tmp_path, stage.settings())) as worker:
        worker.until(lambda: worker.readiness()[0] == 200)
        assert worker.end(signal.SIGINT) == 130
