"""Bodies: bytes to an object, within limits."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.body import MAX_BYTES, MAX_DEPTH, has_byte_order_mark, is_deep, read_object, unwrap
from pipeline.core.refusal import RefusedError
from pipeline.core.routing_key import Kind
from schemas.reject import RejectReason
from tests.oracle.values import depth


def sized(size: int) -> bytes:
    """A JSON object of exactly so many bytes."""
    return b'{"a":"' + b"x" * (size - 8) + b'"}'


def nested(levels: int) -> bytes:
    return b'{"a":' * (levels - 1) + b"{}" + b"}" * (levels - 1)


REFUSED = {
    "one byte too large": (sized(MAX_BYTES + 1), RejectReason.TOO_LARGE),
    "10 MB": (sized(10**7), RejectReason.TOO_LARGE),
    "one level too deep": (nested(MAX_DEPTH + 1), RejectReason.TOO_LARGE),
    "lists too deep": (b"[" * 33 + b"]" * 33, RejectReason.TOO_LARGE),
    "10,000 deep": (b"[" * 10_000 + b"]" * 10_000, RejectReason.TOO_LARGE),
    "deep and broken": (b"[" * 40, RejectReason.TOO_LARGE),
    "deep and not UTF-8": (b"[" * 40 + b"\xff", RejectReason.TOO_LARGE),
    "not UTF-8": (b'{"a":"\xff"}', RejectReason.ENCODING),
    "a surrogate in UTF-8": (b'{"a":"\xed\xa0\x80"}', RejectReason.ENCODING),
    "empty": (b"", RejectReason.JSON),
    "cut off": (b'{"a":1', RejectReason.JSON),
    "NaN": (b'{"a":NaN}', RejectReason.JSON),
    "Infinity": (b'{"a":Infinity}', RejectReason.JSON),
    "a number beyond a double": (b'{"a":1e400}', RejectReason.JSON),
    "a number of 400 digits": (b'{"a":' + b"1" * 400 + b"}", RejectReason.JSON),
    "a lone surrogate": (b'{"a":"\\ud800"}', RejectReason.JSON),
    "only a byte order mark": (b"\xef\xbb\xbf", RejectReason.JSON),
    "two byte order marks": (b"\xef\xbb\xbf\xef\xbb\xbf{}", RejectReason.JSON),
    "a list": (b"[]", RejectReason.SHAPE),
    "null": (b"null", RejectReason.SHAPE),
    "text behind a byte order mark": (b'\xef\xbb\xbf"a"', RejectReason.SHAPE),
}


@pytest.mark.parametrize(("body", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_a_body_that_is_no_object_is_refused(body: bytes, reason: RejectReason) -> None:
    with pytest.raises(RefusedError) as refused:
        read_object(body)
    assert refused.value.reason is reason


@pytest.mark.parametrize("body", [sized(MAX_BYTES), nested(MAX_DEPTH), b"{}", b' {"a": "[[[[" } '])
def test_the_limits_themselves_are_allowed(body: bytes) -> None:
    assert read_object(body) == orjson.loads(body)


def test_a_byte_order_mark_is_skipped() -> None:
    assert read_object(b'\xef\xbb\xbf{"a":1}') == {"a": 1}
    assert has_byte_order_mark(b"\xef\xbb\xbf{}")
    assert not has_byte_order_mark(b"{}")


def test_of_a_member_given_twice_the_last_counts() -> None:
    assert read_object(b'{"a":1,"a":2}') == {"a": 2}


BRACKETS = st.sampled_from([b"[", b"]", b"{", b"}", b'"', b"\\", b"a", b'\\"', b"[" * 20, b"{" * 20])


@given(st.lists(BRACKETS, max_size=80).map(b"".join))
def test_depth_is_that_of_a_scan_by_character(text: bytes) -> None:
    assert is_deep(text) == (depth(text) > MAX_DEPTH)


@pytest.mark.parametrize("text", [b'\\"' * 100_000 + b"\\", b'"' * 200_001, b'"\\' * 100_000, b"[]" * 100_000])
def test_depth_of_hostile_text_needs_one_pass(text: bytes) -> None:
    assert not is_deep(text)


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        body.decode()
        value = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        value = None
    if isinstance(value, dict):
        assert read_object(body) == value
    else:
        with pytest.raises(RefusedError):
            read_object(body)


def test_a_wrapper_holds_the_body_of_its_kind() -> None:
    inner: dict[str, object] = {"Id": 1}
    assert unwrap({"Observation": {"Id": 1}}, Kind.OBSERVATION) == inner
    assert unwrap({"CommandResponse": {"Id": 1}}, Kind.RESPONSE) == inner
    assert unwrap({"CommandResponse": {"Id": 1}}, Kind.OBSERVATION) is None
    assert unwrap({"Observation": {"Id": 1}}, Kind.COMMAND) is None
    with pytest.raises(RefusedError) as refused:
        unwrap({"Observation": [1]}, Kind.OBSERVATION)
    assert refused.value.reason is RejectReason.SHAPE
