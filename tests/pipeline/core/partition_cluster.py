"""Partitions of `track` on disks of their own, whose processes may crash at any moment."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from random import Random

from pipeline.core.atomic_entries import AtomicEntries, RawEntry
from pipeline.core.decode import Outcome
from pipeline.core.derivation import Derivation
from pipeline.core.partition import Partitions
from pipeline.core.partition_track import PartitionTrack, TrackRecord
from pipeline.core.stream_messages import MessageMaker
from pipeline.core.stream_records import StreamReader
from pipeline.core.stream_rejects import RejectMaker
from schemas.delivery import Delivery
from schemas.stream import Tick, Topic
from tests.pipeline.core.derivation_samples import CATALOGUE, SPANS, Disk, S
from tests.pipeline.core.partition_samples import COUNT, DROP, finish, whoever_knew


class Cluster:
    """Partitions on disks of their own, and a reading of what bridges say."""

    def __init__(self, seed: int, kept: Sequence[Mapping[str, bytes]] | None = None) -> None:
        """`kept` is what lies on the disks at first; nothing unless given."""
        self.rows = Disk()
        self.alerts = 0
        self._random = Random(seed)
        self._partitions = Partitions(COUNT)
        self._maker = MessageMaker(CATALOGUE, self._partitions, RejectMaker(CATALOGUE, DROP), SPANS.silent_after)
        self._reader = StreamReader()
        self._kept = [dict(kept[place]) if kept else {} for place in range(COUNT)]
        self._unkept: list[list[TrackRecord]] = [[] for _ in range(COUNT)]
        self._entries = [AtomicEntries() for _ in range(COUNT)]
        self._tracks = [self._begin(place) for place in range(COUNT)]
        self._ticks = 0

    def take(self, outcomes: Sequence[Outcome]) -> None:
        """What a batch became, as topics have it."""
        deliveries = [Delivery("", {}, b"", 0)] * len(outcomes)
        messages, _ = self._maker.of_batch(deliveries, outcomes, is_operators=True)
        for topic, partition, _, value in messages:
            if topic == Topic.TRACK:
                self._take(partition, value)

    def tick(self, at: int, watermark: int | None) -> None:
        """The only bridge says how far it is, and the broker that it is the only one."""
        self._ticks += 1
        tick = Tick("b", 1, self._ticks, at, watermark, watermark, 1, at - 60 * S, is_last=False)
        for _, partition, _, value in self._maker.of_tick(tick):
            self._take(partition, value)

    def round(self, place: int, *, may_crash: bool) -> bool:
        """One round of a partition, which may be the last one of a process at any moment of it; whether all is said."""
        track, crashes_at = (
            self._tracks[place],
            self._random.choice(("intended", "rows", "entries", "kept", *["never"] * 4)),
        )
        derived = track.advance()
        intended = list(self._entries[place].round(track.intended(), self._kept[place]))
        if not self._keep(place, intended, may_crash=may_crash and crashes_at == "intended"):
            return False
        self.rows.write(derived.rows)
        if may_crash and crashes_at == "rows":
            self._crash(place)
            return False
        entries = list(self._entries[place].round(track.changes(), self._kept[place]))
        if not self._keep(place, entries, may_crash=may_crash and crashes_at == "entries"):
            return False
        self.alerts += len(track.kept())
        if may_crash and crashes_at == "kept":
            self._crash(place)
        else:
            self._unkept[place].clear()
        return derived.is_whole

    def _keep(self, place: int, entries: Sequence[RawEntry], *, may_crash: bool) -> bool:
        """Keep these, or some of them; whether all were."""
        most = self._random.randrange(len(entries) + 1) if may_crash else len(entries)
        for key, content in islice(entries, most):
            if content is None:
                self._kept[place].pop(key, None)
            else:
                self._kept[place][key] = content
        if most < len(entries):
            self._crash(place)
        return most == len(entries)

    def entries(self) -> int:
        return sum(map(len, self._kept))

    def _take(self, place: int, value: bytes) -> None:
        records, refused = self._reader.read(value, "x")
        assert not refused
        known = [each for each in records if isinstance(each, TrackRecord)]
        assert len(known) == len(records)
        self._unkept[place] += known
        self._tracks[place].take(known)

    def _begin(self, place: int) -> PartitionTrack:
        track = PartitionTrack(CATALOGUE, SPANS, place)
        self._entries[place] = AtomicEntries()
        track.restore(self._entries[place].restore(self._kept[place]).items())
        return track

    def _crash(self, place: int) -> None:
        """The next life reads again what was not kept."""
        self._tracks[place] = self._begin(place)
        self._tracks[place].take(self._unkept[place])


def kinds_where_same(
    cluster: Cluster,
    alone: Derivation,
    at_once: Disk,
    batches: Iterable[Sequence[Outcome]],
    at: int,
    *,
    may_crash: bool,
) -> set[str]:
    """Give both these batches, from `at` on by the bridge's clock, until all is known; measurements of their rows.

    The rows of the cluster must be those of the derivation alone, which are in `at_once`.
    """
    for outcomes in batches:
        alone.take(outcomes)
        finish(alone, at_once)
        cluster.take(outcomes)
        at += 80 * S
        cluster.tick(at, alone.watermark)
        for place in range(COUNT):
            cluster.round(place, may_crash=may_crash)
    for _ in range(6):
        at += 80 * S
        cluster.tick(at, alone.watermark)
    finish(alone, at_once)
    for place in range(COUNT):
        while not cluster.round(place, may_crash=False):
            pass
    expected, found = whoever_knew(at_once), whoever_knew(cluster.rows)
    assert {key: (found.get(key), expected[key]) for key in expected if found.get(key) != expected[key]} == {}
    assert found.keys() == expected.keys()
    return {key[0] for key in found}
