"""Confirmation: whether a command took effect, by the observations that show what it set.

Owns what counts as a readback, and when it confirms. Pure, and a function of the set of sightings. Must not know how
a command was answered, or where sightings are kept.
Source: Easee, "Commands": when a command is delivered, the charger emits the newly observed values. The n-th readback
id of the catalogue shows the n-th argument.

A command is confirmed at the first moment at which every readback shows its target, by the last value known of each,
where at least one was seen anew: stamped since two seconds before the second in which the command was created (devices
stamp whole seconds, and the observation may come before the response), before the next command of its readback family,
and at most five minutes after it. So 16/16/16 to 16/16/10 is confirmed by the one phase that is emitted, and a command
that changes nothing is not confirmed.
"""

import struct
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pipeline.core.coercion import number_of_text, to_boolean
from schemas.catalogue import Catalogue
from schemas.command import CommandSent
from schemas.observation import Value

BEFORE_NS = 2 * 10**9
"""How far a readback's stamp may lie before the second of the command's creation."""
AFTER_NS = 300 * 10**9
"""How far behind its creation."""

_SECOND_NS = 10**9


class Target(NamedTuple):
    """What a readback must show: a number as a 32-bit float holds it."""

    observation_id: int
    number: float


class Sighting(NamedTuple):
    """One value of a readback: the observation's id and stamp, its value, and when it reached the cloud."""

    observed_at: int
    arrived_at: int | None
    observation_id: int
    value: Value


class Effect(NamedTuple):
    """When a command was confirmed: the stamp and the arrival of the observation that completed it."""

    observed_at: int
    arrived_at: int | None


def targets_of(command: CommandSent, catalogue: Catalogue) -> tuple[Target, ...]:
    """What must be seen of a command; empty where the catalogue knows no readback, or an argument is no number."""
    spec = catalogue.commands.get(command.id)
    readback = spec.readback if spec else ()
    numbers = [_number(argument.value) for argument in command.arguments[: len(readback)]]
    known = [number for number in numbers if number is not None]
    if not readback or len(known) < len(readback):
        return ()
    return tuple(
        Target(observation_id, _narrow(number)) for observation_id, number in zip(readback, known, strict=True)
    )


def confirm(
    targets: Sequence[Target], sightings: Iterable[Sighting], created_at: int, until: int | None
) -> Effect | None:
    """The effect of a command created at `created_at` (the response's Timestamp), None where it is not seen.

    `until` is when the next command of its readback family was published, None where there is none. `sightings` are
    of its charger, in any order; those that are no readback of it do no harm.
    """
    first = created_at // _SECOND_NS * _SECOND_NS - BEFORE_NS
    end = created_at + AFTER_NS + 1 if until is None else min(created_at + AFTER_NS + 1, until)
    wanted = {target.observation_id: target.number for target in targets}
    known: dict[int, bool] = {}
    for sighting in sorted((each for each in sightings if each.observation_id in wanted), key=_in_order):
        if sighting.observed_at >= end:
            return None
        known[sighting.observation_id] = shows(sighting.value, wanted[sighting.observation_id])
        if sighting.observed_at >= first and len(known) == len(wanted) and all(known.values()):
            return Effect(sighting.observed_at, sighting.arrived_at)
    return None


def prune(sightings: Iterable[Sighting], before: int) -> list[Sighting]:
    """What must be kept for commands whose window begins at `before` or later, in order.

    That is the last value of each id from before, and all that follows.
    """
    kept: list[Sighting] = []
    last: dict[int, Sighting] = {}
    for sighting in sorted(set(sightings), key=_in_order):
        if sighting.observed_at < before:
            last[sighting.observation_id] = sighting
        else:
            kept.append(sighting)
    return [*sorted(last.values(), key=_in_order), *kept]


def shows(value: Value, number: float) -> bool:
    """Whether an observed value is this number, to the accuracy of a 32-bit float, which devices compute with."""
    return isinstance(value, float) and _narrow(value) == number


def _number(text: str) -> float | None:
    value: Value = number_of_text(text)
    if value is None:
        value = to_boolean(text)
    return value if isinstance(value, float) else None


def _narrow(number: float) -> float:
    try:
        narrow: float = struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        return number
    return narrow


def _in_order(sighting: Sighting) -> tuple[int, int, int, str]:
    """By stamp, then by arrival: one without arrival counts as arrived when it was stamped; then by content."""
    arrived_at = sighting.observed_at if sighting.arrived_at is None else sighting.arrived_at
    return sighting.observed_at, arrived_at, sighting.observation_id, repr(sighting.value)
