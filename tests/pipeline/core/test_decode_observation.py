"""Observations: which product, which type, and what is counted."""

import pytest

from pipeline.core.body import Json
from pipeline.core.decode_observation import ObservationReader, product_of_serial
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.refusal import RefusedError
from pipeline.core.routing_key import Kind, RoutingKey
from pipeline.core.same_stamp import value_crc
from pipeline.core.timestamps import TimeReader
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from schemas.observation import Observation, Product, Value
from schemas.reject import RejectReason
from schemas.surprise import Surprise

STAMP = "2023-06-08T06:59:16.0000000+00:00"
OBSERVED = 1_686_207_556 * 10**9
READER = ObservationReader(shipped_catalogue(), Redaction(Personal.DROP), TimeReader())
ANY_DELIVERY = Delivery("", {}, b"", 99)


def read(number: int, /, serial: str = "EH000281", **members: Json) -> tuple[Observation, list[Surprise]]:
    found: list[Surprise] = []
    body: dict[str, Json] = {"Id": number, "Timestamp": STAMP, "Value": 1, **members}
    key = RoutingKey(serial, Kind.OBSERVATION, number)
    return READER.read(ANY_DELIVERY, key, body, OBSERVED + 5, found), found


def test_the_documented_observation() -> None:
    observation, found = read(48, Name="DynamicChargerCurrent", Value=13)
    assert observation == Observation(
        serial="EH000281",
        product=Product.CHARGER,
        id=48,
        name="DynamicChargerCurrent",
        value=13.0,
        value_crc=value_crc(13),
        observed_at=OBSERVED,
        arrived_at=OBSERVED + 5,
        received_at=99,
    )
    assert found == []


@pytest.mark.parametrize(
    ("serial", "number", "name", "product", "found"),
    [
        ("EH000281", 31, "IsEnabled", Product.CHARGER, []),
        ("EH000281", 31, "CurrentL1", Product.EQUALIZER, []),
        ("QP000001", 31, "IsEnabled", Product.CHARGER, []),
        ("QP000001", 31, "CurrentL1", Product.EQUALIZER, []),
        ("QP000001", 31, None, Product.EQUALIZER, []),
        ("EC000001", 31, None, Product.CHARGER, []),
        ("XX000001", 31, None, Product.CHARGER, []),
        ("qp000001", 31, None, Product.CHARGER, []),
        ("QP000001", 250, "ConnectedToCloud", Product.EQUALIZER, []),
        ("EH000281", 250, "ConnectedToCloud", Product.CHARGER, []),
        ("EH000281", 31, "Renamed", Product.CHARGER, [Surprise.NAME_DIFFERS]),
        ("QP000001", 109, "ChargerOpMode", Product.CHARGER, []),
        ("QP000001", 109, None, Product.EQUALIZER, [Surprise.UNKNOWN_ID]),
        ("EH000281", 31, 5, Product.CHARGER, [Surprise.OPTIONAL_UNREADABLE]),
    ],
)
def test_the_name_tells_the_product_then_the_serial(
    serial: str, number: int, name: Json, product: Product, found: list[Surprise]
) -> None:
    observation, noted = read(number, serial, Name=name)
    assert observation.product is product
    assert [surprise for surprise in noted if surprise is not Surprise.COERCED] == found


def test_a_serial_alone() -> None:
    assert product_of_serial("QP1") is Product.EQUALIZER
    assert product_of_serial("EH1") is Product.CHARGER


@pytest.mark.parametrize(
    ("number", "value", "kept", "found"),
    [
        (48, "13", 13.0, [Surprise.COERCED]),
        (48, "13 A", "13 A", [Surprise.MISFIT]),
        (48, None, None, [Surprise.NULL_VALUE]),
        (48, True, 1.0, [Surprise.COERCED]),
        (109, 3.0, 3.0, []),
        (109, 3.5, "3.5", [Surprise.MISFIT]),
        (31, "True", 1.0, [Surprise.COERCED]),
        (118, "E1", "E1", []),
        (118, 5, "5", [Surprise.COERCED]),
        (118, None, None, [Surprise.NULL_VALUE]),
        (128, "04AB", "present", []),
        (25, {"lat": 1}, "present", [Surprise.NULL_VALUE][:0]),
    ],
)
def test_values_become_what_the_catalogue_says(number: int, value: Json, kept: Value, found: list[Surprise]) -> None:
    observation, noted = read(number, Value=value)
    assert (observation.value, noted) == (kept, found)


@pytest.mark.parametrize(
    ("description", "value", "kept"),
    [
        ("New [Double]", "4.5", 4.5),
        ("Id [String]", "0042", "0042"),
        ("", "0042", "0042"),
        ("", True, 1.0),
        (None, None, None),
    ],
)
def test_an_unknown_id_is_kept_by_its_hint(description: Json, value: Json, kept: Value) -> None:
    observation, found = read(233, Description=description, Value=value)
    assert observation.value == kept
    assert Surprise.UNKNOWN_ID in found


def test_values_are_told_apart_only_where_the_catalogue_keeps_them_apart() -> None:
    assert read(120, Value=7.5)[0].value_crc == value_crc(7.5)
    assert read(122, Value=7.5)[0].value_crc == 0
    assert read(120, Value=7.5, Timestamp="2023-06-08T06:59:16.5Z")[0].value_crc == 0
    assert read(128, Value="04AB")[0].value_crc == value_crc("present")


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"Id": 47}, RejectReason.IDENTITY),
        ({"Id": None}, RejectReason.SHAPE),
        ({"Timestamp": None}, RejectReason.SHAPE),
        ({"Timestamp": 5}, RejectReason.SHAPE),
        ({"Timestamp": "x"}, RejectReason.TIMESTAMP),
        ({"Timestamp": "2014-01-01T00:00:00Z"}, RejectReason.CLOCK),
        ({"Timestamp": "x", "Id": 47}, RejectReason.IDENTITY),
    ],
)
def test_refusals(members: dict[str, Json], reason: RejectReason) -> None:
    body: dict[str, Json] = {"Id": 48, "Timestamp": STAMP, "Value": 1, **members}
    with pytest.raises(RefusedError) as refused:
        READER.read(ANY_DELIVERY, RoutingKey("EH000281", Kind.OBSERVATION, 48), body, OBSERVED, [])
    assert refused.value.reason is reason


@pytest.mark.parametrize("name", ["Id", "Timestamp", "Value"])
def test_required_members(name: str) -> None:
    body: dict[str, Json] = {"Id": 48, "Timestamp": STAMP, "Value": 1}
    del body[name]
    with pytest.raises(RefusedError) as refused:
        READER.read(ANY_DELIVERY, RoutingKey("EH000281", Kind.OBSERVATION, 48), body, None, [])
    assert refused.value.reason is RejectReason.SHAPE
    assert name in refused.value.detail
