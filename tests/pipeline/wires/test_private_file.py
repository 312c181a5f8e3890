"""Private files: for their owner alone."""

from pathlib import Path

from pipeline.wires.private_file import make_private, make_private_folder


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
