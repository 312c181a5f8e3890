"""Packaging: the locks, the declared dependencies and the files of the tree agree, and name no address."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.modules import read_modules

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / ".ci" / "lock"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

REQUIREMENT = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[0-9][A-Za-z0-9.+!]*)(?: ; [^;:/]+?)?(?: --hash=sha256:[0-9a-f]{64})+"
)
"""The only thing a lock may hold: a pinned package, a marker where it is not for everybody, and its hashes."""

DISTRIBUTIONS = {"dotenv": "python-dotenv", "faust": "faust-streaming", "mode": "mode-streaming"}
"""Packages that are imported under another name than they are installed by."""

ADDRESS = re.compile(
    r"py[p]i\.org|pythonhoste[d]\.org|npmj[s]\.|crate[s]\.io|(?:proxy|sum)\.golan[g]\.org|maven\.or[g]|docker\.i[o]|ghcr\.i[o]|quay\.i[o]"
    r"|(?:registr[y]|artifactor[y])\.[a-z]|(?<!emit)-(?:inde[x]-url|find-link[s])[ =]+[\w/.]|/hom[e]/\w|/roo[t]/"
)
"""Registries, the options that name one, and folders of one machine. The brackets keep it from finding itself."""

NOT_OURS = {"__pycache__", "build", "dist", "chargeline-data"}
OURS_THOUGH_HIDDEN = {".ci", ".env.example", ".gitignore", ".dockerignore", ".github"}


def files_of(folder: Path) -> Iterator[Path]:
    """Every file of the tree that is not made by a build, a test or a run."""
    for path in sorted(folder.iterdir()):
        if path.name in NOT_OURS or path.suffix == ".egg-info":
            continue
        if path.name.startswith(".") and path.name not in OURS_THOUGH_HIDDEN:
            continue
        if path.is_dir():
            yield from files_of(path)
        else:
            yield path


def locked(name: str) -> dict[str, str]:
    """Package -> version of one lock; fails on any line that is no pinned requirement with hashes."""
    lines = (LOCKS / name).read_text("utf-8").replace("\\\n", "").splitlines()
    matches = {line: REQUIREMENT.fullmatch(" ".join(line.split())) for line in lines if line.strip()}
    assert [line for line, match in matches.items() if match is None] == []
    return {match["name"]: match["version"] for match in matches.values() if match}


def name_of(requirement: str) -> str:
    """The normalised name in `rich>=13.7`."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0].lower().replace("_", "-").replace(".", "-")


def test_every_runtime_dependency_is_locked() -> None:
    assert {name_of(requirement) for requirement in PROJECT["project"]["dependencies"]} <= locked("run.txt").keys()


def test_every_development_dependency_is_locked() -> None:
    wanted = (
        PROJECT["dependency-groups"]["dev"] + PROJECT["build-system"]["requires"] + PROJECT["project"]["dependencies"]
    )
    assert {name_of(requirement) for requirement in wanted} <= locked("dev.txt").keys()


def test_what_is_tested_is_what_runs() -> None:
    assert locked("run.txt").items() <= locked("dev.txt").items()


def test_the_program_imports_exactly_its_declared_dependencies() -> None:
    imported = {
        name.partition(".")[0]
        for module in read_modules(ROOT, ("pipeline", "schemas")).values()
        for name in module.imports
    }
    third_party = imported - sys.stdlib_module_names - {"pipeline", "schemas"}
    declared = {name_of(requirement) for requirement in PROJECT["project"]["dependencies"]}
    optional = {name_of(each) for extra in PROJECT["project"]["optional-dependencies"].values() for each in extra}
    assert {DISTRIBUTIONS.get(name, name_of(name)) for name in third_party} - optional == declared


def test_nothing_is_exempted_from_the_checks() -> None:
    ruff = PROJECT["tool"]["ruff"]
    assert [key for key in {**ruff, **ruff["lint"]} if "ignore" in key or "exclude" in key] == []
    assert PROJECT["tool"]["mypy"]["strict"] is True
    assert PROJECT["tool"]["mypy"].keys().isdisjoint({"overrides", "exclude", "disable_error_code"})


def test_no_file_names_a_registry_or_a_folder_of_one_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)} line {number}: {match[0]}"
        for path in files_of(ROOT)
        for number, line in enumerate(path.read_bytes().decode("utf-8", "replace").splitlines(), start=1)
        if (match := ADDRESS.search(line))
    ]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        "url = https://py" + "pi.org/simple",
        "https://files.pythonhoste" + "d.org/packages",
        "--inde" + "x-url https://mirror.example",
        "--extra-inde" + "x-url=mirror",
        "pip install --find-link" + "s /opt",
        "FROM ghcr.i" + "o/image",
        "/hom" + "e/somebody/tree",
    ],
)
def test_an_address_is_seen(line: str) -> None:
    assert ADDRESS.search(line)


@pytest.mark.parametrize(
    "line",
    [
        "rich",
        "rich==15.0.0",
        "rich>=15 --hash=sha256:" + "0" * 64,
        "rich==15.0.0 --hash=md5:" + "0" * 32,
        "rich @ https://mirror.example/rich.whl --hash=sha256:" + "0" * 64,
        "--inde" + "x-url https://mirror.example",
        "-e .",
    ],
)
def test_an_unlocked_line_is_seen(line: str) -> None:
    assert REQUIREMENT.fullmatch(line) is None
