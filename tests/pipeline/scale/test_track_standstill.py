"""Time that stands still: said after five minutes of ticks, with what keeps it, once and again each hour."""

import asyncio
import logging

import pytest

from pipeline.scale import track_standstill
from pipeline.scale.track_standstill import Standstill
from schemas.stream import Tick
from tests.pipeline.scale.bridging import make_topics
from tests.pipeline.scale.test_track_role import Bench, working
from tests.pipeline.scale.tracking import Hours, maker
from tests.pipeline.scale.writing import produce
from tests.services.kafka import Kafka
from tests.waiting import until_asked

S = 10**9
T = 1_750_000_000 * S
NOBODY = Tick("", 0, 0, T, T, None, None, None, is_last=False)
"""As `Bridges` remembers lives that are lost."""


class Bridge:
    """One that ticks each second."""

    def __init__(self, name: str, consumers: int | None = 1, ahead_s: float = 0.0) -> None:
        self.name = name
        self.consumers = consumers
        self.ahead = int(ahead_s * S)
        self.watermark: int | None = T
        self.life = 1

    def tick(self, second: int) -> Tick:
        at = T + second * S + self.ahead
        looked_at = None if self.consumers is None else at - S
        return Tick(self.name, self.life, second, at, self.watermark, None, self.consumers, looked_at, is_last=False)


class Watch:
    """A tracker that looks each second, and what it says."""

    def __init__(self, *bridges: Bridge) -> None:
        self.standstill = Standstill()
        self.bridges = bridges
        self.others: tuple[Tick, ...] = ()
        self.second = 0

    def look(self, seconds: int, watermark: int | None = T) -> None:
        for _ in range(seconds):
            self.second += 1
            ticks = [bridge.tick(self.second) for bridge in self.bridges]
            self.standstill.look(watermark, [*self.others, *ticks], 7_000.0 + self.second)


@pytest.fixture(autouse=True)
def heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_it_is_said_once_in_an_hour_and_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(Bridge("one", consumers=2))
    watch.look(300)
    assert caplog.messages == []
    watch.look(3_590)
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(
        "time stands still at 2025-06-15T15:06:40.000000000Z, for 5 min: nothing times"
    )
    watch.look(20)
    assert len(caplog.messages) == 2
    watch.look(1, T + S)
    watch.look(290, T + S)
    assert caplog.messages[2:] == ["time passes again, after 65 min"]
    watch.look(20, T + S)
    assert caplog.messages[3].startswith("time stands still at 2025-06-15T15:06:41")


def test_time_that_passes_is_not_spoken_of(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch(Bridge("one", consumers=2))
    for minute in range(60):
        watch.look(60, T + minute)
    assert caplog.messages == []


def test_where_nobody_ticks_or_we_have_no_partition_nothing_is_to_be_said(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch()
    watch.others = (NOBODY, Bridge("gone", consumers=3).tick(5))
    watch.look(1_000)
    watch = Watch(Bridge("one", consumers=3))
    watch.look(1_000, None)
    watch.look(200)
    watch.look(1, None)
    watch.look(200)
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("bridges", "words"),
    [
        (
            [Bridge("one", consumers=3), Bridge("two", consumers=3)],
            "the broker counts 3 consumers of the queue, and 2 bridges tick: end whatever else consumes it",
        ),
        (
            [Bridge("one", consumers=1), Bridge("two", consumers=1)],
            "the broker counts 1 consumers of the queue, and 2 bridges tick: see that all are connected",
        ),
        ([Bridge("one", consumers=None)], "1 bridge ticks, and none is told by the broker how many consumers"),
        (
            [Bridge("one", consumers=2), Bridge("two", consumers=2, ahead_s=75)],
            "nobody falls silent; clocks of bridges differ by 75 s, and may by 2",
        ),
        ([Bridge("one")], "nobody falls silent; bridge one has come no farther than 2025-06-15T15:06:40.000000000Z"),
    ],
)
def test_what_keeps_it_is_said_with_the_next_step(
    bridges: list[Bridge], words: str, caplog: pytest.LogCaptureFixture
) -> None:
    Watch(*bridges).look(310)
    (said,) = caplog.messages
    assert words in said


def test_clocks_that_differ_by_as_much_as_they_may_are_not_blamed(caplog: pytest.LogCaptureFixture) -> None:
    Watch(Bridge("one", consumers=2), Bridge("two", consumers=2, ahead_s=2)).look(310)
    (said,) = caplog.messages
    assert "clocks" not in said


def test_several_causes_are_all_said(caplog: pytest.LogCaptureFixture) -> None:
    Watch(Bridge("one", consumers=3), Bridge("two", consumers=3, ahead_s=-75)).look(310)
    (said,) = caplog.messages
    assert "3 consumers of the queue, and 2 bridges tick" in said
    assert "clocks of bridges differ by 75 s" in said


def test_a_bridge_that_is_lost_is_named_as_a_cause_and_not_counted(caplog: pytest.LogCaptureFixture) -> None:
    one, gone = Bridge("one"), Bridge("gone")
    watch = Watch(one, gone)
    watch.look(200)
    watch.bridges, watch.others = (one,), (NOBODY, gone.tick(watch.second))
    watch.look(110)
    (said,) = caplog.messages
    assert "what a lost bridge held is not through yet" in said


def test_one_that_has_a_new_channel_is_still_one(caplog: pytest.LogCaptureFixture) -> None:
    bridge = Bridge("one")
    watch = Watch(bridge)
    watch.look(200)
    watch.others = (bridge.tick(watch.second),)
    bridge.life = 2
    watch.look(110)
    (said,) = caplog.messages
    assert "consumers of the queue" not in said
    assert "what a lost bridge held" in said


def test_before_anything_was_ever_known_no_moment_is_named(caplog: pytest.LogCaptureFixture) -> None:
    bridge = Bridge("one")
    bridge.watermark = None
    Watch(bridge).look(310, 0)
    (said,) = caplog.messages
    assert said.startswith("time stands still at its beginning, for 5 min")
    assert "bridge one has come nowhere yet: see its log" in said


@pytest.mark.services
async def test_a_tracker_at_work_shows_how_far_it_is_and_says_what_keeps_it(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(track_standstill, "_STILL_S", 1.0)
    make_topics(kafka)
    produce(kafka, Hours().until(90))
    stranger, addressed = Bridge("b", consumers=2), maker()
    async with working(Bench(kafka.brokers)) as bench:

        async def is_said() -> bool:
            stranger.watermark = T + 200 * S
            tick = stranger.tick(100 + len(said))
            said.append(tick)
            await asyncio.to_thread(produce, kafka, addressed.of_tick(tick))
            return "time stands still" in caplog.text

        said: list[Tick] = []
        await until_asked(is_said)
        assert bench.gauges.watermark_at == T + 90 * S
    assert "the broker counts 2 consumers of the queue, and 1 bridge ticks" in caplog.text
