"""The program as a whole: what it lists, how it ends, and that it starts without what it does not need."""

import json
import subprocess
import sys
from importlib.metadata import version

import click
import pytest

from pipeline.cli import COMMANDS, FAILED, INTERRUPTED, program, run_program

HEAVY = {"orjson", "rich", "sqlite3", "dotenv", "asyncio"}
"""What not even `--version` needs."""

SLOW = {"aio_pika", "aiohttp", "aiormq", "influxdb_client", "prometheus_client", "urllib3", "yarl"}
"""What takes longer to import than all else, and is only for those who speak to a server."""


def python(source: str) -> str:
    return subprocess.run([sys.executable, "-c", source], capture_output=True, check=True, text=True).stdout


def test_the_version_is_told_without_loading_what_it_does_not_need() -> None:
    told, loaded = python(
        "import json, sys; from pipeline.cli import run_program; code = run_program(['--version']);"
        "print(json.dumps([code, *sys.modules]))"
    ).splitlines()

    assert told == f"chargeline, version {version('chargeline')}"
    code, *modules = json.loads(loaded)
    assert code == 0
    assert not HEAVY & set(modules)
    assert not [name for name in modules if name.startswith(("pipeline.", "schemas")) and name != "pipeline.cli"]


def completions(words: str) -> tuple[list[str], set[str]]:
    """What a shell is offered for the last of the words, and every module that was loaded for it."""
    source = (
        f"import os, sys; os.environ.update(_CHARGELINE_COMPLETE='bash_complete', COMP_WORDS={words!r},"
        f" COMP_CWORD='{words.count(' ')}'); from pipeline.cli import main\n"
        "try: main()\n"
        "finally: print(*sys.modules)"
    )
    *offered, loaded = python(source).splitlines()
    return [line.removeprefix("plain,") for line in offered], set(loaded.split())


def test_commands_are_completed_without_loading_any() -> None:
    offered, modules = completions("chargeline re")

    assert offered == ["rejects", "replay", "restore"]
    assert not HEAVY & modules
    assert not [name for name in modules if name.startswith(("pipeline.", "schemas")) and name != "pipeline.cli"]


def test_the_options_of_the_program_itself_are_completed() -> None:
    assert completions("chargeline --v")[0] == ["--version"]


@pytest.mark.parametrize("name", COMMANDS)
def test_options_are_completed_without_loading_what_speaks_to_servers(name: str) -> None:
    offered, modules = completions(f"chargeline {name} --h")

    assert "--help" in offered
    assert f"pipeline.cli.{name}" in modules
    assert not SLOW & modules


def test_the_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program(["--help"]) == 0

    output = capsys.readouterr().out
    assert all(name in output and line in output for name, line in COMMANDS.items())


@pytest.mark.parametrize("arguments", [["nonsense"], ["--nonsense"], ["explain"], ["catalogue", "--product", "boat"]])
def test_wrong_usage_ends_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program(arguments) == 2
    assert "Error: " in capsys.readouterr().err


def test_a_command_that_succeeds_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_program(["catalogue", "109"]) == 0
    assert "ChargerOpMode" in capsys.readouterr().out


def test_the_exit_codes_are_the_documented_ones() -> None:
    assert (FAILED, INTERRUPTED) == (1, 130)


def test_a_reader_that_has_seen_enough_gets_no_complaint() -> None:
    source = "from pipeline.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", source, "catalogue"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""
        assert running.wait() == 0


def test_no_other_exit_is_taken_for_a_reader_that_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(**_: object) -> None:
        sys.exit(3)

    monkeypatch.setattr(program, "main", leave)
    with pytest.raises(SystemExit, match="3"):
        run_program(["catalogue"])


def test_what_others_said_colours_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: object) -> None:
        raise click.ClickException("one \x1b[31m\ntwo")

    monkeypatch.setattr(program, "main", fail)
    assert run_program(["catalogue"]) == FAILED
    assert capsys.readouterr().err == "Error: one \\x1b[31m\ntwo\n"


def test_an_interrupt_ends_with_130() -> None:
    # The program waits for its standard input, which never comes, until it is interrupted.
    source = "from pipeline.cli import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", source, "replay", "--dry-run", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as running:
        assert running.stdin is not None
        assert running.stdout is not None
        assert running.stderr is not None
        body = b'{"routing_key": "EH1.O.120", "headers": {}, "body": "{}"}\n'
        running.stdin.write(body)
        running.stdin.flush()
        # Its answer on standard error says that it runs.
        assert b'"shape"' in running.stderr.readline()
        running.send_signal(2)
        assert running.stderr.read().strip() == b""
    assert running.returncode == 130
