"""Stream rejects: nothing personal reaches a topic, and everything else does."""

import pytest

from pipeline.core.decode import Decoder
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.stream_records import StreamReader, to_json
from pipeline.core.stream_rejects import BODY_KEPT, RejectMaker, of_stream
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from schemas.reject import Reject, RejectReason

CATALOGUE = shipped_catalogue()
PERSONAL_ID = next(spec.id for spec in CATALOGUE.observations.values() if spec.personal)
KEYED_ID = next(spec.id for spec in CATALOGUE.observations.values() if spec.personal_keys)
PERSONAL_COMMAND = next(spec.id for spec in CATALOGUE.commands.values() if spec.personal_arguments)
SECRET = "Kari Nordmann"


def refuse(routing_key: str, body: bytes) -> Reject:
    """What decode makes of a delivery that it refuses."""
    delivery = Delivery(routing_key, {"ArrivalTime": "2026-01-02T03:04:05Z"}, body, 5)
    (outcome,) = Decoder(CATALOGUE, Redaction(Personal.KEEP)).decode([delivery]).outcomes
    assert isinstance(outcome, Reject)
    return outcome


@pytest.mark.parametrize(
    "routing_key",
    [
        f"EH1.O.{PERSONAL_ID}",
        f"EH1.O.{KEYED_ID}",
        f"EH1.C.{PERSONAL_COMMAND}",
        "EH1.OP.120",
        "no key",
        "EH1.O.x",
    ],
)
def test_what_may_be_personal_is_replaced_as_a_whole(routing_key: str) -> None:
    reject = refuse(routing_key, f'{{"Value": "{SECRET}"'.encode())
    dropped = RejectMaker(CATALOGUE, Redaction(Personal.DROP)).of_delivery(reject)
    assert (dropped.body, dropped.is_redacted) == (b"present", True)
    hashed = RejectMaker(CATALOGUE, Redaction(Personal.HASH, b"k" * 32)).of_delivery(reject)
    assert len(hashed.body) == 64
    for made in (dropped, hashed):
        assert SECRET.encode() not in to_json(made)
        assert (made.key, made.body_length) == (reject.key, len(reject.body))
    kept = RejectMaker(CATALOGUE, Redaction(Personal.KEEP)).of_delivery(reject)
    assert (kept.body, kept.is_redacted) == (reject.body, False)


def test_a_body_of_another_id_than_its_key_may_be_personal() -> None:
    body = f'{{"Id": {PERSONAL_ID}, "Timestamp": "2026-01-02T03:04:05Z", "Value": "{SECRET}"}}'.encode()
    reject = refuse("EH1.O.120", body)
    assert reject.reason is RejectReason.IDENTITY
    assert RejectMaker(CATALOGUE, Redaction(Personal.DROP)).of_delivery(reject).is_redacted


@pytest.mark.parametrize("routing_key", ["EH1.O.120", "EH1.O.59999", "EH1.CR.22", "EH1.C.22"])
def test_what_cannot_be_personal_is_there_as_it_came(routing_key: str) -> None:
    reject = refuse(routing_key, b"\xff{")
    made = RejectMaker(CATALOGUE, Redaction(Personal.DROP)).of_delivery(reject)
    assert (made.body, made.is_redacted, made.reason) == (b"\xff{", False, reject.reason)
    assert made.headers == (("ArrivalTime", "2026-01-02T03:04:05Z"),)
    assert made.received_at == 5


def test_long_bodies_are_cut_and_lone_surrogates_written_out() -> None:
    reject = Reject(RejectReason.STORE, "EH1.O.\ud800", {"a": 1}, b"x" * 300_000, None, "\ud800", "\ud800")
    made = of_stream(reject)
    assert (len(made.body), made.body_length) == (BODY_KEPT, 300_000)
    assert StreamReader().read(to_json(made), "t").records == [made]
