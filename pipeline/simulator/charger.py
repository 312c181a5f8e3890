"""A charger: cars come, charge and go, and it tells of it.

Owns the life of one charger: modes, power, energy, sessions. Commands are `commands`. Power, energy and time agree:
the energy of a session is the sum of what was reported, so that tests can hold stored rows against it.
"""

from pipeline.simulator.cloud import Cloud
from pipeline.simulator.device import HOUR_NS, Device, Pace, Vocabulary
from pipeline.simulator.messages import NS_PER_S, format_stamp
from pipeline.simulator.quirks import Quirk
from pipeline.simulator.truth import ChargingSession, CommandTruth
from pipeline.simulator.values import session_json, widen

DISCONNECTED, AWAITING, CHARGING, COMPLETED, ERROR, AUTHENTICATING = 1, 2, 3, 4, 5, 7
MODE, POWER, SESSION_ENERGY, HOUR_ENERGY, LIFETIME_ENERGY = 109, 120, 121, 122, 124
SESSION, SESSION_START, REASON, DYNAMIC_CURRENT, TOKEN = 129, 223, 96, 48, 128
_PHASE_CURRENTS = (183, 184, 185)
_PHASE_VOLTAGES = (194, 195, 196)
_SIGNAL = 132
_TEMPERATURE = 150
MANAGED = (
    *(
        MODE,
        POWER,
        SESSION_ENERGY,
        HOUR_ENERGY,
        LIFETIME_ENERGY,
        SESSION,
        SESSION_START,
        REASON,
        DYNAMIC_CURRENT,
        TOKEN,
    ),
    *_PHASE_CURRENTS,
    *_PHASE_VOLTAGES,
)
"""What a charger says only when it is so."""

_POWER_S = 40
_CHATTER_S = 600
_IDLE_H = 3.0
_LEAST_A = 6.0
_NIGHT = range(6)
_STAYS_AWAY = 0.7
_VOLTS = 230.0
_WATTS_A_KW = 1_000
_S_AN_HOUR = 3_600
_FAULT_RATE = 0.02


class Charger(Device):
    """One charger. `dynamic_a` is the limit that commands set; below 6 A a car pauses.

    `read_back` are the values last said because of a command, by observation id; `limited_by` names the command that
    set the limit last.
    """

    def __init__(self, cloud: Cloud, serial: str, words: Vocabulary, start: int, pace: Pace) -> None:
        """Begin at `start`, at this pace."""
        super().__init__(cloud, serial, words)
        random = cloud.random
        self._busy = pace.busy
        self._reports = pace.reports
        self._is_terse = pace.reports < pace.busy
        self.read_back: dict[int, object] = {}
        self.limited_by: CommandTruth | None = None
        self.mode = DISCONNECTED
        self.max_a = float(random.choice((16, 20, 32)))
        self.dynamic_a = self.max_a
        self._phases = random.choice((1, 3, 3))
        self._session: ChargingSession | None = None
        self._sessions = random.randrange(1_000)
        self._wanted_kwh = 0.0
        self._power_kw = 0.0
        self._measured_at = start
        self._hour_kwh = 0.0
        self._lifetime_kwh = random.uniform(100, 20_000)
        first = start + random.randrange(_POWER_S * NS_PER_S)
        cloud.at(first, self._begin)

    def _begin(self, now: int) -> None:
        random = self.cloud.random
        self.say_settings(now)
        self.say(MODE, self.mode, now)
        self.cloud.at(now + random.randrange(_CHATTER_S * NS_PER_S), self._chatter)
        self.cloud.at(now - now % HOUR_NS + HOUR_NS, self._hour)
        self.cloud.at(now + int(random.uniform(0, _IDLE_H) * HOUR_NS / self._busy), self._plug_in)

    def apply_current(self, amperes: float, now: int) -> None:
        """A new limit from a command; a car that charges follows at once."""
        self._measure(now)
        self.dynamic_a = amperes
        if self.mode in (CHARGING, AWAITING):
            self._set_mode(CHARGING if amperes >= _LEAST_A else AWAITING, now)
            self._report_power(now)

    def _plug_in(self, now: int) -> None:
        random = self.cloud.random
        if now // HOUR_NS % 24 in _NIGHT and random.random() < _STAYS_AWAY:
            self.cloud.at(now + int(random.uniform(1, 6) * HOUR_NS), self._plug_in)
            return
        self._sessions += 1
        self._session = ChargingSession(self.serial, self._sessions, now)
        self.cloud.truth.add_session(self._session)
        self._wanted_kwh = random.uniform(3, 45)
        self._set_mode(AUTHENTICATING, now)
        self.say(SESSION_START, session_json(random, self._sessions, 0.0, format_stamp(now, "Z"), None), now)
        self.cloud.at(now + random.randrange(3, 90) * NS_PER_S, self._authorized)

    def _authorized(self, now: int) -> None:
        self.say(TOKEN, f"{self.cloud.random.getrandbits(56):014X}", now)
        self._set_mode(CHARGING if self.dynamic_a >= _LEAST_A else AWAITING, now)
        self._measured_at = now
        self._power(now)

    def _power(self, now: int) -> None:
        if self.mode not in (CHARGING, AWAITING) or self._session is None:
            return
        self._measure(now)
        if self._session.energy_kwh >= self._wanted_kwh:
            self._complete(now)
            return
        self._report_power(now)
        random = self.cloud.random
        self.cloud.at(now + int(random.uniform(0.7, 1.3) * _POWER_S / self._reports * NS_PER_S), self._power)

    def _measure(self, now: int) -> None:
        """Add what flowed since the last time to every meter."""
        energy = self._power_kw * (now - self._measured_at) / NS_PER_S / _S_AN_HOUR
        self.cloud.truth.add_energy(self.serial, self._measured_at, now, energy)
        self._measured_at = now
        self._hour_kwh += energy
        self._lifetime_kwh += energy
        if self._session:
            self._session.energy_kwh += energy

    def _report_power(self, now: int) -> None:
        random = self.cloud.random
        current = min(self.dynamic_a, self.max_a) * random.uniform(0.95, 1.0) if self.mode == CHARGING else 0.0
        self._power_kw = current * _VOLTS * self._phases / _WATTS_A_KW
        self.say(POWER, widen(self._power_kw), now)
        for place, number in enumerate(_PHASE_CURRENTS):
            self.say(number, widen(current) if place < self._phases else 0, now)
        for number in _PHASE_VOLTAGES:
            self.say(number, widen(random.uniform(226, 238)), now)
        if self._session:
            self.say(SESSION_ENERGY, widen(self._session.energy_kwh), now)
            if self.cloud.happens(Quirk.SPURIOUS_ZERO):
                self.cloud.truth.quirks[Quirk.SPURIOUS_ZERO] += 1
                self.say(SESSION_ENERGY, 0, now + NS_PER_S)

    def _complete(self, now: int) -> None:
        random = self.cloud.random
        if self.cloud.happens(Quirk.SAME_SECOND):
            self.cloud.truth.quirks[Quirk.SAME_SECOND] += 1
            self.say(POWER, widen(self._power_kw), now)
        self._power_kw = 0.0
        self.say(POWER, 0, now)
        self._set_mode(COMPLETED, now)
        self.cloud.at(now + int(random.uniform(0.05, 2.5) * HOUR_NS / self._busy), self._unplug)

    def _unplug(self, now: int) -> None:
        random, session = self.cloud.random, self._session
        self._measure(now)
        self._power_kw = 0.0
        self._set_mode(DISCONNECTED, now)
        if session:
            session.ended_at = now
            times = (format_stamp(session.started_at, "Z"), format_stamp(now, "Z"))
            self.say(SESSION, session_json(random, session.id, session.energy_kwh, *times), now)
            self._report_energy(session, now)
        self._session = None
        if random.random() < _FAULT_RATE:
            self._set_mode(ERROR, now)
            self.cloud.at(now + random.randrange(60, 1_800) * NS_PER_S, lambda time: self._set_mode(DISCONNECTED, time))
        self.cloud.at(now + int(random.expovariate(1 / _IDLE_H) * HOUR_NS / self._busy) + HOUR_NS // 2, self._plug_in)

    def _report_energy(self, session: ChargingSession, now: int) -> None:
        energy = widen(session.energy_kwh)
        if self.cloud.happens(Quirk.LATE_ENERGY):
            self.cloud.truth.quirks[Quirk.LATE_ENERGY] += 1
            late = now + self.cloud.random.randrange(60, 2_400) * NS_PER_S

            def report(time: int) -> None:
                self.say(SESSION_ENERGY, energy, time, now)

            self.cloud.at(late, report)
        else:
            self.say(SESSION_ENERGY, energy, now)

    def _set_mode(self, mode: int, now: int) -> None:
        if mode != self.mode:
            self.mode = mode
            self.say(MODE, mode, now)
            self.say(REASON, {CHARGING: 0, AWAITING: 52, AUTHENTICATING: 55}.get(mode, 50), now)

    def _chatter(self, now: int) -> None:
        random = self.cloud.random
        says_all = not self._is_terse or random.random() < self._reports / self._busy
        if says_all:
            self.chatter(now)
        self.say(_SIGNAL, random.choice((0, -52, -61, -70, -83)), now)
        if says_all:
            self.say(_TEMPERATURE, widen(random.uniform(5, 55)), now)
        self.cloud.at(now + int(random.uniform(0.7, 1.3) * _CHATTER_S / self._busy * NS_PER_S), self._chatter)

    def _hour(self, now: int) -> None:
        self._measure(now)
        self.say(HOUR_ENERGY, widen(self._hour_kwh), now, now - HOUR_NS)
        self.say(LIFETIME_ENERGY, widen(self._lifetime_kwh), now)
        self._hour_kwh = 0.0
        self.plan_drops(now)
        self.cloud.at(now + HOUR_NS, self._hour)
