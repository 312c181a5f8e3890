"""The rules that the shape of the program rests on, each as a table and a check.

Owns the tables. A check takes the modules it judges, so that each can be shown a bad sample; it answers with one
line for each fault, naming the module. Must not know how source is read (`tests.architecture.modules`).
"""

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from typing import NamedTuple

from tests.architecture.modules import Module, import_graph

CLOCKS = frozenset({"sched", "time"})
CHANCE = frozenset({"random", "secrets", "uuid"})
FILES = frozenset({"dbm", "fcntl", "glob", "io", "mmap", "pathlib", "shelve", "shutil", "sqlite3", "tempfile"})
NETWORK = frozenset({"ftplib", "http", "imaplib", "select", "selectors", "smtplib", "socket", "ssl", "urllib"})
PROCESS = frozenset(
    {"atexit", "ctypes", "getpass", "locale", "logging", "os", "platform", "signal", "subprocess", "sys"}
)
CONCURRENCY = frozenset({"asyncio", "concurrent", "multiprocessing", "queue", "threading"})
OUTSIDE_WORLD = CLOCKS | CHANCE | FILES | NETWORK | PROCESS | CONCURRENCY
"""Modules of the standard library that what is pure does not touch."""

OUTSIDE_CALLS = frozenset({"builtins.open", "builtins.print", "builtins.input", "builtins.breakpoint"})


class Layer(NamedTuple):
    """What one part of the tree may import. The longest `name` that a module's name begins with is its layer.

    `own`          parts of this project.
    `never`        exceptions from `own`.
    `third_party`  top-level packages.
    `pure`         no module of OUTSIDE_WORLD and no call of OUTSIDE_CALLS; `unless` names what it may all the same.
    """

    name: str
    own: tuple[str, ...]
    third_party: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    pure: bool = False
    unless: tuple[str, ...] = ()


LAYERS = (
    Layer("schemas", own=("schemas",), pure=True),
    Layer("pipeline.core", own=("schemas", "pipeline.core"), third_party=("orjson",), pure=True),
    Layer(
        "pipeline.wires",
        own=("schemas", "pipeline.core", "pipeline.wires", "pipeline.deferred"),
        third_party=(
            "aio_pika",
            "aiohttp",
            "aiormq",
            "confluent_kafka",
            "faust",
            "influxdb_client",
            "mode",
            "orjson",
            "pamqp",
            "prometheus_client",
            "urllib3",
            "yarl",
        ),
    ),
    Layer(
        "pipeline.simulator",
        own=("schemas", "pipeline.simulator"),
        third_party=("orjson",),
        pure=True,
        unless=("random",),
    ),
    Layer("pipeline.tracking", own=("schemas", "pipeline.core", "pipeline.wires", "pipeline.log")),
    Layer("pipeline.journey", own=("schemas", "pipeline.core", "pipeline.wires", "pipeline.log", "pipeline.tracking")),
    Layer("pipeline.cli", own=("schemas", "pipeline"), third_party=("click", "orjson", "rich")),
    Layer(
        "pipeline",
        own=("schemas", "pipeline"),
        never=("pipeline.cli",),
        third_party=("dotenv", "orjson"),
    ),
    Layer("tests.oracle", own=("tests.oracle",), third_party=("orjson", "pytest")),
    Layer(
        "tests",
        own=("schemas", "pipeline", "tests"),
        third_party=(
            "aio_pika",
            "aiohttp",
            "aiormq",
            "click",
            "confluent_kafka",
            "faust",
            "grafana_foundation_sdk",
            "hypothesis",
            "influxdb_client",
            "orjson",
            "pamqp",
            "prometheus_client",
            "pytest",
            "rich",
            "trustme",
            "yarl",
        ),
    ),
)

CLOCK_AND_ENVIRONMENT = frozenset(
    {
        "datetime.date.today",
        "datetime.datetime.now",
        "datetime.datetime.today",
        "datetime.datetime.utcnow",
        "os.environ",
        "os.environb",
        "os.getenv",
        "time.monotonic",
        "time.monotonic_ns",
        "time.perf_counter",
        "time.time",
        "time.time_ns",
    }
)
READERS_OF_CLOCK_AND_ENVIRONMENT = (
    "pipeline.cli",
    "pipeline.command_copies",
    "pipeline.command_parts",
    "pipeline.onlooker",
    "pipeline.scale.bridge",
    "pipeline.scale.confirmed_sender",
    "pipeline.scale.track",
    "pipeline.scale.track_role",
    "pipeline.scale.write",
    "pipeline.scale.write_role",
    "pipeline.service",
    "pipeline.settings",
    "pipeline.wires",
    "pipeline.worker",
    "tests",
)

MOST_LINES = 300

EXEMPTION = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:\s*no cover|fmt:|ruff:|mypy:|pylint:)")
"""A comment that switches a check off: there is none."""

WITHOUT_A_TEST_FILE: Mapping[str, str] = {
    "pipeline.backup_steps": "declarations only",
    "pipeline.core.progress": "declarations only",
    "pipeline.core.tracked": "declarations only",
    "pipeline.wires.command_desk": "declarations only",
    "pipeline.wires.source": "declarations only",
    "schemas.alert": "declarations only",
    "schemas.command": "declarations only",
    "schemas.delivery": "declarations only",
    "schemas.meters": "declarations only",
    "schemas.observation": "declarations only",
    "schemas.row": "declarations only",
    "schemas.stream": "declarations only",
    "schemas.surprise": "declarations only",
}
"""Modules that no test file is named after, and why."""


def faults_of_imports(modules: Mapping[str, Module], layers: Iterable[Layer] = LAYERS) -> list[str]:
    """Every import that the layer of its module does not allow."""
    layers = tuple(layers)
    return [fault for module in modules.values() for fault in _faults_of_module(module, layers)]


def faults_of_cycles(modules: Mapping[str, Module]) -> list[str]:
    """A ring of imports, if there is one; package files count as modules."""
    try:
        TopologicalSorter(import_graph(modules)).prepare()
    except CycleError as fault:
        return ["a ring of imports: " + " <- ".join(fault.args[1])]
    return []


def faults_of_clocks(
    modules: Mapping[str, Module], readers: tuple[str, ...] = READERS_OF_CLOCK_AND_ENVIRONMENT
) -> list[str]:
    """Every reading of a clock or of the environment outside the parts that may."""
    return [
        f"{module.name}: reads {name}, which only {', '.join(readers)} may"
        for module in modules.values()
        if not any(_within(module.name, reader) for reader in readers)
        for name in sorted(module.reads & CLOCK_AND_ENVIRONMENT)
    ]


def faults_of_files(modules: Mapping[str, Module]) -> list[str]:
    """Files without an opening docstring, files that are too long, and lines that switch a check off."""
    faults = []
    for module in modules.values():
        if module.statements and not module.docstring:
            faults.append(f"{module.name}: does not open by saying what it owns")
        if len(module.lines) > MOST_LINES:
            faults.append(f"{module.name}: {len(module.lines)} lines; split it below {MOST_LINES}")
        faults += [
            f"{module.name} line {number}: switches a check off"
            for number, line in enumerate(module.lines, start=1)
            if EXEMPTION.search(line)
        ]
    return faults


def faults_of_tests(modules: Mapping[str, Module], exceptions: Mapping[str, str] = WITHOUT_A_TEST_FILE) -> list[str]:
    """Modules of the program without a test file of their name, and exceptions that are none (any more)."""
    tested = {name for name in modules if module_of_tests(name) in modules}
    owed = {
        name
        for name, module in modules.items()
        if not _within(name, "tests") and module.statements and name not in tested
    }
    missing = [
        f"{name}: has no test file {_path_of(module_of_tests(name))}" for name in sorted(owed - exceptions.keys())
    ]
    stale = [f"{name}: is excepted from having a test file, without need" for name in sorted(exceptions.keys() - owed)]
    return missing + stale


def module_of_tests(name: str) -> str:
    """The test module that a module's tests are in: `pipeline.core.decode` -> `tests.pipeline.core.test_decode`."""
    *packages, last = name.split(".")
    return ".".join(["tests", *packages, f"test_{last}"])


def _faults_of_module(module: Module, layers: tuple[Layer, ...]) -> Iterator[str]:
    candidates = [layer for layer in layers if _within(module.name, layer.name)]
    if not candidates:
        yield f"{module.name}: belongs to no layer"
        return
    layer = max(candidates, key=lambda candidate: len(candidate.name))
    for imported in sorted(module.imports):
        if not _may_import(layer, imported):
            yield f"{module.name}: imports {imported}, which {layer.name} may not"
    if layer.pure:
        for call in sorted(module.reads & OUTSIDE_CALLS):
            yield f"{module.name}: calls {call}, and {layer.name} is pure"


def _may_import(layer: Layer, imported: str) -> bool:
    top = imported.partition(".")[0]
    if top in ("pipeline", "schemas", "tests"):
        return any(_within(imported, part) for part in layer.own) and not any(
            _within(imported, part) for part in layer.never
        )
    if top in sys.stdlib_module_names:
        return not layer.pure or top not in OUTSIDE_WORLD or top in layer.unless
    return top in layer.third_party


def _within(name: str, part: str) -> bool:
    """Whether a module is this part of the tree, in it, or (`pipeline.settings_documents`) named after it."""
    return name == part or name.startswith((f"{part}.", f"{part}_"))


def _path_of(name: str) -> PurePosixPath:
    return PurePosixPath(*name.split(".")).with_suffix(".py")
