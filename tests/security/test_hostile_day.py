"""The real program on a hostile day: no secret and nothing personal gets out, no text of strangers is shown raw."""

import hmac
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.assembly import STATE_FILE, STORE_FILE
from tests.campaigns.stage import QUEUE
from tests.security.hostile_day import COPIES, PERSONAL, SECRETS, Evidence, hostile_deliveries, live_through
from tests.services.rabbitmq import RabbitMq

pytestmark = pytest.mark.services

FIRST_OF_A_LINE = re.compile(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ (debug|info|warning|error|critical) |  \| ")
CONTROL = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]")
"""Control characters but for tab and line feed, those above 127 and those that turn text around, as UTF-8."""

SEEN = {"log", "metrics", "readyz", "arguments", "crash", "check", "config", "rejects list", "rollup", "commands 200"}
HASHED = hmac.digest(SECRETS["personal key"].encode(), PERSONAL.encode(), "sha256").hex().encode()
FILES = {STATE_FILE, STORE_FILE, "record.jsonl"}


@pytest.fixture(scope="module")
def evidence(rabbitmq: RabbitMq, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Evidence]:
    rabbitmq.settle()
    vhost = rabbitmq.add_vhost()
    yield live_through(tmp_path_factory.mktemp("hostile"), rabbitmq, vhost)
    rabbitmq.delete_vhost(vhost)


def test_the_day_was_lived_through(evidence: Evidence) -> None:
    """Otherwise nothing is found below because nothing was looked at."""
    assert evidence.outputs.keys() >= SEEN
    assert all(evidence.outputs.values())
    assert b"consuming queue" in evidence.outputs["log"]
    assert all(b"please report this" in evidence.outputs[name] for name in ("crash", "crash with a reply"))
    assert b"CHARGELINE_INFLUX_TOKEN" in evidence.outputs["config"]
    assert f"chargeline_delivered_total {len(hostile_deliveries())}.0".encode() in evidence.outputs["metrics"]


def test_each_secret_was_used(evidence: Evidence) -> None:
    """One that the program never needed could not get out."""
    log = evidence.outputs["log"]
    assert all(f"consuming queue {name}:".encode() in log for name in (QUEUE, COPIES))
    assert b"consuming queue" in evidence.outputs["log of the hostile store"], "by the password of a reply"
    assert b"they are refused with status 401" in log, "the webhook was asked"
    assert any(HASHED in path.read_bytes() for path in stored(evidence)), "with the personal key"


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_is_shown(evidence: Evidence, secret: str) -> None:
    canary = SECRETS[secret].encode()
    assert [place for place, output in evidence.outputs.items() if canary in output] == []


def test_a_secret_that_a_store_repeats_is_masked(evidence: Evidence) -> None:
    assert b"no such Token ***" in evidence.outputs["log of the hostile store"]


def test_a_secret_that_a_receiver_of_alerts_repeats_is_masked(evidence: Evidence) -> None:
    assert b"no such ***" in evidence.outputs["log"]


def test_no_port_is_open_but_that_of_http(evidence: Evidence) -> None:
    assert evidence.ports == {"worker": set()}


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_is_written(evidence: Evidence, secret: str) -> None:
    canary = SECRETS[secret].encode()
    assert [path for path in files_of(evidence.folder) if canary in path.read_bytes()] == []


def test_nothing_personal_is_shown(evidence: Evidence) -> None:
    assert [place for place, output in evidence.outputs.items() if PERSONAL.encode() in output] == []


def test_nothing_personal_is_stored(evidence: Evidence) -> None:
    """Rejects and recordings are as the messages came; the store is not."""
    assert stored(evidence)
    assert [path for path in stored(evidence) if PERSONAL.encode() in path.read_bytes()] == []


def test_no_text_of_strangers_is_shown_raw(evidence: Evidence) -> None:
    found = {place: CONTROL.findall(output) for place, output in evidence.outputs.items() if place != "arguments"}
    assert {place: characters for place, characters in found.items() if characters} == {}


def test_nobody_writes_a_line_of_the_log_but_we(evidence: Evidence) -> None:
    lines = [
        line
        for place in ("log", "log of the hostile store", "crash", "crash with a reply")
        for line in evidence.outputs[place].splitlines()
        if not FIRST_OF_A_LINE.match(line) or b"Z error injected" in line[:40]
    ]
    assert lines == []


def test_files_are_their_owners_alone_whatever_the_umask(evidence: Evidence) -> None:
    files = [*files_of(evidence.data_dir), *files_of(evidence.folder / "new")]
    folders = [evidence.data_dir, evidence.folder / "new"]

    assert {path.name for path in files} >= FILES
    assert {path.name: oct(mode_of(path)) for path in files if mode_of(path) != 0o600} == {}
    assert {path.name: oct(mode_of(path)) for path in folders if mode_of(path) != 0o700} == {}


def stored(evidence: Evidence) -> list[Path]:
    return [path for path in files_of(evidence.data_dir) if path.name.startswith(STORE_FILE)]


def files_of(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
