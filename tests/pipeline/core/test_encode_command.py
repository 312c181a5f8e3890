"""Commands on their way out."""

import json
from decimal import Decimal
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.decode import Decoder
from pipeline.core.encode_command import (
    CheckedCommand,
    CommandError,
    check_command,
    describe_arguments,
    encode_command,
    find_command,
    retry_message_id,
    sent_command,
)
from pipeline.core.redaction import Personal, Redaction
from schemas.catalogue import ArgumentSpec, CommandSpec, ValueType, shipped_catalogue
from schemas.command import Argument, CommandSent
from schemas.delivery import Delivery

CATALOGUE = shipped_catalogue()
NOW = 1_683_219_323 * 10**9 + 630_519_900
EXPIRES_AT = NOW + 300 * 10**9
SERIAL = "EH123456"
REF = "0123456789abcdef" * 2


def check(
    command: str, *arguments: str, ttl: str | None = None, expires_at: int | None = None, serial: str = SERIAL
) -> CheckedCommand:
    return check_command(CATALOGUE, serial, command, arguments, ttl=ttl, expires_at=expires_at, now=NOW)


def values(command: str, *arguments: str, ttl: str | None = None) -> list[str]:
    """How they stand on the wire."""
    return [argument.value for argument in check(command, *arguments, ttl=ttl).arguments]


def refusal(command: str, *arguments: str, ttl: str | None = None, serial: str = SERIAL) -> str:
    with pytest.raises(CommandError) as refused:
        check(command, *arguments, ttl=ttl, serial=serial)
    return str(refused.value)


def test_the_documented_command_byte_by_byte() -> None:
    message = encode_command(check("SetDynamicChargerCurrent", "13", ttl="5", expires_at=EXPIRES_AT), "ExampleOperator")

    assert message.routing_key == "EH123456.C.48"
    assert dict(message.headers) == {"OriginApplication": "ExampleOperator.Easee"}
    assert message.content_type == "text/plain"
    assert message.body == (
        b'{"Id": 48, "ExpiresAt": "2023-05-04T17:00:23.6305199Z", '
        b'"Arguments": [{"Id": 1, "Value": "13"}, {"Id": 2, "Value": "5"}]}'
    )


def test_without_expiry_and_arguments_there_is_little_left() -> None:
    assert encode_command(check("Reboot"), "X").body == b'{"Id": 1, "Arguments": []}'


@pytest.mark.parametrize(
    "name", ["48", "048", "SetDynamicChargerCurrent", "setdynamicchargercurrent", "SETDYNAMICCHARGERCURRENT"]
)
def test_a_command_is_named_by_id_or_by_name_in_any_letter_case(name: str) -> None:
    assert find_command(CATALOGUE, name).id == 48


@pytest.mark.parametrize(
    ("command", "given", "sent"),
    [
        ("48", ["13", "5"], ["13", "5"]),
        ("48", [" 13.0 ", "5e0"], ["13", "5"]),
        ("48", ["-0", "0"], ["0", "0"]),
        ("22", ["16.50", "1e1", "0.1", "30"], ["16.5", "10", "0.1", "30"]),
        ("22", ["1e-7", "80", "0.0", "0"], ["0.0000001", "80", "0", "0"]),
        ("29", ["TRUE"], ["true"]),
        ("29", ["0"], ["false"]),
        ("25", [" 04 Ab", "-1"], [" 04 Ab", "-1"]),
        ("60", ['{"é": "\u0000"}'], ['{"é": "\u0000"}']),
    ],
)
def test_each_value_has_one_shortest_text(command: str, given: list[str], sent: list[str]) -> None:
    assert values(command, *given) == sent


def test_the_ttl_may_be_named_or_be_the_last_argument() -> None:
    assert values("48", "13", ttl="5") == values("48", "13", "5") == ["13", "5"]


@pytest.mark.parametrize(
    ("command", "given", "words"),
    [
        ("48", ["13.5", "5"], "Current_Amp must be a whole number of ampere from 0 to 80, not '13.5'"),
        ("48", ["81", "5"], "Current_Amp must be a whole number of ampere from 0 to 80, not '81'"),
        ("48", ["-1", "5"], "Current_Amp must be a whole number of ampere from 0 to 80, not '-1'"),
        ("48", ["13", "-5"], "TTL must be a whole number of minutes, 0 or more, not '-5'"),
        ("22", ["1,5", "1", "1", "5"], "CurrentP1 must be a number of ampere from 0 to 80, not '1,5'"),
        ("22", ["nan", "1", "1", "5"], "CurrentP1 must be a number of ampere from 0 to 80, not 'nan'"),
        ("29", ["yes"], "IsEnabled must be true or false, not 'yes'"),
        ("40", ["101"], "Brightness must be a whole number of percent from 0 to 100, not '101'"),
        ("26", ["04AB", "2147483648"], "Status must be a whole number of at most 32 bits, not '2147483648'"),
        ("48", ["9" * 400, "5"], f"Current_Amp must be a whole number of ampere from 0 to 80, not '{'9' * 40}…'"),
    ],
)
def test_a_wrong_value_is_named_with_type_unit_and_range(command: str, given: list[str], words: str) -> None:
    assert refusal(command, *given) == words


@pytest.mark.parametrize("spec", CATALOGUE.commands.values(), ids=lambda spec: spec.name)
def test_every_argument_of_the_catalogue_can_be_described(spec: CommandSpec) -> None:
    words = describe_arguments(spec)

    assert all(argument.name in words for argument in spec.arguments)
    assert words


@pytest.mark.parametrize("value", ["", "\udcff"])
def test_a_personal_value_is_not_repeated(value: str) -> None:
    assert refusal("25", value, "1") == "IDToken must be text"


def test_a_wrong_number_of_arguments_says_what_belongs_there() -> None:
    takes = "it takes Current_Amp (a whole number of ampere from 0 to 80), TTL (a whole number of minutes, 0 or more)"

    assert refusal("48", "13") == f"SetDynamicChargerCurrent takes 2 arguments, 1 given; TTL is missing: {takes}"
    assert refusal("48") == f"SetDynamicChargerCurrent takes 2 arguments, 0 given; {takes}"
    assert refusal("48", "1", "2", "3").startswith("SetDynamicChargerCurrent takes 2 arguments, 3 given; it takes ")
    assert refusal("47") == (
        "SetMaxChargerCurrent takes 1 argument, 0 given; it takes Current_Amp (a whole number of ampere from 0 to 80)"
    )
    assert refusal("1", "x") == "Reboot takes no arguments, 1 given; leave them out"


def test_a_ttl_too_many_is_refused() -> None:
    assert refusal("47", "16", ttl="5") == "SetMaxChargerCurrent has no TTL: it stays in force; leave the TTL out"
    assert "TTL is given twice" in refusal("48", "13", "5", ttl="5")


def test_an_unknown_command_is_refused_with_the_nearest_names() -> None:
    assert refusal("SetDynamicCurrent").startswith("'SetDynamicCurrent' is no command; did you mean SetDynamic")
    assert refusal("xyz") == "'xyz' is no command; `chargeline catalogue --commands` lists them all"
    assert refusal("77").startswith("'77' is no command; ")


def test_text_goes_as_utf8() -> None:
    assert '"Value": "Zoë"'.encode() in encode_command(check("25", "Zoë", "1"), "X").body


@pytest.mark.parametrize("serial", ["", "EH1.O", "EH1.C.5", "EH1.C.48.", "EH1\n", "EH 1", "É1", "E" * 65, "#", "*"])
def test_a_serial_that_would_make_another_key_is_refused(serial: str) -> None:
    assert "the serial " in refusal("1", serial=serial)


@pytest.mark.parametrize("expires_at", [NOW, NOW - 1, 0, -1])
def test_an_expiry_in_the_past_is_refused(expires_at: int) -> None:
    with pytest.raises(CommandError, match="lies in the past"):
        check("1", expires_at=expires_at)


def test_an_expiry_that_no_store_can_hold_is_refused() -> None:
    with pytest.raises(CommandError, match="before 2262"):
        check("1", expires_at=2**63)


def test_what_is_remembered_is_what_was_sent() -> None:
    command = check("25", "04AB", "1", expires_at=EXPIRES_AT + 99)

    assert sent_command(command, NOW + 99, REF, Redaction(Personal.DROP)) == CommandSent(
        serial=SERIAL,
        id=25,
        arguments=(Argument(1, "present"), Argument(2, "1")),
        expires_at=EXPIRES_AT,
        published_at=NOW,
        ref=REF,
        received_at=None,
    )
    assert b'"Value": "04AB"' in encode_command(command, "X").body
    assert sent_command(command, NOW, REF, Redaction(Personal.KEEP)).arguments == command.arguments


def test_a_retry_has_a_ref_of_its_own_and_always_the_same() -> None:
    refs = [retry_message_id(REF, attempt) for attempt in range(1, 100)]

    assert refs == [retry_message_id(REF, attempt) for attempt in range(1, 100)]
    assert len({REF, *refs}) == 100
    assert {len(ref) for ref in refs} == {32}
    assert all(set(ref) <= set("0123456789abcdef") for ref in refs)


class Asked(NamedTuple):
    spec: CommandSpec
    arguments: list[str]
    expires_at: int | None


def number_texts(argument: ArgumentSpec) -> st.SearchStrategy[str]:
    highest = {"A": 80, "percent": 100}.get(argument.unit, 2**31 - 1)
    lowest = 0 if argument.unit else -(2**31)
    if argument.type is ValueType.DOUBLE:
        return st.floats(lowest, highest).map(repr)
    return st.integers(lowest, highest).map(str)


def texts(argument: ArgumentSpec) -> st.SearchStrategy[str]:
    if argument.type is ValueType.BOOLEAN:
        return st.sampled_from(("true", "false", "TRUE", "0", "1"))
    return st.text(min_size=1) if argument.type.is_text else number_texts(argument)


@st.composite
def anything_asked(draw: st.DrawFn) -> Asked:
    spec = draw(st.sampled_from(tuple(CATALOGUE.commands.values())))
    expiry = draw(st.none() | st.integers(NOW + 1, NOW + 10**18))
    return Asked(spec, [draw(texts(argument)) for argument in spec.arguments], expiry)


@given(anything_asked())
def test_what_is_sent_is_read_as_the_same_command(asked: Asked) -> None:
    command = check(asked.spec.name, *asked.arguments, expires_at=asked.expires_at)
    message = encode_command(command, "Operator")
    copy = Delivery(message.routing_key, {"PublishedAt": "2023-05-04T16:55:23.6305199Z"}, message.body, None, "id")
    redaction = Redaction(Personal.HASH, b"key")
    (read,) = Decoder(CATALOGUE, redaction).decode([copy]).outcomes

    assert isinstance(read, CommandSent)
    assert read == sent_command(command, NOW, read.ref, redaction)
    assert json.loads(message.body)["Arguments"] == [{"Id": one.id, "Value": one.value} for one in command.arguments]


@given(st.floats(0, 80))
def test_a_double_loses_nothing_and_has_no_exponent(number: float) -> None:
    (text, *_) = values("22", repr(number), "0", "0", "1")

    assert float(text) == number
    assert set(text) <= set("0123456789.")
    assert "." not in text or text[-1] != "0"
    assert len(text) <= len(f"{Decimal(repr(number)):f}")
