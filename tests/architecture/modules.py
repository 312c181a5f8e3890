"""What each Python file imports and reads, found in its source and without running it.

Owns the reading of source files. Must not know which imports are allowed (`tests.architecture.rules`).
"""

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Module(NamedTuple):
    """One Python file of the tree.

    `name`        dotted, as it is imported; a package has its own name, without `__init__`.
    `imports`     every module it imports, wherever in the file the import stands; a name that is imported from
                  a module of the tree counts as that module.
    `reads`       every outside name it uses, dotted and with aliases resolved: `datetime.datetime.now`,
                  `os.environ`; a built-in function as `builtins.open`.
    `docstring`   None where there is none; `statements` counts what stands beside it.
    """

    name: str
    path: Path
    imports: frozenset[str]
    reads: frozenset[str]
    docstring: str | None
    statements: int
    lines: tuple[str, ...]


def read_modules(root: Path, packages: Sequence[str]) -> Mapping[str, Module]:
    """Every module of the named top-level packages under `root`, by name. Raises SyntaxError as Python would."""
    paths = {
        _module_name(path.relative_to(root)): path
        for package in packages
        for path in sorted((root / package).rglob("*.py"))
    }
    return {name: _read_module(name, path, paths) for name, path in paths.items()}


def import_graph(modules: Mapping[str, Module]) -> Mapping[str, frozenset[str]]:
    """Which modules of the tree each one imports."""
    return {name: module.imports & modules.keys() for name, module in modules.items()}


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _read_module(name: str, path: Path, paths: Mapping[str, Path]) -> Module:
    source = path.read_text("utf-8")
    tree = ast.parse(source, str(path))
    docstring = ast.get_docstring(tree)
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    bindings = dict(_bindings(tree, package))
    return Module(
        name=name,
        path=path,
        imports=frozenset(_imported_modules(tree, package, paths)) - {name},
        reads=frozenset(_reads(tree, bindings)),
        docstring=docstring,
        statements=len(tree.body) - (docstring is not None),
        lines=tuple(source.splitlines()),
    )


def _imported_modules(tree: ast.Module, package: str, paths: Mapping[str, Path]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = _origin(node, package)
            for alias in node.names:
                inner = f"{origin}.{alias.name}"
                yield inner if inner in paths else origin


def _origin(node: ast.ImportFrom, package: str) -> str:
    """The module that a `from … import` names, with the dots of a relative one resolved."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - node.level + 1]
    return ".".join([*base, node.module] if node.module else base)


def _bindings(tree: ast.Module, package: str) -> Iterator[tuple[str, str]]:
    """Each name that an import binds in this file, with the dotted name it stands for."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield alias.asname or alias.name, f"{_origin(node, package)}.{alias.name}"


def _reads(tree: ast.Module, bindings: Mapping[str, str]) -> Iterator[str]:
    yield from bindings.values()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in bindings:
            yield f"builtins.{node.func.id}"
        elif isinstance(node, ast.Attribute) and (dotted := _dotted(node, bindings)):
            yield dotted


def _dotted(node: ast.expr, bindings: Mapping[str, str]) -> str | None:
    if isinstance(node, ast.Attribute):
        owner = _dotted(node.value, bindings)
        return f"{owner}.{node.attr}" if owner else None
    return bindings.get(node.id) if isinstance(node, ast.Name) else None
