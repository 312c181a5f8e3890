"""The part of YAML that the provisioning files are written in, read strictly.

Owns the subset: comments on lines of their own, block mappings and sequences, plain scalars that nobody could take for
something else, texts in double quotes as JSON writes them, and folded texts (`>-`). Everything else is refused, so
that this reader and Grafana's never see different things in one file.
"""

import json
import re
from collections.abc import Sequence
from typing import NamedTuple

from tests.dashboards.nodes import Json

_KEY = re.compile(r"(?P<key>[A-Za-z_][A-Za-z0-9_]*):(?: (?P<rest>\S.*))?")
_ITEM = re.compile(r"- (?P<rest>\S.*)")
_PLAIN = re.compile(r"(?!.*:(?: |$))[A-Za-z_$/][A-Za-z0-9_$/.:+-]*(?: [A-Za-z0-9_$][A-Za-z0-9_$/.+-]*)*")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]*)")
_DURATION = re.compile(r"[0-9]+[smhd]")
_FLAGS = {"true": True, "false": False}
_MISTAKEN = frozenset({"yes", "no", "on", "off", "y", "n", "null"})
"""What some readers of YAML take for a truth value or for nothing."""


class YamlError(ValueError):
    """A line that the subset does not have; names it."""


class _Line(NamedTuple):
    number: int
    indent: int
    content: str


def read_yaml(source: str) -> Json:
    """The document. Raises YamlError at the first line that the subset does not have."""
    lines = []
    for number, line in enumerate(source.splitlines(), start=1):
        content = line.strip()
        if content and not content.startswith("#"):
            if "\t" in line or line != line.rstrip():
                raise YamlError(f"line {number}: a tab, or a space at the end")
            lines.append(_Line(number, len(line) - len(content), content))
    node, rest = _block(lines, 0)
    if rest:
        raise YamlError(f"line {rest[0].number}: is indented like nothing above it")
    return node


def _block(lines: Sequence[_Line], indent: int) -> tuple[Json, Sequence[_Line]]:
    """The mapping or sequence that the lines begin with, and the lines behind it."""
    if not lines or lines[0].indent != indent:
        where = f"line {lines[0].number}" if lines else "the end"
        raise YamlError(f"{where}: a block indented by {indent} was expected")
    return (_sequence if lines[0].content.startswith("- ") else _mapping)(lines, indent)


def _mapping(lines: Sequence[_Line], indent: int) -> tuple[Json, Sequence[_Line]]:
    found: dict[str, Json] = {}
    while lines and lines[0].indent == indent and not lines[0].content.startswith("- "):
        line, lines = lines[0], lines[1:]
        match = _KEY.fullmatch(line.content)
        if match is None or match["key"] in found:
            raise YamlError(f"line {line.number}: is no key with a value, or its key was there before")
        if match["rest"] is None:
            found[match["key"]], lines = _block(lines, indent + 2)
        elif match["rest"] == ">-":
            found[match["key"]], lines = _folded(lines, indent + 2)
        else:
            found[match["key"]] = _scalar(match["rest"], line.number)
    return found, lines


def _sequence(lines: Sequence[_Line], indent: int) -> tuple[Json, Sequence[_Line]]:
    found: list[Json] = []
    while lines and lines[0].indent == indent and lines[0].content.startswith("- "):
        line = lines[0]
        match = _ITEM.fullmatch(line.content)
        if match is None:
            raise YamlError(f"line {line.number}: is no item")
        if _KEY.fullmatch(match["rest"]):
            first = _Line(line.number, indent + 2, match["rest"])
            node, lines = _mapping([first, *lines[1:]], indent + 2)
            found.append(node)
        else:
            found.append(_scalar(match["rest"], line.number))
            lines = lines[1:]
    return found, lines


def _folded(lines: Sequence[_Line], indent: int) -> tuple[str, Sequence[_Line]]:
    parts = []
    while lines and lines[0].indent == indent:
        parts.append(lines[0].content)
        lines = lines[1:]
    if not parts or (lines and lines[0].indent > indent):
        raise YamlError("a folded text is empty, or not indented evenly")
    return " ".join(parts), lines


def _scalar(written: str, number: int) -> Json:
    if written in _FLAGS:
        return _FLAGS[written]
    if _INTEGER.fullmatch(written):
        return int(written)
    if written.startswith('"'):
        try:
            read: Json = json.loads(written)
        except ValueError as fault:
            raise YamlError(f"line {number}: {fault}") from fault
        return read
    if written.lower() in _MISTAKEN or not (_PLAIN.fullmatch(written) or _DURATION.fullmatch(written)):
        raise YamlError(f"line {number}: put {written} in double quotes")
    return written
