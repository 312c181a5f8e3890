"""The lock of a folder, against a real second process."""

import fcntl
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.wires.folder_lock import LOCK_FILE, FolderLockedError, holder_of, lock_folder

HOLDER = """
import sys
from pathlib import Path
from pipeline.wires.folder_lock import lock_folder
with lock_folder(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""
PARENT_OF_ANOTHER = """
import subprocess, sys
from pathlib import Path
from pipeline.wires.folder_lock import lock_folder
with lock_folder(Path(sys.argv[1])):
    other = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], close_fds=False)
    print("locked", flush=True)
    other.wait()
"""


@contextmanager
def another_process(folder: Path, source: str = HOLDER) -> Iterator[subprocess.Popen[str]]:
    """A process that has the lock, until it is killed or its standard input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", source, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        yield process


def test_a_second_process_is_told_who_has_it_and_what_to_do(tmp_path: Path) -> None:
    with another_process(tmp_path) as other:
        with pytest.raises(FolderLockedError) as refused, lock_folder(tmp_path):
            pass
        assert f"{tmp_path} is in use by another chargeline (process {other.pid}, since 20" in str(refused.value)
        assert "end that one, or name another folder in CHARGELINE_DATA_DIR" in str(refused.value)


def test_who_is_refused_leaves_the_words_of_the_holder(tmp_path: Path) -> None:
    with another_process(tmp_path):
        words = (tmp_path / LOCK_FILE).read_text()
        for _ in range(2):
            with pytest.raises(FolderLockedError), lock_folder(tmp_path):
                pass
        assert (tmp_path / LOCK_FILE).read_text() == words


def test_a_killed_process_locks_nobody_out(tmp_path: Path) -> None:
    with another_process(tmp_path) as other:
        other.kill()
        other.wait()
        assert f"process {other.pid}," in (tmp_path / LOCK_FILE).read_text()
        with lock_folder(tmp_path):
            assert (tmp_path / LOCK_FILE).read_text().startswith(f"process {os.getpid()}, since ")


def test_nothing_of_longer_words_stays(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text("process 4194304, since the Middle Ages or thereabouts, which is a long time")
    with lock_folder(tmp_path):
        words = (tmp_path / LOCK_FILE).read_text()
    assert re.fullmatch(rf"process {os.getpid()}, since \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ", words)


def test_a_program_that_the_killed_one_started_does_not_keep_it(tmp_path: Path) -> None:
    with another_process(tmp_path, PARENT_OF_ANOTHER) as other:
        other.kill()
        other.wait()
        with lock_folder(tmp_path):
            pass


def test_it_is_let_go_of_at_the_end_whatever_happens(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), lock_folder(tmp_path):
        print(1 // 0)
    with another_process(tmp_path):
        pass
    with lock_folder(tmp_path):
        pass


def test_one_process_cannot_have_it_twice(tmp_path: Path) -> None:
    with (
        lock_folder(tmp_path),
        pytest.raises(FolderLockedError, match=f"process {os.getpid()},"),
        lock_folder(tmp_path),
    ):
        pass


def test_the_folder_and_the_file_are_their_owners_alone(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "data"):
        assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
        assert (tmp_path / "data" / LOCK_FILE).stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=str(tmp_path / "file")), lock_folder(tmp_path / "file"):
        pass


def test_a_holder_that_has_not_said_its_name_yet(tmp_path: Path) -> None:
    with another_process(tmp_path):
        (tmp_path / LOCK_FILE).write_text("")
        with pytest.raises(FolderLockedError, match="process unknown"), lock_folder(tmp_path):
            pass


def test_who_has_it_can_be_asked_without_having_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    assert holder_of(folder) is None
    assert not folder.exists()
    folder.mkdir()
    with another_process(folder) as other:
        for _ in range(2):
            words = holder_of(folder)
            assert words is not None
            assert words.startswith(f"process {other.pid}, since 20")
        other.kill()
        other.wait()
        assert holder_of(folder) is None
    with lock_folder(folder):
        assert str(holder_of(folder)).startswith(f"process {os.getpid()}, ")


def test_two_can_ask_at_once(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).touch()
    with (tmp_path / LOCK_FILE).open() as other:
        fcntl.flock(other, fcntl.LOCK_SH)
        assert holder_of(tmp_path) is None


def test_whoever_asks_does_not_keep_it(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).touch()
    assert holder_of(tmp_path) is None
    with lock_folder(tmp_path):
        pass
