"""Truth against a store's answers: a table for people, and whether each goal is met.

Owns the goals. Pure.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import NamedTuple, TypeVar

from pipeline.simulator.questions import ChargerDay
from pipeline.simulator.truth import ChargingSession
from tests.campaigns.fortnight_answers import Answers, StoredSession
from tests.campaigns.fortnight_plan import S, Told
from tests.campaigns.fortnight_truth import (
    OSLO,
    SILENT_NS,
    Decisions,
    Ended,
    true_contact,
    true_decisions,
    true_energy,
    true_online,
    true_sessions,
)

Key = TypeVar("Key")

MOST_START_S = 2.0
MOST_UNSHOWN_START_S = 95.0
"""Where the mode that shows a car's coming cannot be read, its session begins with the next mode."""
MOST_ENERGY = 0.001
LEAST_KWH = 2.0
"""What an energy is compared with at least: a counter of 20,000 kWh that is told as a float32 has steps of 2 Wh."""
MOST_ONLINE = 0.000_01
MOST_CONTACT_S = 5.0
"""A message is on its way for some seconds."""
MOST_OTHER_FIRMWARE = 0.01
"""A decision's firmware is what was known when its row was written, which is up to a batch later than the decision."""
_SAME_SESSION_S = 600.0


class Line(NamedTuple):
    """One comparison. `true` and `found` count what was compared; `worst` must not be more than `goal`.

    `samples` shows some of what is wrong.
    """

    question: str
    true: int
    found: int
    missing: int
    extra: int
    worst: float
    goal: float
    samples: Sequence[str] = ()

    @property
    def is_met(self) -> bool:
        """Whether nothing is missing or too many, and nothing is further off than it may be."""
        return not self.missing and not self.extra and self.worst <= self.goal


def compare(told: Told, answers: Answers) -> Sequence[Line]:
    """Every question of the fortnight."""
    decisions = true_decisions(told)
    return [
        *_sessions(told, answers.sessions),
        _energy(told, answers),
        _online(true_online(told), answers, told.plan.until - told.plan.first),
        _contact(told, answers),
        _counts("decisions and failures per command and hour", _any_firmware(decisions), answers.decisions),
        _firmware(decisions, answers.decisions),
    ]


def table(title: str, lines: Sequence[Line]) -> str:
    """All of it, to be read by people."""
    head = f"{title}\n{'':52}{'true':>9}{'found':>9}{'missing':>9}{'extra':>9}{'worst':>12}{'goal':>10}"
    rows = [
        f"{line.question:52}{line.true:9d}{line.found:9d}{line.missing:9d}{line.extra:9d}{line.worst:12.6f}{line.goal:10g}"
        + ("" if line.is_met else "  MISSED")
        for line in lines
    ]
    return "\n".join([head, *rows, *(f"  {sample}" for line in lines if not line.is_met for sample in line.samples)])


def _sessions(told: Told, stored: Sequence[StoredSession]) -> Sequence[Line]:
    truth = true_sessions(told)
    left = {(row.serial, row.started_at): row for row in stored}
    pairs: list[tuple[ChargingSession, StoredSession]] = []
    missing: list[str] = []
    for session in truth:
        near = [
            row for row in left.values() if row.serial == session.serial and _apart_s(session, row) < _SAME_SESSION_S
        ]
        if not near:
            missing.append(f"missing: {session}")
            continue
        row = min(near, key=lambda each: _apart_s(session, each))
        del left[row.serial, row.started_at]
        pairs.append((session, row))
    ended = [(session, row) for session, row in pairs if session.ended_at is not None]
    extra = [f"extra: {row}" for row in left.values()]
    unshown = [_apart_s(*pair) for pair in pairs if _is_unshown(pair[0], told)]
    shown = [pair for pair in pairs if not _is_unshown(pair[0], told)]
    starts = [_apart_s(*pair) for pair in shown]
    counts = (len(truth), len(stored), len(missing), len(extra))
    return [
        Line(
            "sessions: start off, s",
            *counts,
            max(starts, default=0.0),
            MOST_START_S,
            [*missing, *extra, *_worst(shown, starts, MOST_START_S)],
        ),
        *([_unshown("sessions whose first mode cannot be read: off, s", unshown)] if unshown else []),
        _pairs("ended sessions: share of energy off", ended, [_energy_off(*pair) for pair in ended], MOST_ENERGY),
        _pairs(
            "ended sessions: duration off, s",
            shown_ended := [pair for pair in ended if not _is_unshown(pair[0], told)],
            [_duration_off_s(*pair) for pair in shown_ended],
            2 * MOST_START_S,
        ),
    ]


def _unshown(question: str, off: Sequence[float]) -> Line:
    return Line(question, len(off), len(off), 0, 0, max(off), MOST_UNSHOWN_START_S)


def _pairs(
    question: str, pairs: Sequence[tuple[ChargingSession, StoredSession]], off: Sequence[float], goal: float
) -> Line:
    open_ones = [f"still open: {session} {row}" for session, row in pairs if not row.has_ended]
    samples = [*open_ones, *_worst(pairs, off, goal)]
    found = len(pairs) - len(open_ones)
    return Line(question, len(pairs), found, len(open_ones), 0, max(off, default=0.0), goal, samples)


def _numbers(question: str, truth: Mapping[Key, float], found: Mapping[Key, float], least: float, goal: float) -> Line:
    """Numbers under the same keys. No number is as good as 0, since who did nothing need not be told of."""
    keys = sorted(truth.keys() | found.keys(), key=str)
    off = [abs(found.get(key, 0.0) - truth.get(key, 0.0)) / max(truth.get(key, 0.0), least) for key in keys]
    missing = [key for key in truth if truth[key] and key not in found]
    samples = [f"{key}: {truth.get(key)}, stored {found.get(key)}" for key in missing]
    samples += _worst([(key, truth.get(key), found.get(key)) for key in keys], off, goal)
    return Line(question, len(truth), len(found), len(missing), 0, max(off, default=0.0), goal, samples)


def _energy(told: Told, answers: Answers) -> Line:
    """Where the meter cannot be read at midnight, the days before and after it are judged together."""
    of_span: dict[ChargerDay, ChargerDay] = {}
    keys = true_energy(told).keys() | answers.energy.keys()
    for serial, day in sorted(keys, key=str):
        midnight = int(datetime.combine(day, time(), OSLO).timestamp())
        before = (serial, day - timedelta(days=1))
        is_apart = (serial, midnight) not in told.unreadable_meters
        of_span[serial, day] = (serial, day) if is_apart else of_span.get(before, (serial, day))
    truth: defaultdict[ChargerDay, float] = defaultdict(float)
    found: defaultdict[ChargerDay, float] = defaultdict(float)
    for key, kwh in true_energy(told).items():
        truth[of_span[key]] += kwh
    for key, kwh in answers.energy.items():
        found[of_span[key]] += kwh
    return _numbers("energy per charger and day: share off", truth, found, LEAST_KWH, MOST_ENERGY)


def _online(truth: Mapping[str, float], answers: Answers, span_ns: int) -> Line:
    shares = {serial: seconds / (span_ns / S) for serial, seconds in truth.items()}
    found = {serial: online.online_s / online.counted_s for serial, online in answers.online.items()}
    return _numbers("online share per charger: off", shares, found, 1.0, MOST_ONLINE)


def _contact(told: Told, answers: Answers) -> Line:
    """By the simulator's own word: who is in contact is online, and for at most 20 minutes after each loss of it."""
    worst = 0.0
    for serial in told.chargers:
        contact = true_contact(told, serial)
        online_s = answers.online[serial].online_s if serial in answers.online else 0.0
        worst = max(worst, contact.seconds - online_s, online_s - contact.seconds - contact.losses * SILENT_NS / S)
    return Line(
        "online against contact with the cloud: off, s",
        *(len(told.chargers), len(answers.online), 0, 0),
        worst,
        MOST_CONTACT_S,
    )


def _any_firmware(decisions: Mapping[Decisions, Ended]) -> Mapping[Decisions, Ended]:
    sums: dict[Decisions, Ended] = {}
    for place, ended in decisions.items():
        key = place._replace(firmware="")
        before = sums.get(key, Ended(0, 0))
        sums[key] = Ended(before.decisions + ended.decisions, before.failed + ended.failed)
    return sums


def _counts(question: str, truth: Mapping[Decisions, Ended], stored: Mapping[Decisions, Ended]) -> Line:
    """Missing and extra are decisions; the worst is by how much failures are off."""
    found = _any_firmware(stored)
    missing = extra = 0
    worst = 0
    samples: list[str] = []
    for key in sorted(truth.keys() | found.keys()):
        must, have = truth.get(key, Ended(0, 0)), found.get(key, Ended(0, 0))
        missing += max(must.decisions - have.decisions, 0)
        extra += max(have.decisions - must.decisions, 0)
        worst = max(worst, abs(must.failed - have.failed))
        if must != have:
            samples.append(f"{key}: {must}, stored {have}")
    return Line(question, len(truth), len(found), missing, extra, worst, 0, samples[:10])


def _firmware(truth: Mapping[Decisions, Ended], stored: Mapping[Decisions, Ended]) -> Line:
    """How many decisions are under another firmware than their charger had told of at that moment."""
    must = Counter({place: ended.decisions for place, ended in truth.items()})
    have = Counter({place: ended.decisions for place, ended in stored.items()})
    other = must - have
    share = other.total() / max(must.total(), 1)
    samples = [f"{place}: {count}" for place, count in other.most_common(5)]
    return Line(
        "decisions: share under another firmware", must.total(), have.total(), 0, 0, share, MOST_OTHER_FIRMWARE, samples
    )


def _is_unshown(session: ChargingSession, told: Told) -> bool:
    return (session.serial, session.started_at // S) in told.unreadable_modes


def _apart_s(session: ChargingSession, row: StoredSession) -> float:
    return abs(session.started_at - row.started_at) / S


def _energy_off(session: ChargingSession, row: StoredSession) -> float:
    return abs(session.energy_kwh - row.energy_kwh) / max(session.energy_kwh, LEAST_KWH)


def _duration_off_s(session: ChargingSession, row: StoredSession) -> float:
    return abs(((session.ended_at or 0) - session.started_at) / S - row.duration_s)


def _worst(subjects: Sequence[object], off: Sequence[float], goal: float) -> Sequence[str]:
    """The few that are furthest off, of those that are too far."""
    ranked = sorted(zip(off, map(str, subjects), strict=True), reverse=True)
    return [f"{amount:.6f} off: {subject}" for amount, subject in ranked[:5] if amount > goal]
