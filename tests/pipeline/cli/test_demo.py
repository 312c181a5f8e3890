"""`chargeline demo` as a user runs it: piped and on a terminal, ended by time and by signals."""

import re
import signal
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline.assembly import STORE_FILE
from pipeline.cli.demo import Ending, OurClock, command, counted_lines, question_lines
from pipeline.demo import QUESTIONS
from tests.pipeline.cli.board_samples import EMPTY, SAMPLE
from tests.pipeline.cli.demo_runs import PROGRAM, counts, demo, environment, on_terminal, questions
from tests.pipeline.cli.terminal import CURSOR_HIDDEN, CURSOR_SHOWN, OFF_ALTERNATE_SCREEN, ON_ALTERNATE_SCREEN
from tests.services.influxdb import InfluxDb

SMALL = ["--chargers", "12"]
MINUTE = ["--duration", "60s"]
FEW = 30
"""Fewer lines, and far fewer boards, than a minute has."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def piped(folder: Path) -> subprocess.CompletedProcess[str]:
    """A demo of two seconds, its output not a terminal, its data in `folder`."""
    return demo(folder, "--duration", "2s")


def test_it_ends_by_itself_and_says_nothing_on_standard_error(piped: subprocess.CompletedProcess[str]) -> None:
    assert piped.returncode == 0
    assert piped.stderr == ""


def test_without_a_terminal_it_shows_plain_lines(piped: subprocess.CompletedProcess[str]) -> None:
    first, *_ = piped.stdout.splitlines()

    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d  [\d,]+ messages, [\d,]+/s  .* kW  latency p95 .*", first)
    assert "\x1b" not in piped.stdout


def test_at_the_end_the_counts_add_up_and_agree_with_the_store(
    folder: Path, piped: subprocess.CompletedProcess[str]
) -> None:
    delivered, written, commands, rejected = counts(piped.stdout)

    assert delivered == written + commands + rejected
    assert written > 1_000
    store, _ = next(questions(piped.stdout))
    assert store == Path("chargeline-data", "demo", STORE_FILE)
    with closing(sqlite3.connect(folder / store)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        values = 0
        for (table,) in tables:
            key = {"time", "charger", "site"}
            fields = [
                f'count("{name}")'
                for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")
                if name not in key
            ]
            values += sum(connection.execute(f"SELECT {', '.join(fields)} FROM {table}").fetchone())
    # Redelivered messages are written to the same place again, and a response has several fields.
    assert values > 0.95 * written


def test_every_question_at_the_end_can_be_copied_and_has_an_answer(
    folder: Path, piped: subprocess.CompletedProcess[str]
) -> None:
    asked = list(questions(piped.stdout))

    assert len(asked) == len(QUESTIONS)
    for file, query in asked:
        with closing(sqlite3.connect(folder / file)) as store:
            assert store.execute(query).fetchall()


def test_a_second_demo_adds_to_the_data_of_the_first(folder: Path, piped: subprocess.CompletedProcess[str]) -> None:
    store, _ = next(questions(piped.stdout))

    def rows() -> int:
        with closing(sqlite3.connect(folder / store)) as connection:
            [[count]] = connection.execute("SELECT count(*) FROM charger_power")
        return int(count)

    before = rows()
    again = demo(folder, "--duration", "100ms", "--plain", *SMALL)

    assert again.returncode == 0
    assert rows() > before


def test_an_operators_own_data_is_not_touched(tmp_path: Path) -> None:
    demo(tmp_path, "--duration", "100ms", *SMALL, CHARGELINE_DATA_DIR="my data")

    assert [path.name for path in (tmp_path / "my data").iterdir()] == ["demo"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_as_time_does(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [*PROGRAM, *SMALL, *MINUTE],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        # Its first line says that it runs.
        assert "messages" in running.stdout.readline()
        running.send_signal(number)
        output, complaint = running.stdout.read(), running.stderr.read()

    delivered, *ends = counts(output)
    assert delivered == sum(ends)
    assert len(list(questions(output))) == len(QUESTIONS)
    assert output.count("latency p95") < FEW
    assert complaint == ""
    assert running.returncode == 0


def test_on_a_terminal_the_board_appears_and_the_terminal_is_left_as_it_was(tmp_path: Path) -> None:
    finished = on_terminal(tmp_path, "--duration", "1s", *SMALL)

    assert finished.code == 0
    board, _, ending = finished.shown.rpartition(OFF_ALTERNATE_SCREEN)
    assert board.startswith(ON_ALTERNATE_SCREEN)
    assert board.count("Busiest chargers") >= 4
    assert "12 chargers, 2 Equalizers" in board
    assert finished.shown.rindex(CURSOR_SHOWN) > finished.shown.rindex(CURSOR_HIDDEN)
    assert sum(counts(ending)[1:]) == counts(ending)[0]
    assert "Busiest chargers" not in ending


def test_ctrl_c_on_a_terminal_ends_it_with_the_same_ending(tmp_path: Path) -> None:
    finished = on_terminal(tmp_path, *SMALL, *MINUTE, ctrl_c_after="Busiest chargers")

    assert finished.code == 0
    assert finished.shown.count("Busiest chargers") < FEW
    assert finished.shown.rindex(CURSOR_SHOWN) > finished.shown.rindex(CURSOR_HIDDEN)
    assert len(list(questions(finished.shown.replace("\r", "")))) == len(QUESTIONS)


@pytest.mark.parametrize(("arguments", "term"), [(["--plain"], "xterm-256color"), ([], "dumb")])
def test_plain_lines_on_a_terminal_where_asked_for_or_needed(tmp_path: Path, arguments: list[str], term: str) -> None:
    finished = on_terminal(tmp_path, "--duration", "100ms", *SMALL, *arguments, TERM=term)

    assert finished.code == 0
    assert "\x1b" not in finished.shown
    assert " messages, " in finished.shown


def test_whoever_has_seen_enough_is_not_complained_to(tmp_path: Path) -> None:
    with subprocess.Popen(
        [*PROGRAM, *SMALL, *MINUTE], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        assert running.stderr.read() == b""


def test_a_foreign_file_is_said_in_words(tmp_path: Path) -> None:
    folder = tmp_path / "chargeline-data" / "demo"
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / STORE_FILE)) as other:
        other.execute("CREATE TABLE theirs (x)")

    done = demo(tmp_path, "--plain")
    assert done.returncode == 1
    assert "another program" in done.stderr
    assert "Traceback" not in done.stderr


def test_rejects_without_room_end_it_in_words(tmp_path: Path) -> None:
    done = demo(tmp_path, "--duration", "1s", CHARGELINE_REJECTS_MAX="4KiB", CHARGELINE_BATCH="100")

    assert done.returncode == 1
    assert "CHARGELINE_REJECTS_MAX" in done.stderr
    assert "messages were taken before." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--duration", "3x"], "'--duration': '3x' must be a duration like"),
        (["--chargers", "0"], "'--chargers'"),
        (["--speed", "0.5"], "'--speed'"),
    ],
)
def test_wrong_usage_is_said_in_words(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(command, arguments)

    assert result.exit_code == 2
    assert words in result.stderr


def test_settings_are_read(tmp_path: Path) -> None:
    done = demo(tmp_path, CHARGELINE_PERSONAL="sometimes")

    assert done.returncode == 2
    assert "CHARGELINE_PERSONAL" in done.stderr


def test_the_ending_names_the_reasons_of_rejects_and_where_to_see_them() -> None:
    folder = Path("my data", "demo")
    lines = list(counted_lines(SAMPLE.totals, folder))

    assert lines[0] == "44,762 messages delivered = 44,731 written + 0 commands + 31 rejected"
    assert lines[1] == "  25 kind: a message kind that Chargeline does not read (only O, CR and C are)"
    assert lines[3] == "  to look at them: CHARGELINE_DATA_DIR='my data/demo' chargeline rejects list"
    assert {file for file, _ in questions("\n".join(question_lines(folder)))} == {folder / STORE_FILE}


def test_the_ending_is_silent_about_rejects_where_there_are_none() -> None:
    assert "rejects list" not in "\n".join(counted_lines(EMPTY.totals, Path("demo")))


def test_a_second_signal_does_not_wait() -> None:
    ending = Ending()
    before = {number: signal.signal(number, ending.ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        signal.raise_signal(signal.SIGTERM)
        assert ending.is_asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_our_clock_moves_and_never_sleeps_for_less_than_nothing() -> None:
    clock = OurClock()
    began = clock.monotonic()
    clock.sleep(-1)
    clock.sleep(1_000)

    assert clock.monotonic() > began
    assert clock.now() > 1_700_000_000 * 10**9


def test_days_end_by_themselves_and_go_with_no_duration(tmp_path: Path) -> None:
    told = demo(tmp_path, "--days", "1", "--chargers", "3")
    assert told.returncode == 0
    assert counts(told.stdout)[0] > 1_000

    refused = demo(tmp_path, "--days", "1", "--duration", "2s")
    assert refused.returncode == 2
    assert "leave --duration and --speed out" in refused.stderr


def test_simulated_days_are_not_mixed_with_what_a_worker_stores(tmp_path: Path) -> None:
    days = ("--days", "1", "--to-bucket")
    bucket = {f"CHARGELINE_INFLUX_{name}": "x" for name in ("TOKEN", "ORG", "BUCKET")}
    bucket["CHARGELINE_INFLUX_URL"] = "http://127.0.0.1:9"
    broker = {"CHARGELINE_AMQP_URL": "amqps://u:p@host/v"}
    for words, arguments, given in (
        ("needs CHARGELINE_INFLUX_URL", days, {}),
        ("is for --days", ("--to-bucket",), bucket),
        ("CHARGELINE_AMQP_URL is set", days, {**bucket, **broker}),
    ):
        refused = demo(tmp_path, *arguments, **given)
        assert refused.returncode == 2
        assert words in refused.stderr


@pytest.mark.services
def test_days_into_a_bucket(tmp_path: Path, influxdb: InfluxDb, bucket: str) -> None:
    told = demo(
        tmp_path,
        *("--days", "1", "--chargers", "3", "--to-bucket"),
        CHARGELINE_INFLUX_URL=influxdb.url,
        CHARGELINE_INFLUX_TOKEN=influxdb.token,
        CHARGELINE_INFLUX_ORG=influxdb.org,
        CHARGELINE_INFLUX_BUCKET=bucket,
    )
    assert told.returncode == 0, told.stderr
    assert told.stdout.endswith(f"The rows are in bucket {bucket} of {influxdb.url}.\n")
    (hours,) = influxdb.query(bucket, "SELECT count(online_s) FROM charger_hour")
    assert hours.values["count"] in range(60, 76)
    assert not (tmp_path / "chargeline-data" / "demo").exists()
