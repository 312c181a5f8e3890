"""Deferred modules: imported when used, and the same for the type checker as for the program."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.deferred import deferred
from tests.architecture.modules import read_modules

ROOT = Path(__file__).parents[2]


def test_a_module_is_imported_at_the_first_look_at_something_of_it() -> None:
    source = (
        "import sys; from pipeline.deferred import deferred; colors = deferred('colorsys');"
        "print('colorsys' in sys.modules, colors.hsv_to_rgb(0, 0, 1), 'colorsys' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", source], capture_output=True, check=True, text=True).stdout
    assert told == "False (1, 1, 1) True\n"


def test_what_is_found_is_what_the_module_has() -> None:
    assert deferred("pipeline.deferred").deferred is deferred


def test_what_a_module_does_not_have_is_an_error() -> None:
    with pytest.raises(AttributeError, match="nothing_of_that_name"):
        _ = deferred("pipeline.deferred").nothing_of_that_name
    with pytest.raises(ImportError):
        _ = deferred("pipeline.no_module_of_ours").anything


def of_the_program(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Each deferred module under the name that it is bound to."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(
                targets=[ast.Name(id=bound)],
                value=ast.Call(func=ast.Name(id="deferred"), args=[ast.Constant(value=str(name))]),
            ):
                yield bound, name


def of_the_type_checker(tree: ast.AST) -> Iterator[tuple[str, str]]:
    """Each module that only the type checker imports where something stands for it otherwise."""
    for node in ast.walk(tree):
        match node:
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), body=body, orelse=[_, *_]):
                for inner in body:
                    match inner:
                        case ast.ImportFrom(module=str(package), names=names, level=0):
                            yield from ((alias.asname or alias.name, f"{package}.{alias.name}") for alias in names)


def test_the_type_checker_sees_the_modules_that_the_program_uses() -> None:
    found = 0
    for module in read_modules(ROOT, ["pipeline", "schemas"]).values():
        tree = ast.parse(module.path.read_text("utf-8"))
        pairs = set(of_the_program(tree))
        assert pairs == set(of_the_type_checker(tree)), module.name
        found += len(pairs)
    assert found
