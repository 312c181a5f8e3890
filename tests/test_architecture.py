"""The shape of the program: the rules hold, and each of them sees a bad sample."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.architecture.modules import Module, import_graph, read_modules
from tests.architecture.rules import (
    LAYERS,
    MOST_LINES,
    faults_of_clocks,
    faults_of_cycles,
    faults_of_files,
    faults_of_imports,
    faults_of_tests,
    module_of_tests,
)

ROOT = Path(__file__).parents[1]
PACKAGES = ("schemas", "pipeline", "tests")


@pytest.fixture(scope="module")
def modules() -> Mapping[str, Module]:
    return read_modules(ROOT, PACKAGES)


def sample(folder: Path, files: Mapping[str, str]) -> Mapping[str, Module]:
    """A tree of the given files, each opened by a docstring, as the rules see it."""
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'"""A sample."""\n{source}\n', "utf-8")
    return read_modules(folder, PACKAGES)


def test_every_layer_imports_only_what_it_may(modules: Mapping[str, Module]) -> None:
    assert faults_of_imports(modules) == []


def test_no_ring_of_imports(modules: Mapping[str, Module]) -> None:
    assert faults_of_cycles(modules) == []


def test_clock_and_environment_are_read_at_the_edge_only(modules: Mapping[str, Module]) -> None:
    assert faults_of_clocks(modules) == []


def test_files_open_with_their_law_stay_short_and_exempt_nothing(modules: Mapping[str, Module]) -> None:
    assert faults_of_files(modules) == []


def test_every_module_has_a_test_file_of_its_name(modules: Mapping[str, Module]) -> None:
    assert faults_of_tests(modules) == []


def test_the_layers_that_carry_the_design_are_in_the_tree(modules: Mapping[str, Module]) -> None:
    judged = {layer.name for layer in LAYERS if any(name.startswith(layer.name) for name in modules)}
    assert {"schemas", "pipeline.core", "pipeline.wires", "pipeline.simulator", "tests.oracle"} <= judged


FORBIDDEN_IMPORTS = [
    *(
        ("pipeline/core/bad.py", source, imported)
        for source, imported in [
            ("import os", "os"),
            ("import time", "time"),
            ("from time import time_ns", "time"),
            ("import os.path", "os.path"),
            ("import sqlite3", "sqlite3"),
            ("import asyncio", "asyncio"),
            ("import logging", "logging"),
            ("import random", "random"),
            ("from pathlib import Path", "pathlib"),
            ("import aio_pika", "aio_pika"),
            ("import influxdb_client", "influxdb_client"),
            ("import faust", "faust"),
            ("import aiohttp", "aiohttp"),
            ("import click", "click"),
            ("from pipeline.wires import sqlite", "pipeline.wires.sqlite"),
            ("from pipeline.wires.sqlite import Store", "pipeline.wires.sqlite"),
            ("from ..wires import sqlite", "pipeline.wires.sqlite"),
            ("def later():\n    import pipeline.settings", "pipeline.settings"),
            ("from tests import oracle", "tests"),
        ]
    ),
    ("schemas/bad.py", "import orjson", "orjson"),
    ("schemas/bad.py", "import time", "time"),
    ("schemas/bad.py", "from pipeline.core import rows", "pipeline.core"),
    ("pipeline/simulator/bad.py", "import pipeline.core.rows", "pipeline.core.rows"),
    ("pipeline/simulator/bad.py", "from pipeline.wires.sqlite import Store", "pipeline.wires.sqlite"),
    ("pipeline/simulator/bad.py", "import time", "time"),
    ("pipeline/wires/bad.py", "import pipeline.journey", "pipeline.journey"),
    ("pipeline/wires/bad.py", "import pipeline.cli.demo", "pipeline.cli.demo"),
    ("pipeline/wires/bad.py", "import rich", "rich"),
    ("pipeline/journey.py", "import pipeline.cli", "pipeline.cli"),
    ("pipeline/settings.py", "import pipeline.cli", "pipeline.cli"),
    ("pipeline/settings.py", "import click", "click"),
    ("tests/oracle/bad.py", "import schemas.row", "schemas.row"),
    ("tests/oracle/bad.py", "from pipeline.core import decode", "pipeline.core"),
    ("tests/oracle/bad.py", "from tests import builders", "tests"),
]


@pytest.mark.parametrize(("file", "source", "imported"), FORBIDDEN_IMPORTS)
def test_a_forbidden_import_is_seen(tmp_path: Path, file: str, source: str, imported: str) -> None:
    tree = sample(tmp_path, {"pipeline/wires/sqlite.py": "", file: source})
    (fault,) = faults_of_imports(tree)
    assert f"imports {imported}, which" in fault


@pytest.mark.parametrize("call", ["open('x')", "print('x')", "input()"])
def test_a_call_to_the_outside_is_seen(tmp_path: Path, call: str) -> None:
    (fault,) = faults_of_imports(sample(tmp_path, {"pipeline/core/bad.py": call}))
    assert fault.startswith("pipeline.core.bad: calls builtins.")


def test_a_name_of_the_project_may_hide_a_built_in(tmp_path: Path) -> None:
    files = {"pipeline/core/good.py": "from schemas.row import open\nopen()", "schemas/row.py": "def open(): ..."}
    assert faults_of_imports(sample(tmp_path, files)) == []


def test_a_module_outside_every_layer_is_seen(tmp_path: Path) -> None:
    (fault,) = faults_of_imports(sample(tmp_path, {"schemas/bad.py": ""}), layers=())
    assert fault == "schemas.bad: belongs to no layer"


def test_a_ring_of_imports_is_seen(tmp_path: Path) -> None:
    files = {
        "schemas/one.py": "import schemas.two",
        "schemas/two.py": "def late():\n    from schemas import three",
        "schemas/three.py": "from .one import anything",
    }
    (fault,) = faults_of_cycles(sample(tmp_path, files))
    assert all(name in fault for name in ("schemas.one", "schemas.two", "schemas.three"))


@pytest.mark.parametrize(
    "source",
    [
        "import datetime\ndatetime.datetime.now()",
        "from datetime import datetime as dt\ndt.now()",
        "import time as t\nt.time()",
        "from time import monotonic",
        "import os\nos.environ['X']",
        "from os import getenv as get",
    ],
)
def test_a_reading_of_clock_or_environment_is_seen(tmp_path: Path, source: str) -> None:
    files = {"pipeline/assembly.py": source, "pipeline/wires/sqlite.py": source, "pipeline/settings_files.py": source}
    (fault,) = faults_of_clocks(sample(tmp_path, files))
    assert fault.startswith("pipeline.assembly: reads ")


def test_a_file_without_its_law_is_seen(tmp_path: Path) -> None:
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "bad.py").write_text("x = 1\n", "utf-8")
    (tmp_path / "schemas" / "__init__.py").write_text("", "utf-8")
    (fault,) = faults_of_files(read_modules(tmp_path, PACKAGES))
    assert fault == "schemas.bad: does not open by saying what it owns"


def test_a_file_that_is_too_long_is_seen(tmp_path: Path) -> None:
    (fault,) = faults_of_files(sample(tmp_path, {"schemas/bad.py": "\n" * (MOST_LINES - 1)}))
    assert fault.startswith(f"schemas.bad: {MOST_LINES + 1} lines")


@pytest.mark.parametrize("comment", ["noqa", "noqa: E501", "type: ignore[x]", "pragma: no cover", "fmt: off"])
def test_a_comment_that_switches_a_check_off_is_seen(tmp_path: Path, comment: str) -> None:
    (fault,) = faults_of_files(sample(tmp_path, {"schemas/bad.py": f"x = 1  # {comment}"}))
    assert fault == "schemas.bad line 2: switches a check off"


def test_a_module_without_a_test_file_is_seen(tmp_path: Path) -> None:
    files = {
        "pipeline/core/bad.py": "x = 1",
        "pipeline/core/good.py": "x = 1",
        "tests/pipeline/core/test_good.py": "x = 1",
    }
    (fault,) = faults_of_tests(sample(tmp_path, files), exceptions={})
    assert fault == "pipeline.core.bad: has no test file tests/pipeline/core/test_bad.py"


@pytest.mark.parametrize(
    "files",
    [{"schemas/row.py": "x = 1", "tests/schemas/test_row.py": "x = 1"}, {"schemas/__init__.py": ""}],
    ids=["tested by now", "gone"],
)
def test_an_exception_without_need_is_seen(tmp_path: Path, files: Mapping[str, str]) -> None:
    (fault,) = faults_of_tests(sample(tmp_path, files), exceptions={"schemas.row": "declarations only"})
    assert fault == "schemas.row: is excepted from having a test file, without need"


@pytest.mark.parametrize(
    ("module", "tests"),
    [
        ("pipeline.core.decode", "tests.pipeline.core.test_decode"),
        ("pipeline.worker", "tests.pipeline.test_worker"),
        ("pipeline.cli", "tests.pipeline.test_cli"),
        ("schemas.row", "tests.schemas.test_row"),
    ],
)
def test_where_the_tests_of_a_module_are(module: str, tests: str) -> None:
    assert module_of_tests(module) == tests


def test_the_graph_names_each_import_within_the_tree(tmp_path: Path) -> None:
    files = {"schemas/one.py": "import csv\nfrom schemas.two import x", "schemas/two.py": ""}
    assert import_graph(sample(tmp_path, files)) == {
        "schemas.one": frozenset({"schemas.two"}),
        "schemas.two": frozenset(),
    }
