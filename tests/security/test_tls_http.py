"""TLS to InfluxDB and to the webhook: who is not what they say is refused, and hears no token, row or alert."""

import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import orjson
import pytest

from tests.security.tls_clients import CLIENTS, TOKEN
from tests.security.tls_server import Authority, Fault, Heard, serving

BAD = [fault for fault in Fault if fault is not Fault.NONE]
NAMED = [fault for fault in BAD if fault is not Fault.NO_TLS]
OURS = (b"HTTP/1.1", TOKEN.encode(), b64encode(f"u:{TOKEN}".encode()))
BEGINNINGS = {"write": b"POST /api/v2/write", "ask": b"GET /query", "look": b"HEAD /ping", "webhook": b"POST /alerts"}
STEP = "SSL_CERT_FILE where its authority is your own"


class Ended(NamedTuple):
    """How a try ended: what the operator is told, and what the server has heard."""

    words: str
    heard: Heard


Tries = Mapping[tuple[str, Fault], Ended]


def tried(folder: Path, faults: list[Fault], **environment: str) -> Tries:
    """Every client, in a process with this environment besides its own, at a server with each of the faults."""
    authority = Authority(folder)
    told = {name: text.format(authority=authority.file) for name, text in environment.items()}
    heard = {(client, fault): Heard() for client in CLIENTS for fault in faults}
    with ExitStack() as servers:
        ports = [
            servers.enter_context(serving(authority.context(fault), heard[client, fault])) for client, fault in heard
        ]
        words = [f"{client}={port}" for (client, _), port in zip(heard, ports, strict=True)]
        done = subprocess.run(
            (sys.executable, "-m", "tests.security.tls_clients", *words),
            env={**{name: value for name, value in os.environ.items() if not name.startswith("SSL_CERT")}, **told},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr.decode()
    return {key: Ended(text, heard[key]) for key, text in zip(heard, orjson.loads(done.stdout), strict=True)}


@pytest.fixture(scope="module")
def tries(tmp_path_factory: pytest.TempPathFactory) -> Tries:
    """By clients that trust the authority as an operator says it."""
    return tried(tmp_path_factory.mktemp("tls"), list(Fault), SSL_CERT_FILE="{authority}")


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("fault", BAD)
def test_a_server_with_a_fault_hears_nothing_from_us(tries: Tries, client: str, fault: Fault) -> None:
    heard = tries[client, fault].heard
    assert heard.secured is None
    assert not any(word in heard.bytes for word in OURS)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("fault", NAMED)
def test_the_operator_is_told_which_fault_it_is(tries: Tries, client: str, fault: Fault) -> None:
    words = tries[client, fault].words
    assert fault.value in words.lower()
    assert STEP in words
    assert TOKEN not in words


@pytest.mark.parametrize("client", CLIENTS)
def test_the_one_without_is_spoken_to(tries: Tries, client: str) -> None:
    words, heard = tries[client, Fault.NONE]
    assert heard.secured in ("TLSv1.2", "TLSv1.3")
    assert heard.bytes.startswith(BEGINNINGS[client])
    assert STEP not in words


@pytest.mark.parametrize("client", CLIENTS)
def test_an_authority_of_ones_own_is_trusted_only_where_it_is_named(untold: Tries, client: str) -> None:
    words, heard = untold[client, Fault.NONE]
    assert "unable to get local issuer certificate" in words
    assert heard.secured is None


@pytest.fixture(scope="module")
def untold(tmp_path_factory: pytest.TempPathFactory) -> Tries:
    """By clients that were not told of the authority."""
    return tried(tmp_path_factory.mktemp("untold"), [Fault.NONE])
