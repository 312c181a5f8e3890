"""A state file that no worker has any more: read, and left as it is.

Owns what keeps it from being read. Must not know what is done with what it says.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.core.kept_facts import KeptKey
from pipeline.wires.progress_tables import read_facts, read_heard, read_raised, read_watermark
from pipeline.wires.sqlite_file import ForeignFileError, faults_explained, open_to_read, read_mark
from pipeline.wires.state import STATE


class StateReader:
    """The file in `path`, open. Its calls raise StoreUnavailableError."""

    def __init__(self, path: Path) -> None:
        """Raises ForeignFileError for a file of another kind, or of a version that remembered nothing yet."""
        self._path = path
        self._connection = open_to_read(path, STATE)
        version = read_mark(self._connection)[1]
        if version != STATE.version:
            self._connection.close()
            message = (
                f"{path} has schema version {version}, and {STATE.version} is needed; start a worker of this version "
                "on it once, and end it"
            )
            raise ForeignFileError(message)

    def facts(self) -> Iterator[tuple[KeptKey, bytes]]:
        """Every fact that was kept. Reads on while the caller takes them."""
        with faults_explained(self._path):
            yield from read_facts(self._connection)

    def heard(self) -> Mapping[str, int]:
        """When each device was heard last."""
        with faults_explained(self._path):
            return read_heard(self._connection)

    def watermark(self) -> int | None:
        """The watermark of the last batch, None before the first."""
        with faults_explained(self._path):
            return read_watermark(self._connection)

    def raised(self) -> Mapping[str, int]:
        """Which alerts about the worker were raised, by kind, and since when."""
        with faults_explained(self._path):
            return read_raised(self._connection)

    def rejects(self) -> int:
        """How many rejects are kept."""
        with faults_explained(self._path):
            (count,) = self._connection.execute("SELECT count(*) FROM reject").fetchone()
        return int(count)

    def __enter__(self) -> Self:
        """The reader itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close."""
        self._connection.close()
