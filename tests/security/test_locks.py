"""The locks: what is installed is, byte for byte, what was locked; a package that was tampered with is refused."""

import os
import re
import shutil
import subprocess
import zipfile
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SETUP = ".ci/setup"
LOCK = ".ci/lock/dev.txt"
PACKAGE, VERSION = "innocent", "1.0"
METADATA = f"Metadata-Version: 2.1\nName: {PACKAGE}\nVersion: {VERSION}\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
PINNED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+) \\$", re.MULTILINE)


def make_wheel(folder: Path, content: str) -> str:
    """A package of one module; the hash of its wheel."""
    folder.mkdir()
    path = folder / f"{PACKAGE}-{VERSION}-py3-none-any.whl"
    about = f"{PACKAGE}-{VERSION}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{PACKAGE}.py", content)
        wheel.writestr(f"{about}/METADATA", METADATA)
        wheel.writestr(f"{about}/WHEEL", WHEEL)
        wheel.writestr(f"{about}/RECORD", "")
    return sha256(path.read_bytes()).hexdigest()


def set_up(tree: Path, packages: Path) -> subprocess.CompletedProcess[str]:
    """The set-up of a machine that gets its packages from this folder."""
    source = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(packages), "PIP_CONFIG_FILE": os.devnull}
    return subprocess.run([SETUP], cwd=tree, env={**os.environ, **source}, capture_output=True, text=True, check=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree whose lock has one package, with the hash of what an honest author published."""
    tree = tmp_path / "tree"
    (tree / ".ci/lock").mkdir(parents=True)
    shutil.copy(ROOT / SETUP, tree / SETUP)
    honest = make_wheel(tmp_path / "honest", "VALUE = 1\n")
    (tree / LOCK).write_text(f"{PACKAGE}=={VERSION} \\\n    --hash=sha256:{honest}\n", "utf-8")
    return tree


def test_a_package_that_was_tampered_with_is_not_installed(tree: Path) -> None:
    make_wheel(tree.parent / "tampered", "VALUE = 2\n")
    done = set_up(tree, tree.parent / "tampered")

    assert done.returncode == 2
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in done.stderr
    assert "could not be installed" in done.stderr
    assert list(tree.glob(f".venv/lib/*/site-packages/{PACKAGE}*")) == []
    assert not (tree / ".venv/.ready").exists()


def test_a_package_that_is_not_locked_is_not_installed(tree: Path) -> None:
    (tree / LOCK).write_text(f"{PACKAGE}=={VERSION}\n", "utf-8")
    done = set_up(tree, tree.parent / "honest")

    assert done.returncode == 2
    assert "Hashes are required" in done.stderr


def test_the_honest_one_is_installed(tree: Path) -> None:
    """Chargeline itself is not in this tree, so the step after it fails."""
    done = set_up(tree, tree.parent / "honest")

    assert list(tree.glob(f".venv/lib/*/site-packages/{PACKAGE}.py")) != []
    assert "Chargeline itself could not be installed" in done.stderr


def test_what_runs_here_is_what_is_locked() -> None:
    wrong = {}
    for name, locked in PINNED.findall((ROOT / LOCK).read_text("utf-8")):
        try:
            if version(name) != locked:
                wrong[name] = version(name)
        except PackageNotFoundError:
            wrong[name] = "missing"
    assert wrong == {}, "run make again: it installs what the lock names"
