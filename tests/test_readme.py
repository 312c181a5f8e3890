"""The README: every command and every query in it is executed, and one of an unknown form fails.

Commands run in one folder, in the order of the README, as a reader would type them; FORMS says what stands in
for those that would run for ever or change the machine.
"""

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
STORE = Path("chargeline-data") / "demo" / "chargeline.sqlite3"
DEMO = "chargeline demo --duration 3s --plain"

BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
SETTLED_ELSEWHERE = ("json", "", "ini", "influxql", "influx", "sqlite", "python")
"""Languages of blocks that hold nothing to execute (what a program prints, pictures), or that are executed with real
servers by tests/test_readme_for_real.py; what analysts ask, by tests/pipeline/test_analyst_questions.py."""


class Form(NamedTuple):
    """How commands of one form are executed; `stand_in` gives the command that runs in place of the written one."""

    pattern: re.Pattern[str]
    stand_in: Callable[[str], str]
    in_tree: bool = False


def resolved_by_compose(written: str) -> str:
    """There is no container engine here: the file is resolved for this command, with its profiles."""
    words = written.split()[2:]
    place = next(place for place, word in enumerate(words) if word in ("up", "exec", "logs", "down"))
    return shlex.join(["sh", "-c", f'"$(.ci/services/compose)" {shlex.join([*words[:place], "config", "--quiet"])}'])


FORMS = (
    Form(re.compile(r"docker compose .+"), resolved_by_compose, in_tree=True),
    Form(re.compile(r"make [a-z-]+( ARGS=.+)?"), lambda written: f"{written} --dry-run", in_tree=True),
    Form(re.compile(r"chargeline demo( .+)?"), lambda _: DEMO),
    # It needs a broker; with --help behind, its options are still read.
    Form(re.compile(r"chargeline simulate( .+)?"), lambda written: f"{written} --help"),
    Form(re.compile(r"(cp|chmod) .+"), lambda written: written),
    # With real servers: tests/test_readme_for_real.py.
    Form(
        re.compile(r"(CHARGELINE_HTTP=\S+ )?chargeline (check|run|send|commands|topics)( .+)?"),
        lambda written: f"chargeline {written.partition('chargeline ')[2].split()[0]} --help",
    ),
    Form(re.compile(r"curl .+"), lambda _: "chargeline send --help"),
    Form(re.compile(r"(CHARGELINE_[A-Z_]+=\S+ )?chargeline .+"), lambda written: f"env {written}"),
    Form(re.compile(r"python -m tests\.architecture"), lambda written: written, in_tree=True),
    # What pipx does (build the wheel, install it into an environment of its own) is what tests/test_wheel.py does.
    Form(
        re.compile(r"pipx install \."),
        lambda _: f"{sys.executable} -m pytest --collect-only -q tests/test_wheel.py",
        True,
    ),
)


def blocks(text: str, language: str) -> Iterator[str]:
    """The text of each fenced block in this language."""
    yield from (block["text"] for block in BLOCK.finditer(text) if block["language"] == language)


def commands(text: str) -> list[tuple[str, str]]:
    """Each command of the shell blocks with the output that it must give, which is empty where none is shown."""
    found = [
        (line, "")
        for block in blocks(text, "sh")
        for line in block.replace("\\\n", "").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    for block in blocks(text, "console"):
        for shown in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = shown.partition("\n")
            found.append((command, output))
    return found


def queries(text: str, language: str = "sql") -> list[str]:
    """Each statement of the blocks in this query language."""
    return [query.strip() for block in blocks(text, language) for query in block.split(";") if query.strip()]


def form_of(command: str) -> Form:
    """How to execute this command. Fails for one that no form accounts for."""
    for form in FORMS:
        if form.pattern.fullmatch(command):
            return form
    raise AssertionError(f"README: no form of tests/test_readme.py accounts for the command: {command}")


def execute(command: Sequence[str], folder: Path) -> str:
    """Run a command with this environment's programs first on the path; its output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CHARGELINE_")}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(command)} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the README names, in which the demo has run."""
    place = tmp_path_factory.mktemp("reader")
    shutil.copytree(ROOT / "tests" / "golden", place / "tests" / "golden")
    shutil.copy(ROOT / ".env.example", place)
    execute(shlex.split(DEMO), place)
    return place


def marks(command: str) -> list[pytest.MarkDecorator]:
    """What it takes to execute a command."""
    return [pytest.mark.services] if command.startswith("docker ") else []


@pytest.mark.parametrize(
    ("command", "output"), [pytest.param(*each, marks=marks(each[0])) for each in commands(README)]
)
def test_command(folder: Path, command: str, output: str) -> None:
    form = form_of(command)
    said = execute(shlex.split(form.stand_in(command)), ROOT if form.in_tree else folder)
    assert output in ("", said)


@pytest.mark.parametrize("query", queries(README))
def test_query_finds_something_in_the_store_of_the_demo(folder: Path, query: str) -> None:
    store = sqlite3.connect(folder / STORE)
    try:
        assert store.execute(query).fetchone() is not None
    finally:
        store.close()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`make ([a-z-]+)", README))))
def test_target_named_in_passing_exists(target: str) -> None:
    execute(["make", "--dry-run", target], ROOT)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!https?:)([^)#]+)\)", README))))
def test_link_leads_to_a_file(link: str) -> None:
    assert (ROOT / link).exists()


def test_nothing_in_a_block_goes_unexecuted() -> None:
    languages = {block["language"] for block in BLOCK.finditer(README)}
    assert languages <= {"sh", "console", "sql", *SETTLED_ELSEWHERE}
    assert README.count("```") == 2 * len(list(BLOCK.finditer(README)))
    assert commands(README)
    assert queries(README)


def test_a_command_of_an_unknown_form_is_seen() -> None:
    ((command, _),) = commands("```sh\nrm -rf chargeline-data\n```\n")
    with pytest.raises(AssertionError, match="rm -rf chargeline-data"):
        form_of(command)


def test_what_a_console_block_shows_is_taken_with_its_command() -> None:
    text = "```console\n$ chargeline --version\nchargeline, version 1\n$ chargeline config\n```\n"
    assert commands(text) == [("chargeline --version", "chargeline, version 1\n"), ("chargeline config", "")]


def test_a_continued_line_is_one_command() -> None:
    assert commands("```sh\n# Why.\nchargeline replay \\\n  file\n```\n") == [("chargeline replay   file", "")]


def test_a_command_that_fails_is_seen(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="-> 2"):
        execute(["chargeline", "no-such-command"], tmp_path)
