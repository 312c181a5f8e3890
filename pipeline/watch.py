"""Watch: what is told of alerts, and to whom.

Owns the listeners. Must not know when an alert fires (`pipeline.core`).
"""

from collections.abc import Callable, Sequence

from pipeline.meters import Meters
from pipeline.tracking import Tracking
from schemas.alert import Alert

Listen = Callable[[Sequence[Alert]], None]


class Watch:
    """See above."""

    def __init__(self, meters: Meters, tracking: Tracking) -> None:
        """Nobody listens yet."""
        self._meters = meters
        self._tracking = tracking
        self._listeners: list[Listen] = []

    def listen(self, listener: Listen) -> None:
        """Tell this one, too."""
        self._listeners.append(listener)

    def tell(self, alerts: Sequence[Alert]) -> None:
        """Alerts were raised or cleared, and are durable."""
        if alerts:
            for listener in self._listeners:
                listener(alerts)
