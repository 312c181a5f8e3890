"""The broker as the settings name it: read anew each time."""

from pathlib import Path

import orjson
import pytest

from pipeline.broker import read_broker
from pipeline.secret import UnreadableSecretError
from pipeline.settings import SettingsError
from pipeline.wires.amqp_address import AmqpAddress, EaseeConnection
from tests.pipeline.settings_for_tests import settings_in
from tests.pipeline.wires.test_amqp_address import REPLY


def test_url_queue_and_exchange(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, AMQP_URL="amqps://u:p@h", AMQP_QUEUE="q", AMQP_EXCHANGE="x")
    assert read_broker(settings) == EaseeConnection(AmqpAddress("h", 5671, True, "/", "u", "p"), "q", "x")


def test_a_rotated_url_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text("amqp://u:old@h")
    settings = settings_in(tmp_path, AMQP_URL_FILE=str(file), AMQP_QUEUE="q")
    assert read_broker(settings).address.password == "old"
    file.write_text("amqp://u:new@h")
    assert read_broker(settings).address.password == "new"


def test_easees_reply_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "reply.json"
    file.write_bytes(orjson.dumps(REPLY))
    settings = settings_in(tmp_path, EASEE_CONNECTION_FILE=str(file))
    assert read_broker(settings).queue == "Operator_1.Q"
    file.write_bytes(orjson.dumps({**REPLY, "password": "new"}))
    assert read_broker(settings).address.password == "new"
    file.write_bytes(b"{}")
    with pytest.raises(UnreadableSecretError, match=r"reply\.json must be Easee's reply"):
        read_broker(settings)
    file.unlink()
    with pytest.raises(UnreadableSecretError, match="CHARGELINE_EASEE_CONNECTION_FILE"):
        read_broker(settings)


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "CHARGELINE_AMQP_URL and CHARGELINE_AMQP_QUEUE"),
        ({"AMQP_URL": "amqps://u:p@h"}, "CHARGELINE_AMQP_QUEUE"),
        ({"AMQP_QUEUE": "q"}, "CHARGELINE_AMQP_URL"),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, given: dict[str, str], missing: str) -> None:
    with pytest.raises(SettingsError, match=f"^{missing} must be set, or CHARGELINE_EASEE_CONNECTION_FILE"):
        read_broker(settings_in(tmp_path, **given))
