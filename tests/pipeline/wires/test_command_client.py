"""Asking a worker, over a real socket."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Thread

import pytest

from pipeline.core.body import Json
from pipeline.core.command_life import CommandState
from pipeline.wires.command_client import CommandClient, NoWorkerError, WorkerError
from pipeline.wires.command_publisher import PublishEnd
from pipeline.wires.source import SourceState
from tests.pipeline.cli.served_desk import served
from tests.pipeline.wires.memory_desk import HOST, TOKEN, MemoryDesk, S

ASKED: Mapping[str, Json] = {"serial": "EH123456", "command": 48, "arguments": ["13"], "ttl": "5", "expires_in_s": None}


@contextmanager
def asking(desk: MemoryDesk, token: str = TOKEN, host: str = HOST) -> Iterator[CommandClient]:
    with served(desk) as environ:
        port = int(environ["CHARGELINE_HTTP"].rpartition(":")[2])
        with CommandClient(host, port, token) as client:
            yield client


@contextmanager
def somebody(says: bytes) -> Iterator[int]:
    """Another program: whatever it is asked, it says this and hangs up. Its port."""
    with socket.create_server((HOST, 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(says)

        thread = Thread(target=answer)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


def free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def test_a_command_is_sent_found_and_listed() -> None:
    desk = MemoryDesk()
    with asking(desk) as client:
        sent = client.send(ASKED, "k")
        again = client.send(ASKED, "k")
        desk.answer(sent.ref, accepted=False, after_s=1.5)
        found = client.find(sent.ref)
        listed = client.list(open_only=False, limit=10)
        still_open = client.list(open_only=True, limit=10)

    assert again == sent
    assert desk.published == 1
    assert (sent.serial, sent.command, sent.arguments) == ("EH123456", "SetDynamicChargerCurrent", ("13", "5"))
    assert (sent.state, sent.flags, sent.latencies) == (CommandState.PUBLISHED, frozenset(), {})
    assert (found.state, found.flags) == (CommandState.REJECTED, frozenset({"answered", "failed"}))
    assert found.latencies["response_ms"] == 1500.0
    assert (found.readback, found.result_code, found.comment) == ((48,), "7", "busy")
    assert found.document["state"] == "rejected"
    assert (list(listed), list(still_open)) == ([found], [])


def test_a_missing_confirm_is_told() -> None:
    with asking(MemoryDesk(end=PublishEnd.UNKNOWN)) as client:
        assert client.send(ASKED, "k").state is CommandState.UNCONFIRMED


def test_whether_the_worker_reads_its_queue_is_told() -> None:
    with asking(MemoryDesk()) as client:
        assert client.unread() == ""
    with asking(MemoryDesk(source_state=SourceState.STANDBY)) as client:
        assert client.unread() == "standing by"


def test_an_address_that_means_all_is_asked_here() -> None:
    with asking(MemoryDesk(), host="0.0.0.0") as client:
        assert client.list(open_only=False, limit=1) == []


def refusal(desk: MemoryDesk, request: Mapping[str, Json] = ASKED, token: str = TOKEN) -> str:
    with asking(desk, token) as client, pytest.raises(WorkerError) as refused:
        client.send(request, "k")
    return str(refused.value)


def test_the_workers_words_are_handed_on() -> None:
    assert refusal(MemoryDesk(), {**ASKED, "arguments": ["x"]}).startswith("Current_Amp must be")
    assert refusal(MemoryDesk(end=PublishEnd.UNREACHABLE)) == "nothing was sent"
    assert "must be the worker's" in refusal(MemoryDesk(), token="wrong")


def test_a_command_that_the_worker_does_not_know() -> None:
    with asking(MemoryDesk(watermark=S)) as client, pytest.raises(WorkerError, match="no command with this ref"):
        client.find("0" * 32)


def test_where_nobody_listens_nothing_is_asked() -> None:
    port = free_port()
    with CommandClient(HOST, port, TOKEN) as client, pytest.raises(NoWorkerError) as missing:
        client.send(ASKED, "k")
    assert str(missing.value) == (f"no worker answers at {HOST}:{port}; start `chargeline run`, or see CHARGELINE_HTTP")


def test_an_answer_that_never_came_may_mean_that_it_was_sent() -> None:
    with somebody(b"") as port, CommandClient(HOST, port, TOKEN) as client, pytest.raises(WorkerError) as lost:
        client.send(ASKED, "k")
    assert "may have been sent: see `chargeline commands`" in str(lost.value)
    assert not isinstance(lost.value, NoWorkerError)


@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"[]",
        b"{}",
        b'{"error": 1}',
        b'{"commands": [1]}',
        b'{"commands": [{"ref": "x"}]}',
        b'{"commands": [{"ref": "", "serial": "", "command": "", "arguments": [1]}]}',
    ],
)
@pytest.mark.parametrize("status", [b"200 OK", b"302 Found\r\nLocation: /v1/commands", b"404 Not Found"])
def test_another_program_is_no_worker(status: bytes, body: bytes) -> None:
    says = b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)
    with somebody(says) as port, CommandClient(HOST, port, TOKEN) as client, pytest.raises(WorkerError) as foreign:
        client.list(open_only=True, limit=1)
    assert "is no worker that takes commands; see CHARGELINE_HTTP" in str(foreign.value)
