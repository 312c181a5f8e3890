"""How far a bridge has come, as it tells all others in its ticks.

Owns what moves a tick's `watermark` and `settled_at`. Must not know Kafka, a source's ways, or the present time: it is
told what is confirmed, and asked for ticks.

Both rest on what came to this bridge alone, in the order in which it was confirmed. What came to others, theirs say:
whoever reads `track` takes the least of all (`pipeline.core.bridges`).
"""

from pipeline.core.watermark import Watermark
from pipeline.queue_progress import QueueProgress
from pipeline.wires.source import SourceStatus, Token
from schemas.stream import Tick


class BridgeProgress:
    """The progress of one life of a bridge, over the operator's queue."""

    def __init__(self, bridge: str) -> None:
        """Nothing has come. `bridge` names this life: no other ever has this name."""
        self._bridge = bridge
        self._watermark = Watermark()
        self._queue = QueueProgress()
        self._settled_at: int | None = None
        self._number = 0
        self._consumers: int | None = None
        self._looked_at: int | None = None

    @property
    def watermark(self) -> int | None:
        """See Tick."""
        return self._watermark.at

    @property
    def has_told(self) -> bool:
        """Whether there was a tick."""
        return self._number > 0

    def confirmed(self, token: Token, latest: int | None, received_at: int | None) -> None:
        """Deliveries up to here are in Kafka, and so is everything that came before them.

        `latest` is the latest moment at which one of them was heard (`freshness.moment_heard`), None where none says.
        `received_at` is when the last of them reached us, our clock, where none of them had been delivered before; None
        where one had: then something that another consumer left behind may still be on its way.
        """
        self._queue.committed(token)
        self._watermark.see([(latest, None)])
        if received_at is not None:
            self._settle(received_at)

    def look(self, status: SourceStatus) -> None:
        """The source is so now. A queue that was empty has nothing left for us: others hold what they took."""
        answer = status.answer
        if answer is None:
            return
        self._consumers, self._looked_at = answer.consumers, answer.at
        # Whether others consume, too, is for who reads the ticks of all to judge.
        alone = status._replace(answer=answer._replace(consumers=1))
        empty_at = self._queue.look(alone)
        if empty_at is not None:
            self._watermark.queue_was_empty(empty_at)
            self._settle(empty_at)

    def tick(self, at: int, *, is_last: bool = False) -> Tick:
        """The next tick, made at `at`, our clock, nanoseconds since the epoch."""
        self._number += 1
        return Tick(
            bridge=self._bridge,
            number=self._number,
            at=at,
            watermark=self._watermark.at,
            settled_at=self._settled_at,
            consumers=self._consumers,
            looked_at=self._looked_at,
            is_last=is_last,
        )

    def _settle(self, at: int) -> None:
        self._settled_at = at if self._settled_at is None else max(at, self._settled_at)
