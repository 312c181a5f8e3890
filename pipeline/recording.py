"""Recording: a tee of the stream, as lines that `chargeline replay` takes.

Owns that the file is whole lines, private, and has every delivery before it is acknowledged. Must not know what a
message means. Bodies are kept raw, personal values included.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from threading import Lock

from pipeline.replay_lines import to_line
from pipeline.wires.private_file import make_private
from pipeline.wires.store import StoreUnavailableError
from schemas.delivery import Delivery


class Recording:
    """A file that grows by a line a delivery. What is delivered again is recorded again: replaying doubles nothing.

    For several threads: deliveries and the commands that we send come from different ones.
    """

    def __init__(self, path: Path) -> None:
        """Append to `path`, made for its owner alone where there is none. Raises OSError."""
        make_private(path)
        self._path = path
        self._lock = Lock()
        self._file = path.open("ab", buffering=0)

    def append(self, deliveries: Sequence[Delivery]) -> None:
        """Add these, all or none. Raises StoreUnavailableError where they cannot be kept."""
        lines = memoryview(b"".join(to_line(delivery) + b"\n" for delivery in deliveries))
        with self._lock:
            end = self._file.seek(0, os.SEEK_END)
            try:
                while lines:
                    lines = lines[self._file.write(lines) :]
            except OSError as fault:
                self._file.truncate(end)
                message = f"{self._path}: {fault.strerror}; free some disk space, or run without --record"
                raise StoreUnavailableError(message, needs_operator=True) from fault

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
