"""The state file: rejects as a set, within their limits."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.kept_facts import KeptKey
from pipeline.core.progress import Progress
from pipeline.wires.progress_tables import Request
from pipeline.wires.sqlite import SqliteStore
from pipeline.wires.sqlite_file import ForeignFileError
from pipeline.wires.state import STATE, RejectLimits, RejectsFullError, StateFile, WhenFull
from pipeline.wires.store import StoreUnavailableError
from schemas.reject import Reject, RejectReason

AMPLE = RejectLimits(most_bytes=10**9, keep_ns=1_000, when_full=WhenFull.STOP)
NOW = 10**18


def reject(
    body: str, received_at: int | None = 5, reason: RejectReason = RejectReason.JSON, key: str = "EH1.O.48"
) -> Reject:
    return Reject(reason, key, {"ArrivalTime": "x"}, body.encode(), received_at, f"why {reason}")


@pytest.fixture
def state(tmp_path: Path) -> Iterator[StateFile]:
    with StateFile.open(tmp_path / "state", AMPLE) as opened:
        yield opened


def content(state: StateFile) -> set[tuple[object, ...]]:
    return {(kept.key, kept.reason, kept.body, kept.received_at) for kept in state.rejects()}


def counted(path: Path) -> tuple[int, int]:
    """Bytes and number by adding them up."""
    with closing(sqlite3.connect(path)) as reader:
        size, number = reader.execute("SELECT coalesce(sum(bytes), 0), count(*) FROM reject").fetchone()
    return size, number


def test_a_redelivery_is_the_same_reject(state: StateFile) -> None:
    state.add_rejects([reject("a", 7)], NOW)
    state.add_rejects([reject("a", 5), reject("a", None), reject("a", 9, RejectReason.SHAPE)], NOW + 1)
    (kept,) = state.rejects()
    assert (kept.received_at, kept.reason, kept.detail) == (5, RejectReason.SHAPE, "why shape")


def test_the_time_of_receipt_may_be_learnt_later(state: StateFile) -> None:
    state.add_rejects([reject("a", None)], NOW)
    state.add_rejects([reject("a", 9)], NOW)
    assert [kept.received_at for kept in state.rejects()] == [9]


REJECTS = st.lists(st.builds(reject, st.sampled_from("abcdef"), st.none() | st.integers(1, 9)), max_size=20)


@given(REJECTS, st.integers(1, 5), st.randoms(use_true_random=False))
def test_content_is_that_of_the_set(
    tmp_path_factory: pytest.TempPathFactory, rejects: list[Reject], size: int, order: random.Random
) -> None:
    folder = tmp_path_factory.mktemp("state")
    with StateFile.open(folder / "one", AMPLE) as one, StateFile.open(folder / "two", AMPLE) as two:
        one.add_rejects(rejects, NOW)
        shuffled = order.sample(rejects, len(rejects))
        for start in range(0, len(rejects), size):
            two.add_rejects(shuffled[start : start + size], NOW + start)
        assert content(one) == content(two)
        assert one.total() == two.total() == counted(folder / "one")


def test_it_stops_when_full_and_keeps_nothing_of_the_batch(tmp_path: Path) -> None:
    with StateFile.open(tmp_path / "state", AMPLE._replace(most_bytes=2_000)) as state:
        report = state.add_rejects([reject("a" * 1_000)], NOW)
        assert (report.dropped, report.used) == (0, state.total()[0] / 2_000)
        with pytest.raises(RejectsFullError, match="CHARGELINE_REJECTS_MAX"):
            state.add_rejects([reject("b"), reject("c" * 1_000)], NOW)
        assert state.total() == counted(tmp_path / "state")
        assert state.total()[1] == 1
        state.discard([kept.key for kept in state.rejects()])
        assert state.add_rejects([reject("b"), reject("c" * 1_000)], NOW).dropped == 0


def test_it_drops_the_oldest_when_told_to(tmp_path: Path) -> None:
    limits = AMPLE._replace(most_bytes=3_000, when_full=WhenFull.DROP_OLDEST)
    with StateFile.open(tmp_path / "state", limits) as state:
        dropped = [state.add_rejects([reject(str(place) * 500)], NOW + place).dropped for place in range(10)]
        assert sum(dropped) == 10 - state.total()[1] > 0
        assert [kept.body[:1] for kept in state.rejects()] == [
            str(10 - left).encode() for left in range(state.total()[1], 0, -1)
        ]
        assert state.total() == counted(tmp_path / "state")
        assert state.total()[0] <= 3_000


def test_the_old_are_purged(state: StateFile) -> None:
    state.add_rejects([reject("old")], NOW)
    state.add_rejects([reject("new")], NOW + 600)
    assert state.purge(NOW + 1_000) == 0
    assert state.purge(NOW + 1_001) == 1
    assert [kept.body for kept in state.rejects()] == [b"new"]


def test_they_are_found(state: StateFile) -> None:
    rejects = [reject("a"), reject("b", reason=RejectReason.CLOCK), reject("c", reason=RejectReason.CLOCK)]
    state.add_rejects(rejects, NOW)
    assert state.counts() == {RejectReason.CLOCK: 2, RejectReason.JSON: 1}
    assert {kept.body for kept in state.rejects(RejectReason.CLOCK)} == {b"b", b"c"}
    assert [kept.body for kept in state.find(rejects[0].key[:20])] == [b"a"]
    assert state.find("zz") == []
    assert len(state.find("")) == 2
    assert state.discard([rejects[0].key, "zz"]) == 1


def test_nothing_to_add_touches_nothing(state: StateFile, tmp_path: Path) -> None:
    before = (tmp_path / "state-wal").stat().st_size
    assert state.add_rejects([], NOW) == (0, 0.0)
    assert (tmp_path / "state-wal").stat().st_size == before


def test_it_is_there_again_and_private(tmp_path: Path) -> None:
    with StateFile.open(tmp_path / "data" / "state", AMPLE) as state:
        state.add_rejects([reject("a")], NOW)
        assert {file.stat().st_mode & 0o777 for file in (tmp_path / "data").iterdir()} == {0o600}
    with StateFile.open(tmp_path / "data" / "state", AMPLE) as state:
        assert state.total()[1] == 1


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    StateFile.open(tmp_path / "state", AMPLE).close()
    with closing(sqlite3.connect(tmp_path / "state")) as connection:
        connection.execute(f"PRAGMA user_version = {STATE.version + 1}")
    with pytest.raises(ForeignFileError, match="newer chargeline"):
        StateFile.open(tmp_path / "state", AMPLE)


def test_a_store_is_no_state(tmp_path: Path) -> None:
    SqliteStore.open(tmp_path / "store", {}).close()
    with pytest.raises(ForeignFileError, match="another program"):
        StateFile.open(tmp_path / "store", AMPLE)


def test_a_fault_while_reading_is_said_in_words(state: StateFile, tmp_path: Path) -> None:
    state.add_rejects([reject("a")], NOW)
    with closing(sqlite3.connect(tmp_path / "state", isolation_level=None)) as other:
        other.execute("DROP TABLE reject")
        other.execute("DROP TABLE total")
    for read in (state.total, state.counts, lambda: state.find("a"), lambda: list(state.rejects())):
        with pytest.raises(StoreUnavailableError, match="no such table"):
            read()


def test_others_can_look_while_a_worker_writes(state: StateFile, tmp_path: Path) -> None:
    state.add_rejects([reject("a")], NOW)
    with closing(sqlite3.connect(tmp_path / "state", isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        with StateFile.open(tmp_path / "state", AMPLE) as reader:
            assert [kept.body for kept in reader.rejects()] == [b"a"]


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"letters" * 1_000)
    with pytest.raises(StoreUnavailableError, match="no SQLite database"):
        StateFile.open(tmp_path / "state", AMPLE)


def test_rejects_and_progress_are_kept_together_or_not_at_all(tmp_path: Path) -> None:
    limits = RejectLimits(most_bytes=1_000, keep_ns=1_000, when_full=WhenFull.STOP)
    key = KeptKey("EH1", "sending 48 1 r")
    progress = Progress({key: b"[]"}, {"EH1": 7}, is_all=False, watermark=5)
    with StateFile.open(tmp_path / "state", limits) as state:
        with pytest.raises(RejectsFullError):
            state.keep([reject("a" * 2_000)], NOW, progress)
        assert (dict(state.facts()), state.heard(), state.watermark()) == ({}, {}, None)
        state.keep([reject("a")], NOW, progress)
    with StateFile.open(tmp_path / "state", limits) as state:
        assert (dict(state.facts()), state.heard(), state.watermark()) == ({key: b"[]"}, {"EH1": 7}, 5)
        assert state.total()[1] == 1


def test_a_request_and_its_fact_are_kept_together_and_dropped_together(state: StateFile) -> None:
    key = KeptKey("EH1", "sending 48 1 r")
    request = Request("m", "EH1", 48, 1, "r", "r", "f")
    state.keep_request(request, {key: b"[]"})
    assert (state.requests(), dict(state.facts())) == ((request,), {key: b"[]"})
    state.keep_facts({key: b"[1]"})
    assert dict(state.facts()) == {key: b"[1]"}
    state.drop_requests(["m"], {key: None})
    assert (state.requests(), dict(state.facts())) == ((), {})


@pytest.mark.parametrize(
    ("version", "missing"), [(1, ("fact", "heard", "watermark", "request", "raised")), (2, ("raised",))]
)
def test_a_file_of_an_older_version_keeps_its_rejects_and_gets_the_rest(
    tmp_path: Path, version: int, missing: tuple[str, ...]
) -> None:
    path = tmp_path / "state"
    with StateFile.open(path, AMPLE) as state:
        state.add_rejects([reject("a")], NOW)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for table in missing:
            connection.execute(f"DROP TABLE {table}")
        connection.execute(f"PRAGMA user_version = {version}")
    with StateFile.open(path, AMPLE) as state:
        assert state.total()[1] == 1
        state.keep([], NOW, Progress({}, {}, is_all=False, watermark=5))
        state.keep_raised({"backlog": NOW})
    with StateFile.open(path, AMPLE) as state:
        assert state.watermark() == 5


def test_what_is_raised_replaces_what_was_raised_before(state: StateFile) -> None:
    state.keep_raised({"backlog": NOW, "holding": NOW + 1})
    assert state.raised() == {"backlog": NOW, "holding": NOW + 1}
    state.keep_raised({"holding": NOW + 1})
    assert state.raised() == {"holding": NOW + 1}
