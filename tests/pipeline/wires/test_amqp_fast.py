"""The fast reader's place between socket and client: what is passed on, and what is told.

What it makes of a real broker is held by `test_amqp_line`, together with the other reader.
"""

import asyncio

from pamqp import commands
from pamqp.heartbeat import Heartbeat

from pipeline.wires.amqp_fast import DeliveryReader
from pipeline.wires.amqp_window import Run
from tests.pipeline.wires.amqp_streams import CHANNEL, FRAME_MAX, frames_of, marshal, stream_of, usual


class Clock(asyncio.SelectorEventLoop):
    """An event loop whose clock stands still until it is told otherwise."""

    now = 0.0

    def time(self) -> float:
        return self.now


class Watched:
    """A reader that is watched, and what it says."""

    def __init__(self) -> None:
        self.loop = Clock()
        self.reader = DeliveryReader(self.loop)
        self.runs: list[Run] = []
        self.words: list[str] = []
        self.reader.watch(CHANNEL, FRAME_MAX, self.runs.append, self.words.append)

    def passed(self) -> bytes:
        """What the client would read now."""

        async def read() -> bytes:
            self.reader.feed_data(marshal(commands.Queue.DeclareOk("end", 0, 0), 1))
            return await self.reader.read(1 << 16)

        return self.loop.run_until_complete(read()).removesuffix(marshal(commands.Queue.DeclareOk("end", 0, 0), 1))


def test_deliveries_are_taken_out_and_the_rest_is_passed_on() -> None:
    watched = Watched()
    other = marshal(commands.Queue.DeclareOk("Operator_1.Q", 1, 1), 1)
    first, second = (b"".join(frames_of(usual(tag), tag)) for tag in (1, 2))
    watched.reader.feed_data(first + other + second)
    assert [run.last_tag for run in watched.runs] == [2]
    assert watched.passed() == other
    watched.loop.close()


def test_the_client_gets_a_heartbeat_now_and_then_while_there_are_only_deliveries() -> None:
    watched = Watched()
    for tag in range(1, 13):
        watched.loop.now = float(tag)
        watched.reader.feed_data(b"".join(frames_of(usual(tag), tag)))
    assert watched.passed() == Heartbeat.value * 2
    watched.loop.close()


def test_half_a_frame_of_somebody_else_is_never_followed_by_a_heartbeat() -> None:
    watched = Watched()
    other = marshal(commands.Queue.DeclareOk("Operator_1.Q", 1, 1), 1)
    watched.loop.now = 60.0
    watched.reader.feed_data(other[:9])
    watched.loop.now = 120.0
    watched.reader.feed_data(other[9:])
    assert watched.passed() == Heartbeat.value + other
    watched.loop.close()


def test_what_is_not_amqp_is_told_once_and_ends_the_stream_for_the_client() -> None:
    watched = Watched()
    watched.reader.feed_data(stream_of([usual(1)])[:-1] + b"\x00")
    watched.reader.feed_data(Heartbeat.value)
    assert watched.words == ["the broker sent what is not AMQP: a frame that does not end where it says"]
    assert isinstance(watched.reader.exception(), ConnectionResetError)
    assert not watched.runs
    watched.loop.close()
