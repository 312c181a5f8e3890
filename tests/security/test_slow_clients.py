"""Clients that send slowly, take slowly, or never end: none of them keeps the interface from others for long."""

import asyncio
import socket
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack, suppress

import pytest

from pipeline.meters import Meters
from pipeline.wires import command_requests
from pipeline.wires.command_requests import CommandRequests
from pipeline.wires.http import MOST_CONNECTIONS, HttpInterface
from schemas.catalogue import shipped_catalogue
from tests.pipeline.meters_samples import NOW, busy_meters
from tests.pipeline.wires.memory_desk import TOKEN, MemoryDesk
from tests.pipeline.wires.test_http import connected
from tests.waiting import until_asked

HOST = "127.0.0.1"
SILENT_S = 0.2
HANGS_S = 300.0
PAUSE_S = 0.01
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
DOCUMENT = b"GET /v1/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
POST = (
    "POST /v1/commands HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    f"Authorization: Bearer {TOKEN}\r\nContent-Length: 60000\r\n\r\n"
).encode()
SMALL_BUFFER = 4_096

Client = Callable[[socket.socket], Coroutine[None, None, None]]


async def silent(_: socket.socket) -> None:
    """Sends nothing."""


async def drip_headers(connection: socket.socket) -> None:
    """A byte of a header that never ends, again and again."""
    await drip(connection, b"GET /healthz HTTP/1.1\r\nX: ", b"x")


async def drip_body(connection: socket.socket) -> None:
    """A byte of a command, again and again."""
    await drip(connection, POST, b" ")


async def take_nothing(connection: socket.socket) -> None:
    """Questions without end, whose answers nobody takes."""
    await drip(connection, b"", DOCUMENT * 50)


async def drip(connection: socket.socket, first: bytes, again: bytes) -> None:
    loop = asyncio.get_running_loop()
    with suppress(ConnectionError):
        await loop.sock_sendall(connection, first)
        while True:
            await loop.sock_sendall(connection, again)
            await asyncio.sleep(PAUSE_S)


@pytest.mark.parametrize("client", [silent, drip_headers, drip_body, take_nothing])
def test_every_connection_taken_is_given_back(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    monkeypatch.setattr(command_requests, "_BODY_S", SILENT_S)
    asyncio.run(asyncio.wait_for(take_all_and_ask(client), HANGS_S))


async def take_all_and_ask(client: Client) -> None:
    requests = CommandRequests(MemoryDesk(), shipped_catalogue(), lambda: TOKEN, lambda: NOW)
    interface = HttpInterface((HOST, 0), busy_meters(), commands=requests, now=lambda: NOW, silent_s=SILENT_S)
    async with interface as http, AsyncExitStack() as connections, asyncio.TaskGroup() as tasks:
        clients = []
        for _ in range(MOST_CONNECTIONS):
            connection = connections.enter_context(socket.socket())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
            connection.setblocking(False)
            await asyncio.get_running_loop().sock_connect(connection, (HOST, http.port))
            clients.append(tasks.create_task(client(connection)))

        async def is_served() -> bool:
            return b"200 OK" in await ask(http.port)

        await until_asked(is_served)
        for task in clients:
            task.cancel()


async def ask(port: int) -> bytes:
    with suppress(ConnectionError):
        async with connected(port) as (reader, writer):
            writer.write(HEALTH)
            return await reader.read()
    return b""


def test_one_that_is_connected_is_answered_while_all_others_are_slow() -> None:
    async def run() -> bytes:
        async with (
            HttpInterface((HOST, 0), Meters()) as http,
            AsyncExitStack() as connections,
            connected(http.port) as (reader, writer),
        ):
            for _ in range(MOST_CONNECTIONS):
                connection = connections.enter_context(socket.create_connection((HOST, http.port)))
                connection.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
            writer.write(HEALTH)
            return await reader.read()

    assert b"200 OK" in asyncio.run(asyncio.wait_for(run(), HANGS_S))
