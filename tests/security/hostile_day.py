"""A worker's hostile day: secrets that are canaries, messages that want out, a store that repeats what it is sent.

Owns what is planted, and what of the day is kept to be looked at. Must not know what must not be found.
"""

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

from schemas.delivery import Delivery
from tests.campaigns.running import PROGRAM, RunningWorker
from tests.campaigns.stage import Stage
from tests.services.http import request
from tests.services.rabbitmq import RabbitMq

SECRETS = {
    "password": "canary-of-the-password",
    "http token": "canary-of-the-http-token",
    "influx token": "canary-of-the-influx-token",
    "personal key": "canary-of-the-personal-key-0123456789",
    "webhook": "canary-of-the-webhook",
}
PERSONAL = "canary-of-a-person"
HEADERS: Mapping[str, object] = {"ArrivalTime": "2026-01-01T00:00:01Z"}
INJECTED = "\n2026-01-01T00:00:00.000Z error injected\r\x1b[31m\x1b]0;title\x07\u202e\x9b31m\x00"
"""What breaks a line, colours a terminal, sets its title, or turns its text around."""

FAULT = "import pipeline.service as s; s.serve = lambda settings, *a, **k: {}[settings.amqp_url.reveal()]; "
"""Makes `chargeline run` stumble over a secret."""


@dataclass
class Evidence:
    """What was seen: outputs by where they were seen, and the folder that was written to."""

    outputs: dict[str, bytes]
    data_dir: Path
    folder: Path


class _Repeater(BaseHTTPRequestHandler):
    """A store that refuses every write, and repeats the token in its words."""

    def do_POST(self) -> None:
        """Answer 401."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({"code": "unauthorized", "message": f"no such {self.headers['Authorization']}{INJECTED}"})
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
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
    stage = Stage(folder, rabbitmq, vhost)
    user = f"user-of-{vhost}"
    rabbitmq.add_user(user, SECRETS["password"], vhost)
    try:
        stage.fill(hostile_deliveries())
        settings = stage.settings(
            AMQP_URL=rabbitmq.url(user, SECRETS["password"], vhost),
            HTTP_TOKEN=SECRETS["http token"],
            PERSONAL_KEY=SECRETS["personal key"],
            ALERT_WEBHOOK=f"http://127.0.0.1:9/{SECRETS['webhook']}",
            LOG_LEVEL="debug",
            OPERATOR="operator",
            AMQP_EXCHANGE="amq.topic",
        )
        outputs = dict(_work(folder, settings, stage))
        with _repeating() as url:
            stage.fill(hostile_deliveries())
            hostile = {
                "INFLUX_URL": url,
                "INFLUX_ORG": "o",
                "INFLUX_BUCKET": "b",
                "INFLUX_TOKEN": SECRETS["influx token"],
            }
            outputs |= _work_in_vain(folder / "influx", {**settings, **hostile, "DATA_DIR": str(folder / "influx")})
            for words in (["config"], ["config", "--json"], ["check"], ["check", "--json"], ["rejects", "list"]):
                outputs[" ".join(words)] = _say({**settings, **hostile, "HTTP": "off"}, *PROGRAM, *words)
        outputs["rejects list"] = _say(settings, *PROGRAM, "rejects", "list")
        outputs["crash"] = _say(settings, sys.executable, "-c", FAULT + PROGRAM[-1], "run")
        return Evidence(outputs, stage.data_dir, folder)
    finally:
        rabbitmq.delete_user(user)


def _work(folder: Path, settings: Mapping[str, str], stage: Stage) -> Iterator[tuple[str, bytes]]:
    worker = RunningWorker(folder, settings, "--record", str(folder / "new" / "record.jsonl"))
    before = os.umask(0)
    try:
        worker.start()
        worker.until(lambda: worker.delivered() == len(hostile_deliveries()))
        worker.until(stage.is_drained)
        yield "metrics", request("GET", f"{worker.url}/metrics").body
        yield "readyz", request("GET", f"{worker.url}/readyz").body
        for token in ("wrong", SECRETS["http token"]):
            answer = request("GET", f"{worker.url}/v1/commands", authorization=f"Bearer {token}")
            yield f"commands {answer.status}", answer.body
        yield "arguments", Path(f"/proc/{worker.pid}/cmdline").read_bytes()
        worker.send(signal.SIGHUP)
        worker.end()
        yield "log", worker.log.read_bytes()
    finally:
        os.umask(before)
        worker.kill()


def _work_in_vain(folder: Path, settings: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    folder.mkdir(parents=True)
    worker = RunningWorker(folder, settings)
    try:
        worker.start()
        worker.until(lambda: "unauthorized" in worker.story() or "no such" in worker.story())
        yield "metrics of the hostile store", request("GET", f"{worker.url}/metrics").body
        yield "readyz of the hostile store", request("GET", f"{worker.url}/readyz").body
        worker.end()
        yield "log of the hostile store", worker.log.read_bytes()
    finally:
        worker.kill()


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


def _say(settings: Mapping[str, str], *command: str) -> bytes:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")}
    given = {f"CHARGELINE_{name}": value for name, value in settings.items()}
    done = subprocess.run(command, env={**kept, **given}, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.stdout + done.stderr


def _delivery(key: str, body: Mapping[str, object]) -> Delivery:
    return Delivery(key, HEADERS, json.dumps(body).encode(), None)
