"""Commands of the whole program, at a real broker and a real store: sent, answered, in effect, or how they fail."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from tests.campaigns.answering_cloud import (
    COPIES,
    MS,
    Answer,
    AnsweringCloud,
    Said,
    Taken,
    answering,
    delete_exchange,
    does_all,
    nobody_takes,
    readback,
    response,
    send_as_others,
)
from tests.campaigns.held_line import held_line
from tests.campaigns.running import RunningWorker
from tests.campaigns.stage import QUEUE, Stage, rows_of_influxdb
from tests.oracle.stores import Rows, rows_of_sqlite
from tests.services.influxdb import InfluxDb
from tests.services.rabbitmq import RabbitMq

pytestmark = pytest.mark.services

EXCHANGE = "Operator_1.C.X"
TOKEN = "a-long-random-text"
SERIAL = "EH123456"
COMMAND = (SERIAL, "SetDynamicChargerCurrent", "13", "--ttl", "5")
HOUR_NS = 3_600 * 10**9
PROGRAM = (sys.executable, "-c", "from pipeline.cli import main; main()")


def is_silent(_: Taken) -> Sequence[Said]:
    return ()


class Done(NamedTuple):
    code: int
    out: str
    err: str


class Site:
    """A worker, its cloud, and a command line beside it."""

    def __init__(self, stage: Stage, cloud: AnsweringCloud, worker: RunningWorker, given: dict[str, str]) -> None:
        self.stage = stage
        self.cloud = cloud
        self.worker = worker
        self._given = given

    def chargeline(self, *words: str, **settings: str) -> Done:
        given = {**self._given, "HTTP": self.worker.url.removeprefix("http://"), **settings}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")}
        environ = {**kept, **{f"CHARGELINE_{name}": value for name, value in given.items()}}
        done = subprocess.run(
            [*PROGRAM, *words], env=environ, cwd=self.stage.folder, capture_output=True, text=True, check=False
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def curl(self, *words: str, token: str | None = TOKEN) -> tuple[int, dict[str, object]]:
        """Status and document of a request to the worker."""
        authorization = [] if token is None else ["-H", f"Authorization: Bearer {token}"]
        done = subprocess.run(
            ["curl", "-s", "-w", "\n%{http_code}", *authorization, *words], capture_output=True, text=True, check=True
        )
        body, _, status = done.stdout.rpartition("\n")
        return int(status), orjson.loads(body)

    def rows(self) -> Rows:
        stage = self.stage
        if stage.influxdb is not None:
            return rows_of_influxdb(stage.influxdb, stage.bucket)
        return rows_of_sqlite(stage.data_dir / "chargeline.sqlite3")

    def of(self, measurement: str) -> list[dict[str, float | str]]:
        """The rows of a measurement, by their times."""
        found = [(key[3], fields) for key, fields in self.rows().items() if key[0] == measurement]
        return [fields for _, fields in sorted(found, key=lambda row: row[0])]


@contextmanager
def site(
    folder: Path,
    rabbitmq: RabbitMq,
    vhost: str,
    influxdb: InfluxDb | None = None,
    answer: Answer = does_all,
    **others: str,
) -> Iterator[Site]:
    stage = Stage(folder, rabbitmq, vhost, influxdb)
    settings = stage.settings(AMQP_EXCHANGE=EXCHANGE, OPERATOR="Acme", HTTP_TOKEN=TOKEN, **others)
    with answering(rabbitmq.url(vhost=vhost), QUEUE, EXCHANGE, answer) as cloud:
        worker = RunningWorker(folder, settings, "--record", str(folder / "stream.jsonl"))
        worker.start()
        try:
            worker.until(lambda: worker.metrics().get("chargeline_consuming") == 1)
            yield Site(stage, cloud, worker, settings)
        finally:
            worker.kill()


def test_a_command_is_sent_answered_and_in_effect(
    rabbitmq: RabbitMq, vhost: str, influxdb: InfluxDb, tmp_path: Path
) -> None:
    with site(tmp_path, rabbitmq, vhost, influxdb) as here:
        done = here.chargeline("send", *COMMAND, "--expires-in", "60s", "--wait")
        assert done.code == 0, done.err
        assert [line.split()[0] for line in done.out.splitlines()] == ["published", "accepted", "confirmed"]
        assert "response 366 ms" in done.out
        (taken,) = here.cloud.taken
        assert (taken.routing_key, taken.content_type) == (f"{SERIAL}.C.48", "text/plain")
        assert taken.headers == {"OriginApplication": "Acme.Easee"}
        members = orjson.loads(taken.body)
        assert (members["Id"], members["Arguments"]) == (48, [{"Id": 1, "Value": "13"}, {"Id": 2, "Value": "5"}])
        (command,), (outcome,), (answer,) = (
            here.of(each) for each in ("command", "command_outcome", "command_response")
        )
    assert (command["state"], command["confirmed"], command["timed_out"]) == ("accepted", 1, 0)
    for row in (command, outcome, answer):
        assert (row["delivery_ms"], row["response_ms"]) == (119.107, 366.107)
        assert row["ref"] == command["ref"]
    assert command["effect_ms"] == 866.107
    assert answer["paired"] == 1


def test_a_refusal_a_silence_and_an_expiry_end_with_1(rabbitmq: RabbitMq, vhost: str, tmp_path: Path) -> None:
    def refuses(taken: Taken) -> Sequence[Said]:
        return (response(taken, accepted=False),) if taken.serial == SERIAL else ()

    with site(tmp_path, rabbitmq, vhost, answer=refuses, COMMAND_TIMEOUT="3s") as here:
        refused = here.chargeline("send", *COMMAND, "--wait")
        assert (refused.code, refused.out.splitlines()[-1].split()[0]) == (1, "rejected")
        assert "result code 7, busy" in refused.out
        with ThreadPoolExecutor() as both:
            silent = both.submit(here.chargeline, "send", "EH000002", *COMMAND[1:], "--wait")
            expired = both.submit(here.chargeline, "send", "EH000003", *COMMAND[1:], "--expires-in", "1s", "--wait")
        for sending, end in ((silent, "timed_out"), (expired, "expired")):
            done = sending.result()
            assert (done.code, done.out.splitlines()[-1].split()[0]) == (1, end)
        here.worker.until(lambda: here.worker.metrics()["chargeline_alerts_active"] == 2)
        assert "alert command_timeout raised EH000002" in here.worker.story()
        alerts = here.of("alert")
        listed = here.chargeline("commands")
        refs = [str(row["ref"])[:12] for row in here.of("command")]
    assert [row["active"] for row in alerts] == [1, 1]
    assert [line.split()[-1] for line in listed.out.splitlines()[1:]] == refs[::-1]


def test_a_late_answer_ends_the_alert_and_the_time_out_stays_on_record(
    rabbitmq: RabbitMq, vhost: str, tmp_path: Path
) -> None:
    with site(tmp_path, rabbitmq, vhost, answer=is_silent, COMMAND_TIMEOUT="1s") as here:
        assert here.chargeline("send", *COMMAND, "--wait").code == 1
        here.worker.until(lambda: here.worker.alerts().get("command_timeout") == 1)
        here.cloud.say(response(here.cloud.taken[0], arrived_ns=2_000 * MS))
        here.worker.until(lambda: [row["active"] for row in here.of("alert")] == [1, 0])
        here.worker.until(lambda: not here.worker.alerts().get("command_timeout"))
        (command,) = here.of("command")
        outcomes = here.of("command_outcome")
    assert (command["state"], command["late"], command["timed_out"], command["ok"]) == ("accepted", 1, 1, 1)
    assert [(row["timed_out"], row["late"]) for row in outcomes] == [(1, 0), (0, 1)]


def test_what_cannot_be_sent_is_told_and_leaves_nothing(rabbitmq: RabbitMq, vhost: str, tmp_path: Path) -> None:
    url = rabbitmq.url(vhost=vhost)
    with site(tmp_path, rabbitmq, vhost) as here:
        for words, told in (
            (("EH1", "SetDynamicChargerCurent", "1"), "did you mean SetDynamicChargerCurrent"),
            (("EH1", "48", "200", "--ttl", "5"), "ampere from 0 to 80"),
            (("EH1", "48", "13"), "TTL is missing"),
            ((*COMMAND, "--expires-in", "-5s"), "duration"),
        ):
            done = here.chargeline("send", *words)
            assert done.code == 2, done
            assert told in done.err
        away = here.chargeline("send", *COMMAND, HTTP="127.0.0.1:1")
        assert away.code == 1
        assert "chargeline run" in away.err
        for break_it, told in (
            (nobody_takes(url, EXCHANGE), "no queue takes it"),
            (delete_exchange(url, EXCHANGE), "there is no such exchange: see CHARGELINE_AMQP_EXCHANGE"),
        ):
            asyncio.run(break_it)
            done = here.chargeline("send", *COMMAND)
            assert done.code == 1, done
            assert told in done.err
        here.worker.kill()
        here.worker.start()
        here.worker.until(lambda: here.worker.metrics().get("chargeline_consuming") == 1)
        listed = here.chargeline("commands")
        assert (listed.code, listed.out.count("EH")) == (0, 0)
        assert here.cloud.taken == []
        assert here.of("command") == []


def test_nothing_is_sent_while_the_broker_is_away(rabbitmq: RabbitMq, vhost: str, tmp_path: Path) -> None:
    with (
        held_line(rabbitmq.url(vhost=vhost)) as line,
        site(tmp_path, rabbitmq, vhost, AMQP_URL=line.url) as here,
    ):
        line.cut()
        away = here.chargeline("send", *COMMAND)
        assert away.code == 1, away
        assert "nothing was sent" in away.err
        assert here.of("command") == []
        line.mend()
        here.worker.until(lambda: here.worker.metrics().get("chargeline_consuming") == 1)
        assert here.chargeline("send", *COMMAND, "--wait").code == 0
        assert (len(here.cloud.taken), len(here.of("command"))) == (1, 1)


def test_the_http_interface_by_curl(rabbitmq: RabbitMq, vhost: str, tmp_path: Path) -> None:
    with site(tmp_path, rabbitmq, vhost) as here:
        url = f"{here.worker.url}/v1/commands"
        json = ("-H", "Content-Type: application/json")
        right = '{"serial": "EH123456", "command": 48, "arguments": [13], "ttl": 5}'
        other = '{"serial": "EH123456", "command": 48, "arguments": [16], "ttl": 5}'
        key = ("-H", "Idempotency-Key: monday-1")
        assert here.curl(url, token=None)[0] == 401
        assert here.curl(url, token="wrong")[0] == 401
        assert here.curl(url, *json, "-d", "{")[0] == 400
        assert here.curl(url, *json, "-d", '{"serial": "EH1", "command": 48, "arguments": [13]}')[0] == 422
        (tmp_path / "large").write_text("[" + "0," * 100_000 + "0]")
        assert here.curl(url, *json, "--data-binary", f"@{tmp_path / 'large'}")[0] == 413
        status, first = here.curl(url, *json, *key, "-d", right)
        assert status == 201
        status, again = here.curl(url, *json, *key, "-d", right)
        assert (status, again["ref"]) == (201, first["ref"])
        assert here.curl(url, *json, *key, "-d", other)[0] == 409
        here.worker.until(lambda: here.curl(f"{url}/{first['ref']}")[1].get("confirmed") is True)
        assert len(here.cloud.taken) == 1
        status, listed = here.curl(f"{url}?limit=5")
        assert (status, len(listed["commands"] if isinstance(listed["commands"], list) else [])) == (200, 1)
        assert here.curl(f"{here.worker.url}/v1/openapi.json", token=None)[1]["openapi"] == "3.1.0"


def test_a_silent_charger_is_asked_again_so_often_as_is_allowed(rabbitmq: RabbitMq, vhost: str, tmp_path: Path) -> None:
    with site(tmp_path, rabbitmq, vhost, answer=is_silent, COMMAND_TIMEOUT="2s", RETRY_ATTEMPTS="1") as here:
        assert here.chargeline("send", *COMMAND).code == 0
        here.worker.until(lambda: [row["state"] for row in here.of("command")] == ["timed_out", "timed_out"])
        assert [row["attempt"] for row in here.of("command")] == [0, 1]
        assert len({row["ref"] for row in here.of("command")}) == 2
        assert [taken.body for taken in here.cloud.taken] == [here.cloud.taken[0].body] * 2


def test_a_recording_of_it_replays_to_the_same_commands(rabbitmq: RabbitMq, vhost: str, tmp_path: Path) -> None:
    with site(tmp_path, rabbitmq, vhost) as here:
        for amperes in ("13", "16"):
            assert here.chargeline("send", SERIAL, "48", amperes, "5", "--wait").code == 0
        assert here.worker.end() == 0
        done = here.chargeline("replay", "stream.jsonl", DATA_DIR=str(tmp_path / "again"))
        assert done.code == 0, done.err
        again = rows_of_sqlite(tmp_path / "again" / "chargeline.sqlite3")
        for measurement in ("command", "command_outcome", "command_response", "charger_clock"):
            there = {key: fields for key, fields in again.items() if key[0] == measurement}
            assert there == {key: fields for key, fields in here.rows().items() if key[0] == measurement}


def test_copies_of_what_others_send_are_followed(rabbitmq: RabbitMq, vhost: str, tmp_path: Path) -> None:
    def answers_one(taken: Taken) -> Sequence[Said]:
        return (response(taken, after_s=1), readback(taken, after_s=1.1)) if taken.serial == SERIAL else ()

    url = rabbitmq.url(vhost=vhost)
    with site(tmp_path, rabbitmq, vhost, answer=answers_one, COMMAND_QUEUE=COPIES, COMMAND_TIMEOUT="4s") as here:
        # A clock that is far ahead: nobody else's deadline has passed because of it.
        asyncio.run(send_as_others(url, EXCHANGE, "EH000003", 13, "m0", ahead_ns=HOUR_NS))
        here.worker.until(lambda: len(here.of("command")) == 1)
        for number, serial in enumerate((SERIAL, "EH000002"), 1):
            asyncio.run(send_as_others(url, EXCHANGE, serial, 13, f"m{number}"))
        ends = [("accepted", 1), ("timed_out", 0), ("published", 0)]
        here.worker.until(lambda: [(row["state"], row["confirmed"]) for row in here.of("command")] == ends)
        assert [row["paired"] for row in here.of("command_response")] == [1]
        assert [(row["ok"], row["refuted"]) for row in here.of("command_outcome")] == [(1, 0), (0, 0)]
        assert here.worker.metrics()["chargeline_copies_total"] == 3
        assert here.chargeline("commands").out.count("EH") == 0
