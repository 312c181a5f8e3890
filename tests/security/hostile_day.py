"""A worker's hostile day: secrets that are canaries, messages that want out, a store that repeats what it is sent.

Owns what is planted, and what of the day is kept to be looked at. Must not know what must not be found.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from pipeline.wires.amqp_address import address_of_url
from schemas.delivery import Delivery
from tests.campaigns.running import PROGRAM, RunningWorker
from tests.campaigns.stage import QUEUE, Stage
from tests.security.listening import Port, listening
from tests.services.fill_queue import fill_queues
from tests.services.http import request
from tests.services.rabbitmq import RabbitMq

SECRETS = {
    "password": "canary-of-the-brokers-password",
    "password for copies": "canary-of-the-copies-password",
    "password of a reply": "canary-of-a-replys-password",
    "http token": "canary-of-the-http-token",
    "influx token": "canary-of-the-influx-token",
    "personal key": "canary-of-the-personal-key-0123456789",
    "webhook": "canary-of-the-webhook",
}
PASSWORDS = [name for name in SECRETS if name.startswith("password")]
REPLIED = {"AMQP_URL", "AMQP_QUEUE", "AMQP_EXCHANGE"}
"""What Easee's reply says in place of settings."""

PERSONAL = "canary-of-a-person"
HEADERS: Mapping[str, object] = {"ArrivalTime": "2026-01-01T00:00:01Z"}
INJECTED = "\n2026-01-01T00:00:00.000Z error injected\r\x1b[31m\x1b]0;title\x07\u202e\x9b31m\x00"
"""What breaks a line, colours a terminal, sets its title, or turns its text around."""

COPIES = "Operator_1.Copies"

FAULT = (
    "import pipeline.service as s; from pipeline.broker import read_broker; "
    "s.serve = lambda settings, *a, **k: {}[str(read_broker(settings).address.url())]; "
)
"""Makes `chargeline run` stumble over the broker's password, wherever it stands."""


@dataclass
class Evidence:
    """What was seen: outputs by where, how ports differed from the one of HTTP, and the folder that was written to."""

    outputs: dict[str, bytes]
    ports: dict[str, set[Port]]
    data_dir: Path
    folder: Path


class _Repeater(BaseHTTPRequestHandler):
    """A store or a receiver of alerts that refuses everything, and repeats in its words what may be secret."""

    def do_POST(self) -> None:
        """Answer 401 as InfluxDB does."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self._refuse(json.dumps({"code": "unauthorized", "message": self._words()}))

    def do_GET(self) -> None:
        """Answer 401 in its own way."""
        self._refuse(self._words())

    def _words(self) -> str:
        return f"no such {self.headers.get('Authorization', self.path)}{INJECTED}"

    def _refuse(self, body: str) -> None:
        self.send_response(401)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        """Nothing."""


def hostile_deliveries() -> list[Delivery]:
    """Personal values where they belong, and text that wants to be shown raw, in every place that has text."""
    observation = {"Id": 48, "Name": INJECTED, "Timestamp": "2026-01-01T00:00:00Z", "Value": INJECTED}
    session = {"Id": 1, "Auth": PERSONAL, "UserId": PERSONAL}
    return [
        _delivery("EH000001.O.129", {**observation, "Id": 129, "Name": "Session", "Value": json.dumps(session)}),
        _delivery("EH000001.O.128", {**observation, "Id": 128, "Name": "UserIDToken", "Value": PERSONAL}),
        _delivery("EH000001.O.48", observation),
        _delivery(f"EH{INJECTED}.O.48", observation),
        _delivery("EH000001.O.9999", {**observation, "Id": 9999}),
        _delivery("EH000001.CR.48", {"Id": 48, "Timestamp": "2026-01-01T00:00:00Z", "WasAccepted": INJECTED}),
        Delivery("EH000001.O.48", {"ArrivalTime": INJECTED, INJECTED: INJECTED}, INJECTED.encode(), None, INJECTED),
        Delivery("EH000001.O.48", HEADERS, b"\xff\x1b[31m", None),
        Delivery("EH000001.O.48", HEADERS, b"[" * 60_000, None),
        Delivery("EH000001.O.48", HEADERS, b'{"Id":' + b"9" * 60_000 + b"}", None),
    ]


def live_through(folder: Path, rabbitmq: RabbitMq, vhost: str) -> Evidence:
    """The whole day: a worker with SQLite, one with a hostile store, the commands that show settings, and a crash."""
    written, given = folder / "written", folder / "given"
    written.mkdir()
    given.mkdir()
    stage = Stage(written, rabbitmq, vhost)
    urls = {name: rabbitmq.url(_user(name, vhost), SECRETS[name], vhost) for name in PASSWORDS}
    for name in PASSWORDS:
        rabbitmq.add_user(_user(name, vhost), SECRETS[name], vhost)
    try:
        stage.fill(hostile_deliveries())
        asyncio.run(fill_queues(rabbitmq.url(vhost=vhost), (COPIES,), ()))
        evidence = Evidence({}, {}, stage.data_dir, written)
        with _repeating() as url:
            settings = stage.settings(
                AMQP_URL=urls["password"],
                COMMAND_AMQP_URL=urls["password for copies"],
                COMMAND_QUEUE=COPIES,
                HTTP_TOKEN=SECRETS["http token"],
                PERSONAL="hash",
                PERSONAL_KEY=SECRETS["personal key"],
                ALERT_WEBHOOK=f"{url}/{SECRETS['webhook']}",
                REJECTS_ALERT="1/min",
                LOG_LEVEL="debug",
                OPERATOR="operator",
                AMQP_EXCHANGE="amq.topic",
            )
            _work(evidence, settings, stage)
            stage.fill(hostile_deliveries())
            hostile = {
                **{name: value for name, value in settings.items() if name not in REPLIED},
                "EASEE_CONNECTION_FILE": str(_reply(given, urls["password of a reply"])),
                "INFLUX_URL": url,
                "INFLUX_ORG": "o",
                "INFLUX_BUCKET": "b",
                "INFLUX_TOKEN": SECRETS["influx token"],
                "PERSONAL": "drop",
                "DATA_DIR": str(written / "influx"),
            }
            _work_in_vain(evidence, hostile)
            outputs = evidence.outputs
            for words in (["config"], ["config", "--json"], ["check"], ["check", "--json"]):
                outputs[" ".join(words)] = say({**hostile, "HTTP": "off"}, *PROGRAM, *words)
            outputs["rollup"] = say(hostile, *PROGRAM, "rollup", "--from", "2026-01-01", "--to", "2026-01-02")
            outputs["rejects list"] = say(settings, *PROGRAM, "rejects", "list")
            for name, chosen in (("crash", settings), ("crash with a reply", hostile)):
                outputs[name] = say(chosen, sys.executable, "-c", FAULT + PROGRAM[-1], "run")
        return evidence
    finally:
        for name in PASSWORDS:
            rabbitmq.delete_user(_user(name, vhost))


def _work(evidence: Evidence, settings: Mapping[str, str], stage: Stage) -> None:
    outputs, folder = evidence.outputs, evidence.folder
    worker = RunningWorker(folder, settings, "--record", str(folder / "new" / "record.jsonl"))
    before = os.umask(0)
    try:
        worker.start()
        worker.until(lambda: worker.delivered() == len(hostile_deliveries()))
        worker.until(stage.is_drained)
        worker.until(lambda: b"CHARGELINE_ALERT_WEBHOOK" in worker.log.read_bytes())
        evidence.ports["worker"] = listening(worker.pid) ^ {worker.port}
        outputs["metrics"] = request("GET", f"{worker.url}/metrics").body
        outputs["readyz"] = request("GET", f"{worker.url}/readyz").body
        for token in ("wrong", SECRETS["http token"]):
            answer = request("GET", f"{worker.url}/v1/commands", authorization=f"Bearer {token}")
            outputs[f"commands {answer.status}"] = answer.body
        outputs["arguments"] = Path(f"/proc/{worker.pid}/cmdline").read_bytes()
        worker.send(signal.SIGHUP)
        worker.end()
        outputs["log"] = worker.log.read_bytes()
    finally:
        os.umask(before)
        worker.kill()


def _work_in_vain(evidence: Evidence, settings: Mapping[str, str]) -> None:
    outputs, folder = evidence.outputs, evidence.folder / "influx"
    folder.mkdir(parents=True)
    worker = RunningWorker(folder, settings)
    try:
        worker.start()
        worker.until(lambda: "unauthorized" in worker.story() or "no such" in worker.story())
        outputs["metrics of the hostile store"] = request("GET", f"{worker.url}/metrics").body
        outputs["readyz of the hostile store"] = request("GET", f"{worker.url}/readyz").body
        worker.end()
        outputs["log of the hostile store"] = worker.log.read_bytes()
    finally:
        worker.kill()


def _user(password: str, vhost: str) -> str:
    return f"{password.replace(' ', '-')}-{vhost}"


def _reply(folder: Path, url: str) -> Path:
    """Easee's reply with the connection details, as a file of the operator's."""
    address = address_of_url(url)
    members = {
        "server": address.host,
        "port": address.port,
        "useSsl": address.is_tls,
        "virtualHost": address.vhost,
        "username": address.user,
        "password": address.password,
        "queueName": QUEUE,
        "exchangeName": "amq.topic",
    }
    file = folder / "reply.json"
    file.write_text(json.dumps(members), "utf-8")
    file.chmod(0o600)
    return file


@contextmanager
def _repeating() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Repeater)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def say(settings: Mapping[str, str], *command: str) -> bytes:
    """What a command prints with these settings, whatever its end."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")}
    given = {f"CHARGELINE_{name}": value for name, value in settings.items()}
    done = subprocess.run(command, env={**kept, **given}, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.stdout + done.stderr


def _delivery(key: str, body: Mapping[str, object]) -> Delivery:
    return Delivery(key, HEADERS, json.dumps(body).encode(), None)
