"""Faults in a scaled-out Chargeline under a live stream: nothing is lost, nothing is extra, every command ends right.

Two of each role, three partitions. `make test` kills and stops one of each role; `make prove` does all that the title
promises: 20 times kill -9, 10 clean stops, a broker restarted, a store away for 5 minutes, `track` away for 10.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random

import pytest

from pipeline.core.decode import Decoder, reject
from pipeline.core.derivation import Spans
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.stream_records import StreamReader
from pipeline.replay_lines import from_line, to_line
from pipeline.simulator.fleet import Fleet, FleetPlan
from pipeline.simulator.quirks import Quirk, Quirks
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandResponse
from schemas.delivery import Delivery
from schemas.measurement import ALERT, CHARGER_HOUR, COMMAND, SESSION
from schemas.reject import RejectReason
from schemas.stream import StreamReject, Topic
from tests.campaigns.command_ends import false_time_outs, taken_back
from tests.campaigns.live_stream import LiveStream
from tests.campaigns.one_reader import read_one_by_one
from tests.campaigns.scaled import ROLES, Scaled
from tests.campaigns.stage import QUEUE, rows_of_influxdb
from tests.campaigns.test_scale import COPIES, derived
from tests.facts_alone import facts_alone
from tests.oracle.reading import Oracle, RejectedError, RowKey
from tests.oracle.stores import Rows, difference
from tests.services.influxdb import InfluxDb
from tests.services.kafka import Kafka
from tests.services.rabbitmq import RabbitMq

pytestmark = pytest.mark.services

S = 10**9
HOUR = 3_600 * S
AFTER = 1_000
"""Messages that follow each fault."""
TIMEOUT_S = 20
SPANS = Spans(timeout=TIMEOUT_S * S, silent_after=1_200 * S, late_data=6 * HOUR)
SETTLED_S = TIMEOUT_S + 20
"""After the last message, until the last deadline is past."""
QUIRKS = Quirks.all().but({Quirk.ARRIVAL_MISSING: 0.0, Quirk.ARRIVAL_UNREADABLE: 0.0, Quirk.EXPIRES: 0.1})

Fault = tuple[str, Callable[[], None]]


class Scene:
    """What faults are done to."""

    def __init__(self, scaled: Scaled, rabbitmq: RabbitMq, influxdb: InfluxDb, random: Random) -> None:
        self.scaled = scaled
        self.rabbitmq = rabbitmq
        self.influxdb = influxdb
        self.random = random

    def kill(self, role: str) -> None:
        """One of a role by SIGKILL; its supervisor begins it again."""
        worker = self.random.choice(self.scaled.processes[role])
        worker.kill()
        time.sleep(self.random.uniform(0, 1))
        worker.start()

    def stop(self, role: str) -> None:
        """One of a role in order."""
        worker = self.random.choice(self.scaled.processes[role])
        began = time.monotonic()
        assert worker.end() == 0, worker.story()
        assert time.monotonic() - began < 12, f"{role} took {time.monotonic() - began:.1f} s to stop"
        worker.start()

    def store_away(self, seconds: float) -> None:
        """InfluxDB stopped."""
        self.influxdb.stop()
        time.sleep(seconds)
        self.influxdb.start()

    def trackers_away(self, seconds: float) -> None:
        """Every tracker killed."""
        for worker in self.scaled.processes["track"]:
            worker.kill()
        time.sleep(seconds)
        for worker in self.scaled.processes["track"]:
            worker.start()

    def all_faults(self) -> Sequence[Fault]:
        """What `make prove` does, in an order of chance."""
        kills = [self.random.choice(ROLES) for _ in range(20)]
        stops = [self.random.choice(ROLES) for _ in range(10)]
        faults: list[Fault] = [(f"kill {role}", partial(self.kill, role)) for role in kills]
        faults += [(f"stop {role}", partial(self.stop, role)) for role in stops]
        faults += [("broker restarted", self.rabbitmq.restart)]
        faults += [("store away for 5 min", lambda: self.store_away(300))]
        faults += [("track away for 10 min", lambda: self.trackers_away(600))]
        self.random.shuffle(faults)
        return faults

    def few_faults(self) -> Sequence[Fault]:
        """What `make test` does."""
        faults: list[Fault] = [(f"kill {role}", partial(self.kill, role)) for role in ROLES]
        return [*faults, *((f"stop {role}", partial(self.stop, role)) for role in ROLES)]


@pytest.mark.parametrize("is_whole", [False, pytest.param(True, marks=pytest.mark.prove)], ids=["few", "all"])
def test_nothing_is_lost_nothing_is_extra_and_every_command_ends_right(
    rabbitmq: RabbitMq, influxdb: InfluxDb, kafka: Kafka, tmp_path: Path, is_whole: bool
) -> None:
    bucket, vhost = influxdb.add_bucket(), rabbitmq.add_vhost()
    settings = {
        "AMQP_URL": rabbitmq.url(vhost=vhost),
        "AMQP_QUEUE": QUEUE,
        "COMMAND_QUEUE": COPIES,
        "COMMAND_TIMEOUT": f"{TIMEOUT_S}s",
        "DATA_DIR": str(tmp_path / "data"),
        "INFLUX_URL": influxdb.url,
        "INFLUX_ORG": influxdb.org,
        "INFLUX_BUCKET": bucket,
        "INFLUX_TOKEN": influxdb.token,
        "LOG_FORMAT": "text",
    }
    scaled = Scaled(tmp_path, settings, kafka, 2)
    scene = Scene(scaled, rabbitmq, influxdb, Random(7))
    plan = FleetPlan(seed=11, chargers=60, start=time.time_ns(), busy=40.0, commands_an_hour=60.0)
    fleet = Fleet(plan, QUIRKS)
    done: Counter[str] = Counter()
    with LiveStream(fleet, settings["AMQP_URL"], QUEUE, COPIES) as stream:
        stream.until_published(AFTER)
        with scaled.running():
            stream.until_published(AFTER)
            for name, inflict in scene.all_faults() if is_whole else scene.few_faults():
                inflict()
                done[name] += 1
                stream.until_published(AFTER)
            stream.end()
            watermark = time.time_ns() + (TIMEOUT_S + 5) * S
            time.sleep(SETTLED_S)
            scaled.until_idle(600)
            time.sleep(5)
            scaled.until_idle()
    rows = rows_of_influxdb(influxdb, bucket)
    found = [*lost_and_extra(stream.deliveries, rows), *wrong_rejects(stream.deliveries, kafka)]
    told = read_one_by_one(stream.deliveries, stream.copies, SPANS, watermark)
    expected = only_final(derived(told, watermark), watermark)
    found += difference(expected, only_final(derived(rows, watermark), watermark))
    found += false_time_outs(rows, told, answers(stream))
    commands = sum(key[0] == COMMAND for key in expected)
    print(
        f"{len(stream.deliveries)} messages, {commands} commands, {len(expected)} derived rows; "
        f"{sum(done.values())} faults: {dict(done)}; {len(taken_back(rows))} time-outs written early and taken back; "
        f"{len(found)} faults found"
    )
    print("\n".join(found))
    assert found == [], scaled.story()
    rabbitmq.delete_vhost(vhost)


def lost_and_extra(deliveries: Sequence[Delivery], rows: Rows) -> list[str]:
    """Where facts differ from what the oracle says. Where several messages have one row, any of them may be the last.

    Two bridges share the queue, so nobody can say in which order they pass such messages on.
    """
    allowed: dict[RowKey, dict[str, set[float | str]]] = {}
    oracle = Oracle()
    for delivery in deliveries:
        with suppress(RejectedError):
            read = oracle.read_line(to_line(delivery))
            if read is not None:
                fields = allowed.setdefault(read[0], {})
                for name, value in read[1].items():
                    fields.setdefault(name, set()).add(value)
    stored = facts_alone(rows)
    found = [f"missing {key}" for key in allowed.keys() - stored.keys()]
    found += [f"extra {key}" for key in stored.keys() - allowed.keys()]
    for key in allowed.keys() & stored.keys():
        fields = allowed[key]
        if fields.keys() != stored[key].keys() or any(value not in fields[name] for name, value in stored[key].items()):
            found.append(f"different {key}: {stored[key]}, not {fields}")
    return found[:20]


def wrong_rejects(deliveries: Sequence[Delivery], kafka: Kafka) -> list[str]:
    """Where the rejects differ from what the oracle says; each may be there more than once."""
    lines = [to_line(delivery) for delivery in deliveries]
    expected = {
        reject(from_line(lines[place]), RejectReason(reason), "").key: reason
        for place, reason in Oracle().read_stream(lines).rejects
    }
    reader = StreamReader()
    found = {
        record.key: record.reason.value
        for stored in kafka.read(Topic.REJECTS.value)
        for record in reader.read(stored.value or b"", "rejects").records
        if isinstance(record, StreamReject)
    }
    names = sorted(key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key))
    return [f"reject {key}: {found.get(key)}, not {expected.get(key)}" for key in names][:20]


def answers(stream: LiveStream) -> dict[tuple[str, int], int]:
    """When the queue had each answer at the latest, by its charger and its ArrivalTime."""
    came: dict[tuple[str, int], int] = {}
    decoder = Decoder(shipped_catalogue(), Redaction(Personal.DROP))
    for outcome, at in zip(decoder.decode(stream.deliveries).outcomes, stream.confirmed_at, strict=True):
        if isinstance(outcome, CommandResponse) and outcome.arrived_at is not None:
            came.setdefault((outcome.serial, outcome.arrived_at), at)
    return came


def only_final(rows: Rows, watermark: int) -> Rows:
    """Rows that nothing can change any more once everything before the watermark is known.

    While a session goes on, its row is as it was when it was written; whoever was behind then knew more by that time.
    """
    return {
        key: fields
        for key, fields in rows.items()
        if key[3] <= watermark - (HOUR + 180 * S if key[0] == CHARGER_HOUR else 90 * S if key[0] != COMMAND else 0)
        and not (key[0] == ALERT and key[3] > watermark)
        and not (key[0] == SESSION and not fields["stopped_at"])
    }
