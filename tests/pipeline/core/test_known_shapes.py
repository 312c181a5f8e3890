"""The shortcut gives what the full reading gives, for every body, whatever was learnt before."""

from collections.abc import Sequence

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.decode import Decoder, Outcome
from pipeline.core.known_shapes import KnownShapes
from pipeline.core.redaction import Personal, Redaction
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from schemas.observation import Observation

ARRIVAL = "2023-06-08T06:59:17.0130000+00:00"
STAMP = "2023-06-08T06:59:16.0000000+00:00"
DESCRIPTION = "Max current this charger is allowed to offer to car (A). Volatile [Double]"


def body(
    value: str = "13", stamp: str = STAMP, number: int = 48, name: str = "DynamicChargerCurrent", more: str = ""
) -> bytes:
    return (
        f'{{"Description": "{DESCRIPTION}", "Id": {number}, "Name": "{name}"{more}, '
        f'"Timestamp": "{stamp}", "Value": {value}}}'
    ).encode()


def delivery(content: bytes, key: str = "EH000281.O.48", arrival: object = ARRIVAL) -> Delivery:
    return Delivery(key, {} if arrival is None else {"ArrivalTime": arrival}, content, 7)


def fresh_decoder() -> Decoder:
    return Decoder(shipped_catalogue(), Redaction(Personal.DROP))


def read_in_full(deliveries: Sequence[Delivery]) -> list[Outcome]:
    """Each delivery by a decoder that has learnt nothing."""
    return [fresh_decoder().decode([one]).outcomes[0] for one in deliveries]


LESSONS = [
    delivery(body()),
    delivery(body("1.5", number=120, name="TotalPower"), "EH000281.O.120"),
    delivery(body("3", number=109, name="ChargerOpMode"), "EH000281.O.109"),
    delivery(body("true", number=31, name="IsEnabled"), "EH000281.O.31"),
    delivery(body('"text"', number=118, name="ErrorString"), "EH000281.O.118"),
    delivery(body("8.5", number=31, name="CurrentL1"), "QP000012.O.31"),
    delivery(body('"04AB"', number=128, name="UserIDToken"), "EH000281.O.128"),
]


def learned_decoder() -> Decoder:
    decoder = fresh_decoder()
    decoder.decode(LESSONS)
    return decoder


def known_shapes() -> KnownShapes:
    return learned_decoder()._known


def test_a_body_of_a_known_shape_is_read_by_the_shortcut() -> None:
    again = delivery(body("14.25"), arrival="2023-06-08T06:59:18.0130000+00:00")
    (observation,) = known_shapes().read([again])
    assert observation is not None
    assert observation.value == 14.25
    assert [observation] == read_in_full([again])


def test_personal_values_are_never_read_by_the_shortcut() -> None:
    again = delivery(body('"04AB"', number=128, name="UserIDToken"), "EH000281.O.128")
    assert known_shapes().read([again]) == [None]


UNUSUAL = {
    "unknown charger": delivery(body(), "EH999999.O.48"),
    "stamp without zone": delivery(body(stamp="2023-06-08T06:59:16.000000000000")),
    "stamp with an offset": delivery(body(stamp="2023-06-08T06:59:16.0000000+01:00")),
    "stamp of another length": delivery(body(stamp="2023-06-08T06:59:16.0000000Z")),
    "stamp before 2015": delivery(body(stamp="2014-06-08T06:59:16.0000000+00:00")),
    "stamp that is no time": delivery(body(stamp="2023-06-31T06:59:16.0000000+00:00")),
    "other kind": delivery(body(), "EH000281.CR.48"),
    "fourth segment": delivery(body(), "EH000281.O.48.1"),
    "other id in the key": delivery(body(), "EH000281.O.47"),
    "no ArrivalTime": delivery(body(), arrival=None),
    "ArrivalTime is no time": delivery(body(), arrival="soon"),
    "ArrivalTime is no text": delivery(body(), arrival=5),
    "ArrivalTime of year 1": delivery(body(), arrival="0001-01-01T00:00:00.0000000+00:00"),
    "far ahead of ArrivalTime": delivery(body(), arrival="2023-06-07T06:59:15.0000000+00:00"),
    "another member behind Value": delivery(body('13, "Value": 14')),
    "Id given again behind Value": delivery(body('13, "Id": 47')),
    "two documents": delivery(body("13} {")),
    "text behind": delivery(body() + b" "),
    "cut off": delivery(body()[:-1]),
    "no value": delivery(body("")),
    "NaN": delivery(body("NaN")),
    "null": delivery(body("null")),
    "text for a number": delivery(body('"13"')),
    "boolean for a number": delivery(body("true")),
    "list": delivery(body("[1]")),
    "deep": delivery(body("[" * 40 + "]" * 40)),
    "fraction for an integer": delivery(body("3.5", number=109, name="ChargerOpMode"), "EH000281.O.109"),
    "text beyond the limit": delivery(
        body('"' + "x" * 300_000 + '"', number=118, name="ErrorString"), "EH000281.O.118"
    ),
    "not UTF-8": delivery(body('"é"', number=118, name="ErrorString").decode().encode("latin-1"), "EH000281.O.118"),
    "SerialNumber of another": delivery(body(more=', "SerialNumber": "EH000282"')),
}


@pytest.mark.parametrize("unusual", UNUSUAL.values(), ids=UNUSUAL.keys())
def test_what_is_not_exactly_of_a_known_shape_is_read_in_full(unusual: Delivery) -> None:
    assert known_shapes().read([unusual]) == [None]
    assert learned_decoder().decode([unusual]).outcomes == read_in_full([unusual])


TRAPS = {
    "Timestamp inside a text": b'{"Id": 48, "Name": "DynamicChargerCurrent", "Timestamp": "2023-06-08T06:59:16Z", '
    b'"Description": "\\"Timestamp\\": \\"2023-06-08T06:59:17.0000000Z\\", \\"Value\\": ", "Value": 5}',
    "Timestamp inside an object": b'{"Id": 48, "Name": "DynamicChargerCurrent", "Timestamp": "2023-06-08T06:59:16Z", '
    b'"Value": 1, "X": {"Timestamp": "2023-06-08T06:59:17.0000000Z", "Value": 5}}',
    "Value before and behind": b'{"Value": 9, "Id": 48, "Name": "DynamicChargerCurrent", '
    b'"Timestamp": "2023-06-08T06:59:16.0000000Z", "Value": 5}',
    "wrapped": b'{"ArrivalTime": "x", "RoutingKey": "EH000281.O.48", "Observation": {"Id": 48, '
    b'"Name": "DynamicChargerCurrent", "Timestamp": "2023-06-08T06:59:16.0000000Z", "Value": 5}}',
    "SerialNumber in front": body(more=', "SerialNumber": "EH000281"'),
}


@pytest.mark.parametrize("trap", TRAPS.values(), ids=TRAPS.keys())
def test_a_body_that_only_looks_usual_teaches_nothing_wrong(trap: bytes) -> None:
    lesson = delivery(trap)
    followers = [
        delivery(trap.replace(b": 5}", b": 6}")),
        delivery(trap.replace(b"06:59:17", b"06:59:16")),
        delivery(trap, "EH000282.O.48"),
        delivery(body("6")),
    ]
    decoder = fresh_decoder()
    decoder.decode([lesson, delivery(body(), "EH000282.O.48")])
    assert list(decoder.decode(followers).outcomes) == read_in_full(followers)


SERIALS = st.sampled_from(["EH000281", "EH000282", "QP000012"])
IDS = st.sampled_from(
    [(48, "DynamicChargerCurrent"), (31, "IsEnabled"), (31, "CurrentL1"), (109, "ChargerOpMode"), (118, "ErrorString")]
)
STAMPS = st.sampled_from([STAMP, "2023-06-08T06:59:16.0000000Z", "2023-06-08T06:59:16.5000000Z", "2023-06-08T06:59:16"])
VALUES = st.one_of(
    st.integers(-5, 70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(["true", "false", "null", '"13"', '"a"', "[]", "{}", "1e999", "01", "1}", '1, "Value": 2']),
    st.text(max_size=5).map(lambda text: orjson.dumps(text).decode()),
)


@st.composite
def near_usual(draw: st.DrawFn) -> Delivery:
    number, name = draw(IDS)
    content = body(draw(VALUES), draw(STAMPS), number, name)
    if draw(st.booleans()):
        place = draw(st.integers(0, len(content)))
        content = content[:place] + draw(st.binary(max_size=2)) + content[place + draw(st.integers(0, 2)) :]
    key = f"{draw(SERIALS)}.{draw(st.sampled_from(['O', 'O', 'O', 'CR']))}.{number}"
    return delivery(content, key, draw(st.sampled_from([ARRIVAL, ARRIVAL, None, "", "soon"])))


@given(st.lists(near_usual(), max_size=30), st.integers(1, 7))
def test_any_stream_in_any_batches_reads_as_one_by_one(stream: list[Delivery], size: int) -> None:
    decoder = fresh_decoder()
    outcomes = [
        outcome
        for start in range(0, len(stream), size)
        for outcome in decoder.decode(stream[start : start + size]).outcomes
    ]
    assert outcomes == read_in_full(stream)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KnownShapes, "_SERIALS_KEPT", 10)
    monkeypatch.setattr(KnownShapes, "_STAMPS_KEPT", 10)
    decoder = fresh_decoder()
    for place in range(100):
        stamp = f"2023-06-08T06:{place % 60:02d}:{place // 60:02d}.0000000+00:00"
        (outcome,) = decoder.decode([delivery(body(stamp=stamp), f"EH{place:06d}.O.48")]).outcomes
        assert isinstance(outcome, Observation)
    known = decoder._known
    assert max(len(known._serials), len(known._stamps)) <= 10


def test_nothing_long_is_remembered() -> None:
    decoder = fresh_decoder()
    long = delivery(body(more=f', "Unit": "{"x" * 100_000}"'))
    assert isinstance(decoder.decode([long]).outcomes[0], Observation)
    assert decoder._known.read([long]) == [None]
    assert decoder._known._shapes == {}
