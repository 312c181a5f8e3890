"""docker-compose.yml: every profile resolves, every rule holds, and what they run does what they say.

There is no container engine here. What can be shown without one is: docker-compose resolves the file; the program that
sets InfluxDB up does so at a real one; the health checks tell health from trouble.
"""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import pytest

from pipeline.settings import load_settings
from tests.compose.resolved import ROOT, ComposeError, Node, node_of, resolve
from tests.compose.rules import RULES
from tests.compose.samples import BAD, GOOD, GOOD_OTHERWISE
from tests.services.http import request
from tests.services.influxdb import InfluxDb
from tests.services.process import ServiceError, free_ports

pytestmark = pytest.mark.services

FILE = ROOT / "docker-compose.yml"
SERVICES: Mapping[str, set[str]] = {
    "demo": {"broker", "history", "fleet", "alerts"},
    "scale": {"kafka", "topics", "bridge", "track", "write"},
}
PROFILES = ((), ("demo",), ("scale",), ("demo", "scale"))
REAL = {"CHARGELINE_AMQP_URL": "amqps://u:p@host/v"}


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project folder without .env."""
    return tmp_path_factory.mktemp("project")


def services(empty: Path, *profiles: str, **given: str) -> Mapping[str, Mapping[str, Node]]:
    found = node_of(resolve(FILE, empty, profiles, **given), "services")
    assert isinstance(found, Mapping)
    return {name: service for name, service in found.items() if isinstance(service, Mapping)}


@pytest.mark.parametrize("profiles", PROFILES)
@pytest.mark.parametrize("given", [{}, REAL])
def test_every_profile_resolves_and_every_rule_holds(
    empty: Path, profiles: tuple[str, ...], given: dict[str, str]
) -> None:
    found = services(empty, *profiles, **given)
    assert found.keys() == {"first-start", "influxdb", "worker", "grafana"}.union(*map(SERVICES.__getitem__, profiles))
    faults = [
        f"{name}: {words}" for name, service in found.items() for rule in RULES.values() for words in rule(service)
    ]
    assert faults == []


@pytest.mark.parametrize("name", RULES)
def test_each_rule_passes_a_good_service_and_finds_a_bad_one(name: str) -> None:
    assert list(RULES[name](GOOD)) == []
    assert list(RULES[name]({**GOOD, **GOOD_OTHERWISE.get(name, {})})) == []
    assert list(RULES[name]({**GOOD, **BAD[name]}))


def test_a_file_that_is_wrong_is_refused(empty: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(FILE.read_text("utf-8").replace("depends_on:", "depends_upon:"), "utf-8")
    with pytest.raises(ComposeError, match="depends_upon"):
        resolve(wrong, empty)


def test_the_demo_keeps_away_from_what_is_real(empty: Path) -> None:
    simulated, real = services(empty, "demo"), services(empty, "demo", **REAL)

    def variable(found: Mapping[str, Node], service: str, name: str) -> Node:
        return node_of(found, service, "environment", name)

    assert variable(simulated, "worker", "CHARGELINE_AMQP_URL") == variable(simulated, "fleet", "CHARGELINE_AMQP_URL")
    assert not variable(simulated, "grafana", "IS_REAL")
    assert not variable(simulated, "history", "CHARGELINE_AMQP_URL")
    assert variable(real, "worker", "CHARGELINE_AMQP_URL") == REAL["CHARGELINE_AMQP_URL"]
    assert variable(real, "grafana", "IS_REAL") == "yes"
    # With it, `demo --to-bucket` refuses: tests/pipeline/cli/test_demo.py.
    assert variable(real, "history", "CHARGELINE_AMQP_URL") == REAL["CHARGELINE_AMQP_URL"]
    assert variable(real, "fleet", "CHARGELINE_AMQP_URL") != REAL["CHARGELINE_AMQP_URL"]


def test_roles_do_what_the_worker_does(empty: Path) -> None:
    """The same queue, the same bucket, the same health check; each role with the settings that its check asks for."""
    for given in ({}, REAL):
        found = services(empty, "demo", "scale", **given)
        for role in ("bridge", "track", "write"):
            environment, worker = node_of(found, role, "environment"), node_of(found, "worker", "environment")
            assert isinstance(environment, Mapping)
            assert node_of(found, role, "healthcheck", "test") == node_of(found, "worker", "healthcheck", "test")
            assert node_of(found, role, "command") == ["run", "--role", role]
            for name, value in environment.items():
                if "KAFKA" not in name and name != "CHARGELINE_AMQP_SHARE":
                    assert value == node_of(worker, name), name
            settings = {name: str(value) for name, value in environment.items() if not name.endswith("_FILE")}
            token = {"CHARGELINE_INFLUX_TOKEN": "t"} if role == "write" else {}
            kafka = load_settings({**settings, **token})
            assert kafka.kafka_brokers == (("kafka", 9092),)
            assert kafka.kafka_replication == kafka.kafka_min_in_sync == 1
        made_with = node_of(found, "topics", "environment")
        assert isinstance(made_with, Mapping)
        assert {**made_with, "CHARGELINE_HTTP": "0.0.0.0:8090"} == node_of(found, "track", "environment")
        assert node_of(found, "topics", "command") == ["topics", "create"]


def test_env_reaches_the_worker_but_not_against_the_stack(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("CHARGELINE_SILENT_AFTER=30min\nCHARGELINE_DATA_DIR=/elsewhere\n", "utf-8")
    environment = node_of(services(tmp_path)["worker"], "environment")
    assert node_of(environment, "CHARGELINE_SILENT_AFTER") == "30min"
    assert node_of(environment, "CHARGELINE_DATA_DIR") == "/data"


def test_the_image_bears_the_programs_version(empty: Path) -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    ours = {node_of(service, "image") for service in services(empty, "demo").values() if service.get("build")}
    assert ours == {f"chargeline:{version}"}


def test_bind_mounts_are_there_and_grafana_is_told_where(empty: Path) -> None:
    mounts = {
        str(node_of(mount, "target")): Path(str(node_of(mount, "source"))).relative_to(empty)
        for mount in _list(services(empty)["grafana"].get("volumes"))
        if node_of(mount, "type") == "bind"
    }
    assert mounts
    assert all((ROOT / source).is_dir() for source in mounts.values())
    provider = (ROOT / "grafana/provisioning/dashboards/chargeline.yaml").read_text("utf-8")
    assert "path: /etc/grafana/dashboards\n" in provider
    assert mounts["/etc/grafana/dashboards"] == Path("grafana/dashboards")


def test_grafana_has_every_variable_of_its_provisioning(empty: Path) -> None:
    grafana = services(empty)["grafana"]
    start = " ".join(map(str, _list(grafana.get("entrypoint"))))
    environment = node_of(grafana, "environment")
    assert isinstance(environment, Mapping)
    for file in [*(ROOT / "grafana/provisioning").rglob("*.yaml"), *(ROOT / "grafana/demo").rglob("*.yaml")]:
        for name in re.findall(r"\$(GRAFANA_\w+)", file.read_text("utf-8")):
            assert name in environment or f"export {name}" in start


@pytest.mark.parametrize("name", ["worker", "history", "fleet"])
def test_what_the_program_is_given_are_settings_that_it_takes(empty: Path, tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x" * 32)
    secret.chmod(0o400)
    environment = node_of(services(empty, "demo")[name], "environment")
    assert isinstance(environment, Mapping)
    given = {
        variable: str(secret) if variable.endswith("_FILE") else str(value) for variable, value in environment.items()
    }
    settings = load_settings({**given, "CHARGELINE_DATA_DIR": str(tmp_path)})
    assert settings.warnings == ()


# What the first start does, at a real InfluxDB.


@pytest.fixture
def new_influxdb(tmp_path: Path) -> Iterator[InfluxDb]:
    """A server of its own that nobody has set up."""
    (tmp_path / "influxdb").mkdir()
    server = InfluxDb.own(tmp_path / "influxdb", is_set_up=False)
    yield server
    server.close()


def test_the_first_start_sets_influxdb_up_and_hands_out_what_each_needs(
    empty: Path, tmp_path: Path, new_influxdb: InfluxDb
) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    script = tmp_path / "first_start.py"
    content = str(node_of(resolve(FILE, empty), "configs", "first_start", "content"))
    is_root = os.getuid() == 0
    # Only root may give files away, as the container does.
    script.write_text(content if is_root else content.replace("os.chown(", "(lambda *_: None)("), "utf-8")
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, script, new_influxdb.url, secrets], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

    files = {str(path.relative_to(secrets)): path for path in secrets.rglob("*") if path.is_file()}
    assert files.keys() == {
        "influxdb/admin-password",
        "influxdb/admin-token",
        "worker/influx-token",
        "worker/http-token",
        "grafana/influx-token",
        "grafana/admin-password",
    }
    assert len({path.read_text() for path in files.values()}) == len(files)
    assert {path.stat().st_mode & 0o777 for path in files.values()} == {0o400}
    if is_root:
        assert {path.stat().st_uid for path in (secrets / "worker").iterdir()} == {10001}
        assert {path.stat().st_uid for path in (secrets / "grafana").iterdir()} == {472}

    worker = InfluxDb(new_influxdb.url, files["worker/influx-token"].read_text(), None)
    worker.org = "chargeline"
    worker.write("chargeline", "m n=1 1")
    grafana = InfluxDb(new_influxdb.url, files["grafana/influx-token"].read_text(), None)
    grafana.org = "chargeline"
    assert len(grafana.query("chargeline", "SELECT n FROM m")) == 1
    with pytest.raises(ServiceError):
        grafana.write("chargeline", "m n=2 2")


def test_posted_alerts_are_said(empty: Path, tmp_path: Path) -> None:
    (port,) = free_ports(1)
    script = tmp_path / "alerts.py"
    content = str(node_of(resolve(FILE, empty, ("demo",)), "configs", "alerts", "content"))
    script.write_text(content.replace("8080", str(port)), "utf-8")
    alert = {"status": "firing", "labels": {"alertname": "Silent"}, "annotations": {"summary": "EH1 is silent"}}
    with subprocess.Popen([sys.executable, "-u", script], stdout=subprocess.PIPE, text=True) as receiver:
        try:
            _until_listening(port)
            answer = request("POST", f"http://127.0.0.1:{port}/", content={"alerts": [alert]})
            assert answer.status == 200
            assert receiver.stdout is not None
            assert receiver.stdout.readline() == "firing Silent EH1 is silent\n"
        finally:
            receiver.kill()


class _Health(BaseHTTPRequestHandler):
    statuses: ClassVar[dict[str, int]] = {}

    def do_GET(self) -> None:
        self.send_response(self.statuses[self.path])
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@pytest.mark.parametrize("status", [200, 503])
def test_the_workers_health_check_tells_health_from_trouble(empty: Path, status: int) -> None:
    words = _list(node_of(services(empty)["worker"], "healthcheck", "test"))
    assert words[:3] == ["CMD", "python", "-c"]
    with HTTPServer(("127.0.0.1", 0), _Health) as server:
        _Health.statuses = {"/readyz": status}
        Thread(target=server.serve_forever, daemon=True).start()
        script = str(words[-1]).replace("8090", str(server.server_port))
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
        server.shutdown()
    assert (done.returncode == 0) == (status == 200)


def test_what_runs_once_is_waited_for_by_somebody(empty: Path) -> None:
    """Otherwise `up --wait` takes its end for a failure."""
    found = services(empty, "demo")
    for name, service in found.items():
        if service.get("restart") == "no":
            conditions = [node_of(other, "depends_on", name, "condition") for other in found.values()]
            assert "service_completed_successfully" in conditions, name


def _list(node: Node) -> list[Node]:
    return list(node) if isinstance(node, list) else []


def _until_listening(port: int) -> None:
    while True:
        try:
            request("GET", f"http://127.0.0.1:{port}/")
        except ConnectionRefusedError:
            continue
        return
