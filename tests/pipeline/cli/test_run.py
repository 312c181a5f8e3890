"""`chargeline run`: what keeps it from starting is said in words. How it works is tested with tests/campaigns."""

import socket
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli.run import command
from pipeline.wires.folder_lock import lock_folder

BROKER = {"AMQP_URL": "amqp://user:hidden-word@127.0.0.1:1/", "AMQP_QUEUE": "q"}


def run(folder: Path, *words: str, **settings: str) -> Result:
    environ = {f"CHARGELINE_{name}": value for name, value in {"DATA_DIR": str(folder / "data"), **settings}.items()}
    result = CliRunner().invoke(command, words, env=environ)
    assert "hidden-word" not in result.output
    assert "Traceback" not in result.output
    return result


def test_without_a_broker_the_settings_are_named(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert result.exit_code == 2
    assert "CHARGELINE_AMQP_URL and CHARGELINE_AMQP_QUEUE must be set" in result.stderr
    assert not (tmp_path / "data").exists()


def test_another_worker_on_the_same_data_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with lock_folder(tmp_path / "data"):
        result = run(tmp_path, **BROKER)
    assert result.exit_code == 1
    assert "CHARGELINE_DATA_DIR" in result.stderr


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run(tmp_path, HTTP=f"127.0.0.1:{taken.getsockname()[1]}", **BROKER)
    assert result.exit_code == 1
    assert "CHARGELINE_HTTP" in result.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"EASEE_CONNECTION_FILE": "missing.json"}, "missing.json"),
        ({**BROKER, "AMQP_URL": "amqps://u:p@127.0.0.1:1/", "AMQP_CA_FILE": "missing.pem"}, "missing.pem"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, settings: dict[str, str], words: str) -> None:
    result = run(tmp_path, **settings)
    assert result.exit_code == 1
    assert words in result.stderr


def test_a_recording_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run(tmp_path, "--record", str(tmp_path / "file" / "below"), **BROKER)
    assert result.exit_code == 1
    assert f"{tmp_path / 'file' / 'below'}: Not a directory" in result.stderr
