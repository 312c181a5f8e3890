"""A thread of commands: all sendings and all responses of one charger and one command id that are remembered.

Owns the set of facts, its order, and which part of it one more fact can touch. Pure. Must not know readbacks, rows,
other threads, or the watermark.

The content is a function of the set of facts added: in any order, any number of times.
"""

from bisect import bisect_left, insort
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.core.pairing import EARLIEST_NS, LATEST_NS, pair
from schemas.command import CommandResponse, CommandSent

_REACH_NS = LATEST_NS - EARLIEST_NS
"""Two facts further apart than this can never belong together, whatever lies elsewhere."""


class Sending(NamedTuple):
    """A command that was sent, once. `is_confirmed`: the broker took it, or it is a copy of somebody else's."""

    command: CommandSent
    attempt: int
    is_confirmed: bool


class Cluster(NamedTuple):
    """A part of a thread that no fact outside can change: its sendings and responses in order, and who is whose.

    `pairs[i]` are places in `sendings` and `responses` that belong together.
    """

    sendings: tuple[Sending, ...]
    responses: tuple[CommandResponse, ...]
    pairs: tuple[tuple[int, int], ...]


class CommandThread:
    """See above. Not for more than a few thousand facts at a time: `forget` what is old."""

    __slots__ = ("_response_keys", "_responses", "_sending_keys", "_sendings")

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._sending_keys: list[tuple[int, str]] = []
        self._sendings: dict[tuple[int, str], Sending] = {}
        self._response_keys: list[tuple[int, str]] = []
        self._responses: dict[tuple[int, str], CommandResponse] = {}

    def add_sending(self, sending: Sending) -> Sending:
        """A command that was sent; what is known of it now. A copy adds at most that it is confirmed, and when."""
        key = (sending.command.published_at, sending.command.ref)
        known = self._sendings.get(key)
        if known is None:
            insort(self._sending_keys, key)
            self._sendings[key] = sending
            return sending
        received_at = _least(known.command.received_at, sending.command.received_at)
        merged = self._sendings[key] = Sending(
            known.command._replace(received_at=received_at),
            max(known.attempt, sending.attempt),
            known.is_confirmed or sending.is_confirmed,
        )
        return merged

    def sending_of(self, ref: str) -> Sending | None:
        """The sending of this ref; None where none is known."""
        return next((sending for sending in self._sendings.values() if sending.command.ref == ref), None)

    def drop_sending(self, command: CommandSent) -> Sending | None:
        """Forget a sending; what was known of it."""
        key = (command.published_at, command.ref)
        if key in self._sendings:
            self._sending_keys.remove(key)
        return self._sendings.pop(key, None)

    def add_response(self, response: CommandResponse) -> CommandResponse:
        """A response; what is known of it now. Of copies, the earliest receipt and arrival count."""
        key = (response.created_at, content_of(response))
        known = self._responses.get(key)
        if known is None:
            insort(self._response_keys, key)
            self._responses[key] = response
            return response
        merged = self._responses[key] = known._replace(
            arrived_at=_least(known.arrived_at, response.arrived_at),
            received_at=_least(known.received_at, response.received_at),
        )
        return merged

    def cluster(self, at: int) -> Cluster:
        """The part of the thread around a moment: everything that a fact of that moment may touch, and no less."""
        first, last = self._reach(at)
        sendings = tuple(self._sendings[key] for key in _within(self._sending_keys, first, last))
        responses = tuple(self._responses[key] for key in _within(self._response_keys, first, last))
        pairs = pair(
            [sending.command.published_at for sending in sendings], [response.created_at for response in responses]
        )
        return Cluster(sendings, responses, pairs)

    def forget(self, before: int) -> tuple[list[Sending], list[CommandResponse]]:
        """Drop what lies before this moment, but for a cluster that reaches over it; what was dropped."""
        first, _ = self._reach(before)
        sendings = _within(self._sending_keys, 0, first - 1)
        responses = _within(self._response_keys, 0, first - 1)
        del self._sending_keys[: len(sendings)], self._response_keys[: len(responses)]
        return [self._sendings.pop(key) for key in sendings], [self._responses.pop(key) for key in responses]

    def sendings(self) -> Iterator[Sending]:
        """Every sending, in order."""
        return (self._sendings[key] for key in self._sending_keys)

    def responses(self) -> Iterator[CommandResponse]:
        """Every response, in order."""
        return (self._responses[key] for key in self._response_keys)

    def __len__(self) -> int:
        """How many facts there are."""
        return len(self._sending_keys) + len(self._response_keys)

    def _reach(self, at: int) -> tuple[int, int]:
        """From where to where facts hang together around `at`, each within reach of the next."""
        first = last = at
        while (moved := self._earliest_within(first - _REACH_NS, first)) is not None:
            first = moved
        while (moved := self._latest_within(last, last + _REACH_NS)) is not None:
            last = moved
        return first, last

    def _earliest_within(self, start: int, end: int) -> int | None:
        """The earliest moment of a fact in [start, end); None where there is none."""
        found = [
            keys[place][0]
            for keys in (self._sending_keys, self._response_keys)
            if (place := bisect_left(keys, (start, ""))) < len(keys) and keys[place][0] < end
        ]
        return min(found, default=None)

    def _latest_within(self, start: int, end: int) -> int | None:
        """The latest moment of a fact in (start, end]; None where there is none."""
        found = [
            keys[place - 1][0]
            for keys in (self._sending_keys, self._response_keys)
            if (place := bisect_left(keys, (end + 1, ""))) > 0 and keys[place - 1][0] > start
        ]
        return max(found, default=None)


def _within(keys: list[tuple[int, str]], first: int, last: int) -> list[tuple[int, str]]:
    return keys[bisect_left(keys, (first, "")) : bisect_left(keys, (last + 1, ""))]


def content_of(response: CommandResponse) -> str:
    """What tells two responses of one moment apart; the same for every copy of one."""
    return repr((response.accepted, response.delivered_at, response.ticks, response.result_code, response.comment))


def _least(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)
