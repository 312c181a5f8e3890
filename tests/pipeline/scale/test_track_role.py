"""The role `track` at a real Kafka: what it tells of itself, one life after the other, and how it ends."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from faust.tables.recovery import Recovery
from faust.types import TP

from pipeline.core.atomic_entries import AtomicEntries
from pipeline.meters import Meters
from pipeline.scale.round_plan import TrackPatience
from pipeline.scale.track_assembly import make_track
from pipeline.scale.track_role import TrackRole
from pipeline.settings import load_settings
from schemas.meters import Gauges, MetersSnapshot, WorkerState
from schemas.stream import Topic
from tests.pipeline.core.derivation_samples import T, sent
from tests.pipeline.scale.bridging import PARTITIONS, make_topics
from tests.pipeline.scale.test_track import commands, produce_state, states
from tests.pipeline.scale.tracking import Hours
from tests.pipeline.scale.writing import produce
from tests.pipeline.wires.following import lose_patience
from tests.services.kafka import Kafka
from tests.waiting import until, until_asked

ROOT = Path(__file__).parents[3]
HANGS_S = 150
PATIENCE = TrackPatience(round_s=0.05, session_s=4.0)
LEAVES_S = 10.0


class Bench:
    """A role at work, and what it says."""

    def __init__(self, brokers: str, **settings: str) -> None:
        given = {"KAFKA_BROKERS": brokers, "KAFKA_PARTITIONS": str(PARTITIONS), **settings}
        self.meters = Meters()
        chosen = load_settings({f"CHARGELINE_{name}": value for name, value in given.items()})
        self.role: TrackRole = make_track(chosen, self.meters, PATIENCE)

    @property
    def snapshot(self) -> MetersSnapshot:
        return self.meters.snapshot()

    @property
    def gauges(self) -> Gauges:
        return self.snapshot.gauges

    @property
    def is_done(self) -> bool:
        """Whether everything that was sent is done with, in all partitions."""
        return len(self.snapshot.lags) == PARTITIONS and not any(self.snapshot.lags.values())


@asynccontextmanager
async def working(bench: Bench) -> AsyncIterator[Bench]:
    """At work, and stopped at the end, soon."""
    async with asyncio.timeout(HANGS_S), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(bench.role.run())
        try:
            yield bench
        finally:
            began = time.monotonic()
            await bench.role.stop()
            await task
            assert time.monotonic() - began < LEAVES_S


async def until_known(kafka: Kafka, wanted: list[str]) -> None:
    """Until these are the states of all commands; asked without holding the loop up, which is the tracker's."""

    async def is_known() -> bool:
        return sorted((await asyncio.to_thread(states, kafka)).values()) == wanted

    await until_asked(is_known)


@pytest.mark.services
async def test_what_is_done_is_metered_with_the_lag_of_each_partition(kafka: Kafka) -> None:
    make_topics(kafka)
    bridge = Hours()
    produce(kafka, [*commands(60), *bridge.until(90)])
    async with working(Bench(kafka.brokers)) as bench:
        await until(lambda: bench.snapshot.counts.delivered > 0 and bench.is_done)
        # Every partition hears the three ticks.
        assert bench.snapshot.counts.delivered == 60 + 3 * PARTITIONS
        assert (bench.gauges.state, bench.gauges.kafka_in_flight) == (WorkerState.CONSUMING, 0)
        await until(lambda: sum(bench.snapshot.alerts.values()) == 60)
        assert bench.gauges.watermark_at == T + 90 * 10**9
        assert bench.gauges.store_answered_at is not None
    assert bench.gauges.state is WorkerState.STOPPING
    assert set(states(kafka).values()) == {"timed_out"}


@pytest.mark.services
async def test_a_kafka_that_goes_is_told_and_waited_for(kafka: Kafka) -> None:
    make_topics(kafka)
    produce(kafka, commands(30))
    async with working(Bench(kafka.brokers)) as bench:
        await until(lambda: bench.snapshot.counts.delivered > 0 and bench.is_done)
        kafka.kill()
        await until(lambda: bench.gauges.state is WorkerState.RETRYING)
        assert "see that Kafka runs" in bench.gauges.words
        kafka.start()
        produce(kafka, Hours().until(90))
        await until(
            lambda: bench.gauges.state is WorkerState.CONSUMING and set(states(kafka).values()) == {"timed_out"}
        )


@pytest.mark.services
async def test_a_partition_that_gives_nothing_of_what_waits_is_told_and_joined_anew(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    make_topics(kafka)
    produce(kafka, commands(30))
    async with working(Bench(kafka.brokers)) as bench:
        await until(lambda: bench.snapshot.counts.delivered > 0 and bench.is_done)
        topic = bench.role._topic
        assert topic is not None
        topic._app.consumer.pause_partitions([TP(Topic.TRACK.value, 1)])
        lose_patience(monkeypatch)
        await asyncio.to_thread(produce, kafka, Hours().until(90))
        await until_known(kafka, ["timed_out"] * 30)
        await until(lambda: bench.gauges.state is WorkerState.CONSUMING and bench.is_done)
        assert "messages of chargeline.track, partition 1, wait and none comes: the group is joined anew" in caplog.text
        assert bench.snapshot.counts.connections == 2


LIVES = """
import asyncio, sys, weakref
from pipeline.garbage import seldom_looked_for
from pipeline.wires.kafka_fault import ReadAgainError
from tests.pipeline.scale.test_track_role import Bench, working
from tests.waiting import until

async def lives():
    async with working(Bench(sys.argv[1])) as bench:
        await until(lambda: bench.snapshot.counts.delivered > 0 and bench.is_done)
        table = bench.role._topic.table
        entries, kept, begun = table.data.data, weakref.ref(table), 1
        before = len(entries)
        del table
        # Timers of the library may hold a life that is over for longer than one more life.
        while kept() is not None:
            bench.role._topic._end(ReadAgainError("once more"))
            begun += 1
            await until(lambda: bench.snapshot.counts.connections == begun and bench.role._topic is not None)
            print("entries", before > 0, len(entries), flush=True)

with seldom_looked_for():
    asyncio.run(lives())
"""


@pytest.mark.services
def test_a_life_that_is_over_remembers_nothing_and_is_freed(kafka: Kafka) -> None:
    make_topics(kafka)
    produce(kafka, commands(30))
    # In a process of its own: the test runner holds what was logged.
    words = [sys.executable, "-c", LIVES, kafka.brokers]
    said = subprocess.run(words, cwd=ROOT, check=True, capture_output=True, text=True, timeout=HANGS_S)
    assert set(said.stdout.splitlines()) == {"entries True 0"}


@pytest.mark.services
@pytest.mark.parametrize("how", ["killed", "paused"])
async def test_it_ends_soon_while_kafka_is_away(kafka: Kafka, how: str) -> None:
    make_topics(kafka)
    produce(kafka, commands(30))
    try:
        async with working(Bench(kafka.brokers)) as bench:
            await until(lambda: bench.snapshot.counts.delivered > 0 and bench.is_done)
            await asyncio.to_thread(produce, kafka, commands(30, at=200))
            if how == "killed":
                kafka.kill()
            else:
                kafka.pause()
    finally:
        kafka.settle()
    # Whoever comes next finds a Kafka that takes something again.
    await asyncio.to_thread(produce, kafka, commands(1))


@pytest.mark.services
async def test_state_of_a_newer_version_holds_until_somebody_mends_it(kafka: Kafka) -> None:
    make_topics(kafka)
    produce_state(kafka, 2, [("dream 1", b"nothing that is known")])
    produce(kafka, commands(60))
    async with working(Bench(kafka.brokers)) as bench:
        await until(lambda: bench.gauges.state is WorkerState.HOLDING)
        assert "chargeline.state, partition 2," in bench.gauges.words
        await asyncio.to_thread(produce_state, kafka, 2, [("dream 1", None)])
        bench.role.reload()
        await until_known(kafka, ["published"] * 60)
        await until(lambda: bench.gauges.state is WorkerState.CONSUMING)


@pytest.mark.services
async def test_state_that_comes_back_in_part_is_read_again_and_then_gone_on_from(
    kafka: Kafka, caplog: pytest.LogCaptureFixture
) -> None:
    make_topics(kafka)
    entries = list(AtomicEntries().round({"meaning 0": b"{}", "meaning 1": b"{}"}, {}))
    produce_state(kafka, 2, [(key, content) for key, content in entries if " " not in key])
    produce(kafka, commands(60))
    async with working(Bench(kafka.brokers)) as bench:
        await until_known(kafka, ["published"] * 60)
        await until(lambda: bench.gauges.state is WorkerState.CONSUMING and bench.is_done)
        assert "chargeline.state, partition 2: 0 of 2 entries were read; it is read again" in caplog.text
        assert "chargeline.state, partition 2: 0 of 2 entries were read, twice: what is missing is forg" in caplog.text
        assert bench.snapshot.counts.connections == 2


@pytest.mark.services
async def test_where_it_helps_nothing_to_begin_anew_somebody_is_called(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_topics(kafka)
    produce_state(kafka, 1, [("meaning 0", b"x" * 16)])
    produce(kafka, commands(30))

    async def unanswered(*_: object) -> None:
        """Kafka never says in time what there is."""

    monkeypatch.setattr(Recovery, "_build_highwaters", unanswered)
    async with working(Bench(kafka.brokers)) as bench:
        await until(lambda: bench.gauges.state is WorkerState.RETRYING)
        assert "chargeline.state, partition 1, was read up to 0 of 1; it is read again" in bench.gauges.words
        await until(lambda: bench.gauges.state is WorkerState.HOLDING)
        assert "that did not help before: please report it" in bench.gauges.words
        assert states(kafka) == {}


@pytest.mark.services
async def test_a_login_is_used_and_a_wrong_one_is_told_without_the_password(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    produce(kafka, commands(30))
    config = tmp_path / "kafka.conf"
    login = f"security.protocol=sasl_plaintext\nsasl.mechanism=PLAIN\nsasl.username={kafka.user}\n"
    config.write_text(f"{login}sasl.password=hunter2\n")
    config.chmod(0o600)
    async with working(Bench(kafka.sasl_brokers, KAFKA_CONFIG_FILE=str(config))) as bench:
        await until(lambda: bench.gauges.state is WorkerState.HOLDING)
        assert "see user, password and mechanism in CHARGELINE_KAFKA_CONFIG_FILE" in bench.gauges.words
        assert "hunter2" not in bench.gauges.words
        config.write_text(f"{login}sasl.password={kafka.password}\n")
        bench.role.reload()
        await until_known(kafka, ["published"] * 30)


@pytest.mark.services
async def test_topics_that_are_missing_are_told_and_waited_for(kafka: Kafka) -> None:
    async with working(Bench(kafka.brokers)) as bench:
        await until(lambda: bench.gauges.state is WorkerState.HOLDING)
        assert "make the topics: chargeline topics create" in bench.gauges.words
        await asyncio.to_thread(make_topics, kafka)
        bench.role.reload()
        await asyncio.to_thread(produce, kafka, Hours().records([sent("r", 0)]))
        await until_known(kafka, ["published"])


@pytest.mark.services
async def test_options_that_cannot_be_followed_are_told_by_name(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    config = tmp_path / "kafka.conf"
    config.write_text("sasl.oauthbearer.scope=hunter2\n")
    config.chmod(0o600)
    async with working(Bench(kafka.brokers, KAFKA_CONFIG_FILE=str(config))) as bench:
        await until(lambda: bench.gauges.state is WorkerState.HOLDING)
        assert "sasl.oauthbearer.scope cannot be followed by the role `track`" in bench.gauges.words
        assert "hunter2" not in bench.gauges.words
