"""Ports: one is opened, to this machine alone unless the operator says otherwise, and none where he says off."""

import asyncio
import socket
from ipaddress import ip_address

import pytest

from pipeline.meters import Meters
from pipeline.settings import load_settings
from pipeline.wires.http import HttpInterface
from tests.pipeline.setting_values import environ

LOOPBACK = "127.0.0.1"


def test_without_a_word_of_the_operator_only_this_machine_is_listened_to() -> None:
    settings = load_settings({})

    assert settings.http is not None
    assert ip_address(settings.http[0]).is_loopback
    assert settings.http_token is None, "and nobody can send commands"


def test_it_can_be_switched_off() -> None:
    assert load_settings(environ(HTTP="off")).http is None


def test_it_listens_nowhere_else_than_it_was_told_to() -> None:
    async def reached_elsewhere() -> bool:
        async with HttpInterface((LOOPBACK, 0), Meters()) as http:
            _, writer = await asyncio.open_connection(LOOPBACK, http.port)
            writer.close()
            await writer.wait_closed()
            with socket.socket() as other, pytest.raises(ConnectionRefusedError):
                other.connect(("127.0.0.2", http.port))
            return False

    assert not asyncio.run(reached_elsewhere())
