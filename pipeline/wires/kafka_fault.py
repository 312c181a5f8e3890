"""Kafka's faults, in words that say what to do.

Owns the one table of them, by the library's names. Must not know who met the fault.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from confluent_kafka import KafkaError, KafkaException

_BROKERS = "CHARGELINE_KAFKA_BROKERS"
_FILE = "CHARGELINE_KAFKA_CONFIG_FILE"
_RIGHTS = "give this user the right to it"
_TOPICS = "make the topics: chargeline topics create"

NEXT_STEP: Mapping[str, str] = MappingProxyType(
    {
        "_TRANSPORT": f"see that Kafka runs, and {_BROKERS}",
        "_ALL_BROKERS_DOWN": f"see that Kafka runs, and {_BROKERS}",
        "_TIMED_OUT": f"see that Kafka runs, and {_BROKERS}",
        "_MSG_TIMED_OUT": f"see that Kafka runs, and {_BROKERS}",
        "_RESOLVE": f"see the hosts' names in {_BROKERS}, and that DNS works here",
        "_AUTHENTICATION": f"see user, password and mechanism in {_FILE}",
        "SASL_AUTHENTICATION_FAILED": f"see user, password and mechanism in {_FILE}",
        # The library does not say which of these it is.
        "_SSL": f"see ssl.ca.location in {_FILE}, and the broker's certificate: until when, for which hosts, by whom",
        "TOPIC_AUTHORIZATION_FAILED": _RIGHTS,
        "CLUSTER_AUTHORIZATION_FAILED": _RIGHTS,
        "GROUP_AUTHORIZATION_FAILED": _RIGHTS,
        "UNKNOWN_TOPIC_OR_PART": _TOPICS,
        "_UNKNOWN_TOPIC": _TOPICS,
        "_UNKNOWN_PARTITION": "see CHARGELINE_KAFKA_PARTITIONS: it must be what the topics were made with",
        "NOT_ENOUGH_REPLICAS": "too few brokers hold a copy: see that all of them run",
        "NOT_ENOUGH_REPLICAS_AFTER_APPEND": "too few brokers hold a copy: see that all of them run",
        "INVALID_REPLICATION_FACTOR": "lower CHARGELINE_KAFKA_REPLICATION, or add brokers",
        "MSG_SIZE_TOO_LARGE": "raise max.message.bytes of the topic: chargeline topics create",
        "POLICY_VIOLATION": "the cluster has a policy of its own; ask its operator",
        "_INVALID_ARG": f"see {_FILE}",
    }
)
_NEEDS_OPERATOR = frozenset(NEXT_STEP) - {
    "_TRANSPORT",
    "_ALL_BROKERS_DOWN",
    "_TIMED_OUT",
    "_MSG_TIMED_OUT",
    "_RESOLVE",
    "NOT_ENOUGH_REPLICAS",
    "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
}
_MOST_HEARD = 20


class KafkaUnavailableError(Exception):
    """Kafka did not do what it was asked; says why and what to do, and shows no password.

    `needs_operator`  True where it cannot end by itself: a password, a right, a missing topic.
    """

    def __init__(self, message: str, *, needs_operator: bool = False) -> None:
        """`message` names the culprit and the next step."""
        super().__init__(message)
        self.needs_operator = needs_operator


class ReadAgainError(KafkaUnavailableError):
    """Kafka works, but not all of what it has came: to begin anew may help."""


class Complaints:
    """What a client says of its connections, which an answer that does not come leaves out."""

    def __init__(self) -> None:
        """Nothing was heard."""
        self._heard: list[KafkaError] = []
        self._fatal: KafkaError | None = None

    def hear(self, error: KafkaError) -> None:
        """For the client's `error_cb`: it holds no more than this, so that a client that nobody wants is freed."""
        self._heard = [*self._heard[1 - _MOST_HEARD :], error]
        if error.fatal():
            self._fatal = error

    def clear(self) -> None:
        """All is well again."""
        self._heard = []

    def worst(self, otherwise: KafkaError) -> KafkaError:
        """What explains best why nothing comes: what an operator must mend, else what was said last."""
        told = [error for error in self._heard if error.name() != "_ALL_BROKERS_DOWN"]
        return next(filter(needs_operator, reversed(told)), told[-1] if told else otherwise)

    @property
    def fatal(self) -> KafkaUnavailableError | None:
        """Why the client can do nothing any more; remembered for good."""
        return None if self._fatal is None else as_unavailable(self._fatal)

    @property
    def trouble(self) -> KafkaUnavailableError | None:
        """The same with words; None where nothing was heard."""
        return as_unavailable(self.worst(self._heard[-1])) if self._heard else None


def needs_operator(error: KafkaError) -> bool:
    """Whether it cannot end by itself."""
    return error.name() in _NEEDS_OPERATOR


def explain_kafka_fault(error: KafkaError) -> str:
    """What is wrong, on one line, and the next step."""
    words = " ".join(error.str().split())
    step = NEXT_STEP.get(error.name())
    return f"{words}; {step}" if step else words


def as_unavailable(error: KafkaError) -> KafkaUnavailableError:
    """An error of the library with its words."""
    return KafkaUnavailableError(f"Kafka: {explain_kafka_fault(error)}", needs_operator=needs_operator(error))


def unavailable(fault: KafkaException, complaints: Complaints) -> KafkaUnavailableError:
    """The fault of a call as an error with words; where no answer came, `complaints` say why."""
    error = error_of(fault)
    if not needs_operator(error):
        error = complaints.worst(error)
    return as_unavailable(error)


def error_of(fault: KafkaException) -> KafkaError:
    """What the library raised. Raises the fault itself where that is something else: a fault of ours."""
    cause = fault.args[0] if fault.args else None
    if isinstance(cause, KafkaError):
        return cause
    raise fault


def without_values(words: str, values: Iterable[str]) -> str:
    """Words of the library without what an operator's file has as the value of an option."""
    for value in values:
        words = words.replace(f'"{value}"', '"***"')
    return words
