"""The worker killed at every moment of a command's life: nothing is lost, nothing is doubled.

`make prove` kills it 40 times, `make test` once at each moment. Each kill has a command of its own, to a charger of its
own; whoever sends it tries again under the same Idempotency-Key until there is an answer, as a backend would. Two of
the moments are too narrow to be hit by chance: the way to the broker keeps the command there, or its confirm.
"""

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from functools import partial
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import pytest

from pipeline.assembly import STATE_FILE, STORE_FILE
from tests.campaigns.answering_cloud import AnsweringCloud, Said, Taken, answering, readback, response
from tests.campaigns.held_line import HeldLine, Kept, held_line
from tests.campaigns.running import RunningWorker
from tests.campaigns.stage import QUEUE, Stage
from tests.oracle.stores import Rows, rows_of_sqlite
from tests.services.rabbitmq import RabbitMq

pytestmark = pytest.mark.services

EXCHANGE = "Operator_1.C.X"
TOKEN = "a-long-random-text"
FIRST_S, SECOND_S = 0.3, 0.6
POLL_S = 0.001
PATIENCE_S = 120.0
ACCEPTED = (201, 202)
UNCONFIRMED = 202
BACKWARDS = "backwards"


class Scene:
    """A worker and its cloud, and the command of this kill."""

    def __init__(self, state: Path, cloud: AnsweringCloud, line: HeldLine, serial: str) -> None:
        self.state = state
        self.cloud = cloud
        self.line = line
        self.serial = serial
        self.answer: Future[int] = Future()

    def is_intended(self) -> bool:
        """Its intent is on the disk."""
        with closing(sqlite3.connect(f"file:{self.state}?mode=ro", uri=True)) as reader:
            return bool(reader.execute("SELECT 1 FROM request WHERE serial = ?", (self.serial,)).fetchone())

    def is_on_its_way(self) -> bool:
        """It was written to the broker, who does not get it."""
        return self.line.holds

    def is_only_published(self) -> bool:
        """The cloud has it, and the worker does not get the confirm."""
        return self.line.holds and self.is_published()

    def is_published(self) -> bool:
        """The cloud has it."""
        return any(taken.serial == self.serial for taken in self.cloud.taken)

    def is_confirmed(self) -> bool:
        """The worker has answered whoever asked."""
        return self.answer.done()

    def is_old(self, seconds: float) -> bool:
        """The cloud has had it for so long."""
        now = time.time_ns()
        return any(taken.serial == self.serial and now - taken.created_at > seconds * 1e9 for taken in self.cloud.taken)


MOMENTS: Mapping[str, Callable[[Scene], bool]] = {
    "intent": Scene.is_intended,
    "on-its-way": Scene.is_on_its_way,
    "published": Scene.is_published,
    "only-published": Scene.is_only_published,
    "confirmed": Scene.is_confirmed,
    "answered": lambda scene: scene.is_old(FIRST_S),
    BACKWARDS: lambda scene: scene.is_old(FIRST_S),
    "in-effect": lambda scene: scene.is_old(SECOND_S),
}
"""When to kill: as soon as this has happened. `BACKWARDS` shows its effect first, and is answered then."""
KEPT: Mapping[str, Kept] = {"on-its-way": Kept.COMMAND, "only-published": Kept.CONFIRM}
"""What the way to the broker keeps."""


def slowly(taken: Taken) -> Sequence[Said]:
    answered_s, shown_s = (SECOND_S, FIRST_S) if BACKWARDS in taken.serial else (FIRST_S, SECOND_S)
    return response(taken, after_s=answered_s), readback(taken, after_s=shown_s)


def send_until_answered(url: str, serial: str) -> int:
    """The status of the answer that came in the end."""
    body = orjson.dumps({"serial": serial, "command": 48, "arguments": [13], "ttl": 5})
    headers = {
        "Authorization": f"Bearer {TOKEN}",
        "Content-Type": "application/json",
        "Idempotency-Key": f"key-of-{serial}",
    }
    while True:
        try:
            with closing(HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
                connection.request("POST", "/v1/commands", body, headers)
                status = connection.getresponse().status
            if status in ACCEPTED:
                return status
        except (OSError, HTTPException):
            pass
        time.sleep(POLL_S * 20)


@pytest.mark.parametrize(
    "times", [pytest.param(1, id="8-kills"), pytest.param(5, id="40-kills", marks=pytest.mark.prove)]
)
def test_nothing_is_lost_or_doubled(times: int, rabbitmq: RabbitMq, vhost: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, rabbitmq, vhost)
    ends: Counter[tuple[str, int]] = Counter()
    with (
        answering(rabbitmq.url(vhost=vhost), QUEUE, EXCHANGE, slowly) as cloud,
        held_line(rabbitmq.url(vhost=vhost)) as line,
        ThreadPoolExecutor() as senders,
    ):
        settings = stage.settings(AMQP_URL=line.url, AMQP_EXCHANGE=EXCHANGE, OPERATOR="Acme", HTTP_TOKEN=TOKEN)
        worker = RunningWorker(tmp_path, settings)
        worker.start()
        try:
            for number in range(times):
                for moment, has_come in MOMENTS.items():
                    worker.until(lambda: worker.metrics().get("chargeline_consuming") == 1)
                    scene = Scene(stage.data_dir / STATE_FILE, cloud, line, f"EH-{moment}-{number}")
                    if moment in KEPT:
                        line.keep(f"{scene.serial}.C.48", KEPT[moment])
                    scene.answer = senders.submit(send_until_answered, worker.url, scene.serial)
                    wait_for(partial(has_come, scene))
                    worker.kill()
                    worker.start()
                    ends[moment, scene.answer.result(PATIENCE_S)] += 1
            serials = {f"EH-{moment}-{number}" for moment in MOMENTS for number in range(times)}
            reached = {taken.serial for taken in cloud.taken}
            worker.until(lambda: stage.is_drained() and reached <= in_effect(stage))
            assert worker.end() == 0
        finally:
            worker.kill()
    print(f"{sum(ends.values())} kills; answers (201 published, 202 unconfirmed): {dict(ends)}")
    print(f"{len(reached)} of {len(serials)} commands reached the cloud")
    assert "Traceback" not in worker.log.read_text("utf-8", "replace")
    assert [ends[moment, UNCONFIRMED] for moment in KEPT] == [times] * len(KEPT)
    assert {serial for serial in reached if "on-its-way" in serial} == set()
    assert max(Counter(taken.message_id for taken in cloud.taken).values()) == 1, "a command was published twice"
    assert max(Counter(taken.serial for taken in cloud.taken).values()) == 1, "a command was published twice"
    check_rows(rows_of_sqlite(stage.data_dir / STORE_FILE), serials, reached)


def wait_for(has_come: Callable[[], bool]) -> None:
    """Look often: the moments are short."""
    until = time.monotonic() + PATIENCE_S
    while not has_come():
        assert time.monotonic() < until, "the moment to kill never came"
        time.sleep(POLL_S)


def check_rows(rows: Rows, serials: Collection[str], reached: Collection[str]) -> None:
    """One command to each charger; those that reached the cloud ended as it says."""
    commands = {key[1]: fields for key, fields in rows.items() if key[0] == "command"}
    assert sum(key[0] == "command" for key in rows) == len(commands) == len(serials)
    assert commands.keys() == serials
    for serial, command in commands.items():
        outcomes = [fields for key, fields in rows.items() if key[:2] == ("command_outcome", serial)]
        answers = [fields for key, fields in rows.items() if key[:2] == ("command_response", serial)]
        if serial in reached:
            assert (command["state"], command["confirmed"], command["response_ms"]) == ("accepted", 1, 366.107)
            assert [(each["ok"], each["refuted"]) for each in outcomes] == [(1, 0)]
            assert [(each["paired"], each["ref"]) for each in answers] == [(1, command["ref"])]
        else:
            assert command["state"] in ("unconfirmed", "timed_out")
            assert not answers


def in_effect(stage: Stage) -> set[str]:
    """The chargers whose command is known to be in effect."""
    rows = rows_of_sqlite(stage.data_dir / STORE_FILE)
    return {key[1] for key, fields in rows.items() if key[0] == "command" and fields["confirmed"] == 1}
