"""What the README says of running it for real, executed with a real broker and a real InfluxDB.

Its other commands and queries are executed by tests/test_readme.py.
"""

import configparser
import os
import shlex
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.campaigns.running import RunningWorker
from tests.campaigns.stage import QUEUE, Stage, simulate
from tests.oracle.stores import difference
from tests.services.influxdb import InfluxDb
from tests.services.kafka import Kafka
from tests.services.process import LOOPBACK, free_ports
from tests.services.rabbitmq import RabbitMq
from tests.test_readme import README, blocks, commands, queries

ROOT = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent
FIVE_LINES = ("cp", "chmod", "chargeline check", "chargeline run")


@pytest.mark.services
def test_the_lines_of_running_it_for_real(rabbitmq: RabbitMq, vhost: str, influxdb: InfluxDb, tmp_path: Path) -> None:
    section = README.partition("\n## Run it for real\n")[2].partition("\n## ")[0]
    lines = [line for line, _ in commands(section) if line.startswith(FIVE_LINES)]
    assert [line.split(" --")[0] for line in lines] == [
        "cp .env.example chargeline.env",
        "chmod 600 chargeline.env",
        "chargeline check",
        "chargeline run",
    ]
    (tmp_path / ".env.example").write_bytes((ROOT / ".env.example").read_bytes())
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")}
    environ["PATH"] = os.pathsep.join([str(PROGRAMS), environ["PATH"]])
    stage = Stage(tmp_path, rabbitmq, vhost, influxdb)
    stage.fill(simulate(100, 3, seed=1).deliveries)
    for line in lines[:2]:
        subprocess.run(shlex.split(line), cwd=tmp_path, env=environ, check=True)
    worker = RunningWorker(tmp_path, stage.settings())
    with (tmp_path / "chargeline.env").open("a") as file:
        given = stage.settings(HTTP=worker.url.removeprefix("http://"))
        file.writelines(f"CHARGELINE_{name}={value}\n" for name, value in given.items())
    check = subprocess.run(
        shlex.split(lines[2]), cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert check.returncode == 0, check.stdout + check.stderr
    assert QUEUE in check.stdout
    with subprocess.Popen(shlex.split(lines[3]), cwd=tmp_path, env=environ) as process:
        try:
            worker.until(lambda: worker.delivered() == 100)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()


@pytest.mark.services
def test_the_lines_of_moving_to_several_machines(
    rabbitmq: RabbitMq, vhost: str, influxdb: InfluxDb, kafka: Kafka, tmp_path: Path
) -> None:
    """A worker has taken a part of the queue; the roles go on from there."""
    section = README.partition("\n## On several machines\n")[2].partition("\n## ")[0]
    lines = [line for line, _ in commands(section) if not line.startswith("docker ")]
    stage = Stage(tmp_path, rabbitmq, vhost, influxdb)
    stream = simulate(400, 3, seed=1)
    deliveries = stream.deliveries
    worker = RunningWorker(tmp_path, stage.settings())
    stage.fill(deliveries[:200])
    worker.start()
    worker.until(lambda: worker.delivered() == 200)
    assert worker.end() == 0

    stage.fill(deliveries[200:])
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")}
    environ["PATH"] = os.pathsep.join([str(PROGRAMS), environ["PATH"]])
    ports = iter(free_ports(4))
    given = stage.settings(HTTP=f"{LOOPBACK}:{next(ports)}", KAFKA_BROKERS=kafka.brokers, KAFKA_REPLICATION="1")
    given |= {"AMQP_SHARE": "on", "KAFKA_PARTITIONS": "3"}
    (tmp_path / "chargeline.env").write_text("".join(f"CHARGELINE_{name}={value}\n" for name, value in given.items()))
    (tmp_path / "chargeline.env").chmod(0o600)
    told = ""
    with ExitStack() as running:
        roles: dict[str, tuple[RunningWorker, subprocess.Popen[bytes]]] = {}
        for line in lines:
            if " run " not in line:
                done = subprocess.run(
                    shlex.split(line), cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
                told += done.stdout
                continue
            address, *words = shlex.split(line)
            name, _, _ = address.partition("=")
            role = RunningWorker(tmp_path, {})
            role.url = f"http://{LOOPBACK}:{next(ports)}"
            process = subprocess.Popen(words, cwd=tmp_path, env={**environ, name: role.url.removeprefix("http://")})
            running.callback(process.wait)
            running.callback(process.kill)
            roles[words[words.index("--role") + 1]] = role, process
        assert "Brought " in told
        assert list(roles) == ["write", "track", "bridge"]
        writer, _ = roles["write"]
        writer.until(lambda: not difference(stream.reading.rows, stage.rows()) and stage.is_drained())
        for _, process in roles.values():
            process.send_signal(signal.SIGTERM)
        assert [process.wait(60) for _, process in roles.values()] == [0, 0, 0]


class Unit(configparser.RawConfigParser):
    """A unit file of systemd, whose names keep their case."""

    def optionxform(self, optionstr: str) -> str:
        return optionstr


def test_the_unit_runs_the_program_as_the_program_expects() -> None:
    (text,) = blocks(README, "ini")
    unit = Unit(strict=True)
    unit.read_string(text)
    service = unit["Service"]
    program, *words = shlex.split(service["ExecStart"])
    assert (Path(program).name, words) == ("chargeline", ["run"])
    assert service["EnvironmentFile"] == "/etc/chargeline.env"
    assert service["Type"] == "notify"
    assert int(service["WatchdogSec"]) > 10
    assert int(service["TimeoutStopSec"]) > 10


@pytest.mark.services
def test_commands_are_sent_as_it_says_and_influxql_finds_something(
    rabbitmq: RabbitMq, vhost: str, influxdb: InfluxDb, tmp_path: Path
) -> None:
    lines = [
        line for line, _ in commands(README) if line.startswith(("chargeline send", "chargeline commands", "curl"))
    ]
    assert [line.split()[0] for line in lines] == ["chargeline"] * 3 + ["curl"] * 2
    stage = Stage(tmp_path, rabbitmq, vhost, influxdb)
    stage.fill(simulate(5_000, 10, seed=1).deliveries)
    sending = {"AMQP_EXCHANGE": "Operator_1.C.X", "OPERATOR": "Acme", "HTTP_TOKEN": "a-long-random-text"}
    worker = RunningWorker(tmp_path, stage.settings(**sending))
    netloc = worker.url.removeprefix("http://")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")}
    environ |= {f"CHARGELINE_{name}": value for name, value in stage.settings(**sending, HTTP=netloc).items()}
    environ["PATH"] = os.pathsep.join([str(PROGRAMS), environ["PATH"]])
    simulator = [str(PROGRAMS / "chargeline"), "simulate", "--chargers", "3", "--plain", "--quirks", "none"]
    with subprocess.Popen(simulator, cwd=tmp_path, env=environ) as fleet:
        try:
            worker.until(lambda: "Operator_1.C.X" in rabbitmq.ctl("list_exchanges", "--vhost", vhost, "name"))
            worker.start()
            worker.until(lambda: worker.metrics().get("chargeline_consuming", 0) == 1 and worker.delivered() > 5_000)
            for line in lines:
                done = subprocess.run(
                    line.replace("127.0.0.1:8090", netloc),
                    shell=True,
                    cwd=tmp_path,
                    env=environ,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
                assert "error" not in done.stdout, done.stdout
            assert worker.end() == 0
        finally:
            worker.kill()
            fleet.kill()
    asked = queries(README, "influxql")
    assert asked
    for query in asked:
        assert influxdb.query(stage.bucket, query), query
