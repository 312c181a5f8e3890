"""Stream messages: from what a batch of deliveries became to the messages that topics get.

Owns which record goes to which topics, under which key, and what goes together in one message. Pure. Must not know a
client library, or when a message is durable.

Every outcome of a delivery is in one message at least: an observation in `observations`, a response in `responses` and
`track`, a copy of a command in `track`, a reject in `rejects`. Beside that `track` gets those observations from which
something follows, and when each device was heard: each partition of its own devices, and partition 0 of all, too. What
a batch has for one partition of `track` goes together, in the order of the deliveries: the consumer pays for each
message, not for each record in it. Rows that follow go to `derived`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pipeline.core.chronicle import Chronicle
from pipeline.core.decode import Outcome, reject
from pipeline.core.freshness import CLOSE_NS, hear_all
from pipeline.core.partition import FLEET_PARTITION, Partitions
from pipeline.core.stream_records import to_bundle, to_json
from pipeline.core.stream_rejects import RejectMaker
from pipeline.core.tracker import Tracker
from schemas.catalogue import Catalogue
from schemas.command import CommandResponse, CommandSent
from schemas.delivery import Delivery
from schemas.observation import Observation, Product
from schemas.reject import RejectReason
from schemas.row import Row
from schemas.stream import Freshness, Heard, StreamReject, Tick, Topic

MOST_BUNDLE_BYTES = 250_000
"""Parts that are longer together go in several messages. A part of its own is never cut."""

_HEARD_BYTES = 48
_MOMENT_BYTES = 21
_OBSERVATIONS, _RESPONSES, _TRACK, _DERIVED, _REJECTS = (
    topic.value for topic in (Topic.OBSERVATIONS, Topic.RESPONSES, Topic.TRACK, Topic.DERIVED, Topic.REJECTS)
)


class StreamMessage(NamedTuple):
    """One message: the topic's name, the partition in it, key and value."""

    topic: str
    partition: int
    key: bytes
    value: bytes


def wanted_ids(catalogue: Catalogue) -> frozenset[int]:
    """Ids of chargers' observations that the derivation wants."""
    return Tracker(catalogue, 1, 1).wanted | frozenset(Chronicle(1, 1).takers)


def row_messages(rows: Iterable[Row], partitions: Partitions) -> list[StreamMessage]:
    """The messages of derived rows, in their order: one partition for all that is about a charger.

    Raises TypeError for text with lone surrogates, which no decoder of ours lets in.
    """
    return [StreamMessage(_DERIVED, partitions.of(row.charger), row.charger.encode(), to_json(row)) for row in rows]


def reject_message(refused: StreamReject, partitions: Partitions) -> StreamMessage:
    """The message of a reject."""
    return StreamMessage(_REJECTS, partitions.of(refused.key), refused.key.encode(), to_json(refused))


class MessageMaker:
    """Makes the messages of batches. Remembers nothing of one batch for another."""

    def __init__(self, catalogue: Catalogue, partitions: Partitions, rejects: RejectMaker, silent_after: int) -> None:
        """`silent_after` is SILENT_AFTER, nanoseconds: silences that long must be seen by whoever reads `track`."""
        self._wanted = wanted_ids(catalogue)
        self._partitions = partitions
        self._rejects = rejects
        self._close_ns = min(CLOSE_NS, silent_after)

    def of_batch(
        self, deliveries: Sequence[Delivery], outcomes: Sequence[Outcome], *, is_operators: bool
    ) -> tuple[list[StreamMessage], list[Outcome]]:
        """The messages of a batch, and what each delivery became after all: a fault of ours makes a reject of it.

        `is_operators` False is for a batch of COMMAND_QUEUE: what comes there says nothing about devices.
        """
        place_of = self._partitions.of
        wanted = self._wanted
        messages: list[StreamMessage] = []
        ended = list(outcomes)
        bundles: dict[int, list[bytes]] = {}
        heard: list[Observation | CommandResponse] = []
        for place, outcome in enumerate(outcomes):
            try:
                if isinstance(outcome, Observation):
                    value = to_json(outcome)
                    serial = outcome.serial
                    partition = place_of(serial)
                    messages.append(StreamMessage(_OBSERVATIONS, partition, serial.encode(), value))
                    if outcome.id in wanted and outcome.product is Product.CHARGER:
                        bundles.setdefault(partition, []).append(value)
                    heard.append(outcome)
                elif isinstance(outcome, CommandResponse | CommandSent):
                    value = to_json(outcome)
                    partition = place_of(outcome.serial)
                    if isinstance(outcome, CommandResponse):
                        messages.append(StreamMessage(_RESPONSES, partition, outcome.serial.encode(), value))
                        heard.append(outcome)
                    bundles.setdefault(partition, []).append(value)
                else:
                    messages.append(reject_message(self._rejects.of_delivery(outcome), self._partitions))
            except Exception as fault:  # a delivery must never cost its neighbours, whatever is wrong with us
                refused = reject(deliveries[place], RejectReason.INTERNAL, type(fault).__name__)
                ended[place] = refused
                messages.append(reject_message(self._rejects.of_delivery(refused), self._partitions))
        if is_operators:
            for partition, part in self._freshness(heard):
                bundles.setdefault(partition, []).append(part)
        messages += self._of_bundles(bundles)
        return messages, ended

    def of_tick(self, tick: Tick) -> list[StreamMessage]:
        """A tick for every partition of `track`."""
        value = to_json(tick)
        key = tick.bridge.encode()
        return [StreamMessage(_TRACK, partition, key, value) for partition in range(self._partitions.count)]

    def _freshness(self, records: Iterable[Observation | CommandResponse]) -> Iterator[tuple[int, bytes]]:
        """When the devices of each partition were heard, and those of all."""
        by_partition: dict[int, list[Heard]] = {}
        fleet = hear_all(records, self._close_ns)
        for heard in fleet:
            by_partition.setdefault(self._partitions.of(heard.serial), []).append(heard)
        for partition, all_heard in by_partition.items():
            for part in _in_parts(all_heard):
                yield partition, to_json(Freshness(part))
        for part in _in_parts(fleet):
            yield FLEET_PARTITION, to_json(Freshness(part, is_fleet=True))

    def _of_bundles(self, bundles: Mapping[int, Sequence[bytes]]) -> Iterator[StreamMessage]:
        """Each partition's parts in as few messages as their size allows."""
        for partition, parts in bundles.items():
            together: list[bytes] = []
            size = 0
            for part in parts:
                if together and size + len(part) > MOST_BUNDLE_BYTES:
                    yield StreamMessage(_TRACK, partition, b"", to_bundle(together))
                    together, size = [], 0
                together.append(part)
                size += len(part)
            yield StreamMessage(_TRACK, partition, b"", to_bundle(together))


def _in_parts(heard: Sequence[Heard]) -> Iterator[tuple[Heard, ...]]:
    """The same, cut where it would be too long for a message."""
    begin = size = 0
    for place, each in enumerate(heard):
        length = _HEARD_BYTES + len(each.serial) + _MOMENT_BYTES * len(each.moments)
        if size and size + length > MOST_BUNDLE_BYTES:
            yield tuple(heard[begin:place])
            begin, size = place, 0
        size += length
    if heard:
        yield tuple(heard[begin:])
