"""What is kept of a reject."""

import hashlib
import math
from datetime import UTC
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.wires.kept_reject import BODY_KEPT, COLUMNS, from_columns, to_columns
from pipeline.wires.state import RejectLimits, StateFile, WhenFull
from schemas.delivery import Delivery
from schemas.reject import Reject, RejectReason

REJECT = Reject(RejectReason.JSON, "EH1.O.48", {"ArrivalTime": "x", "n": 1, "none": None}, b"\xff{", 5, "why", "id")


def test_a_reject_comes_back_as_it_was() -> None:
    columns = to_columns(REJECT)
    assert len(columns) == len(COLUMNS)
    kept = from_columns(columns)
    assert (kept.key, kept.reason, kept.detail) == (REJECT.key, REJECT.reason, "why")
    assert kept.delivery == Delivery("EH1.O.48", REJECT.headers, b"\xff{", 5, "id")
    assert not kept.is_cut


def test_a_long_body_is_cut_and_says_so() -> None:
    body = b"x" * 10_000_000
    kept = from_columns(to_columns(REJECT._replace(body=body)))
    assert (len(kept.body), kept.body_length, kept.is_cut) == (BODY_KEPT, 10_000_000, True)
    assert kept.body_sha256 == hashlib.sha256(body).hexdigest()


JSON_LIKE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
    | st.binary(max_size=5)
    | st.binary(max_size=5).map(bytearray)
    | st.datetimes(timezones=st.just(UTC)).map(lambda time: time.replace(fold=0)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["bytes", "table", "datetime", "text"]), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.text(max_size=5), JSON_LIKE, max_size=3))
def test_headers_come_back_and_with_them_the_key(headers: dict[str, object]) -> None:
    kept = from_columns(to_columns(REJECT._replace(headers=headers)))
    assert kept.headers == headers
    assert Reject(kept.reason, *kept.delivery[:4], kept.detail).key == kept.key


def nested(depth: int) -> object:
    value: object = 1
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "value",
    [2**70, math.nan, -math.inf, Decimal("1.50"), nested(300), {1: 2}, "\ud800"],
    ids=lambda value: str(value)[:9],
)
def test_a_header_that_json_cannot_hold_is_kept_as_its_text(value: object) -> None:
    reject = REJECT._replace(headers={"x": value})
    kept = from_columns(to_columns(reject))
    assert kept.headers == {"x": str(value).encode(errors="backslashreplace").decode()}


def test_lone_surrogates_keep_nothing_from_being_kept(tmp_path: Path) -> None:
    bad = Reject(RejectReason.JSON, "EH\ud800", {"\ud800": "x"}, b"{", 5, "why \ud800", "id \ud800")
    limits = RejectLimits(most_bytes=10_000, keep_ns=1, when_full=WhenFull.STOP)
    with StateFile.open(tmp_path / "state", limits) as state:
        state.add_rejects([bad], 0)
        (kept,) = state.rejects()
    assert (kept.routing_key, kept.detail, kept.message_id) == ("EH\\ud800", "why \\ud800", "id \\ud800")
    assert kept.headers == {"\\ud800": "x"}


def test_the_size_counts_bytes_not_characters() -> None:
    assert to_columns(REJECT._replace(detail="é" * 50))[-1] - to_columns(REJECT._replace(detail=""))[-1] == 100
