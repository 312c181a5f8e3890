"""The manifest: what is written is read again, and nothing else is."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.assembly import STATE_FILE, STORE_FILE
from pipeline.backup_manifest import (
    KINDS,
    MANIFEST_FILE,
    BackedUpFile,
    BackupError,
    Manifest,
    manifest_entry,
    read_manifest,
    write_manifest,
)

FILE = BackedUpFile(STORE_FILE, 4_096, "0123456789abcdef" * 4)
MANIFEST = Manifest("0.1.0", "2026-01-31T23:59:59.000000000Z", False, (FILE,))
ENTRY = {
    "form": 1,
    "program": "0.1.0",
    "made_at": "2026-01-31T23:59:59.000000000Z",
    "rows": "sqlite",
    "files": [{"name": STORE_FILE, "bytes": 4_096, "sha256": "0123456789abcdef" * 4}],
}


def read(folder: Path, entry: object) -> Manifest:
    (folder / MANIFEST_FILE).write_text(json.dumps(entry))
    return read_manifest(folder)


def test_the_state_is_looked_at_before_the_store() -> None:
    assert list(KINDS) == [STATE_FILE, STORE_FILE]


def test_its_form_is_the_published_one(tmp_path: Path) -> None:
    assert manifest_entry(MANIFEST) == ENTRY
    assert read(tmp_path, ENTRY) == MANIFEST


@pytest.mark.parametrize("is_rows_elsewhere", [True, False])
def test_what_is_written_is_read_again(is_rows_elsewhere: bool, tmp_path: Path) -> None:
    manifest = Manifest("1.2.0rc1+local", MANIFEST.made_at, is_rows_elsewhere, (FILE._replace(name=STATE_FILE), FILE))
    write_manifest(manifest, tmp_path)
    assert read_manifest(tmp_path) == manifest
    assert (tmp_path / MANIFEST_FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"form": 2}, "has form 2, this program knows up to 1; use a newer chargeline"),
        ({"form": 0}, "is damaged: members are missing, or of another form; use another backup"),
        ({"form": "1"}, "members are missing"),
        ({"program": "\x1b[2J"}, "members are missing"),
        ({"made_at": "yesterday"}, "members are missing"),
        ({"rows": "elsewhere"}, "members are missing"),
        ({"files": []}, "members are missing"),
        ({"files": {}}, "members are missing"),
        ({"files": [7]}, "what it says of a file cannot be read"),
        ({"files": [{**FILE._asdict(), "bytes": "4096"}]}, "what it says of a file cannot be read"),
        ({"files": [{**FILE._asdict(), "sha256": "0" * 63}]}, "what it says of a file cannot be read"),
        ({"files": [{**FILE._asdict(), "name": "../../etc/passwd"}]}, "'../../etc/passwd', which is no file of this"),
        ({"files": [FILE._asdict(), FILE._asdict()]}, "it names a file twice"),
    ],
)
def test_what_is_not_a_manifest_is_said_in_words(change: dict[str, object], words: str, tmp_path: Path) -> None:
    with pytest.raises(BackupError) as refused:
        read(tmp_path, {**ENTRY, **change})
    assert words in str(refused.value)
    assert str(tmp_path / MANIFEST_FILE) in str(refused.value)


@pytest.mark.parametrize("member", ENTRY)
def test_no_member_may_be_missing(member: str, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="members are missing"):
        read(tmp_path, {name: value for name, value in ENTRY.items() if name != member})


def test_a_folder_without_one_is_no_backup(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=f"has no {MANIFEST_FILE}: it is no backup, or one that was not finished"):
        read_manifest(tmp_path)


@given(
    st.binary() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda x: json.dumps(x).encode())
)
def test_whatever_stands_there_ends_in_words(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("backup")
    (folder / MANIFEST_FILE).write_bytes(content)
    with pytest.raises(BackupError, match="is damaged"):
        read_manifest(folder)
