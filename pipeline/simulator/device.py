"""A device: what a charger and an Equalizer have in common.

Owns the connection to the cloud, its drops, and the buffer that is flushed afterwards. Must not know what a device
measures.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from pipeline.simulator.cloud import Cloud
from pipeline.simulator.messages import NS_PER_S
from pipeline.simulator.quirks import Quirk
from pipeline.simulator.truth import Disconnection
from pipeline.simulator.values import draw_value
from schemas.catalogue import Catalogue, ObservationSpec, Role
from schemas.observation import Product

HOUR_NS = 3_600 * NS_PER_S
_CONNECTED = 250
_REASON = 251
_FLUSH_STEP_NS = 20_000_000
_BUFFERED = 2_000
_CHATTER = 3


class Pace(NamedTuple):
    """How many times as often as usual cars come and go, and reports are made."""

    busy: float
    reports: float


class Vocabulary(NamedTuple):
    """What devices of one product can say: shared by all of them."""

    specs: Mapping[int, ObservationSpec]
    settings: Sequence[ObservationSpec]
    documents: Sequence[ObservationSpec]
    others: Sequence[ObservationSpec]


def vocabulary(catalogue: Catalogue, product: Product, managed: Collection[int] = ()) -> Vocabulary:
    """The catalogue's part for `product`. Of `managed` ids, which have a course of their own, nobody chatters."""
    specs = {number: spec for (owner, number), spec in catalogue.observations.items() if owner is product}
    own = [spec for number, spec in specs.items() if number not in (_CONNECTED, _REASON)]
    return Vocabulary(
        specs=specs,
        settings=[spec for spec in own if spec.role is not Role.STATE],
        documents=[spec for spec in own if spec.json and spec.id not in managed],
        others=[spec for spec in own if spec.id not in managed],
    )


class Device:
    """One device, in contact with the cloud or not. Its clock is `clock_offset` nanoseconds ahead of the cloud's."""

    def __init__(self, cloud: Cloud, serial: str, words: Vocabulary) -> None:
        """`words`: what its product can say."""
        self.cloud = cloud
        self.serial = serial
        self.specs = words.specs
        self._words = words
        self.is_online = True
        self.is_dead = False
        self.clock_offset = 0
        self._buffer: list[tuple[ObservationSpec, object, int]] = []
        self._disconnection: Disconnection | None = None

    def say(self, number: int, value: object, now: int, observed_at: int | None = None) -> bool:
        """Report a value, now or when the connection is back; stamped with `observed_at` where that is not now.

        Whether it is on its way, in a form that can be read.
        """
        spec = self.specs[number]
        stamp = (now if observed_at is None else observed_at) + self.clock_offset
        if self.is_online:
            return self.cloud.tell(self.serial, spec, value, stamp, now)
        if len(self._buffer) < _BUFFERED and not self.is_dead:
            self._buffer.append((spec, value, stamp))
        return False

    def say_settings(self, now: int) -> None:
        """What a device reports on first contact: how it is set."""
        for spec in self._words.settings:
            self.say(spec.id, draw_value(spec, self.cloud.random), now)

    def chatter(self, now: int) -> None:
        """Something that changed on the side; now and then a JSON document."""
        random = self.cloud.random
        for spec in random.sample(self._words.others, _CHATTER):
            self.say(spec.id, draw_value(spec, random), now)
        if self._words.documents and self.cloud.happens(Quirk.JSON_DOCUMENT):
            self.cloud.truth.quirks[Quirk.JSON_DOCUMENT] += 1
            spec = random.choice(self._words.documents)
            whole = str(draw_value(spec, random))
            self.say(spec.id, random.choice([whole, whole[:-2], ""]), now)

    def plan_drops(self, now: int) -> None:
        """Decide whether the connection fails within this hour, for a moment or for longer."""
        cloud, random = self.cloud, self.cloud.random
        if cloud.happens(Quirk.CLOUD_DROP):
            self._plan_drop(Quirk.CLOUD_DROP, now, random.randrange(8, 77) * NS_PER_S)
        elif cloud.happens(Quirk.OFFLINE):
            self._plan_drop(Quirk.OFFLINE, now, random.randrange(10, 180) * 60 * NS_PER_S)

    def die(self, now: int) -> None:
        """Lose the connection for good."""
        self.is_dead = True
        if self.is_online:
            self._disconnect(now)
        self._buffer.clear()

    def _plan_drop(self, quirk: Quirk, now: int, length: int) -> None:
        def begin(time: int) -> None:
            if self.is_online:
                self.cloud.truth.quirks[quirk] += 1
                self._disconnect(time)
                self.cloud.at(time + length, self._reconnect)

        self.cloud.at(now + self.cloud.random.randrange(HOUR_NS), begin)

    def _disconnect(self, now: int) -> None:
        self.is_online = False
        self._disconnection = Disconnection(self.serial, now)
        self.cloud.truth.add_disconnection(self._disconnection)
        self.cloud.tell_cloud_made(self.serial, self.specs[_CONNECTED], False, now)
        self.cloud.tell_cloud_made(self.serial, self.specs[_REASON], "Keep-alive timeout", now)

    def _reconnect(self, now: int) -> None:
        if self.is_dead:
            return
        self.is_online = True
        if self._disconnection:
            self._disconnection.ended_at = now
        self.cloud.tell_cloud_made(self.serial, self.specs[_CONNECTED], True, now)
        for place, (spec, value, stamp) in enumerate(self._buffer):
            self.cloud.tell(self.serial, spec, value, stamp, now + place * _FLUSH_STEP_NS)
        self._buffer.clear()
