"""Ports: one is opened, to this machine alone unless the operator says otherwise, and none where he says off."""

import asyncio
import socket
from ipaddress import ip_address

import pytest

from pipeline.meters import Meters
from pipeline.settings import load_settings
from pipeline.wires.http import HttpInterface
from tests.pipeline.setting_values import environ

LOOPBACK, ELSEWHERE = "127.0.0.1", "127.0.0.2"
HANGS_S = 5.0


def test_without_a_word_of_the_operator_only_this_machine_is_listened_to() -> None:
    settings = load_settings({})

    assert settings.http is not None
    assert ip_address(settings.http[0]).is_loopback
    assert settings.http_token is None, "and nobody can send commands"


def test_it_can_be_switched_off() -> None:
    assert load_settings(environ(HTTP="off")).http is None


def test_it_listens_nowhere_else_than_it_was_told_to() -> None:
    async def ask_here_and_elsewhere() -> None:
        async with HttpInterface((LOOPBACK, 0), Meters()) as http:
            with socket.create_connection((LOOPBACK, http.port), HANGS_S):
                pass
            with pytest.raises(OSError, match=r"refused|assign|timed out"):
                socket.create_connection((ELSEWHERE, http.port), HANGS_S)

    asyncio.run(ask_here_and_elsewhere())
