"""A thread of commands: all sendings and all responses of one charger and one command id that are remembered.

Owns the set of facts, its order, and which part of it one more fact can touch. Pure. Must not know readbacks, rows,
other threads, or the watermark.

The content is a function of the set of facts added: in any order, any number of times.

Facts are kept in plain lists beside the list of their moments, which is what they are found by: there may be hundreds
of thousands of threads, and most hold a fact or two.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from pipeline.core.command_life import SILENCE, Decided, Life, arrival_of
from pipeline.core.pairing import EARLIEST_NS, LATEST_NS, pair
from schemas.command import CommandResponse, CommandSent


class Sending(NamedTuple):
    """A command that was sent, once.

    `is_confirmed`  the broker took it, or it is a copy of somebody else's.
    `decided`       the decisions about it that were written, in order.
    `superseded_at` when a newer one was published that is forgotten already; None where there is none.
    """

    command: CommandSent
    attempt: int
    is_confirmed: bool
    decided: tuple[Decided, ...] = ()
    superseded_at: int | None = None

    @property
    def is_silent(self) -> bool:
        """Whether it was decided that nobody answered at its deadline."""
        return any(each.outcome in SILENCE for each in self.decided)


class Cluster(NamedTuple):
    """A part of a thread that no fact outside can change: its sendings and responses in order, and who is whose.

    `pairs[i]` are places in `sendings` and `responses` that belong together.
    """

    sendings: tuple[Sending, ...]
    responses: tuple[CommandResponse, ...]
    pairs: tuple[tuple[int, int], ...]

    @property
    def is_matched(self) -> bool:
        """Whether each sending is answered and each response answers one."""
        return len(self.pairs) == len(self.sendings) == len(self.responses)

    @property
    def first(self) -> int:
        """The moment of its earliest fact. Not of an empty one."""
        moments = [self.sendings[0].command.published_at] if self.sendings else []
        return min((*moments, self.responses[0].created_at) if self.responses else moments)

    @property
    def last(self) -> int:
        """The moment of its latest fact. Not of an empty one."""
        moments = [self.sendings[-1].command.published_at] if self.sendings else []
        return max((*moments, self.responses[-1].created_at) if self.responses else moments)


class CommandThread:
    """See above. `_published[i]` is the moment of `_sendings[_refs[i]]`, `_created[i]` that of `_responses[i]`."""

    __slots__ = ("_created", "_published", "_refs", "_responses", "_sendings", "_timeout_ns")

    def __init__(self, timeout_ns: int) -> None:
        """Nothing is known yet. `timeout_ns` is COMMAND_TIMEOUT."""
        self._timeout_ns = timeout_ns
        self._published: list[int] = []
        self._refs: list[str] = []
        self._sendings: dict[str, Sending] = {}
        self._created: list[int] = []
        self._responses: list[CommandResponse] = []

    def sending(self, ref: str) -> Sending | None:
        """The sending of this ref; None where none is known."""
        return self._sendings.get(ref)

    def add_sending(self, sending: Sending) -> Sending:
        """A command that was sent; what is known of it now. A copy adds at most that it is confirmed, and when."""
        command = sending.command
        known = self._sendings.get(command.ref)
        if known is None:
            place = self._place_of(command.published_at, command.ref)
            self._published.insert(place, command.published_at)
            self._refs.insert(place, command.ref)
            self._sendings[command.ref] = sending
            return sending
        merged = Sending(
            known.command._replace(received_at=_least(known.command.received_at, command.received_at)),
            max(known.attempt, sending.attempt),
            known.is_confirmed or sending.is_confirmed,
            known.decided or sending.decided,
            _least(known.superseded_at, sending.superseded_at),
        )
        self._sendings[command.ref] = merged
        return merged

    def note(self, sending: Sending) -> None:
        """This is what is known now of a sending that was known before."""
        self._sendings[sending.command.ref] = sending

    def drop_sending(self, ref: str) -> Sending | None:
        """Forget a sending; what was known of it."""
        sending = self._sendings.pop(ref, None)
        if sending is not None:
            place = self._place_of(sending.command.published_at, ref)
            del self._published[place], self._refs[place]
        return sending

    def add_response(self, response: CommandResponse) -> CommandResponse:
        """A response; what is known of it now. Of copies, the earliest receipt and arrival count."""
        created = response.created_at
        first, end = bisect_left(self._created, created), bisect_right(self._created, created)
        if first < end:
            content = content_of(response)
            for place in range(first, end):
                known = self._responses[place]
                if content_of(known) == content:
                    merged = self._responses[place] = known._replace(
                        arrived_at=_least(known.arrived_at, response.arrived_at),
                        received_at=_least(known.received_at, response.received_at),
                    )
                    return merged
            first += sum(repr(content_of(known)) < repr(content) for known in self._responses[first:end])
        self._created.insert(first, created)
        self._responses.insert(first, response)
        return response

    def can_answer(self, created_at: int) -> bool:
        """Whether a response of this moment could be that of a sending that is known."""
        place = bisect_left(self._published, created_at - LATEST_NS)
        return place < len(self._published) and self._published[place] <= created_at - EARLIEST_NS

    def cluster(self, at: int) -> Cluster:
        """The part of the thread that hangs together with the facts of a moment: all that one of them may touch.

        Sendings and responses hang together where one could be the other's. What lies between two that do so, does so
        itself: a cluster is a stretch of the thread.
        """
        published, created = self._published, self._created
        sending, sending_end = bisect_left(published, at), bisect_right(published, at)
        response, response_end = bisect_left(created, at), bisect_right(created, at)
        known = 0
        while (size := sending_end - sending + response_end - response) > known:
            known = size
            if sending < sending_end:
                start = bisect_left(created, published[sending] + EARLIEST_NS)
                end = bisect_right(created, published[sending_end - 1] + LATEST_NS)
                if start < end:
                    response, response_end = start, end
            if response < response_end:
                start = bisect_left(published, created[response] - LATEST_NS)
                end = bisect_right(published, created[response_end - 1] - EARLIEST_NS)
                if start < end:
                    sending, sending_end = start, end
        return self._stretch(sending, sending_end, response, response_end)

    def clusters(self, before: int) -> Iterator[Cluster]:
        """Every cluster that begins before a moment, in order. Not to be changed meanwhile."""
        at = self.first_moment
        while at is not None and at < before:
            cluster = self.cluster(at)
            yield cluster
            at = self._next_moment(cluster.last)

    def drop(self, cluster: Cluster) -> None:
        """Forget a cluster of this thread."""
        for sending in cluster.sendings:
            self.drop_sending(sending.command.ref)
        if cluster.responses:
            start = bisect_left(self._created, cluster.responses[0].created_at)
            end = start + len(cluster.responses)
            del self._created[start:end], self._responses[start:end]

    def sent_after(self, published_at: int, ref: str) -> tuple[int, str] | None:
        """The moment and the ref of the next sending behind this place in the order."""
        place = self._place_of(published_at, ref)
        if place < len(self._refs) and self._refs[place] == ref and self._published[place] == published_at:
            place += 1
        return (self._published[place], self._refs[place]) if place < len(self._refs) else None

    def sent_before(self, published_at: int, ref: str) -> tuple[int, str] | None:
        """The moment and the ref of the last sending before this place in the order."""
        place = self._place_of(published_at, ref)
        return (self._published[place - 1], self._refs[place - 1]) if place else None

    def moments_sent(self, first: int, last: int | None) -> list[int]:
        """When something was sent within [first, last], in order; to the end where `last` is None."""
        end = None if last is None else bisect_right(self._published, last)
        return self._published[bisect_left(self._published, first) : end]

    def responses_between(self, first: int, end: int) -> list[CommandResponse]:
        """The responses created within [first, end), in order."""
        return self._responses[bisect_left(self._created, first) : bisect_left(self._created, end)]

    @property
    def first_moment(self) -> int | None:
        """The moment of the earliest fact; None where nothing is known."""
        return min((*self._published[:1], *self._created[:1]), default=None)

    @property
    def first_published(self) -> int | None:
        """When the earliest sending was published; None where none is known."""
        return self._published[0] if self._published else None

    def sendings(self) -> Iterator[Sending]:
        """Every sending, in order."""
        return (self._sendings[ref] for ref in self._refs)

    def responses(self) -> Iterator[CommandResponse]:
        """Every response, in order."""
        return iter(self._responses)

    def __len__(self) -> int:
        """How many facts there are."""
        return len(self._published) + len(self._created)

    def _place_of(self, published_at: int, ref: str) -> int:
        """Where in the order a sending is, or would be: by its moment, then by its ref."""
        place = bisect_left(self._published, published_at)
        while place < len(self._refs) and self._published[place] == published_at and self._refs[place] < ref:
            place += 1
        return place

    def _next_moment(self, behind: int) -> int | None:
        sending, response = bisect_right(self._published, behind), bisect_right(self._created, behind)
        return min((*self._published[sending : sending + 1], *self._created[response : response + 1]), default=None)

    def _stretch(self, sending: int, sending_end: int, response: int, response_end: int) -> Cluster:
        sendings = tuple([self._sendings[ref] for ref in self._refs[sending:sending_end]])
        responses = tuple(self._responses[response:response_end])
        if not sendings or not responses:
            return Cluster(sendings, responses, ())
        if len(sendings) == len(responses) == 1:
            return Cluster(sendings, responses, ((0, 0),))
        deadlines = [Life(each.command, self._timeout_ns).deadline for each in sendings]
        arrivals = [arrival_of(each) or 0 for each in responses]
        pairs = pair(
            self._published[sending:sending_end],
            self._created[response:response_end],
            lambda here, there: arrivals[there] > deadlines[here],
        )
        return Cluster(sendings, responses, pairs)


def content_of(response: CommandResponse) -> tuple[bool, int | None, str | None, float | str | None, str | None]:
    """What tells two responses of one moment apart; the same for every copy of one."""
    return response.accepted, response.delivered_at, response.ticks, response.result_code, response.comment


def _least(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)
