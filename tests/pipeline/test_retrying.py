"""Retrying: only what does no harm, and only while it is fresh."""

import pytest

from pipeline.core.command_life import Life
from pipeline.core.timestamps import NS_PER_S
from pipeline.retrying import SendingRules, calls_for_retry, may_send_again
from schemas.alert import Alert, AlertKind
from schemas.catalogue import shipped_catalogue
from schemas.command import Argument, CommandResponse, CommandSent

S = NS_PER_S
NOW = 1_750_000_000 * S
CATALOGUE = shipped_catalogue()
RULES = SendingRules("Acme", 1, 5 * S, 3_600 * S)
SENT = CommandSent("EH1", 48, (Argument(1, "13"), Argument(2, "5")), NOW + 60 * S, NOW, "r", None)
LIFE = Life(SENT, 5 * S)
ANSWER = CommandResponse("EH1", 48, True, None, NOW + S, None, NOW + 2 * S, None, None, NOW + 2 * S)
RAISED = Alert("EH1", AlertKind.COMMAND_TIMEOUT, "x", NOW, NOW, active=True, value=5.0, message="", ref="r")


def test_a_command_that_does_no_harm_may_be_sent_again() -> None:
    assert may_send_again(LIFE, CATALOGUE, RULES, NOW)


@pytest.mark.parametrize(
    "life",
    [
        LIFE._replace(command=SENT._replace(id=1)),
        LIFE._replace(command=SENT._replace(id=25)),
        LIFE._replace(command=SENT._replace(id=9_999)),
        LIFE._replace(attempt=1),
        LIFE._replace(is_superseded=True),
        LIFE._replace(response=ANSWER),
        LIFE._replace(command=SENT._replace(expires_at=NOW)),
    ],
    ids=["a reboot", "personal", "unknown", "often enough", "superseded", "answered", "expired"],
)
def test_another_may_not(life: Life) -> None:
    assert not may_send_again(life, CATALOGUE, RULES, NOW)


@pytest.mark.parametrize(
    ("alert", "rules", "passed", "is_reason"),
    [
        (RAISED, RULES, 60 * S, True),
        (RAISED, RULES, 60 * S + 1, False),
        (RAISED, RULES._replace(timeout_ns=90 * S), 90 * S, True),
        (RAISED, RULES._replace(retry_attempts=0), 0, False),
        (RAISED._replace(active=False), RULES, 0, False),
        (RAISED._replace(kind=AlertKind.CHARGER_SILENT), RULES, 0, False),
    ],
)
def test_a_fresh_time_out_is_a_reason(alert: Alert, rules: SendingRules, passed: int, is_reason: bool) -> None:
    assert calls_for_retry(alert, rules, NOW + passed) is is_reason
