"""How far a rollup came is remembered for its own span alone."""

from pathlib import Path

import pytest

from pipeline.wires.rollup_progress import ROLLUP_FILE, clear_progress, read_progress, write_progress


def test_it_goes_on_where_it_was(tmp_path: Path) -> None:
    assert read_progress(tmp_path, 10, 50) is None
    write_progress(tmp_path, 10, 50, 30)
    assert read_progress(tmp_path, 10, 50) == 30
    assert read_progress(tmp_path, 10, 60) is None
    clear_progress(tmp_path)
    clear_progress(tmp_path)
    assert read_progress(tmp_path, 10, 50) is None


@pytest.mark.parametrize("content", [b"", b"[]", b'{"from":10,"to":50}', b'{"from":10,"to":50,"done":99}'])
def test_what_cannot_be_is_no_progress(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ROLLUP_FILE).write_bytes(content)
    assert read_progress(tmp_path, 10, 50) is None
