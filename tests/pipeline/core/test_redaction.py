"""Redaction: no personal value leaves, and nothing else is touched."""

import hashlib
import hmac

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.body import Json
from pipeline.core.redaction import Personal, Redaction
from schemas.catalogue import ObservationSpec, shipped_catalogue
from schemas.observation import Product
from tests.oracle.values import Redactor

KEY = b"a key of the operator's, 32 bytes"
CATALOGUE = shipped_catalogue()
TOKEN = CATALOGUE.observations[Product.CHARGER, 128]
SESSION = CATALOGUE.observations[Product.CHARGER, 129]
POWER = CATALOGUE.observations[Product.CHARGER, 120]
SCHEDULE = CATALOGUE.observations[Product.CHARGER, 62]
CANARY = "Canary04A2B3"
DROP, HASH, KEEP = Redaction(Personal.DROP), Redaction(Personal.HASH, KEY), Redaction(Personal.KEEP)


def hashed(text: str) -> str:
    return hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("value", "dropped", "as_hash"),
    [
        (CANARY, "present", hashed(CANARY)),
        (1234, "present", hashed("1234")),
        ({"lat": 1}, "present", hashed('{"lat":1}')),
        ("", "", ""),
        (None, None, None),
    ],
)
def test_a_personal_value(value: Json, dropped: Json, as_hash: Json) -> None:
    assert DROP.redact_value(value, TOKEN) == dropped
    assert HASH.redact_value(value, TOKEN) == as_hash
    assert KEEP.redact_value(value, TOKEN) == value


def test_keys_inside_a_document_at_any_depth() -> None:
    value = (
        '{"Id": 7, "Auth": "x", "AuthReasonText": "", "IDToken": {"Token": "y"}, "a": [{"UserId": 5}, {"Auth": null}]}'
    )
    assert DROP.redact_value(value, SESSION) == (
        '{"Id":7,"Auth":"present","AuthReasonText":"","IDToken":"present","a":[{"UserId":"present"},{"Auth":null}]}'
    )
    redacted = HASH.redact_value(value, SESSION)
    assert isinstance(redacted, str)
    document = orjson.loads(redacted)
    assert document["Auth"] == hashed("x")
    assert document["IDToken"] == hashed('{"Token":"y"}')
    assert document["a"][0]["UserId"] == hashed("5")
    assert KEEP.redact_value(value, SESSION) == value


@pytest.mark.parametrize("value", ['{"Auth": "x"', "no json", "[" * 40 + "]" * 40, "[" * 2_000])
def test_a_document_that_cannot_be_read_is_wholly_personal(value: str) -> None:
    assert DROP.redact_value(value, SESSION) == "present"
    assert HASH.redact_value(value, SESSION) == hashed(value)


@pytest.mark.parametrize(("value", "left"), [('"x"', '"x"'), ("null", "null"), ("[1, 2]", "[1,2]"), ("", "")])
def test_a_document_without_such_keys_is_only_written_anew(value: str, left: str) -> None:
    assert DROP.redact_value(value, SESSION) == left


@pytest.mark.parametrize("spec", [POWER, SCHEDULE])
@pytest.mark.parametrize("value", [7.25, '{"Auth": "x"}', None, "", True])
def test_what_is_not_personal_stays_as_sent(spec: ObservationSpec, value: Json) -> None:
    assert DROP.redact_value(value, spec) == value


PERSONAL = [spec for spec in CATALOGUE.observations.values() if spec.personal or spec.personal_keys]
KEYS = st.sampled_from(["Auth", "UserId", "IDToken", "AuthReasonText", "Id", "x"])


def documents(leaves: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4))


@given(
    st.sampled_from(PERSONAL),
    documents(st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=3)),
    st.booleans(),
)
def test_the_oracle_redacts_the_same(spec: ObservationSpec, document: Json, as_text: bool) -> None:
    value: Json = orjson.dumps(document).decode() if as_text else document
    for way, redaction in ((Personal.DROP, DROP), (Personal.HASH, HASH), (Personal.KEEP, KEEP)):
        oracle = Redactor(way.value, KEY)
        assert redaction.redact_value(value, spec) == oracle.value(value, spec.personal, sorted(spec.personal_keys))


@given(st.sampled_from(PERSONAL), documents(st.just(CANARY)))
def test_no_canary_survives_under_a_personal_key(spec: ObservationSpec, document: Json) -> None:
    planted: Json = dict.fromkeys(spec.personal_keys, document) or document
    for value in (planted, orjson.dumps(planted).decode()):
        for redaction in (DROP, HASH):
            assert CANARY not in str(redaction.redact_value(value, spec))


def test_a_hash_needs_a_key() -> None:
    with pytest.raises(ValueError, match="needs a key"):
        Redaction(Personal.HASH)
