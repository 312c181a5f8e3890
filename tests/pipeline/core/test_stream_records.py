"""Stream records: what is written is read back exactly, and nothing that is read raises."""

from collections.abc import Callable

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.stream_records import VERSION, StreamReader, in_halves, to_bundle, to_json
from pipeline.core.stream_shapes import StreamRecord
from schemas.command import Argument, CommandResponse, CommandSent
from schemas.observation import Observation, Product
from schemas.reject import RejectReason
from schemas.row import Row
from schemas.stream import Freshness, Heard, StreamReject, Tick

PLACE = "chargeline.track partition 3 offset 7"
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INTEGER = st.integers(-(2**63), 2**63 - 1)
MAYBE_TEXT, MAYBE_INTEGER = st.none() | TEXT, st.none() | INTEGER
NUMBER = st.floats(allow_nan=False, allow_infinity=False)
VALUE = st.none() | NUMBER | TEXT

NAME = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,10}", fullmatch=True)
SERIAL = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
OBSERVATIONS = st.builds(
    Observation,
    SERIAL,
    st.sampled_from(Product),
    INTEGER,
    MAYBE_TEXT,
    VALUE,
    INTEGER,
    INTEGER,
    MAYBE_INTEGER,
    MAYBE_INTEGER,
)
RESPONSES = st.builds(
    CommandResponse,
    SERIAL,
    INTEGER,
    st.booleans(),
    MAYBE_TEXT,
    INTEGER,
    MAYBE_INTEGER,
    MAYBE_INTEGER,
    VALUE,
    MAYBE_TEXT,
    MAYBE_INTEGER,
)
ARGUMENTS = st.lists(st.builds(Argument, INTEGER, TEXT), max_size=3).map(tuple)
COMMANDS = st.builds(
    CommandSent, SERIAL, INTEGER, ARGUMENTS, MAYBE_INTEGER, INTEGER, TEXT, MAYBE_INTEGER, INTEGER, st.booleans()
)
MOMENTS = st.lists(INTEGER, min_size=1, max_size=3).map(tuple)
FRESHNESS = st.builds(
    Freshness, st.lists(st.builds(Heard, TEXT, MOMENTS, INTEGER), max_size=3).map(tuple), st.booleans()
)
TICKS = st.builds(
    Tick, TEXT, INTEGER, INTEGER, INTEGER, MAYBE_INTEGER, MAYBE_INTEGER, MAYBE_INTEGER, MAYBE_INTEGER, st.booleans()
)
REJECTS = st.builds(
    StreamReject,
    TEXT,
    st.sampled_from(RejectReason),
    TEXT,
    TEXT,
    st.lists(st.tuples(TEXT, TEXT), max_size=2).map(tuple),
    MAYBE_TEXT,
    st.binary(max_size=40),
    INTEGER,
    st.booleans(),
    MAYBE_INTEGER,
)
ROWS = st.builds(
    Row,
    NAME,
    st.just("-") | SERIAL,
    TEXT,
    st.lists(st.tuples(NAME, TEXT), max_size=3).map(tuple),
    INTEGER,
    st.lists(st.tuples(NAME, NUMBER | TEXT), min_size=1, max_size=3).map(tuple),
)
RECORDS: st.SearchStrategy[StreamRecord] = st.one_of(OBSERVATIONS, RESPONSES, COMMANDS, FRESHNESS, TICKS, REJECTS, ROWS)

JSON = st.recursive(
    st.none() | st.booleans() | INTEGER | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def reader() -> StreamReader:
    return StreamReader()


def exactly(record: StreamRecord) -> tuple[type, str]:
    """What tells records apart that compare as equal: types, and the sign of zero."""
    return type(record), repr(record)


@given(RECORDS)
def test_a_record_is_read_back_exactly(reader: StreamReader, record: StreamRecord) -> None:
    read = reader.read(to_json(record), PLACE)
    assert not read.rejects
    assert [exactly(each) for each in read.records] == [exactly(record)]


@given(OBSERVATIONS)
def test_an_observation_is_read_quickly_as_it_is_read(reader: StreamReader, record: Observation) -> None:
    found = reader.read_observation(to_json(record))
    assert found is not None
    assert exactly(found) == exactly(record)


@given(OBSERVATIONS | RESPONSES | ROWS, st.data())
def test_what_is_read_quickly_is_what_is_read(reader: StreamReader, record: StreamRecord, data: st.DataObject) -> None:
    members = orjson.loads(to_json(record))
    members[data.draw(st.sampled_from(sorted(members)))] = data.draw(JSON)
    for content in (orjson.dumps(members), to_bundle([to_json(record)]), data.draw(st.binary(max_size=20))):
        found = reader.read_observation(content)
        records = [each for each in reader.read(content, PLACE).records if isinstance(each, Observation)]
        if found is not None:
            assert [exactly(found)] == [exactly(each) for each in records]
        else:
            assert not records or b"bundle" in content


@given(st.lists(RECORDS, max_size=5))
def test_a_bundle_is_read_back_exactly_and_in_order(reader: StreamReader, records: list[StreamRecord]) -> None:
    read = reader.read(to_bundle([to_json(record) for record in records]), PLACE)
    assert not read.rejects
    assert [exactly(each) for each in read.records] == [exactly(record) for record in records]


@given(st.binary(max_size=60) | JSON.map(orjson.dumps))
def test_nothing_else_is_read_and_nothing_raises(reader: StreamReader, content: bytes) -> None:
    read = reader.read(content, PLACE)
    assert not read.records
    (reject,) = read.rejects
    assert (reject.routing_key, reject.received_at) == (PLACE, None)


@given(RECORDS, st.data())
def test_a_member_of_any_form_never_raises(reader: StreamReader, record: StreamRecord, data: st.DataObject) -> None:
    members = orjson.loads(to_json(record))
    name = data.draw(st.sampled_from(sorted(members)))
    members[name] = data.draw(JSON)
    read = reader.read(orjson.dumps(members), PLACE)
    assert len(read.records) + len(read.rejects) == 1


TICK = Tick("bridge-1", 2, 1, 5, None, None, 1, 4, is_last=False)


OBSERVATION = Observation("EH1", Product.CHARGER, 1, None, 1.0, 0, 0, None, None)
ROW = Row("alert", "EH1", "", (("kind", "silent"),), 5, (("active", 1.0),))


def changed(record: StreamRecord = TICK, **members: object) -> bytes:
    return orjson.dumps(orjson.loads(to_json(record)) | members)


def without(name: str) -> bytes:
    return orjson.dumps({key: value for key, value in orjson.loads(to_json(TICK)).items() if key != name})


@pytest.mark.parametrize(
    ("content", "reason", "words"),
    [
        (changed(v=VERSION + 1), RejectReason.VERSION, f"version {VERSION + 1} of the record; this program reads"),
        (changed(v=True), RejectReason.VERSION, "version none"),
        (without("v"), RejectReason.VERSION, "version none"),
        (changed(kind="tock"), RejectReason.VERSION, "of a kind that version 1 does not have"),
        (changed(kind=None), RejectReason.VERSION, "of a kind"),
        (changed(at="5"), RejectReason.SHAPE, "of an impossible type"),
        (changed(number=True), RejectReason.SHAPE, "of an impossible type"),
        (without("at"), RejectReason.SHAPE, "the member 'at' is missing"),
        (changed(OBSERVATION, serial="EH1 a=1"), RejectReason.SHAPE, "of an impossible form"),
        (changed(ROW, measurement="alert,charger=EH1 active=0 5\nalert"), RejectReason.SHAPE, "of an impossible form"),
        (changed(ROW, charger="EH 1"), RejectReason.SHAPE, "of an impossible form"),
        (changed(ROW, tags=[["kind", 1]]), RejectReason.SHAPE, "of an impossible form"),
        (changed(ROW, tags=[["a b", "c"]]), RejectReason.SHAPE, "of an impossible form"),
        (changed(ROW, fields=[]), RejectReason.SHAPE, "of an impossible form"),
        (changed(ROW, fields=[["active", True]]), RejectReason.SHAPE, "of an impossible form"),
        (changed(ROW, fields=[["active", None]]), RejectReason.SHAPE, "of an impossible form"),
        (changed(ROW, fields=[["a=1", 1.0]]), RejectReason.SHAPE, "of an impossible form"),
        (changed(ROW, time=5.0), RejectReason.SHAPE, "of an impossible type"),
        (b"[1]", RejectReason.SHAPE, "no object"),
        (b'{"v":1,"kind":"bundle"}', RejectReason.SHAPE, "a bundle without its records"),
        (b'{"v":2,"kind":"bundle","records":[]}', RejectReason.VERSION, "version 2"),
        (b'{"v":1', RejectReason.JSON, "not JSON"),
        (b"\xff", RejectReason.ENCODING, "not UTF-8"),
    ],
)
def test_what_cannot_be_read_says_why(reader: StreamReader, content: bytes, reason: RejectReason, words: str) -> None:
    (reject,) = reader.read(content, PLACE).rejects
    assert reject.reason is reason
    assert words in reject.detail
    assert reject.body == content


def test_a_part_that_cannot_be_read_costs_its_neighbours_nothing(reader: StreamReader) -> None:
    read = reader.read(to_bundle([to_json(TICK), changed(v=9), b"7", to_json(TICK)]), PLACE)
    assert list(read.records) == [TICK, TICK]
    assert [reject.reason for reject in read.rejects] == [RejectReason.VERSION, RejectReason.SHAPE]
    assert read.rejects[0].body == changed(v=9)


@given(st.lists(RECORDS.map(to_json) | JSON.map(orjson.dumps), min_size=2, max_size=7))
def test_two_halves_of_a_bundle_hold_together_what_it_holds(reader: StreamReader, parts: list[bytes]) -> None:
    whole = reader.read(to_bundle(parts), PLACE)
    halves = [reader.read(half, PLACE) for half in in_halves(to_bundle(parts))]
    assert [len(half.records) + len(half.rejects) for half in halves] == [len(parts) // 2, len(parts) - len(parts) // 2]
    assert [exactly(each) for half in halves for each in half.records] == [exactly(each) for each in whole.records]
    assert [each for half in halves for each in half.rejects] == list(whole.rejects)


@pytest.mark.parametrize("content", [b"", b"[]", to_json(TICK), to_bundle([to_json(TICK)]), to_bundle([])])
def test_what_has_no_two_records_is_not_halved(content: bytes) -> None:
    assert in_halves(content) == (content,)


def test_a_member_that_a_newer_program_added_is_passed_over(reader: StreamReader) -> None:
    assert list(reader.read(changed(mood="good"), PLACE).records) == [TICK]


def test_whole_numbers_of_a_row_are_floats_whoever_wrote_them(reader: StreamReader) -> None:
    (row,) = reader.read(changed(ROW, fields=[["active", 1], ["message", "1"]]), PLACE).records
    assert repr(row) == repr(ROW._replace(fields=(("active", 1.0), ("message", "1"))))


def test_the_form_that_others_read() -> None:
    observation = Observation("EH1", Product.EQUALIZER, 41, "Name", 1.0, 7, 8, None, 9)
    assert to_json(observation) == (
        b'{"v":1,"kind":"observation","serial":"EH1","product":"equalizer","id":41,"name":"Name","value":1.0,'
        b'"value_crc":7,"observed_at":8,"arrived_at":null,"received_at":9}'
    )
    command = CommandSent("EH1", 22, (Argument(1, "true"),), None, 5, "ab", None)
    assert to_json(command) == (
        b'{"v":1,"kind":"command","serial":"EH1","id":22,"arguments":[[1,"true"]],"expires_at":null,'
        b'"published_at":5,"ref":"ab","received_at":null,"attempt":0,"is_confirmed":true}'
    )
    assert to_json(ROW) == (
        b'{"v":1,"kind":"row","measurement":"alert","charger":"EH1","site":"","tags":[["kind","silent"]],"time":5,'
        b'"fields":[["active",1.0]]}'
    )


LONGEST = 256 * 1024


@pytest.mark.parametrize("fill", [lambda: '"' * (LONGEST // 2), lambda: "\0" * (LONGEST // 6)])
def test_the_longest_body_fits_into_a_message(fill: Callable[[], str]) -> None:
    # A value that is an object is kept as its JSON, so its quotes and backslashes are escaped twice.
    value = orjson.dumps({"a": fill()}).decode()
    record = Observation("EH1", Product.CHARGER, 1, None, value, 0, 0, None, None)
    assert len(value) <= LONGEST + 10
    assert len(to_json(record)) < 900_000
