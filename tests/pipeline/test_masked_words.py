"""Words that are never shown: also those of files that have more in them, as they are and as they were."""

import json
import os
from pathlib import Path

import pytest

from pipeline.masked_words import WordsInFile, masked_words
from pipeline.settings import load_settings

REPLY = {
    "server": "broker",
    "port": 5671,
    "useSsl": True,
    "virtualHost": "v",
    "username": "me",
    "queueName": "q",
    "exchangeName": "x",
}


@pytest.fixture
def reply(tmp_path: Path) -> Path:
    path = tmp_path / "reply.json"
    path.write_text(json.dumps({**REPLY, "password": "hunter2"}), "utf-8")
    return path


def words_of(**settings: object) -> set[str]:
    given = {f"CHARGELINE_{name}": str(value) for name, value in settings.items()}
    return {word for masked in masked_words(load_settings(given)) for word in masked.words()}


def test_secrets_of_settings_and_of_files_that_they_name(reply: Path, tmp_path: Path) -> None:
    options = tmp_path / "kafka.properties"
    options.write_text("sasl.username=me\nsasl.password = hunter3\nssl.key.password=hunter4\n", "utf-8")
    words = words_of(EASEE_CONNECTION_FILE=reply, KAFKA_CONFIG_FILE=options, HTTP_TOKEN="0123456789abcdef0")
    assert words == {"hunter2", "hunter3", "hunter4", "0123456789abcdef0"}


def test_a_file_is_read_again_where_it_is_another(tmp_path: Path) -> None:
    path = tmp_path / "file"
    found = WordsInFile(path, str.split)
    assert found.words() == frozenset()
    path.write_text("one two", "utf-8")
    assert found.words() == {"one", "two"}
    path.write_text("three", "utf-8")
    assert found.words() == {"one", "two", "three"}
    path.unlink()
    assert found.words() == {"one", "two", "three"}


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"password": "hunter2"}', b"\xff", b"x" * 100_000])
def test_what_cannot_be_read_is_for_others_to_tell(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "reply.json"
    path.write_bytes(content)
    assert words_of(EASEE_CONNECTION_FILE=path) == set()


def test_a_pipe_is_left_to_whoever_uses_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert words_of(EASEE_CONNECTION_FILE=tmp_path / "pipe") == set()
