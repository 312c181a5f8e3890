"""The tables of progress: what is kept is read again, what is dropped is gone."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.kept_facts import KeptKey
from pipeline.core.progress import Progress
from pipeline.wires.progress_tables import (
    PROGRESS_SCHEMA,
    Request,
    drop_requests,
    read_facts,
    read_heard,
    read_requests,
    read_watermark,
    write_progress,
    write_request,
)

SERIALS = st.sampled_from(["EH1", "EH2", "QP1"])
FACTS = st.dictionaries(st.builds(KeptKey, SERIALS, st.sampled_from("abc")), st.none() | st.binary(max_size=4))
PROGRESSES = st.lists(
    st.builds(
        Progress,
        facts=FACTS,
        heard=st.dictionaries(SERIALS, st.integers(0, 2**62)),
        is_all=st.booleans(),
        watermark=st.none() | st.integers(0, 2**62),
    )
)


def fresh() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:")
    for statement in PROGRESS_SCHEMA:
        connection.execute(statement)
    return connection


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(fresh()) as opened:
        yield opened


@given(PROGRESSES)
def test_the_tables_hold_what_a_reader_of_all_progress_would_know(progresses: list[Progress]) -> None:
    facts: dict[KeptKey, bytes | None] = {}
    heard: dict[str, int] = {}
    watermark = None
    with closing(fresh()) as connection:
        for progress in progresses:
            write_progress(connection, progress)
            facts.update(progress.facts)
            heard = {**({} if progress.is_all else heard), **progress.heard}
            watermark = watermark if progress.watermark is None else progress.watermark
        assert dict(read_facts(connection)) == {key: content for key, content in facts.items() if content is not None}
        assert read_heard(connection) == heard
        assert read_watermark(connection) == watermark


def test_the_log_of_who_was_heard_begins_anew_with_all(connection: sqlite3.Connection) -> None:
    for number in range(5):
        write_progress(connection, Progress({}, {"EH1": number}, is_all=False, watermark=None))
    write_progress(connection, Progress({}, {"EH1": 9}, is_all=True, watermark=None))
    assert connection.execute("SELECT count(*) FROM heard").fetchone() == (1,)


def test_requests_are_kept_by_age_until_they_are_dropped(connection: sqlite3.Connection) -> None:
    later, earlier = (Request(f"m{at}", "EH1", 48, at, f"r{at}", "r", "f") for at in (2, 1))
    for request in (later, earlier, later):
        write_request(connection, request)
    assert list(read_requests(connection)) == [earlier, later]
    drop_requests(connection, ["m1", "unknown"])
    assert list(read_requests(connection)) == [later]
