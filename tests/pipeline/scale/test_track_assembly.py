"""The tracker as processes at a real Kafka: the rows of one derivation, whatever ends or stands still in the middle."""

import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

import pytest

from pipeline.scale.track_assembly import serve_track
from pipeline.settings import SettingsError, load_settings
from schemas.row import Row
from tests.campaigns.running import RunningWorker
from tests.pipeline.core.derivation_samples import answered, sent
from tests.pipeline.scale.bridging import PARTITIONS, make_topics
from tests.pipeline.scale.test_track import states
from tests.pipeline.scale.tracking import Feed, Hours, derived_rows, difference, rejects_in
from tests.pipeline.scale.writing import produce
from tests.pipeline.wires.following import committed
from tests.services.kafka import Kafka

PATIENCE_S = 180.0
STOOD_STILL = ("held still", "Message timed out")
LEAVES_S = 10.0
SESSION_S = 10.0


class Processes:
    """Trackers of one group."""

    def __init__(self, folder: Path, kafka: Kafka) -> None:
        self._folder = folder
        self._kafka = kafka
        self._running = ExitStack()
        self._lives = 0

    def start(self) -> RunningWorker:
        """One more, under way."""
        self._lives += 1
        folder = self._folder / f"life{self._lives}"
        folder.mkdir()
        settings = {"KAFKA_BROKERS": self._kafka.brokers, "KAFKA_PARTITIONS": str(PARTITIONS), "LOG_FORMAT": "text"}
        tracker = RunningWorker(folder, settings, "--role", "track")
        tracker.start()
        self._running.callback(tracker.kill)
        return tracker

    def close(self) -> None:
        self._running.close()


@contextmanager
def trackers(folder: Path, kafka: Kafka) -> Iterator[Processes]:
    make_topics(kafka)
    running = Processes(folder, kafka)
    try:
        yield running
    finally:
        running.close()


def until_same(kafka: Kafka, feed: Feed, *running: RunningWorker) -> None:
    """Until the rows are those of one derivation, and stay it until all is done with."""
    running[0].until(lambda: difference(kafka, feed.rows()) == {} and is_done(*running), PATIENCE_S)
    assert difference(kafka, feed.rows()) == {}
    assert rejects_in(kafka) == []


def is_done(*running: RunningWorker) -> bool:
    """Whether nothing is left to do, in any partition."""
    every = [tracker.metrics() for tracker in running]
    return sum(each.get("chargeline_kafka_lag", 1.0) for each in every) == 0


def done_with(kafka: Kafka) -> int:
    """How many messages are done with for good."""
    return sum(max(offset, 0) for offset in committed(kafka).values())


def has_more_done(kafka: Kafka, before: int) -> Callable[[], bool]:
    """Whether more is done with than then."""
    return lambda: done_with(kafka) > before


def until_at_work(*running: RunningWorker) -> None:
    """Until each has done something."""
    running[0].until(lambda: all(tracker.delivered() > 0 for tracker in running), PATIENCE_S)


def leave(tracker: RunningWorker) -> None:
    """It ends in order, and soon, and without a stack trace."""
    began = time.monotonic()
    assert tracker.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < LEAVES_S
    assert "Traceback" not in tracker.story()


@pytest.mark.services
@pytest.mark.parametrize("kills", [3, pytest.param(12, marks=pytest.mark.prove)])
def test_kills_of_two_trackers_lose_nothing_and_add_nothing(kafka: Kafka, tmp_path: Path, kills: int) -> None:
    random, feed = Random(kills), Feed(seed=kills)
    with trackers(tmp_path, kafka) as running:
        both = [running.start(), running.start()]
        batches = list(feed.batches())
        done = 0
        moments = sorted(random.sample(range(1, len(batches) - 6), kills))
        for number, batch in enumerate(batches):
            produce(kafka, batch)
            if number in moments:
                # Some of what came since the last kill is done with, by whoever has its partition.
                both[0].until(has_more_done(kafka, done), PATIENCE_S)
                done, place = done_with(kafka), random.randrange(2)
                both[place].kill()
                both[place] = running.start()
        until_same(kafka, feed, *both)
        for tracker in both:
            leave(tracker)


@pytest.mark.services
def test_one_that_stood_still_beyond_its_session_begins_anew(kafka: Kafka, tmp_path: Path) -> None:
    feed = Feed()
    batches = list(feed.batches())
    with trackers(tmp_path, kafka) as running:
        still = running.start()
        for batch in batches[:20]:
            produce(kafka, batch)
        until_at_work(still)
        produce(kafka, [message for batch in batches[20:30] for message in batch])
        still.send(signal.SIGSTOP)
        other = running.start()
        until_at_work(other)
        for batch in batches[30:]:
            produce(kafka, batch)
        other.until(lambda: is_done(other), PATIENCE_S)
        still.send(signal.SIGCONT)
        # It sees that by its own clock, or by messages that Kafka took too late: whichever comes first.
        still.until(lambda: any(sign in still.story() for sign in STOOD_STILL), PATIENCE_S)
        still.until(lambda: still.story().count("are ours") > 1, PATIENCE_S)
        until_same(kafka, feed, still, other)
        for tracker in (still, other):
            leave(tracker)


@pytest.mark.services
def test_a_kafka_that_ends_in_the_middle_costs_nothing(kafka: Kafka, tmp_path: Path) -> None:
    feed = Feed()
    batches = list(feed.batches())
    with trackers(tmp_path, kafka) as running:
        tracker = running.start()
        for end in (kafka.kill, kafka.stop):
            half, batches = batches[:25], batches[25:]
            for batch in half:
                produce(kafka, batch)
            until_at_work(tracker)
            end()
            tracker.until(lambda: "see that Kafka runs" in tracker.story(), PATIENCE_S)
            kafka.start()
        for batch in batches:
            produce(kafka, batch)
        until_same(kafka, feed, tracker)
        leave(tracker)


@pytest.mark.services
@pytest.mark.parametrize("count", [1_200, pytest.param(10_000, marks=pytest.mark.prove)])
@pytest.mark.parametrize("how", ["joins", "is killed"])
def test_while_partitions_change_hands_no_open_command_times_out_falsely_or_is_forgotten(
    kafka: Kafka, tmp_path: Path, count: int, how: str
) -> None:
    bridge = Hours()
    asked = [sent(f"r{number}", number / count, f"EH{number:05}") for number in range(count)]
    replies = [answered(number / count + 1, serial=f"EH{number:05}", after=29) for number in range(0, count, 2)]
    with trackers(tmp_path, kafka) as running:
        first = running.start()
        others = [running.start()] if how == "is killed" else []
        produce(kafka, [*bridge.records(asked), *bridge.until(20)])
        first.until(lambda: list(states(kafka).values()) == ["published"] * count, PATIENCE_S)
        began = time.monotonic()
        if how == "joins":
            others = [running.start()]
        else:
            others.pop().kill()
        # What comes meanwhile is every answer, then the proof that no other came.
        produce(kafka, [*bridge.records(replies), *bridge.until(200)])
        first.until(until_served(kafka, count), PATIENCE_S)
        sys.stdout.write(f"{count} open, one {how}: time-outs are served {time.monotonic() - began:.1f} s later\n")
        first.until(lambda: is_done(first, *others), PATIENCE_S)
        found = states(kafka)
        assert len(found) == count
        assert {serial for serial, state in found.items() if state == "accepted"} == {each.serial for each in replies}
        assert sum(state == "timed_out" for state in found.values()) == count - len(replies)
        # Of all that was ever said, not of what stands in the end.
        silent = {row.charger for row in derived_rows(kafka) if "timed_out" in said(row)}
        assert silent.isdisjoint(each.serial for each in replies)
        for tracker in (first, *others):
            leave(tracker)


def said(row: Row) -> set[float | str]:
    """How a command stands by a row, or what was decided; nothing for rows of something else."""
    return {value for name, value in (*row.fields, *row.tags) if name in ("state", "outcome")}


def until_served(kafka: Kafka, count: int) -> Callable[[], bool]:
    """Whether nothing is open any more."""
    return lambda: len(states(kafka)) == count and "published" not in states(kafka).values()


def test_what_keeps_it_from_starting_is_said_by_name() -> None:
    with pytest.raises(SettingsError, match="CHARGELINE_KAFKA_BROKERS"):
        serve_track(load_settings({}), {})
