"""The watch: alerts about the worker itself, and everybody who is told of any alert.

Owns what a worker's own alerts are judged by, which of their rows are not written yet, and the listeners. Must not know
when an alert fires (`pipeline.core`), or how anybody is told.

An alert about chargers or commands is told when its row is durable; one about the worker at once, since the worst of
them (`holding`) says that nothing can be written.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from pipeline.core.alert_rows import alert_row
from pipeline.core.operational_alerts import OperationalAlerts, WorkerNow
from pipeline.meters import Meters
from pipeline.tracking import Tracking
from schemas.alert import Alert
from schemas.meters import WorkerState
from schemas.row import Row

Listen = Callable[[Sequence[Alert]], None]
"""Told of edges, in order. Must return soon, and raise nothing."""

_MOST_UNWRITTEN = 1_000


class Watch:
    """For one event loop."""

    def __init__(self, meters: Meters, tracking: Tracking, alerts: OperationalAlerts) -> None:
        """Nobody listens yet."""
        self._meters = meters
        self._tracking = tracking
        self._alerts = alerts
        self._listeners: list[Listen] = []
        self._unwritten: list[Alert] = []
        self._kept: dict[str, int] = {}

    def listen(self, listener: Listen) -> None:
        """Tell this one, too."""
        self._listeners.append(listener)

    def tell(self, alerts: Sequence[Alert]) -> None:
        """Alerts were raised or cleared, and are durable."""
        if alerts:
            for listener in self._listeners:
                listener(alerts)

    def look(self, now: int) -> None:
        """Judge the worker as it is at `now` (our clock, nanoseconds since the epoch), and tell what changed."""
        snapshot = self._meters.snapshot()
        counts, gauges = snapshot.counts, snapshot.gauges
        is_holding = gauges.state is WorkerState.HOLDING
        known = WorkerNow(
            counts.delivered - counts.copies,
            gauges.is_consuming,
            counts.rejected,
            gauges.backlog,
            is_holding,
            gauges.words,
        )
        self._take(self._alerts.judge(known, now))
        self._meters.alerts_active(Counter(alert.kind for alert in self.active()))

    def begin(self, now: int) -> None:
        """Clear what a worker before this one had raised when it was killed. Raises StoreUnavailableError."""
        self._kept = dict(self._tracking.raised())
        self._take(self._alerts.take_over(self._kept, now))

    def keep(self) -> None:
        """Keep what is raised, and what is cleared as long as no row says so: after a crash the next worker clears it.

        In the thread of the store, before rows are written. Raises StoreUnavailableError.
        """
        unwritten = {edge.kind.value for edge in self._unwritten}
        raised = {alert.kind.value: alert.at for alert in self._alerts.active()}
        kept = {**{kind: at for kind, at in self._kept.items() if kind in unwritten}, **raised}
        if kept != self._kept:
            self._tracking.keep_raised(kept)
            self._kept = kept

    def close(self, now: int) -> None:
        """The worker ends, and with it what was raised about it."""
        self._take(self._alerts.close(now))

    def rows(self) -> tuple[Row, ...]:
        """Rows of edges that are not written yet."""
        return tuple(map(alert_row, self._unwritten))

    def written(self, rows: Sequence[Row]) -> None:
        """These are durable."""
        del self._unwritten[: len(rows)]

    def active(self) -> Sequence[Alert]:
        """Alerts that are raised now, and that people were told of."""
        return [*self._alerts.active(), *self._tracking.active()]

    def _take(self, edges: Sequence[Alert]) -> None:
        self._unwritten += edges
        del self._unwritten[:-_MOST_UNWRITTEN]
        self.tell(edges)
