"""What somebody is shown of a command."""

import pytest

from pipeline.core.command_entry import SentCommand, command_entry, sending_entry
from pipeline.core.command_life import CommandState, Life
from schemas.catalogue import shipped_catalogue
from schemas.command import Argument, CommandResponse, CommandSent

S = 10**9
NOW = 1_683_219_323 * S
CATALOGUE = shipped_catalogue()
COMMAND = CommandSent("EH1", 48, (Argument(1, "13"), Argument(2, "5")), NOW + 30 * S, NOW, "0" * 32, None)
RESPONSE = CommandResponse("EH1", 48, False, None, NOW, NOW - S, NOW + 2 * S, 7.0, "busy", NOW + 3 * S)
SENDING = {
    "ref": "0" * 32,
    "serial": "EH1",
    "command": "SetDynamicChargerCurrent",
    "command_id": 48,
    "arguments": ["13", "5"],
    "published_at": "2023-05-04T16:55:23.000000000Z",
    "expires_at": "2023-05-04T16:55:53.000000000Z",
    "deadline": "2023-05-04T16:55:53.000000000Z",
    "attempt": 0,
}


def test_a_rejected_command_whole() -> None:
    assert command_entry(SentCommand(Life(COMMAND, 60 * S, response=RESPONSE), NOW + 3 * S), CATALOGUE) == {
        **SENDING,
        "state": "rejected",
        "answered": True,
        "ok": False,
        "failed": True,
        "timed_out": False,
        "expired": False,
        "late": False,
        "superseded": False,
        "confirmed": False,
        "delivery_ms": -1000.0,
        "response_ms": 2000.0,
        "round_trip_ms": 3000.0,
        "lateness_ms": None,
        "effect_ms": None,
        "readback": [48],
        "result_code": 7.0,
        "comment": "busy",
    }


def test_what_was_sent_never_changes() -> None:
    life = Life(COMMAND, 60 * S)
    later = life._replace(response=RESPONSE, is_superseded=True)

    assert sending_entry(SentCommand(life, NOW), CATALOGUE) == SENDING
    assert sending_entry(SentCommand(later, NOW + 10**12), CATALOGUE) == SENDING


def test_a_command_that_nobody_knows_and_that_does_not_expire() -> None:
    life = Life(COMMAND._replace(id=77, expires_at=None), 60 * S)
    entry = command_entry(SentCommand(life, NOW), CATALOGUE)

    assert (entry["command"], entry["expires_at"], entry["readback"]) == ("c77", None, [])


@pytest.mark.parametrize(
    ("life", "watermark", "state", "is_open"),
    [
        (Life(COMMAND, 60 * S), NOW, CommandState.PUBLISHED, True),
        (Life(COMMAND, 60 * S, is_confirmed=False), NOW, CommandState.UNCONFIRMED, True),
        (Life(COMMAND, 60 * S), NOW + 31 * S, CommandState.EXPIRED, False),
        (Life(COMMAND, 20 * S), NOW + 21 * S, CommandState.TIMED_OUT, False),
        (Life(COMMAND, 60 * S, response=RESPONSE), NOW, CommandState.REJECTED, False),
    ],
)
def test_what_is_open(life: Life, watermark: int, state: CommandState, *, is_open: bool) -> None:
    sent = SentCommand(life, watermark)

    assert (sent.state, sent.is_open) == (state, is_open)
