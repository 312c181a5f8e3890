"""Explanations: they say what the core does, in every way a message can end, and never raise."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.decode import Decoder
from pipeline.core.line_protocol import to_line
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.rows import RowMaker
from pipeline.explain import NEXT_STEP, Explainer, Explanation, Verdict
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from schemas.observation import Observation
from schemas.reject import MEANING, RejectReason
from schemas.surprise import Surprise

CATALOGUE = shipped_catalogue()
ARRIVAL = {"ArrivalTime": "2023-06-08T06:59:17.0130000+00:00"}
RESPONSE = {
    "Comment": None,
    "DeliveredAt": "2023-06-08T06:59:16.7660000Z",
    "Id": 48,
    "ResultCode": None,
    "SerialNumber": "EH000281",
    "Ticks": 638218043566469000,
    "Timestamp": "2023-06-08T06:59:16.6468930Z",
    "WasAccepted": True,
}


def new_explainer(personal: Personal = Personal.DROP) -> Explainer:
    return Explainer(CATALOGUE, Decoder(CATALOGUE, Redaction(personal, b"key")), personal)


def explain(routing_key: str, body: object, headers: dict[str, str] | None = None) -> Explanation:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return new_explainer().explain_delivery(
        Delivery(routing_key, ARRIVAL if headers is None else headers, content, None)
    )


def finding(explanation: Explanation, topic: str) -> str:
    return next(step.finding for step in explanation.steps if step.topic == topic)


def reason_why(explanation: Explanation, topic: str) -> str:
    return next(step.why for step in explanation.steps if step.topic == topic)


def test_an_observation_becomes_the_row_that_the_core_makes() -> None:
    body = orjson.dumps({"Id": 48, "Timestamp": "2023-06-08T06:59:16.0000000+00:00", "Value": 13})
    delivery = Delivery("EH000281.O.48", ARRIVAL, body, None)
    explanation = new_explainer().explain_delivery(delivery)

    [record] = Decoder(CATALOGUE, Redaction(Personal.DROP)).decode([delivery]).outcomes
    assert isinstance(record, Observation)
    assert explanation.verdict is Verdict.ROW
    assert explanation.row == RowMaker(CATALOGUE).row(record)
    assert explanation.line == to_line(explanation.row)
    assert finding(explanation, "routing key") == "serial EH000281, kind O (observation), id 48"


def test_a_response_is_explained_with_its_command_and_latencies() -> None:
    explanation = explain("EH000281.CR.48", RESPONSE)

    assert finding(explanation, "command") == "48 SetDynamicChargerCurrent (Current_Amp integer A, TTL integer min)"
    assert finding(explanation, "shows in") == "48 DynamicChargerCurrent"
    assert finding(explanation, "answer") == "accepted"
    assert finding(explanation, "delivered") == "2023-06-08T06:59:16.766000000Z, 119.107 ms after creation"
    assert finding(explanation, "arrived") == "2023-06-08T06:59:17.013000000Z, 366.107 ms after creation"
    assert "command=SetDynamicChargerCurrent" in finding(explanation, "row")


def test_a_latency_without_its_clock_is_unknown() -> None:
    explanation = explain("EH000281.CR.48", {**RESPONSE, "DeliveredAt": "once"}, headers={})

    assert finding(explanation, "delivered") == "unknown"
    assert finding(explanation, "arrived") == "unknown"
    assert set(explanation.surprises) == {Surprise.DELIVERED_UNREADABLE, Surprise.ARRIVAL_MISSING}


def test_a_command_unknown_to_the_catalogue_goes_by_its_number() -> None:
    explanation = explain("EH000281.CR.999", {**RESPONSE, "Id": 999})

    assert finding(explanation, "command") == "c999"
    assert Surprise.UNKNOWN_COMMAND in explanation.surprises


def test_a_command_becomes_no_row_and_its_personal_arguments_stay_hidden() -> None:
    body = {"Id": 25, "Arguments": [{"Id": 1, "Value": "04AABBCC"}, {"Id": 2, "Value": "1"}]}
    explanation = explain("EH000281.C.25", body)

    assert explanation.verdict is Verdict.COMMAND
    assert explanation.line is None
    assert finding(explanation, "arguments") == '1: "present", 2: "1"'
    assert finding(explanation, "expires") == "never"
    assert "04AABBCC" not in str(explanation)


@pytest.mark.parametrize(
    ("routing_key", "body", "reason"),
    [
        ("EH000281", b"{}", RejectReason.ROUTING_KEY),
        ("EH000281.SYS.5", b"{}", RejectReason.KIND),
        ("EH000281.O.48", b"[" * 40, RejectReason.TOO_LARGE),
        ("EH000281.O.48", b"\xff", RejectReason.ENCODING),
        ("EH000281.O.48", b"{", RejectReason.JSON),
        ("EH000281.O.48", b"[]", RejectReason.SHAPE),
        ("EH000281.O.48", b'{"Id": 47, "Timestamp": "x", "Value": 1}', RejectReason.IDENTITY),
        ("EH000281.O.48", b'{"Id": 48, "Timestamp": "x", "Value": 1}', RejectReason.TIMESTAMP),
        ("EH000281.O.48", b'{"Id": 48, "Timestamp": "2029-01-01T00:00Z", "Value": 1}', RejectReason.CLOCK),
    ],
)
def test_a_reject_says_why_and_what_to_do(routing_key: str, body: bytes, reason: RejectReason) -> None:
    explanation = explain(routing_key, body)

    assert explanation.verdict is Verdict.REJECTED
    assert explanation.refusal is not None
    assert explanation.refusal.reason is reason
    assert explanation.refusal.meaning == MEANING[reason]
    assert explanation.refusal.detail
    assert explanation.refusal.next_step == NEXT_STEP[reason]
    assert explanation.refusal.key


def test_every_reason_has_a_next_step() -> None:
    assert set(NEXT_STEP) == set(RejectReason)


def test_a_wrapped_body_is_looked_into() -> None:
    body = {
        "Observation": {"Id": 48, "Timestamp": "2023-06-08T06:59:16Z", "Value": "13"},
        "RoutingKey": "EH000281.O.48",
    }
    explanation = explain("EH000281.O.48", body)

    assert Surprise.WRAPPED in explanation.surprises
    assert finding(explanation, "value") == '"13" -> 13.0'


def test_a_fourth_segment_is_said_to_be_unused() -> None:
    assert "fourth segment" in reason_why(new_explainer().explain_key("EH000281.CR.48.638"), "routing key")


def test_a_key_of_an_observation_tells_both_products_entries() -> None:
    explanation = new_explainer().explain_key("QP000281.O.31")

    assert explanation.verdict is Verdict.KEY
    assert finding(explanation, "product") == "equalizer"
    assert finding(explanation, "as charger").startswith("31 IsEnabled, boolean")
    assert finding(explanation, "as equalizer").startswith("31 CurrentL1, double in A")


def test_a_key_of_a_command_tells_the_command() -> None:
    explanation = new_explainer().explain_key("EH000281.C.22")

    assert "CurrentP1 double A" in finding(explanation, "command")
    assert finding(explanation, "shows in").startswith("111 ")


def test_an_unusable_key_is_refused_by_itself() -> None:
    explanation = new_explainer().explain_key("EH000281.O.65536")

    assert explanation.verdict is Verdict.REJECTED
    assert explanation.refusal is not None
    assert explanation.refusal.reason is RejectReason.ROUTING_KEY
    assert explanation.refusal.key is None


KEYS = st.one_of(
    st.text(max_size=20),
    st.builds(
        "{}.{}.{}".format, st.sampled_from(["EH1", "QP1"]), st.sampled_from(["O", "CR", "C"]), st.integers(0, 300)
    ),
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=5,
)


@given(KEYS, st.binary(max_size=50))
def test_no_bytes_make_it_raise(routing_key: str, body: bytes) -> None:
    assert new_explainer().explain_delivery(Delivery(routing_key, {}, body, None)).routing_key == routing_key


@given(st.sampled_from(sorted(CATALOGUE.observations)), JSON, st.sampled_from(Personal))
def test_every_value_of_every_id_is_explained(place: tuple[str, int], value: object, personal: Personal) -> None:
    product, number = place
    serial = "EH1" if product == "charger" else "QP1"
    body = orjson.dumps({"Id": number, "Timestamp": "2023-06-08T06:59:16Z", "Value": value})
    explanation = new_explainer(personal).explain_delivery(Delivery(f"{serial}.O.{number}", ARRIVAL, body, None))

    assert explanation.verdict is Verdict.ROW
    assert explanation.line is not None
    assert finding(explanation, "product") == product
