"""Time that stands still for a tracker though bridges tick: said in the log with what keeps it, and again each hour.

Owns when that is said, and the words. Must not know how it is proved how far all bridges have come
(`pipeline.core.bridges`). Moments are seconds of one clock that nobody sets, and are given.

Nothing times out then, nobody falls silent, no hour ends; and nothing else shows it, for no message waits.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from pipeline.core.bridges import SKEW_NS
from pipeline.core.timestamps import NS_PER_S, format_time
from schemas.stream import Tick

_LOG = logging.getLogger(__name__)

_STILL_S = 300.0
_AGAIN_S = 3_600.0
_SILENT_S = 60.0
_UNSURE_S = 3.0
"""Clocks are compared by when ticks were seen here, which is as exact as that."""


class _Seen(NamedTuple):
    """The latest tick of a bridge, and when it was seen first."""

    tick: Tick
    at: float


class Standstill:
    """For whoever looks about once a second."""

    def __init__(self) -> None:
        """Nothing is known."""
        self._watermark: int | None = None
        self._moved_at = self._told_at = 0.0
        self._is_told = False
        self._seen: dict[str, _Seen] = {}

    def look(self, watermark: int | None, ticks: Sequence[Tick], now: float) -> None:
        """Up to here everything is known, None while we have no partition; the latest tick of each life there is."""
        if watermark is None:
            # Whoever has it by now sees to it.
            self._watermark, self._is_told = None, False
            return
        self._see(ticks, now)
        if watermark != self._watermark:
            if self._is_told:
                _LOG.info("time passes again, after %.0f min", (now - self._moved_at) / 60)
            self._watermark, self._moved_at, self._is_told = watermark, now, False
            return
        live = {seen.tick: seen.at for seen in self._seen.values() if now - seen.at < _SILENT_S}
        is_due = not self._is_told or now - self._told_at >= _AGAIN_S
        if live and is_due and now - self._moved_at >= _STILL_S:
            self._is_told, self._told_at = True, now
            _LOG.warning(
                "time stands still at %s, for %.0f min: nothing times out, nobody falls silent; %s",
                format_time(watermark) if watermark else "its beginning",
                (now - self._moved_at) / 60,
                _what_keeps_it(live, len(ticks) - len(live)),
            )

    def _see(self, ticks: Sequence[Tick], now: float) -> None:
        latest: dict[str, Tick] = {}
        for tick in sorted(ticks, key=lambda tick: (tick.life, tick.number)):
            latest[tick.bridge] = tick
        before = {seen.tick: seen for seen in self._seen.values()}
        self._seen = {bridge: before.get(tick, _Seen(tick, now)) for bridge, tick in latest.items()}


def _what_keeps_it(live: dict[Tick, float], lost: int) -> str:
    """In words, with the next step: of bridges that tick, and when each was seen to; so many others are lost."""
    found: list[str] = []
    bridges = f"{len(live)} bridge{'s' if len(live) > 1 else ''} tick{'' if len(live) > 1 else 's'}"
    answers = [(tick.looked_at, tick.consumers) for tick in live if tick.looked_at is not None and tick.consumers]
    consumers = max(answers)[1] if answers else None
    if consumers is None:
        found.append(f"{bridges}, and none is told by the broker how many consumers the queue has: see their logs")
    elif consumers > len(live):
        found.append(
            f"the broker counts {consumers} consumers of the queue, and {bridges}: end whatever else consumes it, such "
            "as a worker with CHARGELINE_AMQP_SHARE, or a shovel"
        )
    elif consumers < len(live):
        found.append(
            f"the broker counts {consumers} consumers of the queue, and {bridges}: see that all are connected, and "
            "consume the same queue"
        )
    ahead = [tick.at / NS_PER_S - at for tick, at in live.items()]
    differ_s = max(ahead) - min(ahead)
    if differ_s > SKEW_NS / NS_PER_S + _UNSURE_S:
        found.append(f"clocks of bridges differ by {differ_s:.0f} s, and may by 2: set them right (NTP)")
    if not found and lost:
        found.append("what a lost bridge held is not through yet: see that every bridge that ticks is given messages")
    if not found:
        last, bridge = min((tick.watermark or 0, tick.bridge) for tick in live)
        where = f"no farther than {format_time(last)}" if last else "nowhere yet"
        found.append(f"bridge {bridge} has come {where}: see its log")
    return "; ".join(found)
