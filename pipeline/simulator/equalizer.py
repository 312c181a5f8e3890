"""An Equalizer: the meter of a site, whose ids mean other things than a charger's.

Owns what it measures and when it says so.
"""

from pipeline.simulator.cloud import Cloud
from pipeline.simulator.device import HOUR_NS, Device, Pace, Vocabulary
from pipeline.simulator.messages import NS_PER_S
from pipeline.simulator.values import widen

_REPORT_S = 20
_CHATTER_S = 600
_CURRENTS = (31, 32, 33)
_VOLTAGES = (34, 35, 36)
_IMPORT, _EXPORT, _TOTAL_IMPORT = 40, 41, 45
MANAGED = (*_CURRENTS, *_VOLTAGES, _IMPORT, _EXPORT, _TOTAL_IMPORT)
"""What an Equalizer says only when it is so."""


class Equalizer(Device):
    """One meter; `load_kw` of its site wanders."""

    def __init__(self, cloud: Cloud, serial: str, words: Vocabulary, start: int, pace: Pace) -> None:
        """Begin at `start`, at this pace."""
        super().__init__(cloud, serial, words)
        random = cloud.random
        self._reports = pace.reports
        self._load_kw = random.uniform(5, 60)
        self._total_kwh = random.uniform(1e3, 1e5)
        first = start + random.randrange(_REPORT_S * NS_PER_S)
        cloud.at(first, self.say_settings)
        cloud.at(first, self._report)
        cloud.at(first, self._chatter)
        cloud.at(first - first % HOUR_NS + HOUR_NS, self._hour)

    def _report(self, now: int) -> None:
        random = self.cloud.random
        self._load_kw = min(max(self._load_kw + random.gauss(0, 2), 0.2), 90.0)
        for number in _CURRENTS:
            self.say(number, widen(self._load_kw / 0.69 * random.uniform(0.9, 1.1)), now)
        for number in _VOLTAGES:
            self.say(number, widen(random.uniform(226, 240)), now)
        self.say(_IMPORT, widen(self._load_kw), now)
        self.say(_EXPORT, 0, now)
        self.cloud.at(now + int(random.uniform(0.8, 1.2) * _REPORT_S / self._reports * NS_PER_S), self._report)

    def _chatter(self, now: int) -> None:
        self.chatter(now)
        self.cloud.at(now + int(self.cloud.random.uniform(0.7, 1.3) * _CHATTER_S * NS_PER_S), self._chatter)

    def _hour(self, now: int) -> None:
        self._total_kwh += self._load_kw
        self.say(_TOTAL_IMPORT, widen(self._total_kwh), now, now)
        self.plan_drops(now)
        self.cloud.at(now + HOUR_NS, self._hour)
