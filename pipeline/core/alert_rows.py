"""Alerts as rows, and time-outs of commands as alerts.

Owns the fields of measurement `alert` and the words of `command_timeout`. Pure: an alert in, a row out. Must not know
when an alert fires or who is told.

A raise and its clear are two rows; both name the raise in `raised_at`, exactly as the time of its row. One that is
taken back, be it a raise or a clear, is written over where it stood, as a raise of its own that lasted for no time:
`active` 0 and `duration_s` 0, which no true alert has together.
"""

from collections.abc import Iterable, Iterator, Sequence

from pipeline.core.apart import apart
from pipeline.core.spans import span_in_words
from pipeline.core.timestamps import NS_PER_S, format_time
from pipeline.core.tracked import TimeOut
from schemas.alert import Alert, AlertKind
from schemas.measurement import ALERT
from schemas.row import Row


def alert_row(alert: Alert) -> Row:
    """One edge of an alert, at its moment; those of commands are apart from each other as `command` rows are."""
    at, raised_at = alert.at, alert.raised_at
    if alert.ref:
        at, raised_at = apart(at, alert.ref), apart(raised_at, alert.ref)
    fields = (
        ("active", float(alert.active)),
        ("value", float(alert.value)),
        ("message", alert.message),
        ("raised_at", format_time(raised_at)),
        ("duration_s", alert.duration_ns / NS_PER_S),
    )
    tags = (("command", alert.command), ("kind", alert.kind.value))
    return Row(ALERT, alert.serial, "", tags, at, fields)


def time_out_rows(time_outs: Iterable[TimeOut]) -> Iterator[Row]:
    """The rows of commands without an answer, those of ends that were said and are none taken back."""
    for time_out in time_outs:
        for alert in (*time_out_alerts(time_out), *_ends_taken_back(time_out)):
            yield alert_row(alert)


def _ends_taken_back(time_out: TimeOut) -> Sequence[Alert]:
    raised, *_ = time_out_alerts(time_out)
    words = f"Taken back: {_subject(time_out)} was not answered then, which became known later"
    return [raised._replace(at=at, raised_at=at, active=False, message=words) for at in time_out.not_ended_at]


def time_out_alerts(time_out: TimeOut) -> Sequence[Alert]:
    """All that is to be said of a command without an answer: that it was raised, and where it has ended, how.

    The raise comes first, or alone what takes it back; the clear, where there is one, second. `value` is how long the
    command had waited by then, seconds.
    """
    command, deadline = time_out.command, time_out.deadline
    subject = _subject(time_out)
    waited = span_in_words(deadline - command.published_at)
    raised = Alert(
        command.serial,
        AlertKind.COMMAND_TIMEOUT,
        time_out.command_name,
        deadline,
        deadline,
        active=True,
        value=(deadline - command.published_at) / NS_PER_S,
        message=f"{subject} was not answered within {waited}",
        ref=command.ref,
    )
    if time_out.is_refuted:
        words = f"Taken back: {subject} was answered in time, which became known later"
        return (raised._replace(active=False, message=words),)
    ended_at, given_up_at = time_out.answered_at, time_out.given_up_at
    if ended_at is not None:
        words = f"was answered {span_in_words(ended_at - deadline)} late"
    elif given_up_at is not None:
        ended_at, words = (
            given_up_at,
            f"is given up, unanswered for {span_in_words(given_up_at - command.published_at)}",
        )
    else:
        return (raised,)
    value = (ended_at - command.published_at) / NS_PER_S
    return (raised, raised._replace(at=ended_at, active=False, value=value, message=f"{subject} {words}"))


def _subject(time_out: TimeOut) -> str:
    command = time_out.command
    return f"{time_out.command_name} to {command.serial} (ref {command.ref})"
