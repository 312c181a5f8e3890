"""The HTTP interface, asked over real sockets."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import NamedTuple, TypeVar

import aiohttp
import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.meters import Meters
from pipeline.wires.http import MOST_CONNECTIONS, HttpInterface, ListenError
from schemas.meters import MetersSnapshot
from tests.pipeline.meters_samples import NOW, S, busy_meters

HOST = "127.0.0.1"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
LAST_HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
T = TypeVar("T")


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def ask(meters: Meters, path: str, method: str = "GET", now: int = NOW) -> Answer:
    """What a client is answered."""

    async def conversation(port: int) -> Answer:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, f"http://{HOST}:{port}{path}") as response,
        ):
            return Answer(response.status, dict(response.headers), await response.read())

    return with_server(conversation, meters, now)


def send(data: bytes) -> bytes:
    """What comes back for these bytes, until the server closes the connection."""

    async def conversation(port: int) -> bytes:
        async with connected(port) as (reader, writer):
            writer.write(data)
            return await reader.read()

    return with_server(conversation, Meters(), NOW)


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


def with_server(conversation: Callable[[int], Awaitable[T]], meters: Meters, now: int) -> T:
    async def run() -> T:
        async with HttpInterface((HOST, 0), meters, now=lambda: now) as http:
            return await conversation(http.port)

    return asyncio.run(run())


def test_health_is_that_it_answers() -> None:
    answer = ask(Meters(), "/healthz")

    assert answer.status == 200
    assert orjson.loads(answer.body) == {"alive": True}
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_worker_that_works_is_ready() -> None:
    answer = ask(busy_meters(), "/readyz", now=NOW + 2 * S)

    assert answer.status == 200
    assert orjson.loads(answer.body) == {
        "ready": True,
        "conditions": {
            "broker": {"met": True, "words": "consuming"},
            "store": {"met": True, "words": "the store answered 2 s ago"},
            "not_holding": {"met": True, "words": "nothing waits for an operator"},
        },
    }


def test_one_that_does_not_is_not_and_says_why() -> None:
    meters = busy_meters()
    meters.trouble("the token is wrong", is_holding=True)
    answer = ask(meters, "/readyz")
    document = orjson.loads(answer.body)

    assert answer.status == 503
    assert document["ready"] is False
    assert document["conditions"]["not_holding"] == {"met": False, "words": "holding: the token is wrong"}
    assert document["conditions"]["broker"]["met"] is True


def test_metrics_are_what_prometheus_reads() -> None:
    answer = ask(busy_meters(), "/metrics?name[]=all")
    families = {family.name: family for family in text_string_to_metric_families(answer.body.decode())}

    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    assert families["chargeline_delivered"].samples[0].value == 4
    assert "version" in families["chargeline_info"].samples[0].labels


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_head_has_the_same_headers_and_no_body(path: str) -> None:
    whole, head = ask(busy_meters(), path), ask(busy_meters(), path, "HEAD")

    assert head.status == whole.status
    assert head.headers["Content-Type"] == whole.headers["Content-Type"]
    assert head.body == b""


@pytest.mark.parametrize("path", ["/", "/healthz/", "/metrics/x", "/commands", "/%2e%2e/etc/passwd", "//healthz"])
def test_there_is_nothing_else(path: str) -> None:
    assert ask(busy_meters(), path)[::2] == (404, b"Not Found\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
def test_it_is_only_read(method: str) -> None:
    answer = ask(busy_meters(), "/healthz", method)

    assert answer.status == 405
    assert answer.headers["Allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "request_line",
    [b"GET /healthz HTTP/1.1", b"GET /nothing HTTP/1.1", b"POST / HTTP/1.1", b"nonsense", b"GET / HTTP/9.9"],
)
def test_no_answer_tells_the_version_of_anything(request_line: bytes) -> None:
    answer = send(request_line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert answer.startswith(b"HTTP/1.")
    assert b"\r\nServer: chargeline\r\n" in answer
    assert b"aiohttp" not in answer
    assert b"Python" not in answer


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        HEALTH.replace(b"healthz", b"healthz?" + b"x" * 5_000),
        HEALTH.replace(b"Host: x", b"Host: x\r\nX: " + b"x" * 5_000),
        HEALTH.replace(b"Host: x", b"\r\n".join([b"Host: x", *(b"X%d: x" % number for number in range(100))])),
        HEALTH.replace(b"Host: x", b"Host: x\r\nContent-Length: -1"),
    ],
    ids=["TLS", "long line", "long header", "many headers", "bad length"],
)
def test_what_cannot_be_read_is_refused_and_neither_repeated_nor_logged(
    data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = send(data)

    assert answer.startswith(b"HTTP/1.0 400 ")
    assert answer.endswith(b"\r\n\r\nBad Request\n")
    assert not caplog.records


def test_a_body_is_not_waited_for() -> None:
    question = b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\nbegin"
    assert send(question).startswith(b"HTTP/1.1 405 ")


@pytest.mark.parametrize("data", [b"", b"GET /healthz HTTP/1.1\r\nX-Slow: "], ids=["nothing", "half a request"])
def test_who_sends_no_whole_request_is_shown_the_door(data: bytes) -> None:
    async def run() -> bytes:
        async with (
            HttpInterface((HOST, 0), Meters(), silent_s=0.05) as http,
            connected(http.port) as (reader, writer),
        ):
            writer.write(data)
            return await reader.read()

    assert asyncio.run(run()) == b""


def test_a_connection_can_be_used_again() -> None:
    assert send(HEALTH + HEALTH + LAST_HEALTH).count(b"200 OK") == 3


def test_too_many_connections_are_refused_and_the_others_served() -> None:
    async def conversation(port: int) -> tuple[bytes, bytes, bytes]:
        async with AsyncExitStack() as connections:

            async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
                return await connections.enter_async_context(connected(port))

            for _ in range(MOST_CONNECTIONS - 1):
                await connect()
            last, last_writer = await connect()
            one_too_many, _ = await connect()
            refused = await read_all(one_too_many)
            last_writer.write(LAST_HEALTH)
            served = await read_all(last)
            # One has gone, so one more may come.
            successor, successor_writer = await connect()
            successor_writer.write(LAST_HEALTH)
            return refused, served[:15], (await read_all(successor))[:15]

    assert with_server(conversation, Meters(), NOW) == (b"", b"HTTP/1.1 200 OK", b"HTTP/1.1 200 OK")


async def read_all(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionResetError:
        return b""


class _Broken:
    def snapshot(self) -> MetersSnapshot:
        raise ZeroDivisionError("secret")


def test_a_fault_of_ours_is_logged_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> tuple[int, bytes]:
        async with (
            HttpInterface((HOST, 0), _Broken()) as http,
            aiohttp.ClientSession() as session,
            session.get(f"http://{HOST}:{http.port}/readyz") as response,
        ):
            return response.status, await response.read()

    assert asyncio.run(run()) == (500, b"Internal Server Error\n")
    assert [record.levelno for record in caplog.records] == [logging.ERROR]


def refusal_at(host: str, port: int) -> str:
    async def listen() -> None:
        async with HttpInterface((host, port), Meters()):
            pytest.fail("it listens")

    with pytest.raises(ListenError) as refused:
        asyncio.run(listen())
    return str(refused.value)


def test_a_taken_port_is_said_in_words() -> None:
    with socket.socket() as holder:
        holder.bind((HOST, 0))
        holder.listen()
        port = holder.getsockname()[1]
        words = refusal_at(HOST, port)
    assert words == f"{HOST}:{port}: Address already in use; name another address in CHARGELINE_HTTP, or off"


@pytest.mark.parametrize(("host", "shown"), [("192.0.2.1", "192.0.2.1"), ("2001:db8::1", "[2001:db8::1]")])
def test_a_host_that_is_not_ours_is_said_in_words(host: str, shown: str) -> None:
    words = refusal_at(host, 0)
    assert words.startswith(f"{shown}:0: ")
    assert words.endswith("; name another address in CHARGELINE_HTTP, or off")


def test_it_lets_go_of_the_port_and_of_whoever_is_connected() -> None:
    async def run() -> bytes:
        async with AsyncExitStack() as connections:
            async with HttpInterface((HOST, 0), Meters(), silent_s=1e6) as http:
                port = http.port
                reader, writer = await connections.enter_async_context(connected(port))
                writer.write(HEALTH)
                await reader.readuntil(b"}")
            rest = await reader.read()
        async with HttpInterface((HOST, port), Meters()) as again:
            assert again.port == port
        return rest

    assert asyncio.run(run()) == b""


def test_ipv6() -> None:
    async def run() -> int:
        async with (
            HttpInterface(("::1", 0), Meters()) as http,
            aiohttp.ClientSession() as session,
            session.get(f"http://[::1]:{http.port}/healthz") as response,
        ):
            return response.status

    try:
        assert asyncio.run(run()) == 200
    except ListenError as fault:
        pytest.skip(f"this machine has no IPv6: {fault}")
