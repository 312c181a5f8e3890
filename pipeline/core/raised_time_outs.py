"""Raised time-outs: of which commands somebody was told that they timed out.

Owns which of the tracker's time-outs are news. Pure. Must not know who is told, or how rows of them look.
"""

from collections.abc import Iterable, Sequence

from pipeline.core.alert_rows import time_out_alerts
from pipeline.core.tracked import TimeOut
from schemas.alert import Alert


class RaisedTimeOuts:
    """Those that are raised now, by the ref of their command."""

    __slots__ = ("_raised",)

    def __init__(self) -> None:
        """None."""
        self._raised: dict[str, Alert] = {}

    def take(self, time_outs: Iterable[TimeOut]) -> Sequence[Alert]:
        """Which of these are new, and which are over, in their order."""
        edges = []
        for time_out in time_outs:
            ref = time_out.command.ref
            raised, *ended = time_out_alerts(time_out)
            if raised.active and not ended:
                if ref not in self._raised:
                    self._raised[ref] = raised
                    edges.append(raised)
            elif self._raised.pop(ref, None) is not None:
                edges.append(ended[0] if ended else raised)
        return edges

    def active(self) -> Sequence[Alert]:
        """All of them."""
        return tuple(self._raised.values())

    def restore(self, time_outs: Iterable[TimeOut]) -> None:
        """These are known already, and no others."""
        self._raised.clear()
        self.take(time_outs)
