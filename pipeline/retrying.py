"""Retrying: whether a command that nobody answered may be published once more.

Owns the rules of it, which are about harm: to be carried out twice must be as good as once. Pure: our clock is an
argument. Must not know how a command is published, or what else is on its way.
"""

from typing import NamedTuple

from pipeline.core.command_life import Life
from pipeline.core.timestamps import NS_PER_S
from schemas.alert import Alert, AlertKind
from schemas.catalogue import Catalogue

_FRESH_NS = 60 * NS_PER_S


class SendingRules(NamedTuple):
    """Settings of sending.

    `operator`          the name that Easee knows the operator by.
    `retry_attempts`    how often a command that timed out is published again, where that does no harm.
    `timeout_ns`        COMMAND_TIMEOUT. A time-out that becomes known later than this behind its deadline, and later
                        than a minute, is too old for a retry: that was an outage of ours, and much may have changed.
    `known_ns`          how long a request is remembered at least.
    """

    operator: str
    retry_attempts: int
    timeout_ns: int
    known_ns: int


def calls_for_retry(alert: Alert, rules: SendingRules, now: int) -> bool:
    """Whether an alert is a reason to send its command again; `now` is our clock."""
    return (
        alert.kind is AlertKind.COMMAND_TIMEOUT
        and alert.active
        and rules.retry_attempts > 0
        and now - alert.at <= max(rules.timeout_ns, _FRESH_NS)
    )


def may_send_again(life: Life, catalogue: Catalogue, rules: SendingRules, now: int) -> bool:
    """Only where the charger ends as after one sending, and nothing newer of its kind was asked of it."""
    spec = catalogue.commands.get(life.command.id)
    expires_at = life.command.expires_at
    return (
        spec is not None
        and spec.idempotent
        and not spec.personal_arguments
        and life.attempt < rules.retry_attempts
        and not life.is_superseded
        and life.response is None
        and (expires_at is None or expires_at > now)
    )
