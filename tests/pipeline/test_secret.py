"""Secrets: never shown, read again from their file, refused where the file cannot hold one."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.secret import Secret, SecretFile, UnreadableSecretError, is_open_to_others

TOKEN = "s3cret-token"


def secret_in(folder: Path, content: bytes, check: Callable[[str], object] = str) -> SecretFile:
    path = folder / "token"
    path.write_bytes(content)
    return SecretFile(path, check)


@pytest.mark.parametrize("form", [str, repr, "{}".format, "{!r:>5}".format, lambda secret: f"{[secret]}"])
def test_no_form_shows_it(tmp_path: Path, form: Callable[[object], str]) -> None:
    for secret in (Secret(TOKEN), secret_in(tmp_path, TOKEN.encode())):
        assert TOKEN not in form(secret)
        assert "***" in form(secret)


def test_it_is_revealed_to_the_one_who_asks() -> None:
    assert Secret(TOKEN).reveal() == Secret(TOKEN).read() == TOKEN


@pytest.mark.parametrize(
    "content", [b"s3cret-token", b"s3cret-token\n", b"s3cret-token\r\n", b"\xef\xbb\xbfs3cret-token"]
)
def test_what_editors_add_is_not_part_of_it(tmp_path: Path, content: bytes) -> None:
    assert secret_in(tmp_path, content).reveal() == TOKEN


def test_blanks_are_part_of_it(tmp_path: Path) -> None:
    assert secret_in(tmp_path, b" s3cret \n").reveal() == " s3cret "


def test_each_read_reads_the_file_again(tmp_path: Path) -> None:
    secret = secret_in(tmp_path, b"before\n")
    secret.path.write_text("after\n", "utf-8")

    assert secret.reveal() == "before"
    assert secret.read() == "after"
    assert secret.reveal() == "after"


def test_a_file_that_went_bad_leaves_the_last_good_text(tmp_path: Path) -> None:
    secret = secret_in(tmp_path, b"13", check=int)
    secret.path.write_text("no number", "utf-8")

    with pytest.raises(UnreadableSecretError):
        secret.read()
    secret.path.unlink()
    with pytest.raises(UnreadableSecretError, match="No such file"):
        secret.read()
    assert secret.reveal() == "13"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"s3cret\xff", "not UTF-8"),
        (b"s3cret" * 20_000, "more than 65536 bytes"),
    ],
)
def test_a_file_that_can_hold_no_secret_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    with pytest.raises(UnreadableSecretError, match=words) as refusal:
        secret_in(tmp_path, content)
    assert "s3cret" not in str(refusal.value)


def test_the_check_says_what_is_allowed(tmp_path: Path) -> None:
    def check(text: str) -> str:
        raise ValueError(f"longer than {len(text)}")

    (tmp_path / "token").write_text(TOKEN, "utf-8")
    with pytest.raises(UnreadableSecretError, match=r"^what the file holds must be longer than 12$"):
        SecretFile(tmp_path / "token", check)


@pytest.mark.parametrize("name", ["missing", "\0", "\ud800", "x" * 5_000])
def test_a_path_without_a_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnreadableSecretError):
        SecretFile(tmp_path / name, str)


def test_what_would_block_or_never_end_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        with pytest.raises(UnreadableSecretError, match="not a regular file"):
            SecretFile(path, str)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TOKEN, {TOKEN}),
        ("amqps://user:p%40ss@host/v", {"amqps://user:p%40ss@host/v", "p%40ss", "p@ss"}),
        ("https://[no-url", {"https://[no-url"}),
        ("https://host/token", {"https://host/token"}),
    ],
)
def test_its_words_are_what_must_not_be_shown(text: str, words: set[str]) -> None:
    assert Secret(text).words() == words


def test_its_words_include_what_it_was_before(tmp_path: Path) -> None:
    secret = secret_in(tmp_path, b"before")
    secret.path.write_text("after", "utf-8")
    secret.read()

    assert secret.words() == {"before", "after"}


@pytest.mark.parametrize(("mode", "is_open"), [(0o600, False), (0o400, False), (0o640, True), (0o604, True)])
def test_a_file_of_ours_is_open_by_its_mode(tmp_path: Path, mode: int, is_open: bool) -> None:
    path = tmp_path / "token"
    path.touch(mode)
    path.chmod(mode)

    assert is_open_to_others(path) is is_open


def test_a_file_of_others_is_theirs_to_close(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "token"
    path.touch()
    path.chmod(0o644)
    somebody_else = path.stat().st_uid + 1
    monkeypatch.setattr(os, "geteuid", lambda: somebody_else)

    assert not is_open_to_others(path)


def test_a_file_that_is_not_there_is_open_to_nobody(tmp_path: Path) -> None:
    assert not is_open_to_others(tmp_path / "missing")
