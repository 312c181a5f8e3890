"""An outage of ours: what the backlog would answer is not called silence, and a fleet that died meanwhile is found.

The commands' copies are read at once, hours of their answers wait in the operator's queue, and the worker is killed in
the middle of them. At the end the queue is empty, so that the watermark goes on to the present. `make test` takes
20,000 messages through, `make prove` 1,000,000. The small backlog is drained before the broker is asked for the queue
again (5 s): that its answers in the middle of a backlog mean nothing is shown by the large one, and by
`test_watermark_live`. That copies are waited for is not shown here: they are read soon enough without it.
"""

import asyncio
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas.alert import AlertKind
from schemas.measurement import ALERT, COMMAND, COMMAND_OUTCOME, COMMAND_RESPONSE
from tests.campaigns.backlog import FOREIGN_ID, ROUND_NS, Backlog, S
from tests.campaigns.running import RunningWorker
from tests.campaigns.stage import QUEUE, Stage
from tests.services.fill_queue import fill_queues
from tests.services.rabbitmq import RabbitMq

pytestmark = pytest.mark.services

COPIES = "Operator_1.Commands"
SILENT_AFTER_NS = 1_200 * S
DEAD_FOR = 6
"""Rounds between the death of a fleet and the end."""
KILLED_AT = 0.4
PATIENCE_S = 900
RESOLUTION_NS = 100
"""Rows of commands of one moment are less than this apart."""


class Size(NamedTuple):
    """How much waits, and with which settings it is drained: a small backlog in small steps, to be killed in time."""

    messages: int
    chargers: int
    rounds: int
    talks: int
    steps: dict[str, str]


STEPS = {"BATCH": "200", "PREFETCH": "1000"}
SMALL = Size(20_000, 400, 16, 3, STEPS)
LARGE = Size(1_000_000, 5_000, 17, 14, {})
PROVE = pytest.mark.prove


class Found(NamedTuple):
    """What the store holds of commands and alerts, the worker's own alerts left away; times cut to `RESOLUTION_NS`.

    `states`    of commands: serial, published_at, state.
    `outcomes`  serial, decided_at, outcome, `refuted`.
    `alerts`    kind, serial, moment, `active`, `value`.
    """

    states: list[tuple[str, int, str]]
    outcomes: list[tuple[str, int, str, float]]
    alerts: list[tuple[str, str, int, float, float]]


@pytest.mark.parametrize("size", [pytest.param(SMALL, id="20000"), pytest.param(LARGE, id="1000000", marks=PROVE)])
def test_nothing_fires_that_the_backlog_answers(rabbitmq: RabbitMq, tmp_path: Path, size: Size) -> None:
    backlog = Backlog(now_ns(), size.chargers, size.rounds, size.talks)
    with drained(backlog, size, rabbitmq, tmp_path) as (stage, worker):
        worker.until(lambda: is_foreign_decided(stage), PATIENCE_S)
        active = alerts_about_fleet(worker)
    found = read(stage)
    commands = list(backlog.commands())
    assert found.alerts == []
    assert found.states == sorted((each.serial, cut(each.published_at), "accepted") for each in commands)
    assert [(serial, outcome, refuted) for serial, _, outcome, refuted in found.outcomes] == sorted(
        (each.serial, "accepted", 0.0) for each in commands
    )
    assert active == {"command_timeout": 0, "charger_silent": 0, "fleet_silent": 0}
    assert lines_about_silence(worker) == []


@pytest.mark.parametrize(
    ("size", "dead"),
    [
        pytest.param(SMALL._replace(talks=4), 4, id="20000, of a part"),
        pytest.param(SMALL._replace(talks=6), 10, id="20000, of all"),
        pytest.param(LARGE, 4, id="1000000, of a part", marks=PROVE),
    ],
)
def test_a_fleet_that_died_is_found(rabbitmq: RabbitMq, tmp_path: Path, size: Size, dead: int) -> None:
    now = now_ns()
    backlog = Backlog(now, size.chargers, size.rounds, size.talks, dead, now - DEAD_FOR * ROUND_NS)
    gone = backlog.silent_since()
    commands = list(backlog.commands())
    unanswered = [each for each in commands if not each.is_answered]
    with drained(backlog, size, rabbitmq, tmp_path) as (stage, worker):
        told = {"command_timeout": len(unanswered), "charger_silent": 0, "fleet_silent": 1}
        worker.until(lambda: alerts_about_fleet(worker) == told)
    found = read(stage)
    fleet_at, together = backlog.outage(SILENT_AFTER_NS, least=20, share=0.05)
    assert of_kind(found, AlertKind.CHARGER_SILENT) == sorted(
        (serial, cut(at + SILENT_AFTER_NS), 1.0, SILENT_AFTER_NS / S) for serial, at in gone.items()
    )
    assert of_kind(found, AlertKind.FLEET_SILENT) == [("-", cut(fleet_at), 1.0, float(together))]
    assert of_kind(found, AlertKind.COMMAND_TIMEOUT) == sorted(
        (each.serial, cut(each.deadline), 1.0, (each.deadline - each.published_at) / S) for each in unanswered
    )
    assert found.states == sorted(
        (each.serial, cut(each.published_at), "accepted" if each.is_answered else silent_end(each.expires_at))
        for each in commands
    )
    assert [row for row in found.outcomes if row[2] != "accepted"] == sorted(
        (each.serial, cut(each.deadline), silent_end(each.expires_at), 0.0) for each in unanswered
    )
    assert len(found.outcomes) == len(commands)
    assert [words.split()[1] for words in lines_about_silence(worker)] == ["fleet_silent"]
    print(f"{len(gone)} of {size.chargers} chargers died: all found, {len(unanswered)} commands timed out")


@contextmanager
def drained(backlog: Backlog, size: Size, rabbitmq: RabbitMq, folder: Path) -> Iterator[tuple[Stage, RunningWorker]]:
    """A worker that has read copies, then the backlog, and was killed on its way; the queue is empty now."""
    vhost = rabbitmq.add_vhost()
    stage = Stage(folder, rabbitmq, vhost)
    copies = [command.copy() for command in backlog.commands()]
    began = time.monotonic()
    asyncio.run(fill_queues(rabbitmq.url(vhost=vhost), [COPIES], copies))
    asyncio.run(fill_queues(rabbitmq.url(vhost=vhost), [QUEUE], backlog.messages(), PATIENCE_S))
    waiting = stage.waiting()
    filled_s = time.monotonic() - began
    worker = RunningWorker(folder, stage.settings(COMMAND_QUEUE=COPIES, **size.steps))
    worker.start()
    try:
        first_s = worker.until(lambda: worker.delivered() > len(copies) + waiting * KILLED_AT, PATIENCE_S)
        worker.kill()
        assert stage.waiting() > waiting * KILLED_AT / 4, "the kill came too late to show anything"
        worker.start()
        seconds = first_s + worker.until(stage.is_drained, PATIENCE_S)
        print(f"{waiting} messages, {len(copies)} copies: published in {filled_s:.0f} s, drained in {seconds:.0f} s")
        yield stage, worker
        assert worker.metrics()["chargeline_rejected_total"] == 0
        assert worker.end() == 0
    finally:
        worker.kill()
    assert waiting >= size.messages
    assert "Traceback" not in worker.log.read_text("utf-8", "replace")
    rabbitmq.delete_vhost(vhost)


def is_foreign_decided(stage: Stage) -> bool:
    """Whether the watermark is past the last message: only the empty queue moves it there.

    The last message answers a command that nobody here has sent, which is known 5 s after it.
    """
    return any(
        fields.get("command_id") == FOREIGN_ID and fields.get("paired") == 0.0
        for fields in stage.read(COMMAND_RESPONSE).values()
    )


def read(stage: Stage) -> Found:
    """See Found."""
    found = Found([], [], [])
    for (measurement, serial, tags, at), fields in stage.read(COMMAND, COMMAND_OUTCOME, ALERT).items():
        named = dict(tags)
        if measurement == COMMAND:
            found.states.append((serial, cut(at), str(fields["state"])))
        elif measurement == COMMAND_OUTCOME:
            found.outcomes.append((serial, cut(at), named["outcome"], float(fields["refuted"])))
        elif serial != "-" or named["kind"] == AlertKind.FLEET_SILENT:
            alert = (named["kind"], serial, cut(at), float(fields["active"]), float(fields["value"]))
            found.alerts.append(alert)
    return Found(sorted(found.states), sorted(found.outcomes), sorted(found.alerts))


def of_kind(found: Found, kind: AlertKind) -> list[tuple[str, int, float, float]]:
    """Alerts of one kind, which is left away."""
    return [alert[1:] for alert in found.alerts if alert[0] == kind]


def silent_end(expires_at: int | None) -> str:
    """How a command ends that nobody answers."""
    return "timed_out" if expires_at is None else "expired"


def now_ns() -> int:
    """Our clock, in whole milliseconds."""
    return time.time_ns() // 1_000_000 * 1_000_000


def cut(moment: int) -> int:
    return moment - moment % RESOLUTION_NS


def alerts_about_fleet(worker: RunningWorker) -> dict[str, float]:
    """Alerts about the fleet that people are told of; those that are held back are not among them."""
    counts = worker.alerts()
    return {kind: counts[kind] for kind in ("command_timeout", "charger_silent", "fleet_silent")}


def lines_about_silence(worker: RunningWorker) -> list[str]:
    """What the log tells of silence."""
    return re.findall(r"alert \w+_silent raised.*", worker.log.read_text("utf-8", "replace"))
