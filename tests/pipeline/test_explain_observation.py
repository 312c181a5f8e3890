"""The steps of an observation: each says what the core did, and no personal value is shown."""

import orjson
import pytest

from pipeline.core.decode import Decoder
from pipeline.core.redaction import Personal, Redaction
from pipeline.explain import Explainer, Explanation
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery

CATALOGUE = shipped_catalogue()
ARRIVAL = {"ArrivalTime": "2023-06-08T06:59:17.0130000+00:00"}
STAMP = "2023-06-08T06:59:16.0000000+00:00"


def explain(
    routing_key: str, members: dict[str, object], personal: Personal = Personal.DROP, arrives: bool = True
) -> Explanation:
    body = orjson.dumps({"Id": int(routing_key.rpartition(".")[2]), "Timestamp": STAMP, **members})
    explainer = Explainer(CATALOGUE, Decoder(CATALOGUE, Redaction(personal, b"key")), personal)
    return explainer.explain_delivery(Delivery(routing_key, ARRIVAL if arrives else {}, body, None))


def step(explanation: Explanation, topic: str) -> tuple[str, str]:
    return next((step.finding, step.why) for step in explanation.steps if step.topic == topic)


@pytest.mark.parametrize(
    ("routing_key", "name", "product", "because"),
    [
        ("EH1.O.31", "IsEnabled", "charger", "Name is this product's"),
        ("EH1.O.31", "CurrentL1", "equalizer", "weighs more than the serial"),
        ("EH1.O.31", "Something", "charger", "Name is not the catalogue's"),
        ("EH1.O.31", None, "charger", "no usable Name"),
        ("QP1.O.31", None, "equalizer", "no usable Name"),
    ],
)
def test_the_product_is_told_by_name_or_serial(routing_key: str, name: str | None, product: str, because: str) -> None:
    found, why = step(explain(routing_key, {"Name": name, "Value": 1}), "product")

    assert found == product
    assert because in why


@pytest.mark.parametrize(
    ("value", "shown", "because"),
    [
        (13, "13 -> 13.0", "double, as the catalogue says"),
        ("13", '"13" -> 13.0', "came as text, and is kept as the catalogue's double"),
        (True, "true -> 1.0", "came as a boolean"),
        ("much", '"much" -> "much"', "does not fit the catalogue's double"),
        ([1], '[1] -> "[1]"', "kept as text in dynamic_charger_current_a_text"),
        (None, "null -> null", "the text field dynamic_charger_current_a_text tells"),
    ],
)
def test_a_value_is_shown_as_sent_and_as_kept(value: object, shown: str, because: str) -> None:
    found, why = step(explain("EH1.O.48", {"Value": value}), "value")

    assert found == shown
    assert because in why


@pytest.mark.parametrize(
    ("description", "because"),
    [("Something new [Double]", "ends in [Double], so it is read as double"), ("Something new", "JSON's own type")],
)
def test_an_unknown_id_is_read_by_its_description_or_as_it_is(description: str, because: str) -> None:
    explanation = explain("EH1.O.9999", {"Value": "13", "Description": description})

    assert because in step(explanation, "value")[1]
    assert step(explanation, "catalogue") == (
        "no entry of id 9999 for charger",
        "kept all the same: numbers in charger_other.o9999, text in o9999_text",
    )


@pytest.mark.parametrize("routing_key", ["EH1.O.128", "EH1.O.129"])
@pytest.mark.parametrize("personal", [Personal.DROP, Personal.HASH])
def test_a_personal_value_is_never_shown(routing_key: str, personal: Personal) -> None:
    secret = "04AABBCC"
    value = secret if routing_key == "EH1.O.128" else orjson.dumps({"Id": 7, "Auth": secret}).decode()
    explanation = explain(routing_key, {"Value": value}, personal)

    assert secret not in str(explanation)
    found, why = step(explanation, "value")
    assert found.startswith("(not shown) -> ")
    assert f"PERSONAL={personal}" in why


def test_a_personal_value_is_shown_where_the_setting_keeps_it() -> None:
    found, _ = step(explain("EH1.O.128", {"Value": "04AABBCC"}, Personal.KEEP), "value")

    assert found == '"04AABBCC" -> "04AABBCC"'


def test_that_a_personal_value_is_empty_is_no_secret() -> None:
    assert step(explain("EH1.O.128", {"Value": ""}), "value")[0] == '"" -> ""'


@pytest.mark.parametrize(("value", "meaning"), [(3, "Charging"), ("3", "Charging"), (77, "unknown")])
def test_a_code_is_shown_with_its_meaning(value: object, meaning: str) -> None:
    assert step(explain("EH1.O.109", {"Value": value}), "code")[0] == meaning


def test_a_value_without_codes_has_none() -> None:
    assert "code" not in [step.topic for step in explain("EH1.O.48", {"Value": 3}).steps]


def test_a_fraction_is_no_code() -> None:
    assert "code" not in [step.topic for step in explain("EH1.O.109", {"Value": 3.5}).steps]


def test_the_arithmetic_of_a_whole_second_adds_up() -> None:
    explanation = explain("EH1.O.48", {"Value": 13})
    found, why = step(explanation, "row time")

    assert explanation.row is not None
    # 2023-06-08T06:59:17.013 is 1686207557013 ms; crc32 of "13" is 945058907.
    assert explanation.row.time == 1_686_207_556_000_000_000 + 557_013_000 + 907
    assert "stamp + 557,013,000 ns for its ArrivalTime + 907 ns for its value (crc32 945058907)" in why
    assert found == "2023-06-08T06:59:16.557013907Z"


def test_without_arrival_only_the_value_moves_the_time() -> None:
    explanation = explain("EH1.O.48", {"Value": 13}, arrives=False)

    assert "stamp + 0 ns for its ArrivalTime + 907 ns for its value" in step(explanation, "row time")[1]
    assert step(explanation, "arrived")[0] == "unknown"


@pytest.mark.parametrize(
    ("routing_key", "stamp", "because"),
    [
        ("EH1.O.48", "2023-06-08T06:59:16.1234567Z", "finer than a second"),
        ("EH1.O.183", STAMP, "same_stamp replace"),
    ],
)
def test_other_stamps_stay_as_they_are(routing_key: str, stamp: str, because: str) -> None:
    explanation = explain(routing_key, {"Value": 13, "Timestamp": stamp})
    found, why = step(explanation, "row time")

    assert because in why
    assert found == step(explanation, "stamp")[0]


def test_a_negative_latency_keeps_its_sign() -> None:
    found, _ = step(explain("EH1.O.48", {"Value": 13, "Timestamp": "2023-06-08T06:59:31Z"}), "arrived")

    assert found == "2023-06-08T06:59:17.013000000Z, -13987.0 ms after the stamp"
