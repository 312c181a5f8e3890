"""One partition of `track` as the role has it: what was taken of it, and what of that is not durable yet.

Owns how a message becomes records, and the messages that are not done with, for the case that one of them makes the
program fail. Must not know Kafka's clients, or when a round is due.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pipeline.core.atomic_entries import AtomicEntries, RawEntry
from pipeline.core.derivation import Derived, Spans
from pipeline.core.partition_track import PartitionTrack, TrackRecord
from pipeline.core.stream_records import StreamReader, in_halves
from schemas.alert import Alert
from schemas.catalogue import Catalogue
from schemas.reject import Reject, RejectReason
from schemas.stream import Tick

_MOST_DUE = 4_000


class TrackMessage(NamedTuple):
    """A message of the topic. `place` names its topic, partition and offset.

    `is_end` False for the first of its records, where the others come in a message of their own.
    """

    place: str
    offset: int
    value: bytes
    is_end: bool = True

    @property
    def done_until(self) -> int:
        """Everything before this offset is done with once this message is."""
        return self.offset + self.is_end

    def in_halves(self) -> Sequence["TrackMessage"]:
        """Its records in two messages; only itself where it has no two."""
        *first, last = in_halves(self.value)
        return [*(self._replace(value=value, is_end=False) for value in first), self._replace(value=last)]


class TrackPartition:
    """See above. For one thread at a time.

    `damage`    what shows that this begins without something that was kept, in words; empty where nothing does.
    `messages`  that were taken and are not done with, in order.
    `records`   in these, and `size` their bytes.
    `rejects`   for what of them cannot be read.
    """

    def __init__(
        self, catalogue: Catalogue, spans: Spans, reader: StreamReader, partition: int, raw: Mapping[str, bytes]
    ) -> None:
        """Go on from what is kept. Raises ValueError for what this program does not know."""
        self._track = PartitionTrack(catalogue, spans, partition)
        self._entries = AtomicEntries()
        self._track.restore(self._entries.restore(raw).items())
        self.damage = self._entries.damage
        self._active = self._track.active()
        self._reader = reader
        self._raw = raw
        self.messages: list[TrackMessage] = []
        self.records = self.size = 0
        self.rejects: list[Reject] = []

    @property
    def watermark(self) -> int:
        """Up to when everything is known; the epoch, as long as nothing is."""
        return self._track.watermark

    @property
    def ticks(self) -> Sequence[Tick]:
        """The latest tick of every bridge's life that may hold all back."""
        return self._track.ticks

    def take(self, message: TrackMessage) -> None:
        """Take a message in; whatever this raises is a fault of ours, and then it may be taken in half."""
        self.messages.append(message)
        self.size += len(message.value)
        read = self._reader.read(message.value, message.place)
        self.rejects += read.rejects
        records: list[TrackRecord] = []
        for record in read.records:
            if isinstance(record, TrackRecord):
                records.append(record)
            else:
                detail = f"a {type(record).__name__} has no place in this topic"
                self.rejects.append(Reject(RejectReason.KIND, message.place, {}, message.value, None, detail))
        self.records += len(read.records) + len(read.rejects)
        self._track.take(records)

    def advance(self) -> Derived:
        """The rows of this round; see PartitionTrack."""
        return self._track.advance(_MOST_DUE)

    def intended(self) -> Iterator[RawEntry]:
        """What is to be kept before these rows are durable, in this order; nothing where they decide nothing."""
        intended = self._track.intended()
        return self._entries.round(intended, self._raw) if intended else iter(())

    def changes(self) -> Iterator[RawEntry]:
        """What is to be kept once the rows are durable, in this order; the mapping that this began with follows it."""
        return self._entries.round(self._track.changes(), self._raw)

    def kept(self) -> Sequence[Alert]:
        """All of it is durable; edges of alerts that somebody may be told of now."""
        edges = self._track.kept()
        if edges:
            self._active = self._track.active()
        return edges

    def active(self) -> Sequence[Alert]:
        """Alerts that are raised now, as far as that is durable."""
        return self._active

    def all_done(self) -> None:
        """What was taken is done with."""
        self.messages = []
        self.records = self.size = 0
        self.rejects = []
