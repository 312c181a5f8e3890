"""Kafka's faults: the words, and who must act."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from pipeline.wires.kafka_fault import (
    Complaints,
    error_of,
    explain_kafka_fault,
    needs_operator,
    unavailable,
    without_values,
)

AWAY = KafkaError(KafkaError._TRANSPORT, "Connect to 127.0.0.1:1\nfailed")
REFUSED = KafkaError(KafkaError._AUTHENTICATION, "Authentication failed")
ALL_DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")
NO_ANSWER = KafkaError(KafkaError._TIMED_OUT, "no answer")


def test_words_are_one_line_with_the_next_step() -> None:
    assert explain_kafka_fault(AWAY) == (
        "Connect to 127.0.0.1:1 failed; see that Kafka runs, and CHARGELINE_KAFKA_BROKERS"
    )
    assert explain_kafka_fault(KafkaError(KafkaError._FAIL, "odd")) == "odd"


@pytest.mark.parametrize(("error", "needs"), [(AWAY, False), (REFUSED, True), (ALL_DOWN, False)])
def test_who_must_act(error: KafkaError, needs: bool) -> None:
    assert needs_operator(error) is needs


def test_what_an_operator_must_mend_explains_a_missing_answer_best() -> None:
    complaints = Complaints()
    assert complaints.trouble is None
    assert str(unavailable(KafkaException(NO_ANSWER), complaints)).startswith("Kafka: no answer")
    for error in (AWAY, ALL_DOWN):
        complaints.hear(error)
    assert complaints.worst(NO_ANSWER) is AWAY
    complaints.hear(REFUSED)
    for _ in range(10):
        complaints.hear(AWAY)
    told = unavailable(KafkaException(NO_ANSWER), complaints)
    assert told.needs_operator
    assert "Authentication failed; see user, password" in str(told)
    assert str(complaints.trouble).startswith("Kafka: Authentication failed")
    complaints.clear()
    assert complaints.trouble is None


def test_that_a_client_is_over_is_not_forgotten() -> None:
    complaints = Complaints()
    complaints.hear(REFUSED)
    assert complaints.fatal is None
    complaints.hear(KafkaError(KafkaError._FATAL, "fenced", fatal=True))
    complaints.clear()
    assert str(complaints.fatal) == "Kafka: fenced"


def test_what_is_remembered_is_bounded() -> None:
    complaints = Complaints()
    complaints.hear(REFUSED)
    for _ in range(1_000):
        complaints.hear(AWAY)
    assert complaints.worst(NO_ANSWER) is AWAY


def test_a_fault_that_is_none_of_the_library_stays_what_it_is() -> None:
    with pytest.raises(KafkaException):
        error_of(KafkaException("odd"))


def test_values_of_options_are_not_repeated() -> None:
    assert without_values('Invalid value "hunter2" for "x"', ["hunter2"]) == 'Invalid value "***" for "x"'
