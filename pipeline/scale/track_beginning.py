"""How a tracker's partition begins: from what was kept of it, or not at all, with words that say why.

Owns these words. Must not know how what was kept is given, or what a partition makes of it.
"""

from collections.abc import Callable, Mapping

from pipeline.log import place_of_fault
from pipeline.scale.track_partition import TrackPartition
from pipeline.wires.kafka_fault import KafkaUnavailableError
from schemas.stream import Topic

Begin = Callable[[int, Mapping[str, bytes]], TrackPartition]
"""A partition that goes on from what is kept of it."""


def begin_partition(
    begin: Begin, see_damage: Callable[[int, str], None], partition: int, kept: Mapping[str, bytes]
) -> TrackPartition:
    """What `begin` makes of what is kept.

    `see_damage` is told what is missing of it, empty for nothing; raises ReadAgainError where it is not to be gone on
    from that. Raises KafkaUnavailableError for what this program does not know: going on would lose it.
    """
    try:
        part = begin(partition, kept)
    except Exception as fault:
        words = str(fault) if isinstance(fault, ValueError) else place_of_fault(fault)
        message = (
            f"{Topic.STATE.value}, partition {partition}, cannot be followed by this version: {words}; "
            "run the version that wrote it, or a newer one"
        )
        raise KafkaUnavailableError(message, needs_operator=True) from fault
    see_damage(partition, part.damage)
    return part
