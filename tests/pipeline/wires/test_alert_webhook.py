"""The webhook, at a real HTTP server that answers as it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypedDict

import orjson
import pytest
from aiohttp import web

from pipeline.core.backoff import Backoff
from pipeline.wires.alert_webhook import MOST_WAITING, SEVERITIES, AlertWebhook
from schemas.alert import Alert, AlertKind
from tests.waiting import until

HOST = "127.0.0.1"
HANGS_S = 30
S = 10**9
NOW = 1_750_000_000 * S
SILENT = Alert("EH1", AlertKind.CHARGER_SILENT, "-", NOW, NOW, active=True, value=1_200.0, message="nothing for 20 min")
TIMED_OUT = SILENT._replace(kind=AlertKind.COMMAND_TIMEOUT, command="Reboot", ref="r" * 32)
BACK = SILENT._replace(at=NOW + 60 * S, active=False, message="heard again")
QUICKLY = Backoff(0.001, 0.001)


class Posted(TypedDict):
    """An alert as it came."""

    labels: dict[str, str]
    annotations: dict[str, str]
    startsAt: str
    endsAt: str


class Receiver:
    """Takes alerts; `answers` come first, then 200. `gate` closed holds an answer up."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.repeats = False
        self.requests: list[list[Posted]] = []
        self.authorization: list[str | None] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def take(self, request: web.BaseRequest) -> web.Response:
        self.authorization.append(request.headers.get("Authorization"))
        alerts = orjson.loads(await request.read())
        await self.gate.wait()
        status = self.answers.pop(0) if self.answers else 200
        if status == 200:
            self.requests.append(alerts)
        sent = f"no {request.rel_url} of {self.authorization[-1]}"
        response = web.Response(status=status, text=sent if self.repeats else "said so")
        response.force_close()
        return response

    @property
    def taken(self) -> list[Posted]:
        return [alert for request in self.requests for alert in request]


@asynccontextmanager
async def receiving(receiver: Receiver, port: int = 0) -> AsyncIterator[int]:
    server = web.Server(receiver.take)
    listener = await asyncio.get_running_loop().create_server(server, HOST, port)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await server.shutdown(0)


def webhook(port: int, *, resend_s: float = 3_600, answer_s: float = HANGS_S, user: str = "") -> AlertWebhook:
    url = f"http://{user}{HOST}:{port}/api/v2/alerts"
    return AlertWebhook(lambda: url, again=QUICKLY, resend_s=resend_s, answer_s=answer_s, now=lambda: NOW)


async def test_what_is_raised_is_posted_in_alertmanagers_form() -> None:
    receiver = Receiver()
    async with asyncio.timeout(HANGS_S), receiving(receiver) as port, webhook(port) as hook:
        hook.tell([SILENT, TIMED_OUT], [])
        await until(lambda: len(receiver.taken) == 2)
    silent, timed_out = receiver.taken
    assert silent == {
        "labels": {
            "alertname": "ChargelineChargerSilent",
            "kind": "charger_silent",
            "severity": "warning",
            "charger": "EH1",
        },
        "annotations": {"summary": "nothing for 20 min", "value": "1200"},
        "startsAt": "2025-06-15T15:06:40.000000000Z",
        "endsAt": "2025-06-15T15:11:40.000000000Z",
    }
    assert timed_out["labels"]["command"] == "Reboot"
    assert timed_out["labels"]["ref"] == "r" * 32
    assert set(SEVERITIES) == set(AlertKind)


async def test_an_end_has_the_labels_of_its_beginning_and_its_own_moment() -> None:
    receiver = Receiver()
    async with asyncio.timeout(HANGS_S), receiving(receiver) as port, webhook(port) as hook:
        hook.tell([SILENT], [])
        await until(lambda: len(receiver.taken) == 1)
        hook.tell([], [BACK])
        await until(lambda: len(receiver.taken) == 2)
    raised, ended = receiver.taken
    assert raised["labels"] == ended["labels"]
    assert ended["endsAt"] == "2025-06-15T15:07:40.000000000Z"


async def test_what_is_raised_is_sent_again_and_what_has_ended_is_not() -> None:
    receiver = Receiver()
    async with asyncio.timeout(HANGS_S), receiving(receiver) as port, webhook(port, resend_s=0.01) as hook:
        hook.tell([SILENT], [BACK._replace(serial="EH2")])
        await until(lambda: len(receiver.taken) >= 4)
    assert [alert["labels"]["charger"] for alert in receiver.taken[:4]] == ["EH2", "EH1", "EH1", "EH1"]


async def test_trouble_is_told_once_and_sat_out(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver()
    receiver.answers = [500, 429, 503]
    caplog.set_level("INFO")
    async with asyncio.timeout(HANGS_S), receiving(receiver) as port, webhook(port) as hook:
        hook.tell([], [BACK])
        await until(lambda: len(receiver.taken) == 1)
    assert [record.levelname for record in caplog.records if record.name.startswith("pipeline.")] == ["WARNING", "INFO"]
    assert "status 500: said so" in caplog.text


async def test_a_receiver_that_is_away_is_waited_for_and_no_password_is_told(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver()
    async with asyncio.timeout(HANGS_S):
        async with receiving(receiver) as port:
            pass
        async with webhook(port, user="me:secret@") as hook:
            hook.tell([], [BACK])
            await until(lambda: "cannot be posted" in caplog.text)
            async with receiving(receiver, port):
                await until(lambda: len(receiver.taken) == 1)
    assert receiver.authorization == ["Basic bWU6c2VjcmV0"]
    assert "secret" not in caplog.text


async def test_what_is_refused_for_good_is_dropped_and_the_rest_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver()
    receiver.answers = [400]
    async with asyncio.timeout(HANGS_S), receiving(receiver) as port, webhook(port) as hook:
        hook.tell([SILENT], [BACK._replace(serial="EH2")])
        await until(lambda: len(receiver.taken) == 1)
        assert hook.dropped == 1
    assert receiver.taken[0]["labels"]["charger"] == "EH1"
    assert "refused with status 400" in caplog.text


async def test_a_receiver_that_repeats_what_it_was_sent_tells_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver()
    receiver.answers, receiver.repeats = [404], True
    async with asyncio.timeout(HANGS_S), receiving(receiver) as port, webhook(port, user="me:secret@") as hook:
        hook.tell([], [BACK])
        await until(lambda: hook.dropped == 1)
    assert "refused with status 404: no *** of ***" in caplog.text


async def test_a_slow_receiver_costs_nobody_else_and_is_given_up() -> None:
    receiver = Receiver()
    receiver.gate.clear()
    async with asyncio.timeout(HANGS_S), receiving(receiver) as port, webhook(port, answer_s=0.05) as hook:
        hook.tell([SILENT], [])
        await until(lambda: len(receiver.authorization) >= 2)
        receiver.gate.set()
        await until(lambda: len(receiver.taken) >= 1)


async def test_ends_are_sent_in_parts_and_only_so_many_wait() -> None:
    receiver = Receiver()
    async with asyncio.timeout(HANGS_S), receiving(receiver) as port, webhook(port) as hook:
        hook.tell([], [BACK._replace(serial=f"EH{number}") for number in range(MOST_WAITING + 700)])
        assert hook.dropped == 700
        await until(lambda: len(receiver.taken) == MOST_WAITING)
    assert receiver.taken[0]["labels"]["charger"] == "EH700"
    assert max(map(len, receiver.requests)) == 500


async def test_what_waits_at_the_end_is_tried_once_more(caplog: pytest.LogCaptureFixture) -> None:
    receiver = Receiver()
    async with asyncio.timeout(HANGS_S), receiving(receiver) as port:
        async with webhook(port) as hook:
            hook.tell([], [BACK])
        assert len(receiver.taken) == 1
    async with asyncio.timeout(HANGS_S), webhook(port) as hook:
        hook.tell([], [BACK])
    assert "1 ends of alerts were not posted" in caplog.text
