"""Requests about commands that are refused: by token, body, method, path or query."""

import asyncio
import logging
from collections.abc import Mapping

import orjson
import pytest

from pipeline.core.command_entry import SentCommand
from pipeline.wires.command_api import MOST_BODY_BYTES
from tests.pipeline.wires.asking import BEARER, BODY, COMMANDS, JSON, PATIENCE_S, Ask, ask_once, converse, post
from tests.pipeline.wires.memory_desk import HOST, TOKEN, MemoryDesk, serving


@pytest.mark.parametrize("query", ["?open=1", "?limit=0", "?limit=1001", "?limit=x", "?offset=3"])
def test_a_wrong_query_is_said_in_words(query: str) -> None:
    answer = ask_once(COMMANDS + query)
    assert (answer.status, answer.code) == (400, "query")


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        f"Digest {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer tök€n",
    ],
)
@pytest.mark.parametrize("path", [COMMANDS, f"{COMMANDS}/{'0' * 32}"])
def test_a_wrong_token_is_refused_everywhere(path: str, authorization: str) -> None:
    answer = ask_once(path, headers={"Authorization": authorization})

    assert (answer.status, answer.code) == (401, "token")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert TOKEN not in answer.message


def test_the_word_bearer_may_be_written_in_any_way() -> None:
    assert ask_once(headers={"Authorization": f"bearer  {TOKEN}"}).status == 200


@pytest.mark.parametrize("headers", [{}, BEARER])
def test_without_a_token_of_its_own_the_worker_sends_nothing(headers: Mapping[str, str]) -> None:
    desk = MemoryDesk()
    answer = converse(desk, lambda ask: ask(data=BODY, headers={**JSON, **headers}), token=None)

    assert (answer.status, answer.code) == (403, "off")
    assert "CHARGELINE_HTTP_TOKEN" in answer.message
    assert desk.published == 0


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 400, "json"),
        (b"[]", 400, "shape"),
        (b"\xff", 400, "encoding"),
        (b'{"serial": 1}', 400, "shape"),
        (b'{"arguments": ' + b"[" * 40 + b"]" * 40 + b"}", 400, "too_large"),
        (orjson.dumps(BODY | {"arguments": [81]}), 422, "command"),
        (orjson.dumps(BODY | {"command": "nonsense"}), 422, "command"),
        (orjson.dumps(BODY | {"expires_in_s": 0}), 422, "command"),
    ],
)
def test_bodies_that_cannot_be_used(data: bytes, status: int, code: str) -> None:
    desk = MemoryDesk()
    answer = converse(desk, lambda ask: ask(data=data))

    assert (answer.status, answer.code) == (status, code)
    assert desk.published == 0


def test_the_words_name_argument_type_unit_and_range() -> None:
    message = post(MemoryDesk(), arguments=[81]).message
    assert message == "Current_Amp must be a whole number of ampere from 0 to 80, not '81'"


@pytest.mark.parametrize(
    "headers",
    [{}, {"Content-Type": "text/plain"}, {**JSON, "Content-Encoding": "gzip"}],
)
def test_another_content_type_is_refused(headers: Mapping[str, str]) -> None:
    desk = MemoryDesk()
    answer = converse(desk, lambda ask: ask(data=b"{}", headers={**BEARER, **headers}))
    assert (answer.status, answer.code) == (415, "content_type")


def test_a_body_may_be_as_large_as_is_said_and_no_larger() -> None:
    body = orjson.dumps(BODY)
    most = body + b" " * (MOST_BODY_BYTES - len(body))

    async def conversation(ask: Ask) -> list[int]:
        return [(await ask(data=data)).status for data in (most, most + b" ", most * 15)]

    assert converse(MemoryDesk(), conversation) == [201, 413, 413]


@pytest.mark.parametrize(
    ("path", "method", "allow"),
    [
        (COMMANDS, "PUT", "GET, POST"),
        (COMMANDS, "DELETE", "GET, POST"),
        (f"{COMMANDS}/{'0' * 32}", "POST", "GET"),
        ("/v1/openapi.json", "POST", "GET"),
    ],
)
def test_other_methods_are_refused(path: str, method: str, allow: str) -> None:
    answer = ask_once(path, method=method)

    assert (answer.status, answer.code) == (405, "method")
    assert answer.headers["Allow"] == allow


@pytest.mark.parametrize("path", ["/v1/", "/v1/nothing", "/v1/commandsx", "/v1/openapi.json/"])
def test_there_is_nothing_else(path: str) -> None:
    answer = ask_once(path)
    assert (answer.status, answer.code) == (404, "not_found")


class _Broken(MemoryDesk):
    async def find(self, ref: str) -> SentCommand | None:
        raise ZeroDivisionError("secret")


def test_a_fault_of_ours_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    answer = converse(_Broken(), lambda ask: ask(f"{COMMANDS}/{'0' * 32}"))

    assert (answer.status, answer.code) == (500, "internal")
    assert "secret" not in answer.message
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


async def send_raw(base: str, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, int(base.rpartition(":")[2]))
    writer.write(data)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_a_body_is_not_waited_for_where_the_token_is_wrong() -> None:
    async def within() -> bytes:
        async with serving(MemoryDesk()) as base:
            head = b"POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            return await send_raw(base, head + b"Content-Length: 1000000000\r\n\r\n{")

    assert asyncio.run(asyncio.wait_for(within(), PATIENCE_S)).startswith(b"HTTP/1.1 401 ")


def test_a_body_that_never_ends_is_cut() -> None:
    async def within() -> bytes:
        async with serving(MemoryDesk()) as base:
            head = (
                f"POST /v1/commands HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
                "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
            )
            chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
            return await send_raw(base, head.encode() + chunk * 17)

    assert asyncio.run(asyncio.wait_for(within(), PATIENCE_S)).startswith(b"HTTP/1.1 413 ")


def test_the_document_is_for_everybody() -> None:
    answer = ask_once("/v1/openapi.json", headers={})

    assert answer.status == 200
    assert answer.document["openapi"] == "3.1.0"
