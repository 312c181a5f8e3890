"""What tests of the bridge share: messages, and the parts that read and address them."""

from collections.abc import Mapping

import orjson

from pipeline.core.decode import Decoder
from pipeline.core.partition import Partitions
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.stream_messages import MessageMaker
from pipeline.core.stream_rejects import RejectMaker
from pipeline.core.timestamps import format_time
from pipeline.wires.kafka_options import client_options
from pipeline.wires.kafka_topics import TopicKeeper, TopicPlan
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from tests.services.kafka import Kafka

CATALOGUE = shipped_catalogue()
REDACTION = Redaction(Personal.DROP)
PARTITIONS = 3
START = 1_780_000_000 * 10**9
S = 10**9


def decoder() -> Decoder:
    return Decoder(CATALOGUE, REDACTION)


def maker() -> MessageMaker:
    return MessageMaker(CATALOGUE, Partitions(PARTITIONS), RejectMaker(CATALOGUE, REDACTION), 1_200 * S)


def messages(count: int, first: int = 0) -> list[Delivery]:
    """Observations, each of its own second, received when they arrived."""
    return [_message(START + number * S, number) for number in range(first, first + count)]


def _message(at: int, number: int) -> Delivery:
    stamp = format_time(at)
    body = {"Id": 120, "Name": "TotalPower", "Timestamp": stamp, "Value": float(number)}
    return Delivery(f"EH{number % 50:06}.O.120", {"ArrivalTime": stamp}, orjson.dumps(body), at)


def options(kafka: Kafka) -> Mapping[str, str]:
    host, _, port = kafka.brokers.rpartition(":")
    return client_options([(host, int(port))])


def make_topics(kafka: Kafka) -> None:
    TopicKeeper(options(kafka)).create(TopicPlan(PARTITIONS, 1, 86_400 * S))
