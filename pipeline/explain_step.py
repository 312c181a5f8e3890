"""Explain, one step: the record of it, and how a long value is cut short.

Owns both. Must not know what is explained.
"""

from typing import NamedTuple

_SHORT = 200


class Step(NamedTuple):
    """One thing that was found, and why it is so; `why` is empty where the finding says it itself."""

    topic: str
    finding: str
    why: str = ""


def in_short(text: str) -> str:
    """`text`, cut where it is too long to read, saying how long it was."""
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}… ({len(text)} characters)"
