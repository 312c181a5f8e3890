"""Kafka as a role finds it: topics that are as they must be, and the options of every client.

Owns what keeps a role from beginning with Kafka, in words. Must not know which role asks.
"""

from collections.abc import Mapping

from pipeline.cluster import kafka_options
from pipeline.settings import Settings, SettingsError
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_topics import TOPICS, TopicKeeper, TopicsRefusedError, refuse_other_partitions

_ANSWER_S = 5.0


def ready_options(settings: Settings) -> Mapping[str, str]:
    """Client options, once all topics are as they must be. Blocks for seconds at most. Raises KafkaUnavailableError."""
    try:
        options = kafka_options(settings)
        found = TopicKeeper(options, _ANSWER_S).partitions()
        refuse_other_partitions(found, settings.kafka_partitions)
    except (SettingsError, TopicsRefusedError) as fault:
        raise KafkaUnavailableError(str(fault), needs_operator=True) from None
    missing = [topic for topic in TOPICS if topic not in found]
    if missing:
        message = f"Kafka has no topic {', '.join(missing)}; make the topics: chargeline topics create"
        raise KafkaUnavailableError(message, needs_operator=True)
    return options
