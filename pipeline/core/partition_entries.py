"""What one tracker of a whole queue has kept, as the tracks of partitions would have kept it.

Owns which partition gets what. Pure. Must not know where either keeps it.

A device's own entries go to its partition as they are. Entries of batches hold many devices, and are shared out. When
devices were heard goes to each one's partition; where the fleet is judged, all of it is known once more, and with it
what belongs to no device: an outage of the whole fleet.
"""

from collections.abc import Iterable, Mapping

from pipeline.core import history_log, session_log
from pipeline.core.kept_facts import KeptKey
from pipeline.core.liveness import OUTAGE_KEYS
from pipeline.core.partition import FLEET_PARTITION, Partitions
from pipeline.core.partition_track import first_entries

_SHARED = {history_log.LOG: history_log.share_out, session_log.LOG: session_log.share_out}


def split_entries(
    facts: Iterable[tuple[KeptKey, bytes]], heard: Mapping[str, int], watermark: int, partitions: Partitions
) -> list[dict[str, bytes]]:
    """The entries of each partition by key, in the order of the partitions.

    `facts`, `heard` and `watermark` as `Derivation.restore` takes them. Raises ValueError for an entry that this
    program does not know.
    """
    places: list[dict[KeptKey, bytes]] = [{} for _ in range(partitions.count)]
    logs: dict[str, dict[int, bytes]] = {name: {} for name in _SHARED}
    for key, content in facts:
        if key.serial:
            places[partitions.of(key.serial)][key] = content
        else:
            name, _, number = key.name.rpartition(" ")
            if name not in logs:
                raise ValueError(f"an entry of an unknown kind is kept: {key.name}")
            logs[name][int(number)] = content
    for name, share_out in _SHARED.items():
        for place, key, content in share_out(logs[name], partitions.of, partitions.count):
            places[place][key] = content
    told: list[dict[str, int]] = [{} for _ in range(partitions.count)]
    for name, at in heard.items():
        if name not in OUTAGE_KEYS:
            told[partitions.of(name.partition(" ")[0])][name] = at
    return [
        first_entries(places[place], told[place], heard if place == FLEET_PARTITION else None, watermark)
        for place in range(partitions.count)
    ]
