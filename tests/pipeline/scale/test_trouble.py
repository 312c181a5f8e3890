"""Trouble with Kafka: told once, and over when Kafka answers."""

import logging

import pytest

from pipeline.meters import Meters
from pipeline.scale.trouble import Trouble
from pipeline.wires.kafka_fault import KafkaUnavailableError
from schemas.meters import Latency, WorkerState


@pytest.mark.parametrize(("needs", "state"), [(True, WorkerState.HOLDING), (False, WorkerState.RETRYING)])
def test_it_is_told_once_and_shown_until_it_ends(
    needs: bool, state: WorkerState, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    meters = Meters()
    trouble = Trouble(meters)
    for _ in range(5):
        trouble.tell(KafkaUnavailableError("it is away", needs_operator=needs))
    gauges = meters.snapshot().gauges
    assert (gauges.state, gauges.words, gauges.store_answered_at) == (state, "it is away", None)
    trouble.end()
    assert not trouble.lasts
    assert meters.snapshot().gauges.store_answered_at is None
    trouble.answered(78, 5_000_000)
    gauges = meters.snapshot().gauges
    assert gauges.state is WorkerState.CONNECTING
    assert gauges.store_answered_at == 78
    assert meters.snapshot().latencies[Latency.STORE].sum_ns == 5_000_000
    assert len(caplog.messages) == 2
    assert "it is away (nothing is lost; it is tried again)" in caplog.messages[0]


def test_other_words_are_told_anew(caplog: pytest.LogCaptureFixture) -> None:
    trouble = Trouble(Meters())
    trouble.tell(KafkaUnavailableError("one"))
    trouble.tell(KafkaUnavailableError("two"))
    assert trouble.lasts
    assert len(caplog.messages) == 2
