"""What is kept of a reject."""

import hashlib
from datetime import UTC, datetime

import pytest

from pipeline.wires.kept_reject import BODY_KEPT, COLUMNS, from_columns, to_columns
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


@pytest.mark.parametrize(
    "headers",
    [
        {"b": b"\x00\xff"},
        {"t": datetime(2023, 6, 8, 6, 59, 17, 13_000, UTC)},
        {"d": {"a": 1}, "l": [1, "x"], "f": 1.5, "big": 2**63},
    ],
)
def test_headers_come_back(headers: dict[str, object]) -> None:
    assert from_columns(to_columns(REJECT._replace(headers=headers))).headers == headers


@pytest.mark.parametrize("headers", [{"s": "\ud800"}, {"huge": 2**70}, {"o": object()}, {"\ud800": "x"}])
def test_no_header_keeps_a_reject_from_being_kept(headers: dict[str, object]) -> None:
    kept = from_columns(to_columns(REJECT._replace(headers=headers, routing_key="EH\ud800")))
    assert len(kept.headers) == 1
    assert kept.routing_key == "EH\\ud800"
