"""Copies of commands."""

from collections.abc import Mapping

import pytest

from pipeline.core.body import Json
from pipeline.core.decode_command import CommandReader, make_ref
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.refusal import RefusedError
from pipeline.core.routing_key import Kind, RoutingKey
from pipeline.core.timestamps import TimeReader
from schemas.catalogue import shipped_catalogue
from schemas.command import Argument, CommandSent
from schemas.delivery import Delivery
from schemas.reject import RejectReason
from schemas.surprise import Surprise

READER = CommandReader(shipped_catalogue(), Redaction(Personal.DROP), TimeReader())
PUBLISHED = "2023-05-04T16:55:23.6305199Z"
PUBLISHED_AT = 1_683_219_323 * 10**9 + 630_519_900
KEY = RoutingKey("EH123456", Kind.COMMAND, 48)
DOCUMENTED: dict[str, Json] = {
    "Id": 48,
    "ExpiresAt": "2023-05-04T17:00:23.6305199Z",
    "Arguments": [{"Id": 1, "Value": "13"}, {"Id": 2, "Value": "5"}],
}


def delivery(body: bytes = b"{}", message_id: str | None = None, **headers: object) -> Delivery:
    return Delivery("EH123456.C.48", headers, body, 99, message_id)


def read(
    members: dict[str, Json],
    headers: Mapping[str, object] | None = None,
    arrived_at: int | None = None,
    key: RoutingKey = KEY,
) -> tuple[CommandSent, list[Surprise]]:
    found: list[Surprise] = []
    copy = Delivery("EH123456.C.48", {"PublishedAt": PUBLISHED} if headers is None else headers, b"{}", 99)
    return READER.read(copy, key, members, arrived_at, found), found


def test_the_documented_command() -> None:
    command, found = read(DOCUMENTED)
    assert command == CommandSent(
        serial="EH123456",
        id=48,
        arguments=(Argument(1, "13"), Argument(2, "5")),
        expires_at=PUBLISHED_AT + 300 * 10**9,
        published_at=PUBLISHED_AT,
        ref=command.ref,
        received_at=99,
    )
    assert len(command.ref) == 32
    assert found == []


def test_when_it_was_published() -> None:
    assert read(DOCUMENTED, {}, PUBLISHED_AT + 7)[0].published_at == PUBLISHED_AT + 7
    command, found = read(DOCUMENTED, {"PublishedAt": "x"}, PUBLISHED_AT)
    assert (command.published_at, found) == (PUBLISHED_AT, [Surprise.PUBLISHED_UNREADABLE])
    with pytest.raises(RefusedError) as refused:
        read(DOCUMENTED, {})
    assert refused.value.reason is RejectReason.TIMESTAMP


@pytest.mark.parametrize(
    ("headers", "attempt", "is_confirmed"),
    [
        ({}, 0, True),
        ({"ChargelineAttempt": 2, "ChargelineUnconfirmed": True}, 2, False),
        ({"ChargelineAttempt": True, "ChargelineUnconfirmed": "true"}, 0, True),
        ({"ChargelineAttempt": -1, "ChargelineUnconfirmed": 1}, 0, True),
        ({"ChargelineAttempt": 10**9, "ChargelineUnconfirmed": None}, 0, True),
    ],
)
def test_what_a_recording_alone_says(headers: dict[str, object], attempt: int, is_confirmed: bool) -> None:
    command, found = read(DOCUMENTED, {"PublishedAt": PUBLISHED, **headers})
    assert (command.attempt, command.is_confirmed, found) == (attempt, is_confirmed, [])


def test_personal_arguments_do_not_leave() -> None:
    members: dict[str, Json] = {"Id": 25, "Arguments": [{"Id": 1, "Value": "04AB"}, {"Id": 2, "Value": "1"}]}
    command, _ = read(members, key=KEY._replace(id=25))
    assert command.arguments == (Argument(1, "present"), Argument(2, "1"))


def test_odd_but_legal() -> None:
    command, found = read(
        {"Id": 99, "ExpiresAt": "x", "Arguments": [{"Id": "1", "Value": True}]}, key=KEY._replace(id=99)
    )
    assert command.arguments == (Argument(1, "true"),)
    assert command.expires_at is None
    assert set(found) == {Surprise.UNKNOWN_COMMAND, Surprise.EXPIRES_UNREADABLE}


@pytest.mark.parametrize(
    "arguments",
    [None, {}, [1], [{}], [{"Id": 1}], [{"Id": 1, "Value": None}], [{"Id": 1, "Value": []}], [{"Value": "1"}]],
)
def test_arguments_of_another_shape(arguments: Json) -> None:
    with pytest.raises(RefusedError) as refused:
        read({**DOCUMENTED, "Arguments": arguments})
    assert refused.value.reason is RejectReason.SHAPE


@pytest.mark.parametrize("name", ["Id", "Arguments"])
def test_required_members(name: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read({key: value for key, value in DOCUMENTED.items() if key != name})
    assert refused.value.reason is RejectReason.SHAPE


def test_a_clock_that_is_wrong() -> None:
    with pytest.raises(RefusedError) as refused:
        read(DOCUMENTED, {"PublishedAt": "0001-01-01T00:00:00Z"})
    assert refused.value.reason is RejectReason.CLOCK


def test_a_ref_names_one_sending() -> None:
    first = make_ref(delivery(b"a", PublishedAt=PUBLISHED), KEY)
    assert make_ref(delivery(b"a", PublishedAt=PUBLISHED), KEY) == first
    others = [
        make_ref(delivery(b"b", PublishedAt=PUBLISHED), KEY),
        make_ref(delivery(b"a", PublishedAt=PUBLISHED), KEY._replace(id=47)),
        make_ref(delivery(b"a", PublishedAt=PUBLISHED), KEY._replace(serial="EH123457")),
        make_ref(delivery(b"a", PublishedAt="2023-05-04T16:55:24Z"), KEY),
        make_ref(delivery(b"a", ArrivalTime="2023-05-04T16:55:24Z"), KEY._replace(serial="EH123458")),
    ]
    assert len({first, *others}) == len(others) + 1
    named = make_ref(delivery(b"a", "id-1", PublishedAt=PUBLISHED), KEY)
    assert make_ref(delivery(b"other", "id-1", PublishedAt="x"), KEY) == named != first
