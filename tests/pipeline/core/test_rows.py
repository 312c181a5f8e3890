"""Rows: measurement, tags, time and fields of each fact."""

import pytest

from pipeline.core.rows import RowMaker
from schemas.catalogue import ObservationSpec, shipped_catalogue
from schemas.command import CommandResponse
from schemas.measurement import FieldType, fact_measurements
from schemas.observation import Observation, Product, Value
from schemas.row import Row

CATALOGUE = shipped_catalogue()
MAKER = RowMaker(CATALOGUE)
OBSERVED = 1_686_207_556 * 10**9
ARRIVED = 1_686_207_557_013_000_000
RESPONSE = CommandResponse(
    serial="EH000281",
    id=48,
    accepted=True,
    ticks="638218043566469000",
    created_at=OBSERVED + 646_893_000,
    delivered_at=OBSERVED + 766_000_000,
    arrived_at=ARRIVED,
    result_code=None,
    comment=None,
    received_at=5,
)


def observation(number: int, value: Value, product: Product = Product.CHARGER, crc: int = 907) -> Observation:
    return Observation("EH000281", product, number, None, value, crc, OBSERVED, ARRIVED, 5)


@pytest.mark.parametrize(
    ("fact", "measurement", "field", "offset"),
    [
        (observation(48, 13.0), "charger_limit", ("dynamic_charger_current_a", 13.0), 557_013_907),
        (observation(48, "x"), "charger_limit", ("dynamic_charger_current_a_text", "x"), 557_013_907),
        (observation(48, None), "charger_limit", ("dynamic_charger_current_a_text", "null"), 557_013_907),
        (observation(118, "E1"), "charger_health", ("error_string", "E1"), 557_013_907),
        (observation(118, None), "charger_health", ("error_string", ""), 557_013_907),
        (observation(122, 1.5), "charger_energy", ("energy_per_hour_kwh", 1.5), 0),
        (observation(31, 8.5, Product.EQUALIZER), "equalizer_power", ("current_l1_a", 8.5), 0),
        (observation(31, 1.0), "charger_config", ("is_enabled", 1.0), 557_013_907),
        (observation(233, 4.5), "charger_other", ("o233", 4.5), 557_013_907),
        (observation(233, "x"), "charger_other", ("o233_text", "x"), 557_013_907),
        (observation(9_999, None, Product.EQUALIZER), "equalizer_other", ("o9999_text", "null"), 557_013_907),
    ],
)
def test_an_observation_is_one_field(
    fact: Observation, measurement: str, field: tuple[str, float | str], offset: int
) -> None:
    assert MAKER.row(fact) == Row(measurement, "EH000281", "", (), OBSERVED + offset, (field,))


def test_a_fine_stamp_and_a_missing_arrival() -> None:
    fine = observation(48, 13.0)._replace(observed_at=OBSERVED + 100)
    assert MAKER.row(fine).time == OBSERVED + 100
    assert MAKER.row(observation(48, 13.0)._replace(arrived_at=None)).time == OBSERVED + 907


def test_received_at_is_no_part_of_a_fact() -> None:
    assert MAKER.row(observation(48, 13.0)) == MAKER.row(observation(48, 13.0)._replace(received_at=None))
    assert MAKER.row(RESPONSE) == MAKER.row(RESPONSE._replace(received_at=None))


def test_the_documented_response() -> None:
    assert MAKER.row(RESPONSE) == Row(
        "command_response",
        "EH000281",
        "",
        (("command", "SetDynamicChargerCurrent"),),
        OBSERVED + 646_893_000,
        (
            ("command_id", 48.0),
            ("accepted", 1.0),
            ("delivery_ms", 119.107),
            ("response_ms", 366.107),
            ("ticks", "638218043566469000"),
        ),
    )


def test_what_a_response_does_not_have_is_absent() -> None:
    bare = RESPONSE._replace(id=99, accepted=False, ticks=None, delivered_at=None, arrived_at=None)
    row = MAKER.row(bare)
    assert row.tags == (("command", "c99"),)
    assert row.fields == (("command_id", 99.0), ("accepted", 0.0))
    said = MAKER.row(bare._replace(result_code=3.0, comment="")).fields
    assert said[2:] == (("result_code", 3.0), ("comment", ""))
    assert MAKER.row(bare._replace(result_code="E7")).fields[2] == ("result_code_text", "E7")


def test_a_device_whose_clock_is_behind_keeps_the_sign() -> None:
    row = MAKER.row(RESPONSE._replace(delivered_at=RESPONSE.created_at - 1_560_000_000))
    assert dict(row.fields)["delivery_ms"] == -1560.0


@pytest.mark.parametrize("spec", CATALOGUE.observations.values(), ids=lambda spec: f"{spec.product}-{spec.id}")
def test_every_row_fits_the_measurements(spec: ObservationSpec) -> None:
    fields = fact_measurements(CATALOGUE)[spec.measurement].fields
    values: tuple[Value, ...] = ("x", None) if spec.type.is_text else (1.0, "x", None)
    for value in values:
        row = MAKER.row(observation(spec.id, value, spec.product))
        ((name, kept),) = row.fields
        assert row.measurement == spec.measurement
        assert fields[name] is (FieldType.TEXT if isinstance(kept, str) else FieldType.NUMBER)
