"""Command responses."""

import pytest

from pipeline.core.body import Json
from pipeline.core.decode_response import ResponseReader
from pipeline.core.refusal import RefusedError
from pipeline.core.routing_key import Kind, RoutingKey
from pipeline.core.timestamps import TimeReader
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandResponse
from schemas.delivery import Delivery
from schemas.reject import RejectReason
from schemas.surprise import Surprise

READER = ResponseReader(shipped_catalogue(), TimeReader())
SECOND = 1_686_207_556 * 10**9
DOCUMENTED: dict[str, Json] = {
    "Comment": None,
    "DeliveredAt": "2023-06-08T06:59:16.7660000Z",
    "Id": 48,
    "ResultCode": None,
    "SerialNumber": "EH000281",
    "Ticks": 638218043566469000,
    "Timestamp": "2023-06-08T06:59:16.6468930Z",
    "WasAccepted": True,
}


def read(members: dict[str, Json], number: int = 48) -> tuple[CommandResponse, list[Surprise]]:
    found: list[Surprise] = []
    key = RoutingKey("EH000281", Kind.RESPONSE, number)
    return READER.read(Delivery("", {}, b"", 99), key, members, SECOND + 10**9, found), found


def test_the_documented_response() -> None:
    response, found = read(DOCUMENTED)
    assert response == CommandResponse(
        serial="EH000281",
        id=48,
        accepted=True,
        ticks="638218043566469000",
        created_at=SECOND + 646_893_000,
        delivered_at=SECOND + 766_000_000,
        arrived_at=SECOND + 10**9,
        result_code=None,
        comment=None,
        received_at=99,
    )
    assert found == []


@pytest.mark.parametrize(
    ("name", "value", "attribute", "kept", "found"),
    [
        ("WasAccepted", False, "accepted", False, []),
        ("WasAccepted", "true", "accepted", True, []),
        ("WasAccepted", 0, "accepted", False, []),
        ("Ticks", "638218043566468930", "ticks", "638218043566468930", []),
        ("Ticks", 6.38218043566469e17, "ticks", "6.38218043566469e+17", []),
        ("Ticks", None, "ticks", None, []),
        ("Ticks", True, "ticks", None, [Surprise.OPTIONAL_UNREADABLE]),
        ("Ticks", {}, "ticks", None, [Surprise.OPTIONAL_UNREADABLE]),
        ("DeliveredAt", None, "delivered_at", None, []),
        ("DeliveredAt", "", "delivered_at", None, [Surprise.DELIVERED_UNREADABLE]),
        ("DeliveredAt", "0001-01-01T00:00:00", "delivered_at", None, [Surprise.DELIVERED_UNREADABLE]),
        ("ResultCode", 3, "result_code", 3.0, []),
        ("ResultCode", "3", "result_code", 3.0, []),
        ("ResultCode", "E7", "result_code", "E7", []),
        ("Comment", "busy", "comment", "busy", []),
        ("Comment", {"a": 1}, "comment", '{"a":1}', []),
    ],
)
def test_members(name: str, value: Json, attribute: str, kept: object, found: list[Surprise]) -> None:
    response, noted = read({**DOCUMENTED, name: value})
    assert getattr(response, attribute) == kept
    assert noted == found


def test_an_unknown_command_is_counted() -> None:
    response, found = read({**DOCUMENTED, "Id": 99}, 99)
    assert (response.id, found) == (99, [Surprise.UNKNOWN_COMMAND])


@pytest.mark.parametrize("name", ["Comment", "DeliveredAt", "ResultCode", "SerialNumber", "Ticks"])
def test_all_others_are_optional(name: str) -> None:
    assert read({key: value for key, value in DOCUMENTED.items() if key != name})[0].accepted


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"WasAccepted": None}, RejectReason.SHAPE),
        ({"WasAccepted": "yes"}, RejectReason.SHAPE),
        ({"WasAccepted": 2}, RejectReason.SHAPE),
        ({"Timestamp": 638218043566469000}, RejectReason.SHAPE),
        ({"SerialNumber": "EH000282"}, RejectReason.IDENTITY),
        ({"Id": 22}, RejectReason.IDENTITY),
        ({"Timestamp": "x"}, RejectReason.TIMESTAMP),
        ({"Timestamp": "2023-07-08T06:59:16Z"}, RejectReason.CLOCK),
    ],
)
def test_refusals(members: dict[str, Json], reason: RejectReason) -> None:
    with pytest.raises(RefusedError) as refused:
        read({**DOCUMENTED, **members})
    assert refused.value.reason is reason


@pytest.mark.parametrize("name", ["Id", "Timestamp", "WasAccepted"])
def test_required_members(name: str) -> None:
    with pytest.raises(RefusedError) as refused:
        read({key: value for key, value in DOCUMENTED.items() if key != name})
    assert refused.value.reason is RejectReason.SHAPE
