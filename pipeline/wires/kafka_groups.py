"""Consumer groups of a Kafka, asked and forgotten from outside.

Owns how the client library is asked. Must not know whose group it is.
"""

import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from pipeline.wires.kafka_fault import (
    Complaints,
    KafkaUnavailableError,
    error_of,
    explain_kafka_fault,
    needs_operator,
    unavailable,
)

_ANSWER_S = 20.0
_AGAIN_S = 0.5
_SOON_OVER = frozenset({"COORDINATOR_LOAD_IN_PROGRESS", "COORDINATOR_NOT_AVAILABLE", "NOT_COORDINATOR"})
"""What a broker says that has just begun."""
_Result = TypeVar("_Result")


class KafkaGroups:
    """Its calls block, and raise KafkaUnavailableError."""

    def __init__(self, options: Mapping[str, str]) -> None:
        """Connects when it is first asked. `options` as `client_options` gives them."""
        self._complaints = Complaints()
        self._client = AdminClient(dict(options), error_cb=self._complaints.hear)

    def members(self, group: str) -> int:
        """How many processes are in a group now; 0 also for one that never was."""
        if not self._is_known(group):
            return 0
        try:
            (answer,) = self._client.describe_consumer_groups([group], request_timeout=_ANSWER_S).values()
        except KafkaException as fault:
            raise unavailable(fault, self._complaints) from fault
        described = self._wait(group, answer)
        return 0 if described is None else len(described.members)

    def forget(self, group: str) -> None:
        """Forget how far a group without members has read: it begins at the beginning then."""
        if not self._is_known(group):
            return
        try:
            (answer,) = self._client.delete_consumer_groups([group], request_timeout=_ANSWER_S).values()
        except KafkaException as fault:
            raise unavailable(fault, self._complaints) from fault
        self._wait(group, answer)

    def _is_known(self, group: str) -> bool:
        """Whether there is such a group. One that never was has no broker that could be asked about it."""
        until = time.monotonic() + _ANSWER_S
        while True:
            try:
                listed = self._client.list_consumer_groups(request_timeout=_ANSWER_S).result(2 * _ANSWER_S)
            except KafkaException as fault:
                raise unavailable(fault, self._complaints) from fault
            errors = [each if isinstance(each, KafkaError) else error_of(each) for each in listed.errors]
            if not errors:
                return any(each.group_id == group for each in listed.valid)
            error = errors[0]
            if error.name() not in _SOON_OVER or time.monotonic() > until:
                words = f"Kafka: {explain_kafka_fault(error)}"
                raise KafkaUnavailableError(words, needs_operator=needs_operator(error))
            time.sleep(_AGAIN_S)

    def _wait(self, group: str, answer: "Future[_Result]") -> _Result | None:
        """The broker's answer; None where there is no such group."""
        try:
            return answer.result(2 * _ANSWER_S)
        except KafkaException as fault:
            error = error_of(fault)
            if error.code() == KafkaError.GROUP_ID_NOT_FOUND:
                return None
            words = f"group {group}: {explain_kafka_fault(error)}"
            raise KafkaUnavailableError(words, needs_operator=needs_operator(error)) from fault
