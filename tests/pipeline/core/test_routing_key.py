"""Routing keys: what is usable, and the reason where one is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.refusal import RefusedError
from pipeline.core.routing_key import Kind, RoutingKey, RoutingKeyReader, parse_id
from schemas.reject import RejectReason
from tests.oracle.reading import RejectedError, read_key

USABLE = {
    "EH000281.O.48": RoutingKey("EH000281", Kind.OBSERVATION, 48),
    "EH000281.CR.48": RoutingKey("EH000281", Kind.RESPONSE, 48),
    "EH000281.C.48": RoutingKey("EH000281", Kind.COMMAND, 48),
    "EH000281.CR.48.638218043566469000": RoutingKey("EH000281", Kind.RESPONSE, 48, is_extended=True),
    "EH000281.O.48.": RoutingKey("EH000281", Kind.OBSERVATION, 48, is_extended=True),
    "a-b_C9.O.0": RoutingKey("a-b_C9", Kind.OBSERVATION, 0),
    "X.O.65535": RoutingKey("X", Kind.OBSERVATION, 65_535),
    "X.O.00048": RoutingKey("X", Kind.OBSERVATION, 48),
    "x" * 64 + ".O.1": RoutingKey("x" * 64, Kind.OBSERVATION, 1),
}
REFUSED = {
    "": RejectReason.ROUTING_KEY,
    "EH000281": RejectReason.ROUTING_KEY,
    "EH000281.O": RejectReason.ROUTING_KEY,
    "EH000281.O.48.1.2": RejectReason.ROUTING_KEY,
    ".O.48": RejectReason.ROUTING_KEY,
    "EH 281.O.48": RejectReason.ROUTING_KEY,
    "EH,281.O.48": RejectReason.ROUTING_KEY,
    'EH"281.O.48': RejectReason.ROUTING_KEY,
    "EH281\n.O.48": RejectReason.ROUTING_KEY,
    "EH\\281.O.48": RejectReason.ROUTING_KEY,
    "EHÅ281.O.48": RejectReason.ROUTING_KEY,
    "x" * 65 + ".O.1": RejectReason.ROUTING_KEY,
    "EH000281.O.65536": RejectReason.ROUTING_KEY,
    "EH000281.O.-1": RejectReason.ROUTING_KEY,
    "EH000281.O.+1": RejectReason.ROUTING_KEY,
    "EH000281.O. 1": RejectReason.ROUTING_KEY,
    "EH000281.O.٤٨": RejectReason.ROUTING_KEY,
    "EH000281.O." + "9" * 5_000: RejectReason.ROUTING_KEY,
    "EH000281.OP.x": RejectReason.ROUTING_KEY,
    "EH000281.OP": RejectReason.KIND,
    "EH000281.P": RejectReason.KIND,
    "P": RejectReason.KIND,
    "EH000281.OP.1": RejectReason.KIND,
    "EH000281.SYS.5": RejectReason.KIND,
    "EH000281.o.48": RejectReason.KIND,
    "EH000281..48": RejectReason.KIND,
}


@pytest.mark.parametrize(("text", "key"), USABLE.items(), ids=[text[:30] for text in USABLE])
def test_a_usable_key_has_its_parts(text: str, key: RoutingKey) -> None:
    reader = RoutingKeyReader()
    assert reader.read(text) == reader.read(text) == key


@pytest.mark.parametrize(("text", "reason"), REFUSED.items(), ids=[text[:30] for text in REFUSED])
def test_any_other_key_is_refused(text: str, reason: RejectReason) -> None:
    reader = RoutingKeyReader()
    for _ in range(2):
        with pytest.raises(RefusedError) as refused:
            reader.read(text)
        assert refused.value.reason is reason


PARTS = st.sampled_from(["", "EH000281", "O", "CR", "C", "OP", "P", "SYS", "48", "65536", "x y", "00001", "é"])


def reading(text: str) -> object:
    try:
        return tuple(RoutingKeyReader().read(text)[:3])
    except RefusedError as refused:
        return refused.reason.value


def oracles_reading(text: str) -> object:
    try:
        return read_key(text)
    except RejectedError as rejected:
        return str(rejected)


@given(st.one_of(st.text(max_size=40), st.lists(PARTS, max_size=6).map(".".join)))
def test_the_oracle_reads_the_same(text: str) -> None:
    assert reading(text) == oracles_reading(text)


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("65535", 65_535), ("65536", None), ("", None), ("1.0", None)])
def test_an_id_is_0_to_65535(text: str, number: int | None) -> None:
    assert parse_id(text) == number


def test_the_memory_of_a_reader_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(RoutingKeyReader, "_SERIALS_KEPT", 5)
    reader = RoutingKeyReader()
    for place in range(50):
        assert reader.read(f"EH{place:06d}.O.{place}").serial == f"EH{place:06d}"
    assert len(reader._serials) <= 5
