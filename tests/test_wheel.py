"""The wheel: built, installed with its locked dependencies into an empty environment, and used there.

This is what `pipx install` gives its users, so nothing of the tree is within reach: another folder, another
environment, no PYTHONPATH.
"""

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from schemas.catalogue import shipped_catalogue

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.download


class Installed(NamedTuple):
    """A wheel and the environment that it was installed in."""

    wheel: Path
    bin: Path


def run(command: Sequence[str | Path], folder: Path) -> str:
    """Run a command as a stranger would; its output. Fails with everything it said when it fails."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "CHARGELINE_", "VIRTUAL_ENV"))
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel, built from a copy of the sources (a build leaves its traces beside them), in an empty environment."""
    source = tmp_path_factory.mktemp("source")
    for package in ("pipeline", "schemas"):
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__", ".*_cache"))
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, source)
    wheels = tmp_path_factory.mktemp("wheels")
    pip = ["-m", "pip", "--disable-pip-version-check"]
    run(
        [sys.executable, *pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", wheels, source], wheels
    )
    (wheel,) = wheels.glob("chargeline-*-py3-none-any.whl")

    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment, with_pip=True)
    python = environment / "bin" / "python"
    run([python, *pip, "install", "--require-hashes", "-r", ROOT / ".ci" / "lock" / "run.txt"], wheels)
    run([python, *pip, "install", "--no-index", "--no-deps", wheel], wheels)
    run([python, *pip, "check"], wheels)
    return Installed(wheel, environment / "bin")


def test_the_wheel_holds_the_program_and_nothing_else(installed: Installed) -> None:
    sources = [path for package in ("pipeline", "schemas") for path in (ROOT / package).rglob("*")]
    wanted = {str(path.relative_to(ROOT)) for path in sources if path.suffix in (".py", ".csv", ".typed")}
    with zipfile.ZipFile(installed.wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == wanted


def test_it_says_its_version(installed: Installed, tmp_path: Path) -> None:
    version = installed.wheel.name.split("-")[1]
    assert version in run([installed.bin / "chargeline", "--version"], tmp_path)


def test_it_shows_its_whole_catalogue(installed: Installed, tmp_path: Path) -> None:
    shown = json.loads(run([installed.bin / "chargeline", "catalogue", "--json"], tmp_path))
    assert len(shown) == len(shipped_catalogue().observations)


def test_it_runs_the_demo_in_an_empty_folder(installed: Installed, tmp_path: Path) -> None:
    run([installed.bin / "chargeline", "demo", "--duration", "3s", "--plain"], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["chargeline-data"]
