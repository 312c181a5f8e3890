"""The broker's faults in words: the cause, the next step, no password."""

import asyncio
import gc
import logging
import socket
import ssl
from types import FunctionType

import pytest
from aiormq.exceptions import (
    AMQPConnectionError,
    ChannelAccessRefused,
    ChannelLockedResource,
    ChannelNotFoundEntity,
    InvalidFrameError,
    ProbableAuthenticationError,
)

from pipeline.wires.amqp_fault import describe_amqp_fault, explain_amqp_fault, is_in_use, quieten_client

IN_USE = ChannelAccessRefused(None, "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use")
CLOSED = InvalidFrameError("Expected one of ['Connection.OpenOk'], got <Connection.Close object at 0x7f>")
NO_RIGHT = ChannelAccessRefused(None, "ACCESS_REFUSED - access to queue 'q' in vhost '/' refused for user 'u'")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (ProbableAuthenticationError("ACCESS_REFUSED - Login was refused"), "Login was refused; see user and password"),
        (ChannelNotFoundEntity(None, "NOT_FOUND - no queue 'q'"), "no queue 'q'.*; see CHARGELINE_AMQP_QUEUE"),
        (NO_RIGHT, "refused for user 'u'.*; this user may not read"),
        (CLOSED, "^the broker knows this user, and does not open the vhost; see the vhost, and that this user may"),
        (InvalidFrameError("Unexpected frame"), "^Unexpected frame; it is tried again$"),
        (
            ChannelLockedResource(None, "RESOURCE_LOCKED - q"),
            "RESOURCE_LOCKED - q.*; another connection has",
        ),
        (ConnectionRefusedError(111, "Connect call failed"), "^connection refused: nobody.*; see that the broker runs"),
        (ConnectionResetError(104, "Connection reset\nby peer"), "^Connection reset by peer; .*amqps:// if"),
        (socket.gaierror(-2, "Name or service not known"), "^Name or service not known; see the host's name"),
        (TimeoutError(), "^no answer in time; see host and port"),
        (ssl.SSLCertVerificationError(1, "expired"), "expired.*CHARGELINE_AMQP_CA_FILE"),
        (RuntimeError("two\nlines"), "^two lines; it is tried again$"),
    ],
)
def test_a_fault(fault: Exception, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        raise RuntimeError(explain_amqp_fault(fault))


def test_what_the_table_does_not_know_has_no_next_step() -> None:
    assert describe_amqp_fault(RuntimeError("what?")) == ("what?", "")
    assert describe_amqp_fault(ZeroDivisionError()) == ("ZeroDivisionError", "")


def test_the_systems_fault_beneath_a_general_one_is_told() -> None:
    general = AMQPConnectionError()
    general.__cause__ = ConnectionRefusedError(111, "refused")
    assert "see that the broker runs" in explain_amqp_fault(general)


def test_only_exclusive_use_means_standing_by() -> None:
    assert is_in_use(IN_USE)
    assert not is_in_use(NO_RIGHT)
    assert not is_in_use(ValueError("in exclusive use"))


async def read() -> None:
    raise TimeoutError


@pytest.mark.parametrize(
    ("file", "told"), [("/somewhere/aiormq/channel.py", []), ("/somewhere/pipeline/worker.py", [logging.ERROR])]
)
async def test_a_task_that_the_client_leaves_behind_is_no_stack_trace(
    file: str, told: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    """A channel's reader ends so where its connection is given up while it is being closed."""
    quieten_client(asyncio.get_running_loop())
    task = asyncio.create_task(FunctionType(read.__code__.replace(co_filename=file), {})())
    await asyncio.wait([task])
    del task
    gc.collect()
    assert [record.levelno for record in caplog.records if record.levelno > logging.DEBUG] == told
