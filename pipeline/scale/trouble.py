"""Trouble with Kafka, as a role tells it: once in the log, and in its meters for as long as it lasts.

Owns the words. Must not know what a role does about it.
"""

import logging
from collections import Counter

from pipeline.journey import BatchReport
from pipeline.meters import Meters
from pipeline.wires.kafka_fault import KafkaUnavailableError

_LOG = logging.getLogger(__name__)
KAFKA_IS_NOT_WELL = "Kafka does not answer as it should"
_NOTHING = BatchReport(0, 0, 0, Counter(), Counter(), ())


class Trouble:
    """What is wrong now, if anything."""

    def __init__(self, meters: Meters) -> None:
        """All is well."""
        self._meters = meters
        self._words = ""

    @property
    def lasts(self) -> bool:
        """Whether something is wrong."""
        return bool(self._words)

    def tell(self, fault: KafkaUnavailableError) -> None:
        """This is wrong; nothing new where it was wrong before."""
        if str(fault) == self._words:
            return
        self._words = str(fault)
        self._meters.trouble(self._words, is_holding=fault.needs_operator)
        what = "holding" if fault.needs_operator else KAFKA_IS_NOT_WELL
        _LOG.warning("%s: %s (nothing is lost; it is tried again)", what, fault)

    def end(self) -> None:
        """All is well again."""
        if self._words:
            _LOG.info("Kafka answers as it should again")
            self._words = ""
        self._meters.recovered()

    def answered(self, at: int, took_ns: int) -> None:
        """Kafka answered at this moment, after so long, and nothing of the queue became durable by that.

        In nanoseconds, the moment since the epoch by our clock.
        """
        self._meters.batch_taken(_NOTHING, redelivered=0, store_ns=took_ns, stored_at=at)
