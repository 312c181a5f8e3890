"""Who listens at an address, over real sockets."""

import asyncio
import socket

import pytest

from pipeline.meters import Meters
from pipeline.wires.http import HttpInterface
from pipeline.wires.http_look import Listener, look_at_listener


def free_port(host: str = "127.0.0.1") -> int:
    with socket.create_server((host, 0)) as server:
        port: int = server.getsockname()[1]
    return port


def test_nobody_and_looking_leaves_it_so() -> None:
    port = free_port()
    for _ in range(2):
        assert look_at_listener("127.0.0.1", port) is Listener.NOBODY


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_a_chargeline(host: str) -> None:
    async with HttpInterface((host, 0), Meters()) as interface:
        assert await asyncio.to_thread(look_at_listener, host, interface.port) is Listener.CHARGELINE


async def test_another_program_that_speaks_http() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port: int = server.sockets[0].getsockname()[1]
        assert await asyncio.to_thread(look_at_listener, "127.0.0.1", port) is Listener.OTHER


async def test_another_program_that_does_not() -> None:
    async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        port: int = server.sockets[0].getsockname()[1]
        assert await asyncio.to_thread(look_at_listener, "127.0.0.1", port) is Listener.OTHER


@pytest.mark.parametrize(
    ("host", "words"), [("nowhere.invalid", "not known"), ("203.0.113.1", "Cannot assign requested address")]
)
def test_an_address_that_is_not_this_machines(host: str, words: str) -> None:
    with pytest.raises(OSError, match=words):
        look_at_listener(host, free_port())
