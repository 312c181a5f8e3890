"""The operator's Kafka as the settings name it.

Owns which settings say where it is, how to log in, and how topics must be. Must not know how anybody connects.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pipeline.deferred import deferred
from pipeline.setting_specs import SPECS
from pipeline.settings import Settings, SettingsError
from pipeline.wires.kafka_options import KafkaOptionsError, client_options

if TYPE_CHECKING:
    from pipeline.wires import kafka_topics
else:
    # The client library is of an extra, which most do not install.
    kafka_topics = deferred("pipeline.wires.kafka_topics")

MISSING = "Kafka's client library is not installed; install chargeline with its extra: pip install 'chargeline[kafka]'"
"""Words for an ImportError of what speaks to Kafka."""


def kafka_options(settings: Settings) -> Mapping[str, str]:
    """What every client of ours begins with; KAFKA_CONFIG_FILE is read again. Raises SettingsError."""
    if not settings.kafka_brokers:
        raise SettingsError((f"{SPECS['KAFKA_BROKERS'].variable} must be set, to know where Kafka is",))
    try:
        return client_options(settings.kafka_brokers, settings.kafka_config_file)
    except KafkaOptionsError as fault:
        raise SettingsError(fault.faults) from None


def topic_plan(settings: Settings) -> "kafka_topics.TopicPlan":
    """How topics must be. Raises ImportError where the client library is not installed."""
    return kafka_topics.TopicPlan(
        settings.kafka_partitions, settings.kafka_replication, settings.kafka_retention, settings.kafka_min_in_sync
    )
