"""What a receiver of alerts is told of a tracker's partitions: at a real HTTP server, and by roles at a real Kafka."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from time import time_ns

import pytest

from pipeline.core.stream_messages import StreamMessage
from pipeline.core.timestamps import format_time
from pipeline.scale import track_assembly
from pipeline.scale.confirmed_sender import ConfirmedSender
from pipeline.scale.track_alerts import TrackAlerts
from pipeline.wires.alert_webhook import AlertWebhook
from pipeline.wires.kafka_fault import KafkaUnavailableError
from schemas.alert import Alert
from tests.pipeline.core.derivation_samples import answered, sent
from tests.pipeline.scale.bridging import make_topics
from tests.pipeline.scale.test_track import commands
from tests.pipeline.scale.test_track_role import Bench, working
from tests.pipeline.scale.tracking import Hours
from tests.pipeline.scale.writing import produce
from tests.pipeline.wires.test_alert_webhook import BACK, HANGS_S, HOST, SILENT, TIMED_OUT, Receiver, receiving, webhook
from tests.services.kafka import Kafka
from tests.waiting import until, until_asked


class Told:
    """What was told, in its order."""

    def __init__(self) -> None:
        self.told: list[tuple[Sequence[Alert], Sequence[Alert]]] = []
        self.alerts = TrackAlerts(lambda active, ended: self.told.append((active, ended)))


def test_what_is_raised_where_a_partition_begins_is_told_without_an_edge() -> None:
    receiver = Told()
    receiver.alerts.look([])
    assert receiver.told == []
    receiver.alerts.look(iter([SILENT, TIMED_OUT]))
    receiver.alerts.look([SILENT, TIMED_OUT])
    assert receiver.told == [([SILENT, TIMED_OUT], [])]


def test_what_was_raised_and_ended_in_one_round_is_told_as_ended() -> None:
    receiver = Told()
    receiver.alerts.look([], [SILENT, BACK])
    assert receiver.told == [([], [BACK])]


async def test_what_somebody_else_has_by_now_is_sent_neither_again_nor_as_ended() -> None:
    receiver = Receiver()
    async with asyncio.timeout(HANGS_S), receiving(receiver) as port, webhook(port, resend_s=0.01) as hook:
        alerts = TrackAlerts(hook.tell)
        alerts.look([SILENT, TIMED_OUT])
        await until(lambda: len(receiver.requests) >= 2)
        alerts.look([TIMED_OUT])
        await until(lambda: len(receiver.requests[-1]) == 1)
        told = len(receiver.requests)
        await until(lambda: len(receiver.requests) >= told + 3)
    assert all("ref" in alert["labels"] for request in receiver.requests[told:] for alert in request)
    assert {alert["endsAt"] for alert in receiver.taken} == {"2025-06-15T15:11:40.000000000Z"}


async def test_of_a_life_that_is_over_nothing_is_sent_but_what_had_ended() -> None:
    receiver = Receiver()
    receiver.gate.clear()
    async with asyncio.timeout(HANGS_S), receiving(receiver) as port, webhook(port, resend_s=0.01) as hook:
        alerts = TrackAlerts(hook.tell)
        alerts.look([TIMED_OUT], [SILENT, BACK])
        alerts.look([])
        receiver.gate.set()
        await until(lambda: receiver.taken != [])
    assert [alert["labels"]["kind"] for alert in receiver.taken] == ["charger_silent"]


class Tracker:
    """A role at work, and the receiver that it alone posts to."""

    def __init__(self, kafka: Kafka) -> None:
        self.receiver = Receiver()
        self.bench = Bench(kafka.brokers)

    @property
    def raised(self) -> set[str]:
        """The refs of what was posted as raised since it was last forgotten: their end is ahead."""
        now = format_time(time_ns())
        return {alert["labels"]["ref"] for alert in self.receiver.taken if alert["endsAt"] > now}

    @property
    def ended(self) -> set[str]:
        """The refs of what was posted as ended, ever."""
        now = format_time(time_ns())
        return {alert["labels"]["ref"] for alert in self.receiver.taken if alert["endsAt"] <= now}


@asynccontextmanager
async def tracking(kafka: Kafka) -> AsyncIterator[Tracker]:
    """At work; what is raised is posted again all the time."""
    tracker = Tracker(kafka)
    async with receiving(tracker.receiver) as port:
        url = f"http://{HOST}:{port}/api/v2/alerts"
        tracker.bench.role._make_webhook = lambda: AlertWebhook(lambda: url, resend_s=0.05)
        async with working(tracker.bench):
            yield tracker


async def until_shared(both: Sequence[Tracker], refs: set[str]) -> None:
    """Until each posts some of these, none of them both, and no others."""

    async def are_shared() -> bool:
        for tracker in both:
            tracker.receiver.requests.clear()
        # One that is on its way may say what was so before.
        await until(lambda: all(len(tracker.receiver.requests) > 2 for tracker in both))
        posted = [{alert["labels"]["ref"] for alert in tracker.receiver.requests[-1]} for tracker in both]
        return all(posted) and set.union(*posted) == refs and not set.intersection(*posted)

    await until_asked(are_shared)


REFS = {f"r{number}" for number in range(30)}


@pytest.mark.services
async def test_what_is_raised_stays_raised_over_a_restart_without_a_message(kafka: Kafka) -> None:
    make_topics(kafka)
    produce(kafka, [*commands(30), *Hours().until(90)])
    async with tracking(kafka) as first:
        await until(lambda: first.raised == REFS and first.bench.is_done)
    async with tracking(kafka) as second:
        await until(lambda: second.raised == REFS)
        assert sum(second.bench.snapshot.alerts.values()) == len(REFS)
    assert first.ended | second.ended == set()


@pytest.mark.services
async def test_what_moves_is_posted_by_whoever_has_it_and_its_end_once(kafka: Kafka) -> None:
    make_topics(kafka)
    bridge = Hours()
    produce(kafka, [*commands(30), *bridge.until(90)])
    async with tracking(kafka) as stays:
        await until(lambda: stays.raised == REFS)
        async with tracking(kafka) as comes:
            await until_shared([stays, comes], REFS)
            assert stays.ended | comes.ended == set()
            replies = [answered(1, serial=f"EH{number:03}", after=100) for number in range(30)]
            await asyncio.to_thread(produce, kafka, [*bridge.records(replies), *bridge.until(200)])
            await until(lambda: stays.ended | comes.ended == REFS)
            assert stays.ended & comes.ended == set()
            # Nothing but what is raised from now on is posted, by either.
            for tracker in (stays, comes):
                tracker.receiver.requests.clear()
            await asyncio.to_thread(produce, kafka, [*bridge.records([sent("later", 210)]), *bridge.until(300)])
            await until(lambda: stays.raised | comes.raised == {"later"})


@pytest.mark.services
async def test_one_that_is_killed_between_keeping_and_telling_has_raised_all_the_same(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    class KilledOnce(ConfirmedSender):
        """Ends once it is kept that commands timed out, and before that is known here."""

        has_said = is_killed = False

        async def send(self, messages: Sequence[StreamMessage]) -> None:
            await super().send(messages)
            self.has_said |= any(b"command_outcome" in message.value for message in messages)

        async def all_kept(self) -> None:
            await super().all_kept()
            if self.has_said and not KilledOnce.is_killed:
                KilledOnce.is_killed = True
                raise KafkaUnavailableError("killed")

    monkeypatch.setattr(track_assembly, "ConfirmedSender", KilledOnce)
    make_topics(kafka)
    # One alone: no edge of another is told of by the next life.
    bridge = Hours()
    produce(kafka, [*bridge.records([sent("alone")]), *bridge.until(90)])
    async with tracking(kafka) as tracker:
        await until(lambda: tracker.raised == {"alone"})
        assert KilledOnce.is_killed
        assert tracker.ended == set()
