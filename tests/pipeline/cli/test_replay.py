"""`chargeline replay` as a user runs it: files and pipes, dry runs, and every way in which it fails."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from pipeline.replay_lines import to_line
from schemas.delivery import Delivery

STAMP = "2023-06-08T06:59:16Z"
HEADERS = {"ArrivalTime": STAMP}
POWER = Delivery("EH1.O.120", HEADERS, b'{"Id": 120, "Timestamp": "2023-06-08T06:59:16.5Z", "Value": "7.4"}', None)
COMMAND = Delivery("EH1.C.48", {"PublishedAt": STAMP, **HEADERS}, b'{"Id": 48, "Arguments": []}', None)
BROKEN = Delivery("EH1.O.120", HEADERS, b"{", None)
POWER_ROW = "charger_power,charger=EH1 total_power_kw=7.4 1686207556500000000\n"
INFLUX = {f"CHARGELINE_INFLUX_{name}": "x" for name in ("TOKEN", "ORG", "BUCKET")} | {
    "CHARGELINE_INFLUX_URL": "http://db:8086"
}


def chargeline(
    folder: Path, *arguments: str, stdin: bytes = b"", environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-c", "from pipeline.cli import main; main()", *arguments],
        cwd=folder,
        input=stdin,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        check=False,
    )


def recording(deliveries: Sequence[Delivery]) -> bytes:
    return b"".join(to_line(delivery) + b"\n" for delivery in deliveries)


@pytest.fixture
def stream(tmp_path: Path) -> Path:
    path = tmp_path / "recorded.jsonl"
    path.write_bytes(recording([POWER, BROKEN, COMMAND]))
    return path


def test_a_file_is_taken_into_the_store_and_summed_up(tmp_path: Path, stream: Path) -> None:
    done = chargeline(tmp_path, "replay", stream.name)

    assert done.returncode == 0
    assert done.stderr == b""
    assert done.stdout.decode().splitlines() == [
        "lines     3",
        "written   1, to chargeline-data/chargeline.sqlite3",
        "commands  1, each followed to its end",
        "rejected  1, kept: chargeline rejects list",
        "          1 json: the body is not JSON",
        "surprises 1 coerced",
    ]
    assert sorted(path.name for path in (tmp_path / "chargeline-data").iterdir()) == [
        "chargeline.sqlite3",
        "state.sqlite3",
    ]


@pytest.mark.parametrize(("source", "is_shown"), [("recorded.jsonl", True), ("-", False)])
def test_a_terminal_sees_how_far_a_file_is(tmp_path: Path, stream: Path, source: str, is_shown: bool) -> None:
    terminal, inside = os.openpty()
    done = subprocess.run(
        [sys.executable, "-c", "from pipeline.cli import main; main()", "replay", source],
        cwd=tmp_path,
        input=stream.read_bytes(),
        stdout=subprocess.PIPE,
        stderr=inside,
        env={**os.environ, "TERM": "xterm"},
        check=True,
    )
    os.write(inside, b"end")
    os.close(inside)
    seen = os.read(terminal, 65_536)
    os.close(terminal)

    assert (b"3 lines" in seen) is is_shown
    assert done.stdout.startswith(b"lines     3\n")


def test_standard_input_is_taken_the_same(tmp_path: Path, stream: Path) -> None:
    done = chargeline(tmp_path, "replay", "-", "--json", stdin=stream.read_bytes())

    assert done.returncode == 0
    assert json.loads(done.stdout) == {
        "lines": 3,
        "blank": 0,
        "written": 1,
        "commands": 1,
        "rejected": {"json": 1},
        "surprises": {"coerced": 1},
        "dropped": 0,
        "store": "chargeline-data/chargeline.sqlite3",
    }


def test_a_dry_run_prints_rows_and_rejects_and_writes_nothing(tmp_path: Path, stream: Path) -> None:
    done = chargeline(tmp_path, "replay", "--dry-run", stream.name)

    assert done.returncode == 0
    row, command_row = done.stdout.decode().splitlines(keepends=True)
    assert row == POWER_ROW
    assert command_row.startswith('command,charger=EH1,command=SetDynamicChargerCurrent state="published",')
    [refusal] = map(json.loads, done.stderr.splitlines())
    assert set(refusal) == {"line", "reason", "detail", "routing_key", "key"}
    assert (refusal["line"], refusal["reason"], refusal["routing_key"]) == (2, "json", "EH1.O.120")
    assert [path.name for path in tmp_path.iterdir()] == [stream.name]


def test_a_dry_run_needs_no_store_of_this_version(tmp_path: Path, stream: Path) -> None:
    assert (
        chargeline(tmp_path, "replay", "--dry-run", stream.name, environ=INFLUX).stdout.decode().startswith(POWER_ROW)
    )


def test_a_dry_run_answers_a_live_stream_before_it_ends(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-u", "-c", "from pipeline.cli import main; main()", "replay", "--dry-run", "-"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        # If no answer comes, the program is ended, and the test fails in place of waiting.
        watchdog = threading.Timer(60, running.kill)
        watchdog.start()
        for _ in range(2):
            running.stdin.write(recording([POWER]))
            running.stdin.flush()
            assert running.stdout.readline().decode() == POWER_ROW
        running.stdin.close()
        watchdog.cancel()
    assert running.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "environ", "words"),
    [
        (["replay", "missing.jsonl"], {}, "missing.jsonl"),
        (["replay"], {}, "FILE"),
        (["replay", "--dry-run", "--json", "recorded.jsonl"], {}, "--json is for the summary"),
        (["replay", "recorded.jsonl"], {"CHARGELINE_BATCH": "none"}, "CHARGELINE_BATCH"),
    ],
)
def test_wrong_usage_ends_with_2_and_words(
    tmp_path: Path, stream: Path, arguments: Sequence[str], environ: Mapping[str, str], words: str
) -> None:
    done = chargeline(tmp_path, *arguments, environ=environ)

    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
    assert [path.name for path in tmp_path.iterdir()] == [stream.name]


def test_a_store_that_is_away_ends_with_1_and_words(tmp_path: Path, stream: Path) -> None:
    done = chargeline(
        tmp_path, "replay", stream.name, environ={**INFLUX, "CHARGELINE_INFLUX_URL": "http://127.0.0.1:1"}
    )

    assert done.returncode == 1
    assert "InfluxDB at http://127.0.0.1:1, bucket x: " in done.stderr.decode()
    assert "see that it runs" in done.stderr.decode()


def test_a_folder_that_cannot_be_ends_with_1_and_the_setting(tmp_path: Path, stream: Path) -> None:
    done = chargeline(tmp_path, "replay", stream.name, environ={"CHARGELINE_DATA_DIR": stream.name})

    assert done.returncode == 1
    assert done.stderr.decode() == (
        "Error: recorded.jsonl: Not a directory; name a folder that can be made and is yours in CHARGELINE_DATA_DIR\n"
    )


def test_a_foreign_database_ends_with_1_and_is_left_alone(tmp_path: Path, stream: Path) -> None:
    store = tmp_path / "chargeline-data" / "chargeline.sqlite3"
    store.parent.mkdir()
    store.write_bytes(b"This is no database of anybody." * 100)
    done = chargeline(tmp_path, "replay", stream.name)

    assert done.returncode == 1
    assert "chargeline.sqlite3" in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
    assert store.read_bytes() == b"This is no database of anybody." * 100


def test_full_rejects_end_with_1_and_say_how_far_it_came(tmp_path: Path, stream: Path) -> None:
    stream.write_bytes(recording([POWER, BROKEN._replace(body=b"x" * 2_000)]))
    done = chargeline(
        tmp_path, "replay", stream.name, environ={"CHARGELINE_REJECTS_MAX": "1KiB", "CHARGELINE_BATCH": "1"}
    )

    assert done.returncode == 1
    assert "CHARGELINE_REJECTS_MAX" in done.stderr.decode()
    assert "1 lines were taken before" in done.stderr.decode()


def test_the_help_ends_with_examples(tmp_path: Path) -> None:
    done = chargeline(tmp_path, "replay", "--help")

    assert "chargeline replay --dry-run recorded.jsonl" in done.stdout.decode().splitlines()[-1]
