"""Addresses of brokers: from URLs and from Easee's reply, and what of them may be shown."""

import ssl
from dataclasses import replace
from pathlib import Path

import orjson
import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from pipeline.wires.amqp_address import AmqpAddress, address_of_url, read_easee_connection, tls_context

REPLY = {
    "server": "stream.example.com",
    "port": 5672,
    "useSsl": True,
    "virtualHost": "/",
    "queueName": "Operator_1.Q",
    "exchangeName": "Operator_1.C.X",
    "username": "operator",
    "password": "p@ss/word",
}
ADDRESS = AmqpAddress("stream.example.com", 5672, True, "/", "operator", "p@ss/word")


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("amqps://u:p@h", AmqpAddress("h", 5671, True, "/", "u", "p")),
        ("amqp://u:p@h/", AmqpAddress("h", 5672, False, "/", "u", "p")),
        ("amqp://u:p@h:1/%2F", AmqpAddress("h", 1, False, "/", "u", "p")),
        ("amqp://u:p@h:1/a%20b%2Fc", AmqpAddress("h", 1, False, "a b/c", "u", "p")),
        ("amqps://u%40x:p%3A%2F@[::1]:9/v", AmqpAddress("::1", 9, True, "v", "u@x", "p:/")),
    ],
)
def test_url(url: str, address: AmqpAddress) -> None:
    assert address_of_url(url) == address


@given(st.text(min_size=1), st.text(min_size=1), st.text(min_size=1).filter(lambda vhost: vhost != "/"))
def test_the_url_for_the_client_says_the_same(user: str, password: str, vhost: str) -> None:
    try:
        for part in (user, password, vhost):
            part.encode()
    except UnicodeEncodeError:
        return
    address = AmqpAddress("h", 5671, True, vhost, user, password)
    url = address.url()
    assert (url.host, url.port, url.user, url.password) == ("h", 5671, user, password)
    assert address_of_url(str(url.with_query(None))) == address


def test_no_url_is_said_without_repeating_it() -> None:
    with pytest.raises(ValueError, match=r"^a URL like") as raised:
        address_of_url("https://u:secret@h")
    assert "secret" not in str(raised.value)


def test_easees_reply() -> None:
    assert read_easee_connection(orjson.dumps(REPLY)) == (ADDRESS, "Operator_1.Q", "Operator_1.C.X")


@pytest.mark.parametrize("member", REPLY)
@pytest.mark.parametrize("value", [None, "", 0, "5671", [], True, 99_999])
def test_a_member_of_the_reply_that_is_wrong_is_named(member: str, value: object) -> None:
    if type(value) is type(REPLY[member]) and value not in ("", 0, 99_999):
        return
    with pytest.raises(ValueError, match=f"its member {member} must be"):
        read_easee_connection(orjson.dumps({**REPLY, member: value}))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\xff"])
def test_what_is_no_reply(text: str) -> None:
    with pytest.raises(ValueError, match=r"^Easee.s reply"):
        read_easee_connection(text)


def test_the_password_is_not_shown() -> None:
    assert str(ADDRESS) == repr(ADDRESS) == "amqps://operator@stream.example.com:5672/%2F"
    assert "word" not in f"{ADDRESS}"
    assert ADDRESS.url() == URL("amqps://operator:p%40ss%2Fword@stream.example.com:5672/?heartbeat=30")


def test_tls_is_verified_and_new_enough(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(file))
    context = tls_context(ADDRESS, file)
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert len(context.get_ca_certs()) == 1
    assert tls_context(replace(ADDRESS, is_tls=False), file) is None


@pytest.mark.parametrize("content", [None, b"", b"nothing of the kind"])
def test_a_file_without_certificates_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ValueError, match=r"ca\.pem: .*CHARGELINE_AMQP_CA_FILE"):
        tls_context(ADDRESS, file)
