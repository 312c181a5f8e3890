"""Coercion: the whole table of JSON values against catalogue types."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.body import Json
from pipeline.core.coercion import COERCE, NATIVE, compact_json, number_of_text, to_any, type_of_hint
from schemas.catalogue import ValueType
from schemas.observation import Value
from tests.oracle.values import KEEP, keep_unknown

DOUBLE, INTEGER, BOOLEAN, STRING = ValueType.DOUBLE, ValueType.INTEGER, ValueType.BOOLEAN, ValueType.STRING
CASES: list[tuple[ValueType, Json, Value]] = [
    (DOUBLE, 13, 13.0),
    (DOUBLE, 1.4140000343322754, 1.4140000343322754),
    (DOUBLE, "1.4140000343322754", 1.4140000343322754),
    (DOUBLE, " 13\n", 13.0),
    (DOUBLE, "1e3", 1000.0),
    (DOUBLE, "-0", -0.0),
    (DOUBLE, True, 1.0),
    (DOUBLE, False, 0.0),
    (DOUBLE, "true", "true"),
    (DOUBLE, "1,5", "1,5"),
    (DOUBLE, "0x10", "0x10"),
    (DOUBLE, "+5", "+5"),
    (DOUBLE, ".5", ".5"),
    (DOUBLE, "05", "05"),
    (DOUBLE, "1_000", "1_000"),
    (DOUBLE, "٤", "٤"),
    (DOUBLE, "", ""),
    (DOUBLE, "NaN", "NaN"),
    (DOUBLE, "Infinity", "Infinity"),
    (DOUBLE, "1e400", "1e400"),
    (DOUBLE, "9" * 400, "9" * 400),
    (DOUBLE, None, None),
    (DOUBLE, [1, 2], "[1,2]"),
    (DOUBLE, {"a": 1}, '{"a":1}'),
    (INTEGER, 55, 55.0),
    (INTEGER, 55.0, 55.0),
    (INTEGER, "55.0", 55.0),
    (INTEGER, "1e3", 1000.0),
    (INTEGER, 55.5, "55.5"),
    (INTEGER, "55.5", "55.5"),
    (INTEGER, True, 1.0),
    (INTEGER, 18_446_744_073_709_551_615, 18_446_744_073_709_551_615.0),
    (BOOLEAN, True, 1.0),
    (BOOLEAN, "True", 1.0),
    (BOOLEAN, " FALSE ", 0.0),
    (BOOLEAN, 1, 1.0),
    (BOOLEAN, "0", 0.0),
    (BOOLEAN, "1.0", 1.0),
    (BOOLEAN, 2, "2"),
    (BOOLEAN, "2", "2"),
    (BOOLEAN, "on", "on"),
    (BOOLEAN, 0.5, "0.5"),
    (BOOLEAN, None, None),
    (STRING, "13", "13"),
    (STRING, " 0012 ", " 0012 "),
    (STRING, "", ""),
    (STRING, 13, "13"),
    (STRING, True, "true"),
    (STRING, None, None),
    (ValueType.POSITION, {"lat": 59.9, "lon": 10}, '{"lat":59.9,"lon":10}'),
]


@pytest.mark.parametrize(("value_type", "value", "kept"), CASES)
def test_the_type_decides(value_type: ValueType, value: Json, kept: Value) -> None:
    result = COERCE[value_type](value)
    assert (result, type(result)) == (kept, type(kept))


ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.from_regex(r"[ ]?-?[0-9]{1,3}(\.[0-9]{1,2})?(e[0-9]{1,3})?", fullmatch=True),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.sampled_from(ValueType), ANY_JSON)
def test_the_oracle_keeps_the_same(value_type: ValueType, value: Json) -> None:
    kept = COERCE[value_type](value)
    if value is None:
        assert kept is None
    else:
        assert KEEP[value_type.value](value) == ("number" if isinstance(kept, float) else "text", kept)


@given(ANY_JSON)
def test_a_value_without_a_type_keeps_jsons_own(value: Json) -> None:
    kept = to_any(value)
    if value is not None:
        assert keep_unknown(value, None) == ("number" if isinstance(kept, float) else "text", kept)


@pytest.mark.parametrize(
    ("description", "hint"),
    [
        ("Max current (A). Volatile [Double]", DOUBLE),
        ("x [integer] \n", INTEGER),
        ("x [Boolean]", BOOLEAN),
        ("[String]", STRING),
        ("x [Position]", ValueType.POSITION),
        ("x [Double] y", None),
        ("x [Decimal]", None),
        ("x [a][Double]", DOUBLE),
        ("", None),
        (None, None),
        (5, None),
    ],
)
def test_a_hint_stands_at_the_end_of_a_description(description: Json, hint: ValueType | None) -> None:
    assert type_of_hint(description) is hint


def test_a_finite_number_by_jsons_grammar() -> None:
    assert number_of_text("1.5") == 1.5
    assert number_of_text("1e400") is None
    assert number_of_text("1.") is None


def test_every_type_has_its_rule() -> None:
    assert COERCE.keys() == NATIVE.keys() == set(ValueType)
    assert compact_json({"a": [1, "é"]}) == '{"a":[1,"é"]}'


@pytest.mark.parametrize("value_type", ValueType)
@given(value=st.one_of(st.booleans(), st.integers(-(2**63), 2**64 - 1), st.floats(), st.text(), st.just({"a": [1.0]})))
def test_what_a_type_promises_is_read_by_the_short_way_alike(value_type: ValueType, value: Json) -> None:
    short = NATIVE[value_type].get(type(value))
    if short is not None:
        assert repr(short(value)) == repr(COERCE[value_type](value))
