"""Presence: who consumes may send, and who only pauses; nobody else."""

import asyncio

import pytest

from pipeline.presence import PAUSE_S, Presence
from pipeline.wires.source import SourceState
from tests.pipeline.scripted_source import ScriptedSource


class Bench:
    def __init__(self) -> None:
        self.source = ScriptedSource()
        self.now = 1_000.0
        self.presence = Presence(self.source, lambda: self.now)


def test_who_consumes_may_send() -> None:
    bench = Bench()
    assert (bench.presence.is_consuming(), bench.presence.why_not()) == (True, "")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (SourceState.CONNECTING, "does not consume, and would not see the answer: nobody listens"),
        (SourceState.STANDBY, "stands by; send through the one that consumes"),
        (SourceState.HANDED_BACK, "has given its messages back, and would not see the answer: nobody listens"),
        (SourceState.STOPPED, "is ending"),
    ],
)
def test_who_has_never_consumed_may_not_and_is_told_why(state: SourceState, words: str) -> None:
    bench = Bench()
    bench.source.turn(state, "nobody listens")
    assert not bench.presence.is_consuming()
    assert bench.presence.why_not() == f"this worker {words}"


def test_a_pause_keeps_nobody_from_sending_until_it_is_a_long_one() -> None:
    bench = Bench()
    assert bench.presence.why_not() == ""
    bench.source.turn(SourceState.CONNECTING, "the line was cut")
    bench.now += PAUSE_S
    assert bench.presence.why_not() == ""
    bench.now += 1
    assert "the line was cut" in bench.presence.why_not()
    bench.source.turn(SourceState.CONSUMING, "")
    assert bench.presence.why_not() == ""


@pytest.mark.parametrize("state", [SourceState.STANDBY, SourceState.HANDED_BACK])
def test_who_lost_the_queue_has_no_pause(state: SourceState) -> None:
    bench = Bench()
    assert bench.presence.why_not() == ""
    bench.source.turn(state, "")
    assert bench.presence.why_not()
    bench.source.turn(SourceState.CONNECTING, "")
    assert bench.presence.why_not()


async def test_that_it_consumed_is_noted_though_nobody_asked() -> None:
    bench = Bench()
    looking = asyncio.create_task(bench.presence.run())
    await asyncio.sleep(0)
    looking.cancel()
    bench.source.turn(SourceState.CONNECTING, "")
    assert bench.presence.why_not() == ""
