"""Topics: made as the scale-out roles need them, and seen to be so.

Owns which settings every topic has, and what may be changed later. Must not know what is in a topic, or settings of
ours. Asked again it changes nothing that is right already.

The number of partitions is fixed for good: with another one a device would be in another partition, behind what is
still unread of it in the old one. So a topic with another number is refused, and nothing is done then.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, TypeVar

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._metadata import PartitionMetadata
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from pipeline.wires.kafka_fault import (
    Complaints,
    KafkaUnavailableError,
    error_of,
    explain_kafka_fault,
    needs_operator,
    unavailable,
    without_values,
)
from pipeline.wires.kafka_options import MOST_MESSAGE_BYTES
from schemas.stream import Topic

ANSWER_S = 20.0
_COMPACTED: Mapping[str, str] = MappingProxyType(
    {"cleanup.policy": "compact", "segment.bytes": str(64 << 20), "min.cleanable.dirty.ratio": "0.1"}
)
"""What is read whole when a partition changes hands must stay short."""
_NS_PER_MS = 1_000_000
_LOOK_S = 0.05
_Result = TypeVar("_Result")

TOPICS = tuple(topic.value for topic in Topic)
"""Names for the client library, which takes plain text only."""


Differences = Mapping[str, tuple[str, str]]
"""By a setting's name, what it is and what it should be."""


class TopicPlan(NamedTuple):
    """How topics must be: KAFKA_PARTITIONS, KAFKA_REPLICATION, KAFKA_RETENTION in nanoseconds, KAFKA_MIN_IN_SYNC."""

    partitions: int
    replication: int
    retention_ns: int
    min_in_sync: int | None = None

    @property
    def in_sync(self) -> int:
        """How many copies must have a record before it counts as durable.

        Unless it is set, one copy may be away; but two must have it, where there are two: one alone can be lost.
        """
        return self.min_in_sync or min(max(self.replication - 1, 2), self.replication)


class Did(StrEnum):
    """What became of a topic."""

    CREATED = "created"
    CHANGED = "changed"
    KEPT = "kept"


class TopicReport(NamedTuple):
    """What was done with one topic; `words` say of what it is, or why it stays otherwise than planned."""

    topic: str
    did: Did
    words: str


class TopicsRefusedError(Exception):
    """There are topics that cannot be used as they are. `faults` has one line for each; nothing was changed."""

    def __init__(self, faults: Sequence[str]) -> None:
        """Keep every fault."""
        self.faults = tuple(faults)
        super().__init__("; ".join(faults))


class TopicLook(NamedTuple):
    """One topic as it is: how many partitions, and copies of each; and what of its settings is not as planned."""

    partitions: int
    replication: int
    differing: Differences


class _Found(NamedTuple):
    partitions: int
    replication: int


class TopicKeeper:
    """Asks one cluster for topics. Its calls block, and raise KafkaUnavailableError."""

    def __init__(self, options: Mapping[str, str], answer_s: float = ANSWER_S) -> None:
        """Connects when it is first asked. `options` as `client_options` gives them; an answer may take `answer_s`.

        Raises KafkaUnavailableError for options that the library does not take.
        """
        self._complaints = Complaints()
        self._answer_s = answer_s
        try:
            self._client = AdminClient(dict(options), error_cb=self._complaints.hear)
        except KafkaException as fault:
            words = without_values(error_of(fault).str(), options.values())
            message = f"Kafka's client does not take its options: {words}; see CHARGELINE_KAFKA_CONFIG_FILE"
            raise KafkaUnavailableError(message, needs_operator=True) from None

    def create(self, plan: TopicPlan, names: Sequence[str] = TOPICS) -> Sequence[TopicReport]:
        """Make every topic that is missing, and give those that are there the settings of the plan.

        The copies of a topic that is there are left as they are, and told of. Raises TopicsRefusedError.
        """
        found, brokers = self._look(names)
        refuse_other_partitions({name: each.partitions for name, each in found.items()}, plan.partitions)
        if brokers < plan.replication and len(found) < len(names):
            fault = (
                f"Kafka has {brokers} broker{'s' * (brokers != 1)}, too few for {plan.replication} copies of each "
                f"partition; set CHARGELINE_KAFKA_REPLICATION to {brokers}, or add brokers"
            )
            raise TopicsRefusedError((fault,))
        settings = {name: _settings(plan, name) for name in names}
        missing = [name for name in names if name not in found]
        if missing:
            self._make(missing, plan, settings)
        changes = self._change([name for name in names if name in found], settings)
        return [_report(name, found.get(name), changes.get(name, ()), plan) for name in names]

    def partitions(self, names: Sequence[str] = TOPICS) -> Mapping[str, int]:
        """How many partitions each topic has; those that are not there are left out."""
        return {name: found.partitions for name, found in self._look(names)[0].items()}

    def brokers(self) -> int:
        """How many brokers there are: the least that can be asked. Asking shows whether Kafka lets us in."""
        return self._look(())[1]

    def look(self, plan: TopicPlan, names: Sequence[str] = TOPICS) -> Mapping[str, TopicLook]:
        """Each topic that is there, beside the plan. Nothing is changed."""
        found, _ = self._look(names)
        differing = self._differing(list(found), {name: _settings(plan, name) for name in found})
        return {name: TopicLook(*each, differing.get(name, {})) for name, each in found.items()}

    def _look(self, names: Sequence[str]) -> tuple[dict[str, _Found], int]:
        """The topics that are there, and how many brokers there are."""
        try:
            listed = self._client.list_topics(timeout=self._answer_s)
        except KafkaException as fault:
            self._client.poll(0)
            raise unavailable(fault, self._complaints) from fault
        found = {
            name: _Found(len(listed.topics[name].partitions), _copies(listed.topics[name].partitions.values()))
            for name in names
            if name in listed.topics
        }
        return found, len(listed.brokers)

    def _make(self, names: Sequence[str], plan: TopicPlan, settings: Mapping[str, Mapping[str, str]]) -> None:
        wanted = [NewTopic(name, plan.partitions, plan.replication, config=dict(settings[name])) for name in names]
        try:
            answers = self._client.create_topics(
                wanted, operation_timeout=self._answer_s, request_timeout=self._answer_s
            )
        except KafkaException as fault:
            raise unavailable(fault, self._complaints) from fault
        for name, answer in answers.items():
            self._wait(name, answer)
        self._see(names)

    def _see(self, names: Sequence[str]) -> None:
        """Wait until topics that were made are seen by whoever looks: brokers hear of them a moment later."""
        for _ in range(int(self._answer_s / _LOOK_S)):
            if len(self._look(names)[0]) == len(names):
                return
            self._client.poll(_LOOK_S)
        raise KafkaUnavailableError("Kafka made the topics and does not show them; try again")

    def _change(self, names: Sequence[str], settings: Mapping[str, Mapping[str, str]]) -> Mapping[str, Sequence[str]]:
        """Give topics these settings where theirs differ; what was changed of each, in words."""
        differing = self._differing(names, settings)
        wanted = [
            ConfigResource(
                ResourceType.TOPIC,
                name,
                incremental_configs=[
                    ConfigEntry(key, planned, incremental_operation=AlterConfigOpType.SET)
                    for key, (_, planned) in differences.items()
                ],
            )
            for name, differences in differing.items()
        ]
        if wanted:
            changed = self._client.incremental_alter_configs(wanted, request_timeout=self._answer_s)
            for resource, answer in changed.items():
                self._wait(resource.name, answer)
        return {
            name: [f"{key} {has} -> {planned}" for key, (has, planned) in differences.items()]
            for name, differences in differing.items()
        }

    def _differing(self, names: Sequence[str], settings: Mapping[str, Mapping[str, str]]) -> Mapping[str, Differences]:
        """Of each topic that has any, the settings that are not as given."""
        differing: dict[str, Differences] = {}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        asked = self._client.describe_configs(resources, request_timeout=self._answer_s) if resources else {}
        for resource, answer in asked.items():
            has: Mapping[str, ConfigEntry] = self._wait(resource.name, answer)
            found = {key: has[key].value or "unset" if key in has else "unset" for key in settings[resource.name]}
            planned = settings[resource.name].items()
            differences = {key: (found[key], value) for key, value in planned if found[key] != value}
            if differences:
                differing[resource.name] = differences
        return differing

    def _wait(self, name: str, answer: Future[_Result]) -> _Result:
        """The broker's answer about one topic."""
        try:
            return answer.result(2 * self._answer_s)
        except KafkaException as fault:
            error = error_of(fault)
            raise KafkaUnavailableError(
                f"topic {name}: {explain_kafka_fault(error)}", needs_operator=needs_operator(error)
            ) from fault


def refuse_other_partitions(found: Mapping[str, int], planned: int) -> None:
    """Raises TopicsRefusedError where topics have another number of partitions than planned."""
    faults = [
        f"topic {name} has {count} partitions, and CHARGELINE_KAFKA_PARTITIONS is {planned}: the number cannot be "
        f"changed, for devices would change their partition; set it to {count}, or use topics of a new cluster"
        for name, count in found.items()
        if count != planned
    ]
    if faults:
        raise TopicsRefusedError(faults)


def _settings(plan: TopicPlan, name: str) -> Mapping[str, str]:
    return {
        **(_COMPACTED if name == Topic.STATE else _kept_for(plan.retention_ns)),
        "min.insync.replicas": str(plan.in_sync),
        "max.message.bytes": str(MOST_MESSAGE_BYTES),
        # By a producer's clock that is wrong, a record would be refused, or dropped too soon, or never.
        "message.timestamp.type": "LogAppendTime",
        # A broker that was behind must not become the first with what it has: the rest would be lost.
        "unclean.leader.election.enable": "false",
    }


def _kept_for(retention_ns: int) -> Mapping[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(max(retention_ns // _NS_PER_MS, 1)),
        # A limit that is the cluster's default would drop what nobody has read yet.
        "retention.bytes": "-1",
    }


def _copies(partitions: Iterable[PartitionMetadata]) -> int:
    """How many copies the partition with the fewest has."""
    return min((len(partition.replicas) for partition in partitions), default=0)


def _report(name: str, found: _Found | None, changes: Sequence[str], plan: TopicPlan) -> TopicReport:
    if found is None:
        words = (
            f"{plan.partitions} partitions, {plan.replication} copies, of which {plan.in_sync} must have a record "
            "before it counts"
        )
        return TopicReport(name, Did.CREATED, words)
    note = ""
    if found.replication != plan.replication:
        note = (
            f"; it has {found.replication} copies, and CHARGELINE_KAFKA_REPLICATION is {plan.replication}: change that "
            "with kafka-reassign-partitions"
        )
        if found.replication < plan.in_sync:
            note += f"; until then nothing can be written, for {plan.in_sync} must have a record"
    if changes:
        return TopicReport(name, Did.CHANGED, f"{', '.join(changes)}{note}")
    return TopicReport(name, Did.KEPT, f"as it should be{note}" if not note else note.removeprefix("; "))
