"""What a tracker's receiver of alerts is told: which are raised in the partitions that it has, and which ended there.

Owns what was told last, so that something is told when that changes, whichever way: by a round, or since partitions
came or went. Must not know how anybody is told, or what an alert is about.

Of a partition that another tracker has by now nothing is told: no end either, for the alert may last there. Whoever has
it tells of what lasts as soon as the partition has begun: a receiver forgets what it is not told of.
"""

from collections.abc import Callable, Iterable, Sequence

from schemas.alert import Alert

Tell = Callable[[Sequence[Alert], Sequence[Alert]], None]
"""Called with all that is raised now, and with what ended since the last call."""


class TrackAlerts:
    """For one receiver."""

    def __init__(self, tell: Tell) -> None:
        """It knows of nothing."""
        self._tell = tell
        self._active: list[Alert] = []

    def look(self, active: Iterable[Alert], edges: Sequence[Alert] = ()) -> None:
        """These are raised now, and these edges of them are durable since the last look."""
        ours = list(active)
        ended = [edge for edge in edges if not edge.active]
        if ended or ours != self._active:
            self._active = ours
            self._tell(ours, ended)
