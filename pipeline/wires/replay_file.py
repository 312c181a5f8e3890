"""Replay files: a stream of bytes, from a file or a pipe, as numbered lines in batches.

Owns how much is read at once and when a batch is complete. A pipe may be a live stream, so lines never wait for
more of them than the age of a batch allows. Must not know what a line holds (`pipeline.replay_lines`).
"""

import io
import time
from collections.abc import Callable, Iterator, Sequence
from select import select
from typing import NamedTuple, Protocol

MOST_BYTES = 64 * 1024 * 1024
"""The longest line: over twice what a body of 10 MB takes with every byte escaped."""

_CHUNK = 1024 * 1024


class ByteStream(Protocol):
    """What is read: an open binary file, or standard input."""

    def read1(self, size: int, /) -> bytes:
        """At most `size` bytes: what is there now, waiting only while nothing is; empty at the end."""

    def fileno(self) -> int:
        """The descriptor to wait on. Raises `io.UnsupportedOperation` where there is none, as in memory."""


class NumberedLine(NamedTuple):
    """One line without its line break; numbers count from 1."""

    number: int
    text: bytes


class LineTooLongError(Exception):
    """What is read has no line breaks where a recorded stream has them."""


def read_batches(source: ByteStream, size: int, age_s: float) -> Iterator[Sequence[NumberedLine]]:
    """Every line of `source`, in order, in batches of 1 to `size` lines.

    A batch is given when it is full, at the end, and when `age_s` seconds have passed since its first line while
    the source had nothing more to read. Raises LineTooLongError, after what came before it was given, and OSError.
    """
    can_read = _waiter(source)
    splitter = _Splitter()
    batch: list[NumberedLine] = []
    due = 0.0
    while True:
        if batch and not can_read(max(0.0, due - time.monotonic())):
            yield batch
            batch = []
        chunk = source.read1(_CHUNK)
        if not chunk:
            break
        if not batch:
            due = time.monotonic() + age_s
        batch += splitter.split(chunk)
        full = len(batch) // size * size
        for start in range(0, full, size):
            yield batch[start : start + size]
        batch = batch[full:]
        if splitter.begun_bytes > MOST_BYTES:
            if batch:
                yield batch
            message = f"line {splitter.number} is longer than {MOST_BYTES} bytes: this is no recorded stream"
            raise LineTooLongError(message)
    batch += splitter.finish()
    if batch:
        yield batch


class _Splitter:
    """Cuts a stream into lines. `number` is that of the line that has begun, `begun_bytes` its length so far."""

    def __init__(self) -> None:
        self.number = 1
        self.begun_bytes = 0
        self._begun: list[bytes] = []

    def split(self, chunk: bytes) -> list[NumberedLine]:
        """The lines that end in this chunk."""
        *ends, begun = chunk.split(b"\n")
        lines: list[NumberedLine] = []
        for end in ends:
            lines.append(NumberedLine(self.number, b"".join([*self._begun, end])))
            self._begun.clear()
            self.number += 1
        self._begun.append(begun)
        self.begun_bytes = len(begun) if ends else self.begun_bytes + len(begun)
        return lines

    def finish(self) -> list[NumberedLine]:
        """The last line, where it had no line break."""
        last = b"".join(self._begun)
        return [NumberedLine(self.number, last)] if last else []


def _waiter(source: ByteStream) -> Callable[[float], bool]:
    """A function that waits, at most that many seconds, until there is something to read, and says whether."""
    try:
        descriptor = source.fileno()
    except io.UnsupportedOperation:
        return lambda _seconds: True
    return lambda seconds: bool(select([descriptor], [], [], seconds)[0])
