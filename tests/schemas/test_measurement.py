"""Measurements: their names, tags and fields."""

from schemas.catalogue import shipped_catalogue
from schemas.measurement import (
    ALERT,
    CHARGER_CLOCK,
    CHARGER_HOUR,
    CHARGER_SNAPSHOT,
    COMMAND,
    COMMAND_OUTCOME,
    COMMAND_RESPONSE,
    DERIVED_FIELDS,
    OTHER,
    PIPELINE,
    SESSION,
    FieldType,
    derived_measurements,
    fact_measurements,
    operational_measurements,
    other_field,
)
from schemas.observation import Product

MEASUREMENTS = fact_measurements(shipped_catalogue())


def test_the_measurements_of_facts() -> None:
    assert set(MEASUREMENTS) == {
        *(f"charger_{name}" for name in ("mode", "power", "energy", "limit", "link", "health", "config", "other")),
        *(f"equalizer_{name}" for name in ("power", "energy", "link", "health", "config", "other")),
        "command_response",
    }


def test_a_number_has_a_text_field_beside_it_and_a_text_has_not() -> None:
    limit = MEASUREMENTS["charger_limit"].fields
    assert limit["dynamic_charger_current_a"] is FieldType.NUMBER
    assert limit["dynamic_charger_current_a_text"] is FieldType.TEXT
    health = MEASUREMENTS["charger_health"].fields
    assert health["error_string"] is FieldType.TEXT
    assert "error_string_text" not in health


def test_only_others_are_open() -> None:
    assert {measurement.name for measurement in MEASUREMENTS.values() if measurement.open_fields} == set(OTHER.values())
    assert OTHER == {Product.CHARGER: "charger_other", Product.EQUALIZER: "equalizer_other"}
    assert other_field(233) == "o233"


def test_responses_have_their_command_as_a_tag() -> None:
    response = MEASUREMENTS[COMMAND_RESPONSE]
    assert response.tags == ("command",)
    assert [name for name, kind in response.fields.items() if kind is FieldType.TEXT] == [
        "ticks",
        "result_code_text",
        "comment",
        "ref",
    ]
    assert set(DERIVED_FIELDS[COMMAND_RESPONSE]) < set(response.fields)


def test_rows_about_the_worker_are_no_facts() -> None:
    assert set(operational_measurements()) == {PIPELINE}
    assert operational_measurements()[PIPELINE].tags == ("worker",)
    assert PIPELINE not in MEASUREMENTS


def test_what_is_worked_out_has_measurements_of_its_own() -> None:
    derived = derived_measurements()
    assert set(derived) == {
        ALERT,
        CHARGER_CLOCK,
        CHARGER_HOUR,
        CHARGER_SNAPSHOT,
        COMMAND,
        COMMAND_OUTCOME,
        SESSION,
    }
    assert not set(derived) & {*MEASUREMENTS, *operational_measurements()}
    # A row's tags stand in the order of its measurement's.
    assert all(list(measurement.tags) == sorted(measurement.tags) for measurement in derived.values())
