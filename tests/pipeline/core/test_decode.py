"""Decode: one outcome for each delivery, whatever it is, and no neighbour ever pays."""

from collections import Counter

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core import decode as decode_module
from pipeline.core.decode import Decoder, reject
from pipeline.core.redaction import Personal, Redaction
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandResponse, CommandSent
from schemas.delivery import Delivery
from schemas.observation import Observation
from schemas.reject import Reject, RejectReason
from schemas.surprise import Surprise
from tests.oracle.reading import Oracle, RejectedError

ARRIVAL = {"ArrivalTime": "2023-06-08T06:59:17.0130000+00:00"}
OBSERVATION = {"Id": 48, "Name": "DynamicChargerCurrent", "Timestamp": "2023-06-08T06:59:16Z", "Value": 13}
RESPONSE = {"Id": 48, "Timestamp": "2023-06-08T06:59:16Z", "WasAccepted": True}
COMMAND = {"Id": 48, "Arguments": []}
GOOD = Delivery("EH000281.O.48", ARRIVAL, orjson.dumps(OBSERVATION), 1)


def decoder() -> Decoder:
    return Decoder(shipped_catalogue(), Redaction(Personal.DROP))


@pytest.mark.parametrize(
    ("kind", "body", "record"),
    [("O", OBSERVATION, Observation), ("CR", RESPONSE, CommandResponse), ("C", COMMAND, CommandSent)],
)
def test_each_kind_has_its_record(kind: str, body: object, record: type) -> None:
    (outcome,) = decoder().decode([Delivery(f"EH000281.{kind}.48", ARRIVAL, orjson.dumps(body), 1)]).outcomes
    assert isinstance(outcome, record)


@pytest.mark.parametrize(
    ("kind", "member", "body"), [("O", "Observation", OBSERVATION), ("CR", "CommandResponse", RESPONSE)]
)
def test_a_wrapped_message_is_its_bare_self(kind: str, member: str, body: object) -> None:
    key = f"EH000281.{kind}.48"
    wrapped = {"ArrivalTime": ARRIVAL["ArrivalTime"], member: body, "RoutingKey": key}
    decoded = decoder().decode(
        [Delivery(key, {}, orjson.dumps(wrapped), 1), Delivery(key, ARRIVAL, orjson.dumps(body), 1)]
    )
    assert decoded.outcomes[0] == decoded.outcomes[1]
    assert decoded.surprises == {Surprise.WRAPPED: 1}


def test_the_header_wins_over_the_wrapper() -> None:
    wrapped = {"ArrivalTime": "2023-06-08T07:00:00Z", "Observation": OBSERVATION, "RoutingKey": "EH000281.O.48"}
    (outcome,) = decoder().decode([Delivery("EH000281.O.48", ARRIVAL, orjson.dumps(wrapped), 1)]).outcomes
    assert isinstance(outcome, Observation)
    assert outcome.arrived_at == 1_686_207_557_013_000_000


@pytest.mark.parametrize("body", [orjson.dumps(COMMAND), orjson.dumps({"Observation": OBSERVATION, "Arguments": []})])
def test_commands_are_never_wrapped(body: bytes) -> None:
    (outcome,) = decoder().decode([Delivery("EH000281.C.48", ARRIVAL, body, 1)]).outcomes
    assert isinstance(outcome, CommandSent) == (body == orjson.dumps(COMMAND))


def test_surprises_are_counted_for_records_alone() -> None:
    odd = Delivery("EH000281.O.48.9", {}, b"\xef\xbb\xbf" + orjson.dumps({**OBSERVATION, "Value": "13"}), 1)
    refused = Delivery("EH000281.O.48.9", {}, orjson.dumps({**OBSERVATION, "Timestamp": "x"}), 1)
    decoded = decoder().decode([odd, refused, GOOD])
    assert decoded.surprises == Counter(
        [Surprise.FOURTH_SEGMENT, Surprise.BYTE_ORDER_MARK, Surprise.ARRIVAL_MISSING, Surprise.COERCED]
    )


def test_a_reject_keeps_all_that_came() -> None:
    delivery = Delivery("x", {"a": b"1"}, b"body", 7, "id-1")
    assert reject(delivery, RejectReason.KIND, "why") == Reject(
        RejectReason.KIND, "x", {"a": b"1"}, b"body", 7, "why", "id-1"
    )


def test_a_fault_of_ours_is_parked_and_costs_no_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_body: bytes) -> dict[str, object]:
        raise RecursionError

    one = decoder()
    one.decode([GOOD])
    monkeypatch.setattr(decode_module, "read_object", fail)
    outcomes = one.decode([GOOD, Delivery("EH000281.O.47", ARRIVAL, b"{}", 1), GOOD]).outcomes
    assert isinstance(outcomes[0], Observation)
    assert isinstance(outcomes[1], Reject)
    assert outcomes[1].reason is RejectReason.INTERNAL
    assert outcomes[2] == outcomes[0]


KEYS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["EH000281.O.48", "EH000281.CR.48", "EH000281.C.48", "QP1.O.31", "EH1.O.129", "EH1.O.999", "EH1.OP"]
    ),
)
HEADERS = st.one_of(
    st.just(ARRIVAL),
    st.dictionaries(
        st.sampled_from(["ArrivalTime", "PublishedAt", "x"]),
        st.one_of(
            st.text(max_size=12), st.binary(max_size=9), st.none(), st.integers(), st.just(ARRIVAL["ArrivalTime"])
        ),
        max_size=3,
    ),
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=10),
    st.sampled_from(
        [48, "48", "2023-06-08T06:59:16Z", "2023-06-08T06:59:16.1234567+02:00", "EH000281", '{"Auth":"x"}']
    ),
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
)
NAMES = st.sampled_from(
    [
        "Id",
        "Timestamp",
        "Value",
        "WasAccepted",
        "Arguments",
        "Name",
        "Description",
        "SerialNumber",
        "Ticks",
        "DeliveredAt",
    ]
)


@st.composite
def near_valid(draw: st.DrawFn) -> bytes:
    members: dict[str, object] = dict(draw(st.sampled_from([OBSERVATION, RESPONSE, COMMAND])))
    members |= draw(st.dictionaries(NAMES, VALUES, max_size=2))
    for name in draw(st.lists(NAMES, max_size=1)):
        members.pop(name, None)
    if draw(st.booleans()):
        members = {"Observation": members, "RoutingKey": draw(KEYS)}
    body = orjson.dumps(members)
    cut = draw(st.integers(0, len(body)))
    return draw(st.sampled_from([body, body, body[:cut], body[:cut] + b"\xff" + body[cut:]]))


DELIVERIES = st.builds(
    Delivery, KEYS, HEADERS, st.one_of(st.binary(max_size=80), near_valid()), st.none() | st.integers()
)


@given(st.lists(DELIVERIES, max_size=12))
def test_any_batch_decodes_as_its_deliveries_do_alone(deliveries: list[Delivery]) -> None:
    decoded = decoder().decode(deliveries)
    assert list(decoded.outcomes) == [decoder().decode([delivery]).outcomes[0] for delivery in deliveries]
    assert not [one for one in decoded.outcomes if isinstance(one, Reject) and one.reason is RejectReason.INTERNAL]


ORACLE = Oracle()


@given(DELIVERIES)
def test_the_oracle_refuses_the_same_for_the_same_reason(delivery: Delivery) -> None:
    (outcome,) = decoder().decode([delivery]).outcomes
    try:
        ORACLE.read(delivery.routing_key, delivery.headers, delivery.body)
        reason = None
    except RejectedError as rejected:
        reason = str(rejected)
    assert (outcome.reason.value if isinstance(outcome, Reject) else None) == reason
