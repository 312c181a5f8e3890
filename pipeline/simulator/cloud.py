"""The cloud: between devices and the queue.

Owns the order of events, the delay of messages, and what transport does to them. Must not know what a device is.
"""

from collections.abc import Callable
from heapq import heappop, heappush
from random import Random
from typing import NamedTuple

from pipeline.simulator.form_quirks import FormQuirks
from pipeline.simulator.messages import NS_PER_MS, NS_PER_S, Draft, format_stamp, observation, response
from pipeline.simulator.quirks import Quirk, Quirks
from pipeline.simulator.truth import CommandTruth, Truth
from schemas.catalogue import ObservationSpec
from schemas.command import CommandSent
from schemas.delivery import Delivery
from schemas.reject import RejectReason

Action = Callable[[int], None]

_QUEUE_DELAY_NS = 30 * NS_PER_MS
_LEAST_DELAY_S = 0.15
_DELAYS_PER_S = 2.5
_TICKS_LOST = 1_000
_SPOILS = (Quirk.MISFIT, Quirk.NULL_VALUE)
_KINDS = ("O", "CR")
_OLD_KEYS = ("{}.OP", "{}.P", "{}.SYS.5", "{}.OP.1")


class _Queued(NamedTuple):
    """What is handed out at `time`, in sequence: a message, or what the operator knows of a command it published."""

    time: int
    sequence: int
    item: Delivery | CommandSent
    kind: str = ""
    refused_as: RejectReason | None = None
    played: Quirk | None = None


class Cloud:
    """Runs actions at their times and hands out what reached the queue.

    `host_offset` is how far the operator's clock is ahead of the cloud's, nanoseconds.
    """

    def __init__(self, random: Random, quirks: Quirks, truth: Truth) -> None:
        """Everything random is drawn from `random`, in the order of events, so that a run can be repeated."""
        self.random = random
        self.quirks = quirks
        self.truth = truth
        self._form = FormQuirks(quirks, random)
        self._actions: list[tuple[int, int, Action]] = []
        self._queue: list[_Queued] = []
        self._sequence = 0
        self.host_offset = 0

    def at(self, time: int, action: Action) -> None:
        """Run `action(time)` when its time comes."""
        self._sequence += 1
        heappush(self._actions, (time, self._sequence, action))

    def happens(self, quirk: Quirk) -> bool:
        """Whether a quirk happens now; the caller plays it and counts it."""
        rate = self.quirks.rate(quirk)
        return bool(rate) and self.random.random() < rate

    def run(self, until: int) -> list[Delivery]:
        """Run every action up to `until`; the deliveries that reached the queue by then, in its order."""
        return [item for item in self.run_with_commands(until) if isinstance(item, Delivery)]

    def run_with_commands(self, until: int) -> list[Delivery | CommandSent]:
        """Likewise, with each command that the operator published, at its time."""
        while self._actions and self._actions[0][0] <= until:
            time, _, action = heappop(self._actions)
            action(time)
        handed_out = []
        while self._queue and self._queue[0].time <= until:
            queued = heappop(self._queue)
            if queued.kind:
                self.truth.kinds[queued.kind] += 1
            if queued.refused_as:
                self.truth.rejects[queued.refused_as] += 1
            if queued.played:
                self.truth.quirks[queued.played] += 1
            handed_out.append(queued.item)
        return handed_out

    def publish(self, command: CommandSent, now: int) -> None:
        """The operator knows of a command of its own from now on."""
        self._sequence += 1
        heappush(self._queue, _Queued(now, self._sequence, command))

    def tell(self, serial: str, spec: ObservationSpec, value: object, observed_at: int, sent_at: int) -> bool:
        """An observation leaves its device at `sent_at`; its stamp is a whole second of the device's clock.

        Whether its value can be read.
        """
        arrival = sent_at + self._delay()
        whole = observed_at - observed_at % NS_PER_S
        draft = observation(serial, spec, value, whole, arrival)
        is_legible = self._send(draft, arrival) not in _SPOILS and draft.refused_as is None
        if self.happens(Quirk.UNKNOWN_ID):
            self._tell_unknown(serial, whole, arrival)
        if self.happens(Quirk.OLD_KIND):
            self.truth.quirks[Quirk.OLD_KIND] += 1
            key = self.random.choice(_OLD_KEYS).format(serial)
            draft = Draft(key.split("."), {}, arrival, None)
            draft.refused_as = RejectReason.KIND
            self._push(draft, arrival)
        return is_legible

    def tell_cloud_made(self, serial: str, spec: ObservationSpec, value: object, time: int) -> None:
        """An observation that the cloud makes itself: its stamp has all seven digits."""
        arrival = time + 20 * NS_PER_MS
        draft = observation(serial, spec, value, time - time % 100, arrival)
        self._send(draft, arrival)

    def answer(self, command: CommandTruth, time: int, clock_offset: int = 0) -> None:
        """A charger's answer to `command`, given at `time`; its clock is `clock_offset` ahead."""
        truth, random = self.truth, self.random
        delivered_at = time - self._delay() // 2 + clock_offset
        if self.happens(Quirk.NEGATIVE_DELIVERY):
            truth.quirks[Quirk.NEGATIVE_DELIVERY] += 1
            delivered_at = command.created_at - random.randrange(2 * NS_PER_S)
        arrival = time + self._delay()
        draft = response(
            command.serial,
            command.id,
            command.created_at,
            delivered_at - delivered_at % 100,
            arrival,
            command.accepted is True,
        )
        if self.happens(Quirk.ROUNDED_TICKS):
            truth.quirks[Quirk.ROUNDED_TICKS] += 1
            draft.members["Ticks"] = int(str(draft.members["Ticks"])) // _TICKS_LOST * _TICKS_LOST
        if self.happens(Quirk.TICKS_MISSING):
            truth.quirks[Quirk.TICKS_MISSING] += 1
            draft.members["Ticks"] = None
        if self.happens(Quirk.DELIVERED_UNREADABLE):
            truth.quirks[Quirk.DELIVERED_UNREADABLE] += 1
            draft.members["DeliveredAt"] = random.choice(["", "0001-01-01T00:00:00"])
        self._send(draft, arrival)
        if draft.refused_as is None:
            command.arrived_at = arrival - arrival % NS_PER_MS

    def _tell_unknown(self, serial: str, observed_at: int, arrival: int) -> None:
        self.truth.quirks[Quirk.UNKNOWN_ID] += 1
        random = self.random
        number = random.choice((156, 157, 233, 234))
        hint, value = random.choice(
            (("[Double]", "4.25"), ("[String]", "0042"), ("", 7), ("", "0042"), ("", True), ("[Boolean]", "True"))
        )
        members: dict[str, object] = {
            "Description": f"New {hint}".strip(),
            "Id": number,
            "Name": f"New{number}",
            "Timestamp": format_stamp(observed_at, "+00:00"),
            "Value": value,
        }
        self._push(Draft([serial, "O", str(number)], members, arrival, None), arrival)

    def _delay(self) -> int:
        return int((_LEAST_DELAY_S + self.random.expovariate(_DELAYS_PER_S)) * NS_PER_S)

    def _send(self, draft: Draft, arrival: int) -> Quirk | None:
        played = self._form.play(draft)
        self._push(draft, arrival, played)
        return played

    def _push(self, draft: Draft, arrival: int, played: Quirk | None = None) -> None:
        received = arrival + _QUEUE_DELAY_NS
        if self.happens(Quirk.OUT_OF_ORDER):
            self.truth.quirks[Quirk.OUT_OF_ORDER] += 1
            received += self.random.randrange(2 * NS_PER_S, 30 * NS_PER_S)
        self._queue_up(draft, received, played)
        if self.happens(Quirk.REDELIVERY):
            self.truth.quirks[Quirk.REDELIVERY] += 1
            self._queue_up(draft, received + self.random.randrange(NS_PER_S, 60 * NS_PER_S), played)

    def _queue_up(self, draft: Draft, received: int, played: Quirk | None) -> None:
        kind = draft.key[1] if len(draft.key) > 1 and draft.key[1] in _KINDS and not draft.refused_as else "other"
        delivery = Delivery(draft.routing_key, draft.headers, draft.body, received + self.host_offset)
        self._sequence += 1
        heappush(self._queue, _Queued(received, self._sequence, delivery, kind, draft.refused_as, played))
