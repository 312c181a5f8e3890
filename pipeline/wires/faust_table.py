"""Faust's table as the role `track` keeps its memory in it: entries whose keys name their partition.

Owns the form of these keys. Must not know what an entry says, or how it becomes durable.
"""

from collections.abc import Awaitable, Callable, Collection, Container, Iterable, Iterator, Mapping

import faust
from faust.types import TP, EventT

from pipeline.wires.faust_consumer import LIBRARY, Fetched

Keep = Callable[[int, bytes, bytes | None], None]
"""Begins to keep an entry of the table: its partition, key and content; None for nothing."""

SeeRestored = Callable[[Collection[TP]], Awaitable[None]]
"""See StateTable."""


class StateTable(faust.Table[bytes, bytes]):
    """The table. The key of an entry names its partition (`key_in`), so that it can be set at any time.

    `restored`       entries that were read from the changelog, ever.
    `see_restored`   is asked, and waited for, once the library says that partitions of the changelog are restored.
    """

    keep: Keep
    see_restored: SeeRestored
    restored = 0
    logger = LIBRARY

    def restore(self, tp: TP, fetched: list[Fetched]) -> list[Fetched]:
        """See Restore: entries that were read again are there at once, in their order, whatever stood there."""
        if tp.topic != self.changelog_topic_name:
            return fetched
        for entry in fetched:
            if entry.key is None:
                continue
            if entry.value is None:
                self.data.pop(entry.key, None)
            else:
                self.data[entry.key] = entry.value
        self.restored += len(fetched)
        return fetched[-1:]

    def apply_changelog_batch(self, batch: Iterable[EventT[bytes]]) -> None:
        """All of it is there (`restore`): put in behind what came later, it would be wrong."""

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """These are restored, as the library says."""
        await super().on_recovery_completed(active_tps, standby_tps)
        await self.see_restored(active_tps)

    def kept(self, partition: int) -> Mapping[str, bytes]:
        """What is kept of a partition, as it is at any moment, by its keys (`key_in`)."""
        return _Kept(self, partition)

    def forget_others(self, partitions: Container[int]) -> None:
        """What is held of other partitions is theirs who have these now; the library would leave it there."""
        for key in [key for key in self.data if partition_of(key) not in partitions]:
            self.data.pop(key, None)

    def on_key_set(self, key: bytes, value: bytes) -> None:
        """Keep it, by the caller's producer."""
        self.keep(partition_of(key), key, value)

    def on_key_del(self, key: bytes) -> None:
        """Keep that it is gone."""
        self.keep(partition_of(key), key, None)


class _Kept(Mapping[str, bytes]):
    """The entries of one partition of the table, by their keys, as they are at any moment."""

    def __init__(self, table: StateTable, partition: int) -> None:
        self._table = table
        self._partition = partition

    def __getitem__(self, key: str) -> bytes:
        content = self._table.data[key_in(self._partition, key)]
        if not isinstance(content, bytes):
            raise KeyError(key)
        return content

    def __iter__(self) -> Iterator[str]:
        before = f"{self._partition} ".encode()
        return (key[len(before) :].decode() for key in list(self._table.data) if key.startswith(before))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def key_in(partition: int, key: str) -> bytes:
    """The key of an entry of a partition, as the table has it."""
    return f"{partition} {key}".encode()


def partition_of(key: bytes) -> int:
    """The partition of an entry."""
    return int(key.partition(b" ")[0])
