"""The bridge that the settings ask for, put together; and `chargeline run --role bridge`.

Owns which parts a bridge has. Must not know how any of them works.
"""

import os
import socket
from collections.abc import Callable, Mapping
from importlib.metadata import version
from time import time_ns

from pipeline.assembly import make_decoder, make_redaction
from pipeline.broker import LINES, read_broker, read_command_broker
from pipeline.cluster import kafka_options
from pipeline.core.partition import Partitions
from pipeline.core.stream_messages import MessageMaker
from pipeline.core.stream_rejects import RejectMaker
from pipeline.meters import Meters
from pipeline.scale.bridge import Bridge, BridgeParts, BridgePatience
from pipeline.scale.bridge_lane import Lane
from pipeline.scale.bridge_progress import BridgeProgress
from pipeline.scale.kafka_ready import ready_options
from pipeline.scale.role_service import serve_role
from pipeline.secret import UnreadableSecretError
from pipeline.settings import Settings
from pipeline.wires.amqp import AmqpSource, Pace
from pipeline.wires.amqp_address import EaseeConnection, tls_context
from pipeline.wires.kafka_producer import KafkaProducer
from schemas.catalogue import shipped_catalogue

_PACE = Pace(look_s=1.0, idle_looks=30)
"""The watermark of all bridges moves by what the broker answers: it is asked more often than by a worker alone."""


def serve_bridge(settings: Settings, environ: Mapping[str, str]) -> int:
    """Be a bridge until a signal ends it; the signal's number.

    Raises SettingsError, UnreadableSecretError and OSError for what keeps it from starting, each with words. Once
    started it does not give up: a Kafka that is away, or whose topics are not as they must be, is waited for.
    """
    broker = read_broker(settings)
    kafka_options(settings)
    try:
        tls_context(broker.address, settings.amqp_ca_file)
    except ValueError as fault:
        raise UnreadableSecretError(str(fault)) from None
    return serve_role(settings, environ, lambda meters: make_bridge(settings, meters))


def make_bridge(settings: Settings, meters: Meters, patience: BridgePatience | None = None) -> Bridge:
    """A bridge that has done nothing yet. To be made where its loop runs."""
    name = f"{socket.gethostname()}-{os.getpid()}"
    catalogue = shipped_catalogue()
    maker = MessageMaker(
        catalogue,
        Partitions(settings.kafka_partitions),
        RejectMaker(catalogue, make_redaction(settings)),
        settings.silent_after,
    )
    sources = [(_source(settings, read_broker, name), True)]
    if settings.command_queue is not None:
        sources.append((_source(settings, read_command_broker, f"{name} copies"), False))
    parts = BridgeParts(
        lanes=[Lane(source, make_decoder(settings), maker, is_operators=is_ours) for source, is_ours in sources],
        maker=maker,
        progress=BridgeProgress(f"{name}-{time_ns():x}"),
        meters=meters,
        begin=lambda: begin_with_kafka(settings, name),
        window=settings.prefetch,
    )
    return Bridge(parts, patience)


def begin_with_kafka(settings: Settings, name: str) -> KafkaProducer:
    """A producer, once all topics are as they must be. Blocks for seconds at most. Raises KafkaUnavailableError."""
    return KafkaProducer(ready_options(settings), f"chargeline-{name}")


def _source(settings: Settings, read: Callable[[Settings], EaseeConnection], name: str) -> AmqpSource:
    def read_details() -> EaseeConnection:
        try:
            return read(settings)
        except UnreadableSecretError as fault:
            raise ValueError(str(fault)) from None

    return AmqpSource(
        read_details,
        LINES[settings.amqp_reader],
        ca_file=settings.amqp_ca_file,
        prefetch=settings.prefetch,
        is_shared=settings.amqp_share,
        name=f"chargeline {version('chargeline')} {name}",
        pace=_PACE,
    )
