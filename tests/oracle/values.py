"""Values: what a body's Value is kept as, and what is left of personal ones."""

import hashlib
import hmac
import re
from collections.abc import Callable
from typing import Any

import orjson

NUMBER = re.compile(r"-?(0|[1-9][0-9]*)([.][0-9]+)?([eE][+-]?[0-9]+)?")
BLANK = " \t\r\n"

Kept = tuple[str, float | str]
"""Which of two fields (`number` or `text`), and what stands in it."""


def compact(value: Any) -> str:
    return orjson.dumps(value).decode()


def as_number(value: Any) -> float | None:
    """A JSON number, a boolean, or text that is a JSON number; None for all else."""
    if value is True or value is False:
        return 1.0 if value else 0.0
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, str) and NUMBER.fullmatch(value.strip(BLANK)):
        number = float(value.strip(BLANK))
        return number if abs(number) != float("inf") else None
    return None


def misfit(value: Any) -> Kept:
    return ("text", value if isinstance(value, str) else compact(value))


def keep_double(value: Any) -> Kept:
    number = as_number(value)
    return misfit(value) if number is None else ("number", number)


def keep_integer(value: Any) -> Kept:
    number = as_number(value)
    return misfit(value) if number is None or number != int(number) else ("number", number)


def keep_boolean(value: Any) -> Kept:
    if isinstance(value, str) and value.strip(BLANK).lower() in ("true", "false"):
        return ("number", 1.0 if value.strip(BLANK).lower() == "true" else 0.0)
    number = as_number(value)
    return ("number", number) if number in (0, 1) else misfit(value)


KEEP: dict[str, Callable[[Any], Kept]] = {
    "double": keep_double,
    "integer": keep_integer,
    "boolean": keep_boolean,
    "string": misfit,
    "position": misfit,
}
HINT = re.compile(r"\[([A-Za-z]+)\][ \t\r\n]*$", re.ASCII)


def keep_unknown(value: Any, description: Any) -> Kept:
    """An id that no catalogue has: by the hint at the end of its description, else by JSON's own type."""
    hint = HINT.search(description) if isinstance(description, str) else None
    if hint and hint[1].lower() in KEEP:
        return KEEP[hint[1].lower()](value)
    if isinstance(value, (bool, int, float)):
        return ("number", float(value))
    return misfit(value)


class Redactor:
    """drop, hash or keep."""

    def __init__(self, way: str, key: bytes) -> None:
        self.way = way
        self.key = key

    def text(self, text: str) -> str:
        if text == "" or self.way == "keep":
            return text
        return "present" if self.way == "drop" else hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()

    def value(self, value: Any, whole: bool, keys: list[str]) -> Any:
        """The Value after redaction; the very Value where there is nothing to hide."""
        if self.way == "keep" or value is None or value == "" or not (whole or keys):
            return value
        text = value if isinstance(value, str) else compact(value)
        if whole:
            return self.text(text)
        if depth(text.encode()) > 32:
            return self.text(text)
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError:
            return self.text(text)
        return compact(self.inside(document, keys))

    def inside(self, part: Any, keys: list[str]) -> Any:
        if isinstance(part, list):
            return [self.inside(item, keys) for item in part]
        if not isinstance(part, dict):
            return part
        return {
            name: self.member(member) if name in keys else self.inside(member, keys) for name, member in part.items()
        }

    def member(self, member: Any) -> Any:
        if member is None:
            return None
        return self.text(member if isinstance(member, str) else compact(member))


def depth(text: bytes) -> int:
    """How deep brackets and braces nest outside of strings, one character at a time."""
    deepest = level = 0
    quoted = escaped = False
    for character in text:
        if quoted:
            if escaped:
                escaped = False
            elif character == 0x5C:
                escaped = True
            elif character == 0x22:
                quoted = False
        elif character == 0x22:
            quoted = True
        elif character in b"[{":
            level += 1
            deepest = max(deepest, level)
        elif character in b"]}":
            level -= 1
    return deepest
