"""Private files: for their owner alone."""

import os
from pathlib import Path

import pytest

from pipeline.wires.private_file import make_private, make_private_folder, replace_private


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_new_file_and_its_folders_are_private(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "file"
    make_private(path)
    assert (mode(path), mode(path.parent), mode(path.parent.parent)) == (0o600, 0o700, 0o700)
    assert path.read_bytes() == b""


def test_what_exists_stays_as_it_is(tmp_path: Path) -> None:
    folder, path = tmp_path / "open", tmp_path / "open" / "file"
    folder.mkdir(0o755)
    path.write_text("kept")
    path.chmod(0o644)
    make_private(path)
    make_private_folder(folder)
    assert (mode(path), mode(folder), path.read_text()) == (0o644, 0o755, "kept")


def test_a_file_is_replaced_by_a_private_one(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o644)
    with replace_private(path) as file:
        file.write(b"new")
        assert path.read_text() == "old"
        assert {mode(each) for each in tmp_path.iterdir() if each != path} == {0o600}
    assert (mode(path), path.read_text()) == (0o600, "new")
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_not_finished_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replace_private(path) as file:
        file.writelines(b"new" * (1 // left) for left in (1, 0))
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_text() == "old"


def test_a_device_or_a_pipe_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    with pytest.raises(FileExistsError, match="not a plain file"), replace_private(path):
        pass
    assert path.is_fifo()
