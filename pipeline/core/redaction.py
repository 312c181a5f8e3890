"""Redaction: personal values leave the core dropped or hashed, unless the operator keeps them.

Owns the three ways and the rules for values and for keys inside JSON documents. Must not know which setting
chose the way, or which ids are personal: the catalogue says that.
"""

import hmac
from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType

import orjson

from pipeline.core.body import Json, is_deep
from pipeline.core.coercion import compact_json
from schemas.catalogue import ObservationSpec

PRESENT = "present"
"""What a dropped value leaves behind: that there was one."""


class Personal(StrEnum):
    """What happens to a value that identifies a person, a place or a network."""

    DROP = "drop"
    HASH = "hash"
    KEEP = "keep"


class Redaction:
    """One way of treating personal values, with the operator's key where it needs one.

    `hash` gives HMAC-SHA256 in hexadecimal: the same value the same text, so that counting and grouping work,
    and nobody without the key can try values out.
    """

    def __init__(self, way: Personal, key: bytes = b"") -> None:
        """Raises ValueError for `hash` without a key."""
        if way is Personal.HASH and not key:
            message = "hashing personal values needs a key"
            raise ValueError(message)
        self._keeps = way is Personal.KEEP
        self._replace = _WAYS[way](key)

    def redact_value(self, value: Json, spec: ObservationSpec) -> Json:
        """An observation's value without what `spec` calls personal; the value as sent where that is nothing.

        Null stays null and empty text stays empty: both say that there is nothing to hide.
        """
        if self._keeps or value is None or value == "":
            return value
        if spec.personal:
            return self.redact_text(_text(value))
        if spec.personal_keys:
            return self._redact_document(_text(value), spec.personal_keys)
        return value

    def redact_text(self, text: str) -> str:
        """A text that is personal as a whole; empty stays empty."""
        return self._replace(text) if text else text

    def _redact_document(self, text: str, keys: frozenset[str]) -> str:
        raw = text.encode()
        if is_deep(raw):
            return self.redact_text(text)
        try:
            document: Json = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return self.redact_text(text)
        return compact_json(self._redact_members(document, keys))

    def _redact_members(self, value: Json, keys: frozenset[str]) -> Json:
        # Recursion ends: is_deep let nothing through that is nested deeper than 32.
        if isinstance(value, list):
            return [self._redact_members(item, keys) for item in value]
        if isinstance(value, dict):
            return {
                name: self._redact_member(member) if name in keys else self._redact_members(member, keys)
                for name, member in value.items()
            }
        return value

    def _redact_member(self, value: Json) -> Json:
        return None if value is None else self.redact_text(_text(value))


def _text(value: Json) -> str:
    return value if isinstance(value, str) else compact_json(value)


def _drop(_key: bytes) -> Callable[[str], str]:
    return lambda _text: PRESENT


def _hash(key: bytes) -> Callable[[str], str]:
    return lambda text: hmac.digest(key, text.encode(), "sha256").hex()


def _keep(_key: bytes) -> Callable[[str], str]:
    return lambda text: text


_WAYS: Mapping[Personal, Callable[[bytes], Callable[[str], str]]] = MappingProxyType(
    {Personal.DROP: _drop, Personal.HASH: _hash, Personal.KEEP: _keep}
)
