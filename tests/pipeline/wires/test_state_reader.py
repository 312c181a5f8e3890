"""A state file read by nobody's leave but the file's: it says what `StateFile` kept, and is left as it is."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.core.kept_facts import KeptKey
from pipeline.core.progress import Progress
from pipeline.wires.sqlite_file import ForeignFileError
from pipeline.wires.state import StateFile
from pipeline.wires.state_reader import StateReader
from pipeline.wires.store import StoreUnavailableError
from schemas.reject import Reject, RejectReason
from tests.pipeline.backup_samples import LIMITS

KEY = KeptKey("EH1", "firmware")
REJECT = Reject(RejectReason.JSON, "x", {}, b"{", None, "")


def test_it_says_what_was_kept(tmp_path: Path) -> None:
    path = tmp_path / "state"
    with StateFile.open(path, LIMITS) as state:
        state.keep([REJECT], 1, Progress({KEY: b"1"}, {"EH1": 5}, is_all=True, watermark=7))
        state.keep_raised({"holding": 3})
    before = path.read_bytes()
    with StateReader(path) as reader:
        assert list(reader.facts()) == [(KEY, b"1")]
        assert reader.heard() == {"EH1": 5}
        assert reader.watermark() == 7
        assert reader.raised() == {"holding": 3}
        assert reader.rejects() == 1
    assert path.read_bytes() == before


def test_what_a_killed_worker_left_beside_the_file_is_read(tmp_path: Path) -> None:
    state = StateFile.open(tmp_path / "state", LIMITS)
    state.keep_facts({KEY: b"1"})
    with StateReader(tmp_path / "state") as reader:
        assert list(reader.facts()) == [(KEY, b"1")]
        assert reader.watermark() is None
    state.close()


def test_files_that_cannot_be_read_are_named_with_what_to_do(tmp_path: Path) -> None:
    StateFile.open(tmp_path / "old", LIMITS).close()
    with closing(sqlite3.connect(tmp_path / "old")) as connection:
        connection.execute("PRAGMA user_version = 2")
    with pytest.raises(ForeignFileError, match="schema version 2, and 3 is needed; start a worker"):
        StateReader(tmp_path / "old")
    with pytest.raises(StoreUnavailableError, match="is not there"):
        StateReader(tmp_path / "nothing")
