"""The tracker that the settings ask for, put together; and `chargeline run --role track`.

Owns which parts a tracker has. Must not know how any of them works.
"""

import os
import socket
from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path

from pipeline.assembly import secret_reader, spans_of
from pipeline.cluster import kafka_options
from pipeline.core.partition import Partitions
from pipeline.core.stream_records import StreamReader
from pipeline.meters import Meters
from pipeline.scale.confirmed_sender import ConfirmedSender, OnTrouble
from pipeline.scale.damaged_state import DamagedState
from pipeline.scale.kafka_ready import ready_options
from pipeline.scale.role_service import serve_role
from pipeline.scale.round_plan import TrackPatience
from pipeline.scale.track import Settled, Tracker, TrackerParts
from pipeline.scale.track_beginning import begin_partition
from pipeline.scale.track_partition import TrackPartition
from pipeline.scale.track_role import Begun, TrackRole, TrackRoleParts
from pipeline.settings import Settings
from pipeline.wires.alert_webhook import AlertWebhook
from pipeline.wires.faust_app import FaustParts, FollowedTopic
from pipeline.wires.faust_options import broker_credentials, broker_urls
from pipeline.wires.kafka_producer import KafkaProducer
from schemas.catalogue import shipped_catalogue
from schemas.stream import Topic

_LINGER_MS = 1
_AWAY_S = 3.0


def serve_track(settings: Settings, environ: Mapping[str, str]) -> int:
    """Be a tracker until a signal ends it; the signal's number.

    Any number of them share the topic's partitions. Raises SettingsError and OSError for what keeps it from starting,
    each with words, and StuckError. Once started it does not give up: a Kafka that is away is waited for.
    """
    kafka_options(settings)
    return serve_role(settings, environ, lambda meters: make_track(settings, meters))


def make_track(settings: Settings, meters: Meters, patience: TrackPatience | None = None) -> TrackRole:
    """A tracker that has done nothing yet. To be made where its loop runs."""
    patience = TrackPatience() if patience is None else patience
    client_id = f"chargeline-{version('chargeline')}-{socket.gethostname()}-{os.getpid()}"
    catalogue, spans, reader = shipped_catalogue(), spans_of(settings), StreamReader()
    damaged = DamagedState()

    def begin() -> Begun:
        options = ready_options(settings)
        return Begun(options, KafkaProducer(options, client_id, _LINGER_MS, patience.give_up_s))

    def make_partition(partition: int, kept: Mapping[str, bytes]) -> TrackPartition:
        return TrackPartition(catalogue, spans, reader, partition, kept)

    def make_tracker(
        producer: KafkaProducer,
        on_settled: Callable[[Settled], None],
        on_trouble: OnTrouble,
    ) -> Tracker:
        addresses = Partitions(settings.kafka_partitions)
        sender = ConfirmedSender(producer, _AWAY_S, on_trouble)
        beginning = partial(begin_partition, make_partition, damaged.see)
        return Tracker(TrackerParts(beginning, addresses, sender, on_settled), patience)

    def make_topic(
        tracker: Tracker, options: Mapping[str, str], folder: Path, given: Callable[[frozenset[int]], None]
    ) -> FollowedTopic:
        return FollowedTopic(
            FaustParts(
                urls=broker_urls(options),
                credentials=broker_credentials(options),
                topic=Topic.TRACK.value,
                state=Topic.STATE.value,
                folder=folder,
                session_s=patience.session_s,
                take=tracker.take,
                keep=tracker.keep,
                given_up=tracker.give_up,
                given=given,
            )
        )

    url = settings.alert_webhook
    webhook = None if url is None else lambda: AlertWebhook(secret_reader(url))
    return TrackRole(TrackRoleParts(begin, make_tracker, make_topic, webhook), meters)
