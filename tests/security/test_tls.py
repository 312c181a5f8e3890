"""TLS: a broker that is not who it says is refused by either reader, before it hears who we are."""

import ssl
from pathlib import Path

import pytest
from aio_pika.exceptions import AMQPError

from pipeline.broker import LINES
from pipeline.setting_specs import AmqpReader
from pipeline.wires.amqp_address import AmqpAddress, tls_context
from pipeline.wires.amqp_fault import describe_amqp_fault
from tests.security.tls_server import HOST, Authority, Fault, Heard, serving

USER, PASSWORD = "operator", "canary-password"
GREETING = b"AMQP"
BAD = [fault for fault in Fault if fault is not Fault.NONE]

pytestmark = pytest.mark.parametrize("reader", LINES)


async def connect(port: int, authority: Path, reader: AmqpReader) -> str:
    """What is said of the server at this port, which never is a whole broker."""
    address = AmqpAddress(HOST, port, True, "/", USER, PASSWORD)
    context = tls_context(address, authority)
    with pytest.raises((AMQPError, OSError)) as refused:
        await LINES[reader](address, context, "test")
    words, step = describe_amqp_fault(refused.value)
    return f"{words}; {step}"


@pytest.mark.parametrize("fault", BAD)
async def test_a_server_with_a_fault_hears_nothing_from_us(tmp_path: Path, reader: AmqpReader, fault: Fault) -> None:
    authority, heard = Authority(tmp_path), Heard()
    with serving(authority.context(fault), heard) as port:
        words = await connect(port, authority.file, reader)

    assert fault.value in words.lower()
    assert "CHARGELINE_AMQP" in words
    assert heard.secured is None
    assert not any(word in heard.bytes for word in (GREETING, USER.encode(), PASSWORD.encode()))


async def test_the_one_without_is_spoken_to(tmp_path: Path, reader: AmqpReader) -> None:
    authority, heard = Authority(tmp_path), Heard()
    with serving(authority.context(Fault.NONE), heard) as port:
        words = await connect(port, authority.file, reader)

    assert heard.bytes.startswith(GREETING)
    assert heard.secured in ("TLSv1.2", "TLSv1.3")
    assert PASSWORD.encode() not in heard.bytes, "the password is not sent before the broker has said who it is"
    assert PASSWORD not in words


async def test_a_client_that_takes_old_tls_would_be_served(tmp_path: Path, reader: AmqpReader) -> None:
    """So the refusal above is ours."""
    authority, heard = Authority(tmp_path), Heard()
    context = tls_context(AmqpAddress(HOST, 0, True, "/", USER, PASSWORD), authority.file)
    assert context is not None
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with serving(authority.context(Fault.OLD_TLS), heard) as port, pytest.raises((AMQPError, OSError)):
        await LINES[reader](AmqpAddress(HOST, port, True, "/", USER, PASSWORD), context, "test")

    assert heard.secured == "TLSv1.1"
