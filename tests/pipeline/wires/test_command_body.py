"""The body of a request to send a command."""

import pytest

from pipeline.core.body import Json
from pipeline.core.encode_command import CommandError
from pipeline.core.refusal import RefusedError
from pipeline.wires.command_body import LONGEST_EXPIRY_S, CommandBody, read_command_body
from schemas.catalogue import shipped_catalogue

S = 10**9
NOW = 1_683_219_323 * S
ASKED: dict[str, Json] = {"serial": "EH123456", "command": "SetDynamicChargerCurrent", "arguments": ["13"], "ttl": 5}


def read(**members: Json) -> CommandBody:
    return read_at(NOW, members)


def read_at(now: int, members: dict[str, Json]) -> CommandBody:
    """Members of None are left out."""
    asked = {name: value for name, value in (ASKED | members).items() if value is not None}
    return read_command_body(asked, shipped_catalogue(), now)


def values(**members: Json) -> list[str]:
    return [argument.value for argument in read(**members).command.arguments]


def test_numbers_and_truth_may_be_json_or_text() -> None:
    assert read(command=48).command == read(command="48").command == read().command
    assert values(arguments=[13], ttl="5") == values(arguments=[13.0, 5], ttl=None) == ["13", "5"]
    assert values(command=29, arguments=[True], ttl=None) == ["true"]
    assert values(command=1, arguments=None, ttl=None) == []


def test_when_it_expires() -> None:
    assert read().command.expires_at is None
    assert read(expires_in_s=0.5).command.expires_at == NOW + S // 2
    assert read(expires_in_s=LONGEST_EXPIRY_S).command.expires_at == NOW + LONGEST_EXPIRY_S * S
    assert read(expires_at="2023-05-04T18:55:24+02:00").command.expires_at == NOW + S


def test_a_request_is_the_same_when_it_is_repeated_later() -> None:
    first = read(expires_in_s=60)
    again = read_at(NOW + S, {"command": 48, "arguments": ["13.0"], "expires_in_s": 60})
    others = [read(), read(expires_in_s=61), read(serial="EH1"), read(ttl=6), read(expires_at="2023-05-04T17:00:00Z")]

    assert again.identity == first.identity
    assert len({first.identity, *(other.identity for other in others)}) == len(others) + 1


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"serial": None}, "serial must be a text"),
        ({"serial": 1}, "serial must be a text"),
        ({"command": None}, "command must be a text or a number"),
        ({"command": [48]}, "command must be a text or a number"),
        ({"arguments": "13"}, "arguments must be a list"),
        ({"arguments": [{"Id": 1, "Value": "13"}]}, "argument 1 must be a text or a number"),
        ({"ttl": [5]}, "ttl must be a text or a number"),
        ({"expires_in_s": "60s"}, "expires_in_s must be a number of seconds"),
        ({"expires_in_s": True}, "expires_in_s must be a number of seconds"),
        ({"expires_at": "2023-05-04T17:00:00"}, "expires_at must be a time with its zone"),
        ({"expires_at": 1}, "expires_at must be a time with its zone"),
        ({"expires_in": 60}, "an unknown member; did you mean expires_in_s?"),
        ({"x": 60}, "an unknown member; there are serial, command,"),
    ],
)
def test_members_of_a_wrong_shape(members: dict[str, Json], words: str) -> None:
    with pytest.raises(RefusedError, match=f"shape: {words.replace('?', '.')}"):
        read(**members)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"command": "nonsense"}, "'nonsense' is no command"),
        ({"arguments": [130]}, "Current_Amp must be"),
        ({"expires_in_s": 0}, "expires_in_s must be above 0"),
        ({"expires_in_s": -1}, "expires_in_s must be above 0"),
        ({"expires_in_s": 1e300}, "expires_in_s must be above 0 and at most"),
        ({"expires_at": "2023-05-04T16:55:23Z"}, "ExpiresAt lies in the past"),
        ({"expires_at": "2023-05-04T17:00:00Z", "expires_in_s": 1}, "both given"),
    ],
)
def test_commands_that_cannot_be_sent(members: dict[str, Json], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        read(**members)
