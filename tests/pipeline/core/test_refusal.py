"""Refusals."""

from pipeline.core.refusal import RefusedError
from schemas.reject import RejectReason


def test_a_refusal_names_reason_and_culprit() -> None:
    refused = RefusedError(RejectReason.SHAPE, "member Id is missing")
    assert (refused.reason, refused.detail) == (RejectReason.SHAPE, "member Id is missing")
    assert str(refused) == "shape: member Id is missing"
