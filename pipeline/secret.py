"""Secrets: texts that are never shown, given as a value or in a file of their own.

Owns that a secret prints as stars, how its file is read, and which of its parts must not be shown. Must not know
which settings are secret, or what is done with one.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

MASKED = "***"
"""What is shown in place of a secret."""

_MOST_BYTES = 1 << 16
_FOR_OTHERS = 0o077


class UnreadableSecretError(Exception):
    """A secret's file cannot be used. Says why, never what it holds."""


class Masked(Protocol):
    """What has words that are never shown."""

    def words(self) -> frozenset[str]:
        """Every text that must not be shown, as it is now and as it was before."""


class Secret:
    """A text that is never shown: not by print, not in a log, not in an error."""

    __slots__ = ("_text", "_words")

    def __init__(self, text: str) -> None:
        """Keep `text`."""
        self._words: frozenset[str] = frozenset()
        self._keep(text)

    def reveal(self) -> str:
        """The text itself, as it was last read. No I/O."""
        return self._text

    def read(self) -> str:
        """The text as it is now: read again where it stands in a file. Raises UnreadableSecretError."""
        return self._text

    def words(self) -> frozenset[str]:
        """Every text that must not be shown: the secret, what it was before, and the password in it if it is a URL."""
        return self._words

    def __repr__(self) -> str:
        """Stars."""
        return MASKED

    def _keep(self, text: str) -> None:
        self._text = text
        self._words |= {text, *_passwords(text)}


class SecretFile(Secret):
    """A secret that stands in a file, which may be written anew at any time: that is how secrets are rotated."""

    __slots__ = ("_check", "path")

    def __init__(self, path: Path, check: Callable[[str], object]) -> None:
        """Read it for the first time. Raises UnreadableSecretError.

        `check` raises ValueError, with words that complete "must be …", for a text that cannot be this secret.
        """
        self.path = path
        self._check = check
        super().__init__(self._read_file())

    def read(self) -> str:
        """What the file holds now, without the line breaks at its end.

        Raises UnreadableSecretError; `reveal` then still has the text that was last good.
        """
        self._keep(self._read_file())
        return self._text

    def _read_file(self) -> str:
        text = read_small(self.path).rstrip("\r\n")
        if not text:
            message = "the file is empty"
            raise UnreadableSecretError(message)
        try:
            self._check(text)
        except ValueError as fault:
            message = f"what the file holds must be {fault}"
            raise UnreadableSecretError(message) from None
        return text


def is_open_to_others(path: Path) -> bool:
    """Whether a file is ours and others may read or write it, so that we should close it to them.

    A file of somebody else's (a mounted secret, often) must be open to us and is theirs to close.
    """
    try:
        status = path.stat()
    except (OSError, ValueError):
        return False
    return status.st_uid == os.geteuid() and bool(status.st_mode & _FOR_OTHERS)


def read_small(path: Path) -> str:
    """The text of a regular file. A pipe or a device would block, never end, or be empty the second time.

    Raises UnreadableSecretError.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            message = "it is not a regular file"
            raise UnreadableSecretError(message)
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            message = f"the file has more than {_MOST_BYTES} bytes"
            raise UnreadableSecretError(message)
        return content.decode("utf-8-sig")
    except OSError as fault:
        raise UnreadableSecretError(fault.strerror) from None
    except UnicodeDecodeError:
        message = "the file is not UTF-8 text"
        raise UnreadableSecretError(message) from None
    except ValueError:
        message = "this cannot be a path"
        raise UnreadableSecretError(message) from None


def _passwords(text: str) -> set[str]:
    """The password of a URL, as written and as meant; none where the text is no URL."""
    try:
        password = urlsplit(text).password
    except ValueError:
        password = None
    return {password, unquote(password)} if password else set()
