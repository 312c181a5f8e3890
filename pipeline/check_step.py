"""The form of a check: what a step is given, what it needs, and what it answers.

Owns these forms. Must not know any step.
"""

from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

from pipeline.settings import Settings


class Result(StrEnum):
    """How a step ended; the check as a whole fails with one that failed."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Look(NamedTuple):
    """A step's answer: how it ended, what was tried, what was found, and what to do (empty where there is nothing)."""

    result: Result
    tried: str
    found: str
    todo: str = ""


class Finding(NamedTuple):
    """A step's name, which stays the same whatever it finds, and its answer."""

    step: str
    result: Result
    tried: str
    found: str
    todo: str = ""


class Ground(NamedTuple):
    """What every step stands on: the settings in force, and our clock, nanoseconds since the epoch."""

    settings: Settings
    read_clock: Callable[[], int]


class Step(NamedTuple):
    """One step.

    `needs`  the steps before it without which it would say nothing new: it is skipped where one of them failed or was
             skipped.
    `look`   tries it; None where the settings do not ask for it. Raises OSError, and UnreadableSecretError and
             ValueError with words.
    """

    name: str
    needs: tuple[str, ...]
    look: Callable[[Ground], Look | None]


def split_words(words: str) -> tuple[str, str]:
    """The fault and the next step, of words that have both, as this program's errors do: `fault; next step`."""
    fault, _, step = words.rpartition("; ") if "; " in words else (words, "", "")
    return fault, step
