"""Values that devices send."""

from random import Random

import orjson
import pytest

from pipeline.simulator.values import draw_value, session_json, widen
from schemas.catalogue import ObservationSpec, ValueType, shipped_catalogue
from schemas.observation import Product

CATALOGUE = shipped_catalogue()
JSON_TYPES: dict[ValueType, tuple[type, ...]] = {
    ValueType.BOOLEAN: (bool,),
    ValueType.DOUBLE: (int, float),
    ValueType.INTEGER: (int,),
    ValueType.POSITION: (dict,),
    ValueType.STRING: (str,),
}


@pytest.mark.parametrize("spec", CATALOGUE.observations.values(), ids=lambda spec: f"{spec.product}-{spec.id}")
def test_every_id_of_the_catalogue_has_a_value_of_its_type(spec: ObservationSpec) -> None:
    random = Random(1)
    for _ in range(20):
        value = draw_value(spec, random)
        assert type(value) in JSON_TYPES[spec.type]
        if spec.json and value:
            assert isinstance(value, str)
            assert orjson.loads(value)


def test_doubles_are_widened_float32() -> None:
    assert widen(1.414) == 1.4140000343322754


def test_a_session_names_who_charged() -> None:
    document = orjson.loads(session_json(Random(1), 7, 12.3456, "a", None))
    assert (document["Id"], document["Energy"], document["Start"], document["Stop"]) == (7, 12.346, "a", None)
    personal = CATALOGUE.observations[Product.CHARGER, 129].personal_keys
    assert {"Auth", "AuthReasonText", "IDToken"} <= document.keys() & personal
