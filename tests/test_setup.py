"""The set-up of a fresh machine: what it says when Python is not fit, and that it recovers from an interruption."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of what the set-up reads, in a folder of its own."""
    shutil.copytree(ROOT / ".ci", tmp_path / ".ci")
    for package in ("pipeline", "schemas"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    for file in ("Makefile", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, tmp_path)
    return tmp_path


def interpreter(folder: Path, refuses: str) -> Path:
    """A `python3` that fails every check whose source mentions `refuses`, and passes the others."""
    path = folder / "python3"
    path.write_text(f'#!/bin/sh\ncase "$2" in *{refuses}*) exit 1 ;; esac\n', "utf-8")
    path.chmod(0o755)
    return path


def run(tree: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment: Mapping[str, str] = {**os.environ, **variables}
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("refuses", "words"),
    [("version_info", ("Python 3.11 or newer", "PYTHON=")), ("ensurepip", ("venv", "apt install python3-venv"))],
)
def test_an_unfit_python_is_named_with_the_next_step(tree: Path, refuses: str, words: tuple[str, ...]) -> None:
    python = interpreter(tree, refuses)
    done = run(tree, ".ci/setup", PYTHON=str(python))
    assert done.returncode == 2
    assert all(word in done.stderr for word in (str(python), *words))
    assert not (tree / ".venv").exists()


def test_a_python_that_does_not_exist_is_named(tree: Path) -> None:
    done = run(tree, ".ci/setup", PYTHON="no-such-python")
    assert done.returncode == 2
    assert "no-such-python" in done.stderr


@pytest.mark.download
def test_an_interrupted_set_up_recovers_and_a_second_one_does_nothing(tree: Path) -> None:
    (tree / ".venv" / "bin").mkdir(parents=True)
    (tree / ".venv" / "bin" / "python").write_text("cut off here", "utf-8")

    first = run(tree, "make", "setup")
    assert first.returncode == 0, first.stderr
    assert run(tree, ".venv/bin/chargeline", "--version").returncode == 0
    assert "Nothing to be done" in run(tree, "make", "setup").stdout

    moved = tree.rename(tree.with_name("moved"))
    assert ".ci/setup" in run(moved, "make", "--dry-run", "setup").stdout
