"""`chargeline run`: what keeps it from starting is said in words. How it works is tested with tests/campaigns."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli.run import command
from pipeline.wires.folder_lock import lock_folder
from tests.pipeline.cli.demo_runs import environment
from tests.pipeline.cli.terminal import (
    CHARGELINE,
    CTRL_C,
    CURSOR_HIDDEN,
    CURSOR_SHOWN,
    OFF_ALTERNATE_SCREEN,
    OnTerminal,
)
from tests.services.process import free_ports

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


def loaded_by_run(folder: Path, **settings: str) -> set[str]:
    """Every module that a worker has loaded in a life in which it met no broker."""
    given = {f"CHARGELINE_{name}": value for name, value in {**BROKER, "DATA_DIR": str(folder), **settings}.items()}
    source = "import sys; from pipeline.cli import run_program; code = run_program(['run']); print(code, *sys.modules)"
    with subprocess.Popen(
        [sys.executable, "-c", source], env=environment(**given), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as worker:
        assert worker.stderr is not None
        is_told = False
        for line in worker.stderr:
            if b"not consuming" in line and not is_told:
                # A second one would end it at once.
                is_told = True
                worker.send_signal(signal.SIGTERM)
        assert worker.stdout is not None
        code, *modules = worker.stdout.read().decode().split()
    assert code == "0"
    return set(modules)


def test_a_worker_loads_only_what_its_settings_need(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    bare = loaded_by_run(tmp_path, HTTP="off")
    assert not {"influxdb_client", "aiohttp", "prometheus_client", "rich"} & bare
    assert {"aiohttp", "prometheus_client"} <= loaded_by_run(tmp_path, HTTP=f"127.0.0.1:{port}")


def board(folder: Path, standard_error: Path | None = None, **settings: str) -> OnTerminal:
    """The worker with its board on a terminal; nobody listens where its broker should be."""
    given = {f"CHARGELINE_{name}": value for name, value in {**BROKER, "HTTP": "off", **settings}.items()}
    return OnTerminal(folder, [*CHARGELINE, "run", "--board"], environment(**given), standard_error)


def test_the_board_needs_a_terminal(tmp_path: Path) -> None:
    result = run(tmp_path, "--board", **BROKER)
    assert result.exit_code == 2
    assert "--board needs a terminal" in result.stderr
    assert not (tmp_path / "data").exists()


def test_the_board_needs_a_terminal_that_can_move_its_cursor(tmp_path: Path) -> None:
    with OnTerminal(tmp_path, [*CHARGELINE, "run", "--board"], environment(TERM="dumb")) as running:
        finished = running.finish()
    assert finished.code == 2
    assert "--board needs a terminal" in finished.shown


def test_the_board_shows_how_the_worker_is_and_the_log_which_is_printed_at_the_end(tmp_path: Path) -> None:
    with board(tmp_path) as running:
        running.read_until("warning not consuming")
        running.press(CTRL_C)
        finished = running.finish()

    assert finished.code == 130
    shown, _, ending = finished.shown.rpartition(OFF_ALTERNATE_SCREEN)
    for words in ("Chargeline", "connecting", "Commands, last hour", "Last alerts", "chargeline.sqlite3"):
        assert words in shown
    assert "nobody listens there" not in shown
    assert "nobody listens there" in ending
    assert "SIGINT: finishing what is at hand" in ending
    assert finished.shown.rindex(CURSOR_SHOWN) > finished.shown.rindex(CURSOR_HIDDEN)
    assert "Traceback" not in finished.shown


def test_a_log_that_goes_elsewhere_stays_there(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with board(tmp_path, log, LOG_FORMAT="text") as running:
        running.read_until("connecting")
        running.send(signal.SIGTERM)
        finished = running.finish()

    assert finished.code == 0
    assert "not consuming" not in finished.shown
    assert "SIGTERM: finishing what is at hand" in log.read_text()


def test_what_keeps_it_from_starting_is_said_after_the_board(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        board(tmp_path, HTTP=f"127.0.0.1:{taken.getsockname()[1]}") as running,
    ):
        finished = running.finish()
    assert finished.code == 1
    assert "CHARGELINE_HTTP" in finished.shown.rpartition(OFF_ALTERNATE_SCREEN)[2]


def test_a_second_signal_gives_the_terminal_back_too(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent_store:
        url = f"http://127.0.0.1:{silent_store.getsockname()[1]}"
        with board(tmp_path, INFLUX_URL=url, INFLUX_ORG="o", INFLUX_BUCKET="b", INFLUX_TOKEN="t") as running:
            running.read_until("not consuming")
            running.send(signal.SIGTERM)
            running.read_until("SIGTERM: finishing what is at hand")
            running.send(signal.SIGTERM)
            finished = running.finish()

    assert finished.code == 0
    assert "leaving at once" in finished.shown.rpartition(OFF_ALTERNATE_SCREEN)[2]
    assert finished.shown.rindex(CURSOR_SHOWN) > finished.shown.rindex(CURSOR_HIDDEN)


def test_a_role_needs_kafka_and_takes_no_recording(tmp_path: Path) -> None:
    for role in ("bridge", "write"):
        result = run(tmp_path, "--role", role, **BROKER)
        assert result.exit_code == 2
        assert "CHARGELINE_KAFKA_BROKERS must be set" in result.stderr
    result = run(tmp_path, "--role", "bridge", "--record", str(tmp_path / "stream.jsonl"), **BROKER)
    assert result.exit_code == 2
    assert "leave --role away" in result.stderr
    assert not (tmp_path / "data").exists()
