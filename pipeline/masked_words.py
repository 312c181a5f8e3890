"""Words that are never shown: secrets of the settings, and those in files that have more in them than a secret.

Owns which files these are: Easee's reply with the connection details, and the options of Kafka's clients. Must not know
what is logged, or who reads the files for what is in them.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from pipeline.deferred import deferred
from pipeline.secret import Masked, UnreadableSecretError, read_small
from pipeline.settings import Settings
from pipeline.wires.kafka_options import secret_values

if TYPE_CHECKING:
    from pipeline.wires import amqp_address
else:
    amqp_address = deferred("pipeline.wires.amqp_address")


def masked_words(settings: Settings) -> Iterable[Masked]:
    """Whose words are never shown: secrets that are set, and files with secrets that settings name."""
    found: list[Masked] = list(settings.secrets())
    for attribute, find in _FILES.items():
        path = getattr(settings, attribute)
        if isinstance(path, Path):
            found.append(WordsInFile(path, find))
    return found


class WordsInFile:
    """The secrets in a file, as it is and as it was: such files are written anew while we run."""

    def __init__(self, path: Path, find: Callable[[str], Iterable[str]]) -> None:
        """`find` says which words of the file's text are secret; ValueError where it cannot be read as what it is."""
        self._path = path
        self._find = find
        self._seen: tuple[int, ...] = ()
        self._words: frozenset[str] = frozenset()

    def words(self) -> frozenset[str]:
        """Every word that was ever found; the file is read where it is another than before."""
        # Whoever uses the file says what is wrong with it.
        with suppress(OSError, ValueError, UnreadableSecretError):
            status = self._path.stat()
            seen = (status.st_ino, status.st_mtime_ns, status.st_size)
            if seen != self._seen:
                self._words |= frozenset(self._find(read_small(self._path)))
                self._seen = seen
        return self._words


def _password_of_reply(text: str) -> Iterable[str]:
    return (amqp_address.read_easee_connection(text).address.password,)


_FILES: Mapping[str, Callable[[str], Iterable[str]]] = MappingProxyType(
    {"easee_connection_file": _password_of_reply, "kafka_config_file": secret_values}
)
"""By the attribute of the setting that names the file: what of its text is secret."""
