"""Damage: what a tracker does where not all comes back that was kept of a partition.

Owns for how long it is not believed. Must not know how it was found.

A client library may have given it in part: so it is read again, once. Where it comes back the same, that is what Kafka
has; then going on from that, and saying so, is better than to stand still for ever, for the facts are not touched.
"""

import logging

from pipeline.wires.kafka_fault import ReadAgainError
from schemas.stream import Topic

_LOG = logging.getLogger(__name__)


class DamagedState:
    """For all lives of one tracker."""

    def __init__(self) -> None:
        """Nothing was found yet."""
        self._found: dict[int, str] = {}
        self._told: dict[int, str] = {}

    def see(self, partition: int, damage: str) -> None:
        """This was found as a partition began, empty for nothing. Raises ReadAgainError where it is not believed."""
        before = self._found.get(partition, "")
        self._found[partition] = damage
        if not damage or damage == self._told.get(partition):
            return
        place = f"{Topic.STATE.value}, partition {partition}"
        if damage != before:
            raise ReadAgainError(f"{place}: {damage}; it is read again")
        self._told[partition] = damage
        _LOG.error(
            "%s: %s, twice: what is missing is forgotten, such as commands that were open; see that the topic is "
            "compacted (chargeline topics create), and work hours and sessions out anew (chargeline rollup)",
            place,
            damage,
        )
