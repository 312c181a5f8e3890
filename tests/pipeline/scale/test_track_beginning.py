"""How a partition begins: with what was kept, or with words that say why not."""

from collections.abc import Mapping

import pytest

from pipeline.core.atomic_entries import AtomicEntries
from pipeline.core.stream_records import StreamReader
from pipeline.scale.damaged_state import DamagedState
from pipeline.scale.track_beginning import begin_partition
from pipeline.scale.track_partition import TrackPartition
from pipeline.wires.kafka_fault import KafkaUnavailableError, ReadAgainError
from tests.pipeline.core.derivation_samples import CATALOGUE, SPANS


def make(partition: int, kept: Mapping[str, bytes]) -> TrackPartition:
    return TrackPartition(CATALOGUE, SPANS, StreamReader(), partition, kept)


def entries(*keys: str) -> dict[str, bytes]:
    kept = AtomicEntries().round(dict.fromkeys(keys, b"{}"), {})
    return {key: content for key, content in kept if content is not None}


def test_what_was_never_kept_begins_with_nothing() -> None:
    begun = begin_partition(make, DamagedState().see, 1, {})
    assert (begun.damage, list(begun.active())) == ("", [])


def test_what_this_version_does_not_know_waits_for_one_that_does() -> None:
    with pytest.raises(KafkaUnavailableError, match="partition 1, cannot be followed by this version") as caught:
        begin_partition(make, DamagedState().see, 1, entries("dream 1"))
    assert caught.value.needs_operator
    assert "unknown kind is kept: dream" in str(caught.value)


def test_a_fault_of_ours_is_told_by_its_place_and_not_by_what_was_kept() -> None:
    def fail(*_: object) -> TrackPartition:
        raise KeyError("secret")

    with pytest.raises(KafkaUnavailableError, match="test_track_beginning") as caught:
        begin_partition(fail, DamagedState().see, 1, {})
    assert "secret" not in str(caught.value)


def test_what_is_missing_is_read_again_first() -> None:
    kept = entries("heard 0", "heard 1")
    del kept["heard 1"]
    with pytest.raises(ReadAgainError, match="it is read again"):
        begin_partition(make, DamagedState().see, 1, kept)
