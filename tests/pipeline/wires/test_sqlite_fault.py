"""SQLite's faults in words."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.wires.sqlite_fault import explain_fault


def test_a_fault_names_the_file_and_the_next_step(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("this is no database, and long enough to be looked at" * 20)
    with closing(sqlite3.connect(path)) as connection, pytest.raises(sqlite3.DatabaseError) as fault:
        connection.execute("SELECT * FROM x")
    words = explain_fault(path, fault.value)
    assert str(path) in words
    assert "SQLITE_NOTADB" in words
    assert "CHARGELINE_DATA_DIR" in words


def test_a_fault_without_a_step_of_its_own() -> None:
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(sqlite3.OperationalError) as fault:
        connection.execute("no sql")
    assert "try again" in explain_fault(Path("x"), fault.value)
