"""Rejects: a closed set of reasons, and an identity."""

from datetime import UTC, datetime

from schemas.reject import MEANING, Reject, RejectReason

REJECT = Reject(RejectReason.JSON, "EH1.O.48", {"ArrivalTime": "x", "n": 1}, b"body", 5, "why")


def test_every_reason_has_a_meaning() -> None:
    assert MEANING.keys() == set(RejectReason)


def test_the_order_of_reasons_is_that_of_the_rules() -> None:
    assert [reason.value for reason in RejectReason] == [
        "routing_key",
        "kind",
        "too_large",
        "encoding",
        "json",
        "shape",
        "identity",
        "timestamp",
        "clock",
        "retention",
        "store",
        "version",
        "internal",
    ]


def test_a_redelivery_is_the_same_reject() -> None:
    again = REJECT._replace(reason=RejectReason.SHAPE, detail="other words", received_at=9)
    assert again.key == REJECT.key
    assert REJECT._replace(headers={"n": 1, "ArrivalTime": "x"}).key == REJECT.key
    assert len(REJECT.key) == 32
    assert int(REJECT.key, 16)


def test_another_delivery_is_another_reject() -> None:
    others = [
        REJECT._replace(body=b"bodz"),
        REJECT._replace(routing_key="EH1.O.49"),
        REJECT._replace(headers={"ArrivalTime": "y", "n": 1}),
        REJECT._replace(headers={}),
        REJECT._replace(routing_key="EH1.O.4", body=b"8body"),
        REJECT._replace(headers={"t": datetime(2023, 1, 1, tzinfo=UTC)}),
        REJECT._replace(routing_key="\ud800"),
    ]
    assert len({reject.key for reject in [REJECT, *others]}) == len(others) + 1
