"""Coercion: a JSON value to the number or text that its catalogue type asks for.

Owns the one table of types. The catalogue's type decides, never the look of a value: a string of digits may be
an identifier. Must not know about ids, fields or personal data.
Source: Easee sends values as JSON numbers, booleans, or text that holds either.
"""

import re
from collections.abc import Callable, Mapping
from math import isfinite
from types import MappingProxyType

import orjson

from pipeline.core.body import Json
from schemas.catalogue import ValueType
from schemas.observation import Value

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_SPACE = " \t\r\n"
_BOOLEANS: Mapping[str, float] = MappingProxyType({"true": 1.0, "false": 0.0})
_HINT = re.compile(r"\[([A-Za-z]+)\]\Z", re.ASCII)
_HINTS: Mapping[str, ValueType] = MappingProxyType({value_type.value: value_type for value_type in ValueType})


def compact_json(value: Json) -> str:
    """`value` as compact JSON text."""
    return orjson.dumps(value).decode()


def to_double(value: Json) -> Value:
    """A number: JSON number, boolean as 0 or 1, text that is a JSON number. Anything else as text; null as None."""
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str):
        number = number_of_text(value)
        return value if number is None else number
    return None if value is None else compact_json(value)


def to_integer(value: Json) -> Value:
    """Like `to_double`, for numbers without a fraction; one with a fraction stays as text, as sent."""
    number = to_double(value)
    if isinstance(number, float) and not number.is_integer():
        return value if isinstance(value, str) else compact_json(value)
    return number


def to_boolean(value: Json) -> Value:
    """0 or 1: JSON boolean, true or false as text in any letter case, 0 or 1 as number or text. Else as text."""
    if isinstance(value, str):
        word = _BOOLEANS.get(value.strip(_SPACE).lower())
        if word is not None:
            return word
    number = to_double(value)
    if isinstance(number, float) and number not in (0.0, 1.0):
        return value if isinstance(value, str) else compact_json(value)
    return number


def to_text(value: Json) -> Value:
    """Text as sent, untrimmed; any other JSON as its compact text; null as None."""
    return value if value is None or isinstance(value, str) else compact_json(value)


def to_any(value: Json) -> Value:
    """What no type is known for: JSON's own type decides."""
    if isinstance(value, int | float):
        return float(value)
    return to_text(value)


COERCE: Mapping[ValueType, Callable[[Json], Value]] = MappingProxyType(
    {
        ValueType.BOOLEAN: to_boolean,
        ValueType.DOUBLE: to_double,
        ValueType.INTEGER: to_integer,
        ValueType.POSITION: to_text,
        ValueType.STRING: to_text,
    }
)


NATIVE: Mapping[ValueType, Mapping[type, Callable[..., Value]]] = MappingProxyType(
    {
        ValueType.BOOLEAN: MappingProxyType({bool: float}),
        ValueType.DOUBLE: MappingProxyType({int: float, float: float}),
        ValueType.INTEGER: MappingProxyType({int: float, float: to_integer}),
        ValueType.POSITION: MappingProxyType({str: str, dict: compact_json}),
        ValueType.STRING: MappingProxyType({str: str}),
    }
)
"""The JSON types that each catalogue type promises; a value of another that still fits was coerced. For a value of
such a type this is COERCE, without what that does for others."""


def type_of_hint(description: Json) -> ValueType | None:
    """The type that the end of a body's `Description` names, `… [Double]`; None where it names none."""
    if not isinstance(description, str):
        return None
    match = _HINT.search(description.rstrip(_SPACE))
    return _HINTS.get(match[1].lower()) if match else None


def number_of_text(text: str) -> float | None:
    """The finite number that `text`, trimmed, is by JSON's grammar; None where it is none."""
    trimmed = text.strip(_SPACE)
    if _NUMBER.fullmatch(trimmed) is None:
        return None
    number = float(trimmed)
    return number if isfinite(number) else None
