"""Enumerations: the codes of the documents, tied to coded observations."""

from schemas.catalogue import ValueType, shipped_catalogue
from schemas.enumerations import BY_OBSERVATION, OP_MODE, OUTPUT_PHASE, POWER_GRID_TYPE, REASON_FOR_NO_CURRENT


def test_codes_belong_to_integers_of_the_catalogue() -> None:
    observations = shipped_catalogue().observations
    assert {observations[place].name for place in BY_OBSERVATION} == {
        "DetectedPowerGridType",
        "PhaseMode",
        "OfflineChargingMode",
        "ReasonForNoCurrent",
        "ChargerOpMode",
        "OutputPhase",
        "ChargerRAT",
    }
    assert {observations[place].type for place in BY_OBSERVATION} == {ValueType.INTEGER}


def test_the_documented_codes_are_there() -> None:
    assert list(OP_MODE) == list(range(9))
    assert OP_MODE[3] == "Charging"
    assert set(OUTPUT_PHASE) == {0, *range(10, 16), 20, 21, 22, 30}
    assert set(POWER_GRID_TYPE) == {*range(6), 30, 31, 50, 51, 52}
    assert set(REASON_FOR_NO_CURRENT) == {*range(12), *range(25, 31), *range(50, 58), *range(75, 82), 100}


def test_names_are_told_apart() -> None:
    for codes in (OP_MODE, REASON_FOR_NO_CURRENT, POWER_GRID_TYPE):
        assert len(set(codes.values())) == len(codes)
