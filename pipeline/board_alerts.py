"""What the live board knows of alerts: which devices are silent, and what was raised and cleared last.

Owns what is silent now, as rows of measurement `alert` tell it by their place, and the last edges that people were told
of. The two differ: while the whole fleet is silent, nobody is told of each charger. Pure. Must not know when an alert
fires, or how it looks. Memory is bounded.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from heapq import nlargest
from typing import NamedTuple

from schemas.alert import Alert, AlertKind
from schemas.measurement import ALERT
from schemas.row import Row

ALERTS_KEPT = 60
MOST_SILENT = 50_000
"""The most devices whose silence is known."""

_SILENT = ("kind", AlertKind.CHARGER_SILENT.value)


class Silent(NamedTuple):
    """Devices that are silent: how many, and ALERTS_KEPT of them at most, the last one to fall silent first."""

    devices: int
    serials: Sequence[str]


class AlertBoard:
    """Takes rows as they were written, and edges as people were told of them."""

    def __init__(self) -> None:
        """Nothing is silent, and nothing was told."""
        self._silences: dict[str, tuple[int, bool]] = {}
        self._edges: deque[Alert] = deque(maxlen=ALERTS_KEPT)

    def take_rows(self, rows: Iterable[Row]) -> None:
        """Take in what was written: of each device the latest edge counts; other rows say nothing here."""
        for row in rows:
            if row.measurement != ALERT or _SILENT not in row.tags:
                continue
            known = self._silences.get(row.charger)
            if known is None and len(self._silences) >= MOST_SILENT:
                continue
            if known is None or known[0] <= row.time:
                self._silences[row.charger] = (row.time, ("active", 1.0) in row.fields)

    def take_edges(self, edges: Iterable[Alert]) -> None:
        """Take in what people were told, in order."""
        self._edges.extendleft(edges)

    def silent(self) -> Silent:
        """What is silent now."""
        since = [(time, serial) for serial, (time, is_silent) in self._silences.items() if is_silent]
        return Silent(len(since), [serial for _, serial in nlargest(ALERTS_KEPT, since)])

    def edges(self) -> Sequence[Alert]:
        """What people were told last, the latest first."""
        return tuple(self._edges)
