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
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.core.coercion import number_of_text, to_boolean
from pipeline.core.sightings import Sightings
from schemas.catalogue import Catalogue
from schemas.command import Argument
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


class Effect(NamedTuple):
    """When a command was confirmed: the stamp and the arrival of the observation that completed it."""

    observed_at: int
    arrived_at: int | None


def targets_of(catalogue: Catalogue, command_id: int, arguments: Sequence[Argument]) -> tuple[Target, ...]:
    """What must be seen of a command; empty where the catalogue knows no readback, or an argument is no number."""
    spec = catalogue.commands.get(command_id)
    readback = spec.readback if spec else ()
    numbers = [_number(argument.value) for argument in arguments[: len(readback)]]
    known = [number for number in numbers if number is not None]
    if not readback or len(known) < len(readback):
        return ()
    return tuple(
        Target(observation_id, _narrow(number)) for observation_id, number in zip(readback, known, strict=True)
    )


def confirm(targets: Sequence[Target], sightings: Sightings, created_at: int, until: int | None) -> Effect | None:
    """The effect of a command created at `created_at` (the response's Timestamp), None where it is not seen.

    `until` is when the next command of its readback family was published, None where there is none. `sightings` are
    of its charger; those that are no readback of it do no harm.
    """
    first = created_at // _SECOND_NS * _SECOND_NS - BEFORE_NS
    end = created_at + AFTER_NS + 1 if until is None else min(created_at + AFTER_NS + 1, until)
    wanted = dict(targets)
    seen = sightings.between(wanted, first, end)
    if not seen:
        return None
    missing = set()
    for observation_id, number in targets:
        last = sightings.last_before(observation_id, first)
        if last is None or not shows(last.value, number):
            missing.add(observation_id)
    for sighting in seen:
        if shows(sighting.value, wanted[sighting.observation_id]):
            missing.discard(sighting.observation_id)
            if not missing:
                return Effect(sighting.observed_at, sighting.arrived_at)
        else:
            missing.add(sighting.observation_id)
    return None


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
