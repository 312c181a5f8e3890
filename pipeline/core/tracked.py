"""What the tracker says: rows to write, time-outs, and what they are about.

Owns the records. Must not know how the tracker comes to say it.
"""

from typing import NamedTuple

from schemas.command import CommandSent, Outcome
from schemas.row import Row

SILENCE = (Outcome.TIMED_OUT, Outcome.EXPIRED)
"""The decisions that a command was not answered at its deadline."""


class TimeOut(NamedTuple):
    """A command without an answer at its deadline, for an alert.

    `answered_at`  when one came after all, None while none has.
    `is_refuted`   it had come in time, which became known later.
    `given_up_at`  when nobody waited for one any longer, None while somebody does: the command is forgotten soon.
    """

    command: CommandSent
    command_name: str
    deadline: int
    answered_at: int | None
    is_refuted: bool
    given_up_at: int | None = None


class Touch(NamedTuple):
    """A cluster: that of a charger and a command id around a moment."""

    serial: str
    command_id: int
    moment: int


Touched = frozenset[Touch]
"""What rows are about, for `Tracker.touch`; nobody else need look inside."""


class Tracked(NamedTuple):
    """What is to be written, for the first time or again, and what it is about."""

    rows: tuple[Row, ...]
    time_outs: tuple[TimeOut, ...]
    touched: Touched
