"""Stored facts: a row read back is the observation that it was made of, as far as a row can tell."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.body import Json
from pipeline.core.coercion import to_double
from pipeline.core.rows import RowMaker
from pipeline.core.same_stamp import value_crc
from pipeline.core.stored_facts import StoredFacts
from pipeline.core.timestamps import NS_PER_MS, NS_PER_S
from schemas.catalogue import shipped_catalogue
from schemas.observation import Observation, Product, Value
from schemas.row import Field

STAMP = 1_686_207_556 * NS_PER_S
POWER, MODE, LIFETIME, SESSION = 120, 109, 124, 129
FACTS = StoredFacts(shipped_catalogue(), Product.CHARGER)
ROWS = RowMaker(shipped_catalogue())


def observed(number: int, sent: Json, value: Value, observed_at: int, arrived_at: int | None) -> Observation:
    keeps_apart = number != LIFETIME
    crc = value_crc(sent) if keeps_apart else 0
    return Observation("EH1", Product.CHARGER, number, None, value, crc, observed_at, arrived_at, None)


def read_back(observation: Observation) -> list[Observation]:
    row = ROWS.row(observation)
    return list(FACTS.observations(row.measurement, row.charger, row.time, row.fields))


numbers = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.booleans(),
    st.integers(-1_000, 1_000).map(str),
    st.sampled_from(["true", "false", "True", "False"]),
)


@given(numbers, st.integers(STAMP, STAMP + 10**6), st.one_of(st.none(), st.integers(-99_999, 899_999)))
def test_a_number_of_a_whole_second_comes_back_with_its_arrival(sent: Json, second: int, lag_ms: int | None) -> None:
    observed_at = second // NS_PER_S * NS_PER_S
    arrived_at = None if lag_ms is None else observed_at + lag_ms * NS_PER_MS
    words = {"true": 1.0, "false": 0.0}
    value = words[sent.lower()] if isinstance(sent, str) and sent.lower() in words else to_double(sent)
    observation = observed(POWER, sent, value, observed_at, arrived_at)
    (found,) = read_back(observation)
    if arrived_at is not None and arrived_at // NS_PER_MS % 10**6 == 0:
        arrived_at = None
    assert found == observation._replace(arrived_at=arrived_at, value_crc=found.value_crc)
    assert found.value_crc % 1_000 == observation.value_crc % 1_000


@pytest.mark.parametrize("sent", ["", "a text", "é", '{"Id":1,"Start":"2026-01-01T00:00:00Z"}', {"Id": 1}])
def test_a_text_comes_back(sent: Json) -> None:
    value = sent if isinstance(sent, str) else orjson.dumps(sent).decode()
    observation = observed(SESSION, sent, value, STAMP, STAMP + 1_234 * NS_PER_MS)
    assert read_back(observation) == [observation]


def test_a_finer_stamp_stays_as_it_is() -> None:
    observation = observed(MODE, 3, 3.0, STAMP + 123_456_700, STAMP + NS_PER_S)
    assert read_back(observation) == [observation._replace(arrived_at=None)]


def test_where_the_last_of_a_second_wins_only_the_stamp_is_known() -> None:
    observation = observed(LIFETIME, 1234.5, 1234.5, STAMP, STAMP + NS_PER_S)
    assert read_back(observation) == [observation._replace(arrived_at=None)]


def test_a_number_that_came_as_text_which_nobody_can_guess_keeps_its_moved_stamp() -> None:
    observation = observed(POWER, "13.50", 13.5, STAMP, STAMP + 1_234 * NS_PER_MS)
    (found,) = read_back(observation)
    assert (found.observed_at, found.arrived_at) == (ROWS.row(observation).time, None)


def test_later_than_900_s_the_arrival_is_taken_for_an_earlier_one() -> None:
    observation = observed(POWER, 5, 5.0, STAMP, STAMP + 1_500 * NS_PER_S)
    (found,) = read_back(observation)
    assert found.arrived_at == STAMP + 500 * NS_PER_S


def test_what_has_no_observation_gives_none() -> None:
    fields: list[Field] = [("total_power_kw_text", "much"), ("unheard_of", 1.0), ("total_power_kw", "not a number")]
    assert list(FACTS.observations("charger_power", "EH1", STAMP, fields)) == []


def test_every_field_of_the_catalogue_can_be_read() -> None:
    specs = [spec for spec in shipped_catalogue().observations.values() if spec.product is Product.CHARGER]
    assert sum(len(list(names)) for names in FACTS.fields.values()) == len(specs)
