"""What `make services` runs: nothing where a running server is named, a path where one is built, words otherwise."""

import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / ".ci" / "services"
USUAL_TOOLS = ("cat", "cut", "dirname", "flock", "head", "id", "ls", "mkdir", "mktemp", "rm", "sed", "sort")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A folder to be the only one in PATH: the usual tools, no compiler, no apt-get."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in USUAL_TOOLS:
        if found := shutil.which(tool):
            (folder / tool).symlink_to(found)
    return folder


def run(script: str, path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(path), "HOME": str(path.parent), "XDG_CACHE_HOME": str(path.parent / "cache")}
    words = (str(SCRIPTS / script),)
    return subprocess.run(words, env=environment | variables, capture_output=True, text=True, check=False)


def tool(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("script", "variable"), [("influxd", "CHARGELINE_TEST_INFLUX_URL"), ("rabbitmq", "CHARGELINE_TEST_AMQP_URL")]
)
def test_nothing_is_done_where_a_running_server_is_named(bare: Path, script: str, variable: str) -> None:
    done = run(script, bare, **{variable: "named"})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [entry.name for entry in bare.parent.iterdir()] == ["bin"]


def test_a_built_influxd_is_found_by_its_version(bare: Path) -> None:
    program = bare.parent / "cache" / "chargeline" / "influxd-2.7.12" / "influxd"
    program.parent.mkdir(parents=True)
    tool(program.parent, program.name, "")
    assert run("influxd", bare).stdout == f"{program}\n"


@pytest.mark.parametrize(
    ("tools", "words"),
    [
        ({}, "Go is missing"),
        ({"go": "echo go1.26.0"}, "Rust is missing"),
        ({"go": "echo go1.19.8", "cargo": "echo cargo 1.80.0"}, "Go 1.19.8 is too old"),
        ({"go": "echo go1.26.0", "cargo": "echo cargo 1.63.0"}, "Rust 1.63.0 is too old"),
        ({"go": "echo go1.26.0", "cargo": "echo cargo 1.80.0"}, "clang, cc, protoc or pkg-config is missing"),
    ],
)
def test_what_the_build_lacks_is_named_with_the_ways_out(bare: Path, tools: dict[str, str], words: str) -> None:
    for name, script in tools.items():
        tool(bare, name, script)
    done = run("influxd", bare)
    assert done.returncode == 2
    assert all(part in done.stderr for part in (words, "CHARGELINE_TEST_INFLUX_URL", "make test-unit"))


def test_a_build_that_fails_shows_its_end_and_leaves_nothing_that_looks_built(bare: Path) -> None:
    tool(bare, "go", 'case $1 in env) echo go1.26.0 ;; *) echo "hash mismatch" >&2; exit 1 ;; esac')
    tool(bare, "cargo", "echo cargo 1.80.0")
    for name in ("clang", "cc", "protoc", "pkg-config", "cp", "chmod", "tail"):
        tool(bare, name, f'exec {shutil.which(name) or "true"} "$@"')
    done = run("influxd", bare)
    assert done.returncode == 2
    assert "hash mismatch" in done.stderr
    cache = bare.parent / "cache" / "chargeline" / "influxd-2.7.12"
    assert {entry.name for entry in cache.iterdir()} <= {"lock"}


JAVA_17 = """echo 'openjdk version "17.0.15" 2025-04-15' >&2"""


def test_a_fetched_kafka_is_found_by_its_version(bare: Path) -> None:
    jars = bare.parent / "cache" / "chargeline" / "kafka-4.3.1" / "jars"
    jars.mkdir(parents=True)
    tool(bare, "java", JAVA_17)
    assert run("kafka", bare).stdout == f"{jars}\n"


def test_a_kafka_of_ones_own_is_taken_where_it_is_one(bare: Path) -> None:
    tool(bare, "java", JAVA_17)
    named = {"CHARGELINE_TEST_KAFKA_JARS": str(bare.parent)}
    assert "there are no jars of Kafka in" in run("kafka", bare, **named).stderr
    (bare.parent / "kafka-server-4.1.0.jar").touch()
    assert run("kafka", bare, **named).stdout == f"{bare.parent}\n"


@pytest.mark.parametrize(
    ("tools", "words"),
    [
        ({}, "Java is missing"),
        ({"java": """echo 'openjdk version "1.8.0_402"' >&2"""}, "Java 1 is too old"),
        ({"java": JAVA_17}, "Maven is missing"),
        ({"java": JAVA_17, "mvn": "echo checksum mismatch; exit 1", "tail": "cat"}, "could not be fetched"),
        ({"java": JAVA_17, "mvn": "exit 0"}, "not what is pinned"),
    ],
)
def test_what_kafka_lacks_is_named_with_the_ways_out(bare: Path, tools: dict[str, str], words: str) -> None:
    for name, script in tools.items():
        tool(bare, name, script)
    done = run("kafka", bare)
    assert done.returncode == 2
    assert all(part in done.stderr for part in (words, "CHARGELINE_TEST_KAFKA_JARS", "make test-unit"))
    cache = bare.parent / "cache" / "chargeline" / "kafka-4.3.1"
    assert not cache.exists() or {entry.name for entry in cache.iterdir()} <= {"lock"}


def test_a_built_toxiproxy_is_found_and_one_that_cannot_be_built_is_said(bare: Path) -> None:
    done = run("toxiproxy", bare)
    assert done.returncode == 2
    assert all(part in done.stderr for part in ("Go is missing", "CHARGELINE_TEST_TOXIPROXY", "make test-unit"))
    program = bare.parent / "cache" / "chargeline" / "toxiproxy-2.5.0" / "toxiproxy-server"
    tool(program.parent, program.name, "")
    assert run("toxiproxy", bare).stdout == f"{program}\n"
