"""How far a bridge has come, as it tells all others in its ticks.

Owns what moves a tick's `watermark` and `settled_at`. Must not know Kafka, a source's ways, or the present time: it is
told what is confirmed, and asked for ticks.

Both rest on what came to this bridge alone, in the order in which it was confirmed. What came to others, theirs say:
whoever reads `track` takes the least of all (`pipeline.core.bridges`).

A life is that of one channel. What was not acknowledged on an old one may come to others, so that the old life counts
as lost, and holds all back until that is through.
"""

from pipeline.core.trusted_clock import Arrival
from pipeline.core.watermark import Watermark
from pipeline.queue_progress import QueueProgress
from pipeline.wires.source import SourceStatus, Token
from schemas.stream import Tick


class _Life:
    """What is known of one channel."""

    __slots__ = ("consumers", "looked_at", "settled_at", "ticks", "watermark")

    def __init__(self) -> None:
        self.watermark = Watermark()
        self.settled_at: int | None = None
        self.ticks = 0
        self.consumers: int | None = None
        self.looked_at: int | None = None

    def settle(self, at: int) -> None:
        self.settled_at = at if self.settled_at is None else max(at, self.settled_at)


class BridgeProgress:
    """The progress of a bridge over the operator's queue."""

    def __init__(self, bridge: str) -> None:
        """Nothing has come. `bridge` names this process: no other ever has this name."""
        self._bridge = bridge
        self._epoch = 0
        self._queue = QueueProgress()
        self._life = _Life()

    @property
    def watermark(self) -> int | None:
        """See Tick."""
        return self._life.watermark.at

    @property
    def has_begun(self) -> bool:
        """Whether anything is known of a channel: before that a tick would speak of a life that nobody lives."""
        return self._epoch > 0

    @property
    def has_told(self) -> bool:
        """Whether there was a tick in this life."""
        return self._life.ticks > 0

    def confirmed(
        self, token: Token, latest: int | None, received_at: int | None, newest: Arrival | None = None
    ) -> None:
        """Deliveries up to here are in Kafka, and so is everything that came before them.

        `latest` is the latest moment at which one of them reached the cloud (`LatestArrival`), None where none says.
        `received_at` is when the last of them reached us, our clock, where none of them had been delivered before; None
        where one had: then something that another consumer left behind may still be on its way.
        `newest` is as for QueueProgress.
        """
        if not self._is_current(token.epoch):
            return
        self._queue.committed(token, newest)
        self._life.watermark.see([(latest, None)])
        if received_at is not None:
            self._life.settle(received_at)

    def look(self, status: SourceStatus) -> None:
        """The source is so now. A queue that was empty has nothing left for us: others hold what they took."""
        answer = status.answer
        if answer is None or not self._is_current(answer.epoch):
            return
        life = self._life
        life.consumers, life.looked_at = answer.consumers, answer.at
        # Whether others consume, too, is for who reads the ticks of all to judge.
        empty = self._queue.look(status._replace(answer=answer._replace(consumers=1)))
        if empty is not None:
            life.watermark.queue_was_empty(empty.right_at)
            life.settle(empty.at)

    def tick(self, at: int, *, is_last: bool = False) -> Tick:
        """The next tick, made at `at`, our clock, nanoseconds since the epoch."""
        life = self._life
        life.ticks += 1
        if life.settled_at is not None and life.settled_at > at:
            # Our clock was ahead, and what it told then is nothing to go by.
            life.settled_at = None
        return Tick(
            bridge=self._bridge,
            life=self._epoch,
            number=life.ticks,
            at=at,
            watermark=life.watermark.at,
            settled_at=life.settled_at,
            consumers=life.consumers,
            looked_at=life.looked_at,
            is_last=is_last,
        )

    def _is_current(self, epoch: int) -> bool:
        """Whether this is the channel that we are at; a new one begins a new life."""
        if epoch > self._epoch:
            self._epoch = epoch
            self._life = _Life()
        return epoch == self._epoch
