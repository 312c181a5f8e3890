"""Batches of lines: nothing is lost, doubled or turned around, and a live pipe is not kept waiting."""

import io
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.wires.replay_file import MOST_BYTES, LineTooLongError, NumberedLine, read_batches

LONG = 3600.0


@given(st.binary(max_size=200).map(lambda text: text.replace(b"x", b"\n")), st.integers(1, 5))
def test_every_line_comes_once_in_order_and_numbered(content: bytes, size: int) -> None:
    batches = list(read_batches(io.BytesIO(content), size, LONG))

    expected = content.split(b"\n")
    if not expected[-1]:
        expected.pop()
    assert [line for batch in batches for line in batch] == [
        NumberedLine(number, text) for number, text in enumerate(expected, start=1)
    ]
    assert all(1 <= len(batch) <= size for batch in batches)
    assert all(len(batch) == size for batch in batches[:-1])


class Dribble(io.BytesIO):
    """Gives a few bytes at a time, as a slow pipe does."""

    def read1(self, size: int | None = -1, /) -> bytes:
        return super().read1(min(3, size) if size is not None and size > 0 else 3)


@given(st.binary(max_size=60).map(lambda text: text.replace(b"x", b"\n")))
def test_lines_do_not_depend_on_how_the_bytes_arrive(content: bytes) -> None:
    assert list(read_batches(Dribble(content), 4, LONG)) == list(read_batches(io.BytesIO(content), 4, LONG))


def test_a_live_pipe_gives_what_is_there_before_more_comes() -> None:
    reading, writing = os.pipe()
    # Where a read would wait for ever, this pipe says that it has ended, and the test fails in place of waiting.
    os.set_blocking(reading, False)
    with os.fdopen(reading, "rb") as source, os.fdopen(writing, "wb", buffering=0) as sink:
        sink.write(b"one\ntwo\nthr")
        batches = read_batches(source, 5_000, 0.0)

        assert next(batches) == [NumberedLine(1, b"one"), NumberedLine(2, b"two")]

        sink.write(b"ee\n")
        assert next(batches) == [NumberedLine(3, b"three")]


def test_a_batch_waits_for_more_until_it_is_of_age() -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as source:
        os.write(writing, b"one\n")

        def send_more() -> None:
            os.write(writing, b"two\n")
            os.close(writing)

        later = threading.Timer(0.05, send_more)
        later.start()
        assert list(read_batches(source, 5_000, LONG)) == [[NumberedLine(1, b"one"), NumberedLine(2, b"two")]]
        later.join()


def test_a_stream_without_line_breaks_is_given_up_after_what_came_before() -> None:
    class Endless(io.RawIOBase):
        sent = 0

        def read1(self, size: int, /) -> bytes:
            self.sent += size
            return b"good\n" if self.sent == size else b"x" * size

    source = Endless()
    batches = read_batches(source, 5_000, LONG)

    assert next(batches) == [NumberedLine(1, b"good")]
    with pytest.raises(LineTooLongError, match="line 2 is longer"):
        next(batches)
    assert source.sent < 2 * MOST_BYTES
