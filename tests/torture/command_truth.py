"""What becomes of commands, worked out again from what was sent and what came back, by the rules in the documents.

Owns this second reading of pairing, deadlines, flags and readbacks. Slow and plain. Pure. Imports nothing of the
program under test.
"""

import struct
from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

from tests.torture.cloud import READBACKS
from tests.torture.folder import TIMEOUT_S
from tests.torture.messages import MS, S

EARLIEST_NS, LATEST_NS = -2 * S, 5 * S
READBACK_NS = 300 * S
BEFORE_NS = 2 * S
FLAGS = ("answered", "ok", "failed", "timed_out", "expired", "late", "superseded", "confirmed")


class Sent(NamedTuple):
    """A command of which the worker knows. Times in nanoseconds."""

    ref: str
    serial: str
    command_id: int
    published_at: int
    expires_at: int | None
    amperes: int | None

    @property
    def deadline(self) -> int:
        timed_out = self.published_at + TIMEOUT_S * S
        return timed_out if self.expires_at is None else min(timed_out, self.expires_at)


class Response(NamedTuple):
    """An answer, whoever was asked."""

    serial: str
    command_id: int
    created_at: int
    arrived_at: int
    delivered_at: int
    is_accepted: bool


class Shown(NamedTuple):
    """A value of a readback: when it was stamped, when it arrived."""

    serial: str
    observation_id: int
    stamped_at: int
    arrived_at: int
    value: float


class Truth(NamedTuple):
    """How a command must stand in the end: its state, its fields but for our own clock's, and its decisions."""

    state: str
    fields: Mapping[str, float]
    outcomes: Mapping[tuple[str, float], int]
    """By outcome and `late`: when it was decided."""


def pairs(sent: Sequence[Sent], responses: Sequence[Response]) -> dict[str, Response]:
    """Which response is whose, of one charger and one command id: by the ref of the command.

    Most pairs, then fewest late ones, then least difference of time; each in its turn.
    """
    sent = sorted(sent, key=lambda each: (each.published_at, each.ref))
    responses = sorted(responses, key=lambda each: each.created_at)
    found: dict[str, Response] = {}
    for commands, answers in _clusters(sent, responses):
        found.update(_best(tuple(commands), tuple(answers))[1])
    return found


def truth_of(sent: Sent, response: Response | None, newer: Sent | None, shown: Sequence[Shown]) -> Truth:
    """How a command ends. `newer` is the next one of its charger that sets the same; `shown` are its charger's."""
    is_expiry = sent.expires_at is not None and sent.expires_at < sent.published_at + TIMEOUT_S * S
    silence = "expired" if is_expiry else "timed_out"
    flags = dict.fromkeys(FLAGS, 0.0)
    flags["superseded"] = float(newer is not None)
    if response is None:
        flags["failed"] = flags[silence] = 1.0
        return Truth(silence, flags, {(silence, 0.0): sent.deadline})
    is_late = response.arrived_at > sent.deadline
    state = "accepted" if response.is_accepted else "rejected"
    flags["answered"] = 1.0
    flags["ok" if response.is_accepted else "failed"] = 1.0
    outcomes = {(state, float(is_late)): response.arrived_at}
    fields = {
        "accepted": float(response.is_accepted),
        "delivery_ms": (response.delivered_at - response.created_at) / MS,
        "response_ms": (response.arrived_at - response.created_at) / MS,
    }
    if is_late:
        flags["late"] = flags[silence] = 1.0
        fields["lateness_ms"] = (response.arrived_at - sent.deadline) / MS
        outcomes[silence, 0.0] = sent.deadline
    if response.is_accepted and (seen := _effect(sent, response, newer, shown)) is not None:
        flags["confirmed"] = 1.0
        fields["effect_ms"] = (seen.arrived_at - response.created_at) / MS
    return Truth(state, {**flags, **fields}, outcomes)


def _effect(sent: Sent, response: Response, newer: Sent | None, shown: Sequence[Shown]) -> Shown | None:
    """The first observation that shows the target within its time."""
    readback = READBACKS.get(sent.command_id)
    if readback is None or sent.amperes is None:
        return None
    first = response.created_at // S * S - BEFORE_NS
    end = response.created_at + READBACK_NS + 1
    if newer is not None:
        end = min(end, newer.published_at)
    seen = sorted(
        (each for each in shown if each.observation_id == readback and first <= each.stamped_at < end),
        key=lambda each: (each.stamped_at, each.arrived_at),
    )
    return next((each for each in seen if _narrow(each.value) == _narrow(float(sent.amperes))), None)


def _narrow(number: float) -> float:
    narrow: float = struct.unpack("<f", struct.pack("<f", number))[0]
    return narrow


def may_answer(sent: Sent, response: Response) -> bool:
    return EARLIEST_NS <= response.created_at - sent.published_at <= LATEST_NS


def _clusters(sent: Sequence[Sent], responses: Sequence[Response]) -> list[tuple[list[Sent], list[Response]]]:
    """Stretches of time that no pair can span."""
    moments = sorted(
        [(each.published_at, 0, place) for place, each in enumerate(sent)]
        + [(each.created_at, 1, place) for place, each in enumerate(responses)]
    )
    found: list[tuple[list[Sent], list[Response]]] = []
    last: int | None = None
    for moment, is_response, place in moments:
        if last is None or moment - last > LATEST_NS:
            found.append(([], []))
        last = moment
        if is_response:
            found[-1][1].append(responses[place])
        else:
            found[-1][0].append(sent[place])
    return found


@cache
def _best(sent: tuple[Sent, ...], responses: tuple[Response, ...]) -> tuple[tuple[int, int, int], dict[str, Response]]:
    """Score and pairs of the best assignment."""
    if not sent or not responses:
        return (0, 0, 0), {}
    options = [_best(sent[1:], responses), _best(sent, responses[1:])]
    command, response = sent[0], responses[0]
    if may_answer(command, response):
        (count, in_time, near), rest = _best(sent[1:], responses[1:])
        is_late = response.arrived_at > command.deadline
        score = (count + 1, in_time - is_late, near - abs(response.created_at - command.published_at))
        options.append((score, {**rest, command.ref: response}))
    return max(options, key=lambda option: option[0])
