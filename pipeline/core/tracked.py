"""What the tracker says: rows to write, time-outs, and what they are about.

Owns the records. Must not know how the tracker comes to say it.
"""

from typing import NamedTuple

from schemas.command import CommandSent
from schemas.row import Row


class TimeOut(NamedTuple):
    """A command without an answer at its deadline, for an alert.

    `answered_at`  when one came after all, None while none has.
    `is_refuted`   it had come in time, which became known later.
    `not_ended_at` when late answers came of which it was said that they are this command's, and they are not.
    `given_up_at`  when nobody waited for one any longer, None while somebody does: the command is forgotten soon.
    """

    command: CommandSent
    command_name: str
    deadline: int
    answered_at: int | None
    is_refuted: bool
    given_up_at: int | None = None
    not_ended_at: tuple[int, ...] = ()


Touch = tuple[str, int, int]
"""Charger, command id, and a moment: what the facts of that moment hang together with."""

Touched = frozenset[Touch]
"""What rows are about, for `Tracker.touch`; nobody else need look inside."""


class Tracked(NamedTuple):
    """What is to be written, for the first time or again, and what it is about.

    `waits_from`  the moment of the first of what is due and was not said, since it was too much at once; None for none.
    """

    rows: tuple[Row, ...]
    time_outs: tuple[TimeOut, ...]
    touched: Touched
    waits_from: int | None = None
