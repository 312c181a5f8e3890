"""Alerts about the worker itself: a silent stream, many rejects, a backlog, a worker that waits for an operator.

Owns when each of them begins and ends. Pure: our clock is an argument, and what the worker knows is told. Must not know
how it is known, or who is told of an alert.

They are operational: judged by our clock as often as somebody asks, so that no replay gives the same edges. An edge
stands at the moment at which it was seen. Each begins at its threshold and ends well away from it:
    stream_silent  nothing came for so long while we consumed; ends with the next message, or when we have not consumed
                   for as long, since nobody here can say then
    rejects        more than so many within a minute; ends after a whole minute with no more than that
    backlog        more than so many wait in the queue; ends when no more than half of that do
    holding        the worker waits for an operator; ends when it does not
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pipeline.core.spans import span_in_words
from pipeline.core.timestamps import NS_PER_S
from schemas.alert import Alert, AlertKind

_EVERYTHING = "-"
_MINUTE_NS = 60 * NS_PER_S


class Thresholds(NamedTuple):
    """Settings: STREAM_SILENT_AFTER in nanoseconds, REJECTS_ALERT a minute, BACKLOG_ALERT in messages."""

    stream_silent_after: int
    rejects: int
    backlog: int


class WorkerNow(NamedTuple):
    """What a worker knows at one moment.

    `messages`      delivered since it started.
    `is_consuming`  deliveries come as they are sent.
    `rejected`      in the rejects since it started.
    `backlog`       messages that wait in the queue, None where nobody knows.
    `is_holding`    it waits for an operator; `words` say for what, and what to do.
    """

    messages: int
    is_consuming: bool
    rejected: int
    backlog: int | None
    is_holding: bool
    words: str


class _Finding(NamedTuple):
    """How one kind stands; `words` of the edge that it makes, if it makes one."""

    kind: AlertKind
    is_raised: bool
    value: float
    words: str


class _Stream:
    """For how long nothing came while we consumed, and for how long we have not consumed."""

    def __init__(self, silent_after: int) -> None:
        self._silent_after = silent_after
        self._messages = 0
        self._has_consumed = False
        self._at: int | None = None
        self._quiet = 0
        self._away = 0

    def judge(self, known: WorkerNow, now: int) -> _Finding:
        passed = max(0, now - self._at) if self._at is not None else 0
        self._at = now
        has_come, self._messages = known.messages != self._messages, known.messages
        has_consumed, self._has_consumed = known.is_consuming and self._has_consumed, known.is_consuming
        self._away = 0 if known.is_consuming else self._away + passed
        is_away = self._away >= self._silent_after
        if has_come or is_away:
            self._quiet = 0
        elif has_consumed:
            self._quiet += passed
        span = span_in_words(self._quiet)
        words = (
            f"No message came for {span} while the worker consumed: look at the queue's binding, and at Easee's side"
        )
        if not self._quiet:
            words = "The worker does not consume, so nobody here can say" if is_away else "Messages come again"
        return _Finding(AlertKind.STREAM_SILENT, self._quiet >= self._silent_after, self._quiet / NS_PER_S, words)


class _Rejects:
    """How many were rejected within a minute, or since the last look where that is longer ago."""

    _APART_NS = NS_PER_S

    def __init__(self, most: int) -> None:
        self._most = most
        self._totals: deque[tuple[int, int]] = deque()
        self._many_at = 0

    def judge(self, known: WorkerNow, now: int, *, is_raised: bool) -> _Finding:
        if not self._totals or now - self._totals[-1][0] >= self._APART_NS:
            self._totals.append((now, known.rejected))
        while len(self._totals) > 1 and self._totals[1][0] <= now - _MINUTE_NS:
            self._totals.popleft()
        rejected = known.rejected - self._totals[0][1]
        if rejected > self._most:
            self._many_at = now
        is_many = rejected > self._most or (is_raised and now - self._many_at < _MINUTE_NS)
        words = f"{rejected} messages were rejected within a minute: `chargeline rejects list` shows them and says why"
        if not is_many:
            words = f"No more than {self._most} messages a minute are rejected"
        return _Finding(AlertKind.REJECTS, is_many, float(rejected), words)


class OperationalAlerts:
    """See above. For one thread at a time."""

    def __init__(self, thresholds: Thresholds) -> None:
        """Nothing is raised, and nothing was rejected yet."""
        self._stream = _Stream(thresholds.stream_silent_after)
        self._rejects = _Rejects(thresholds.rejects)
        self._most_waiting = thresholds.backlog
        self._raised: dict[AlertKind, Alert] = {}

    def judge(self, known: WorkerNow, now: int) -> Sequence[Alert]:
        """The edges since the last call; `now` is our clock, nanoseconds since the epoch."""
        findings = [
            self._stream.judge(known, now),
            self._rejects.judge(known, now, is_raised=AlertKind.REJECTS in self._raised),
            _Finding(AlertKind.HOLDING, known.is_holding, float(known.is_holding), known.words),
        ]
        if not known.is_holding:
            findings[-1] = findings[-1]._replace(words="The worker does not wait any more")
        if known.backlog is not None:
            findings.append(self._backlog(known.backlog))
        return [self._edge(finding, now) for finding in findings if finding.is_raised != (finding.kind in self._raised)]

    def active(self) -> Sequence[Alert]:
        """Alerts that are raised now."""
        return tuple(self._raised.values())

    def close(self, now: int) -> Sequence[Alert]:
        """The worker ends: so does whatever is raised, for nobody will look after it."""
        findings = [_Finding(kind, is_raised=False, value=0.0, words="The worker stopped") for kind in self._raised]
        return [self._edge(finding, now) for finding in findings]

    def take_over(self, raised: Mapping[str, int], now: int) -> Sequence[Alert]:
        """A worker before this one ended without a word: so does what it had raised, by kind, and since when.

        What still holds is raised anew. A kind that this program does not know is passed over.
        """
        known = {kind.value: kind for kind in AlertKind}
        before = [(known[name], at) for name, at in raised.items() if name in known]
        return [_ended_without_a_word(kind, at, now) for kind, at in before]

    def _backlog(self, waiting: int) -> _Finding:
        is_raised = AlertKind.BACKLOG in self._raised
        is_much = 2 * waiting > self._most_waiting if is_raised else waiting > self._most_waiting
        words = f"{waiting} messages wait in the queue"
        if is_much:
            words += ": the worker or the store is too slow, or was away; Easee's queue keeps only so many"
        return _Finding(AlertKind.BACKLOG, is_much, float(waiting), words)

    def _edge(self, finding: _Finding, now: int) -> Alert:
        """Raise or clear. A clear is later than its raise even where the clock went back."""
        kind, is_raised, value, words = finding
        if is_raised:
            alert = Alert(_EVERYTHING, kind, _EVERYTHING, now, now, active=True, value=value, message=words)
            self._raised[kind] = alert
            return alert
        raised = self._raised.pop(kind)
        return raised._replace(at=max(now, raised.at + 1), active=False, value=value, message=words)


def _ended_without_a_word(kind: AlertKind, raised_at: int, now: int) -> Alert:
    words = "The worker that raised this ended without a word; what still holds is raised anew"
    at = max(now, raised_at + 1)
    return Alert(_EVERYTHING, kind, _EVERYTHING, at, raised_at, active=False, value=0.0, message=words)
