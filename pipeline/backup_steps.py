"""The steps of a backup or a restore, as they are told to whoever watches.

Owns their form. Must not know who watches.
"""

from collections.abc import Callable
from typing import NamedTuple


class Step(NamedTuple):
    """What is done now: its words, and how much of how much is done; of any unit, the same within one step."""

    words: str
    done: int
    whole: int


TellStep = Callable[[Step], None]


def tell_nobody(_step: Step) -> None:
    """For who does not watch."""
