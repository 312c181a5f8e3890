"""Partitions: Kafka's own rule, by its published examples."""

import confluent_kafka
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.partition import Partitions, murmur2

SIGNED = 2**32


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_that_of_kafka(key: bytes, expected: int) -> None:
    assert murmur2(key) == expected % SIGNED


def test_a_serial_is_where_a_java_producer_would_put_it() -> None:
    positive = (-790332482 % SIGNED) & 0x7FFFFFFF
    assert [Partitions(count).of("foobar") for count in (1, 3, 12)] == [0, positive % 3, positive % 12]


@given(st.text(max_size=64), st.integers(1, 10_000))
def test_every_text_has_one_place(serial: str, count: int) -> None:
    partitions = Partitions(count)
    place = partitions.of(serial)
    assert 0 <= place < count
    assert partitions.of(serial) == place


@given(st.binary(min_size=1, max_size=40), st.integers(1, 10_000))
def test_the_client_library_for_java_keys_agrees(key: bytes, count: int) -> None:
    assert (murmur2(key) & 0x7FFFFFFF) % count == confluent_kafka.murmur2(key, count)


def test_serials_spread_evenly() -> None:
    partitions = Partitions(12)
    places = [partitions.of(f"EH{number:06}") for number in range(12_000)]
    assert all(900 < places.count(place) < 1_100 for place in range(12))


def test_there_is_no_topic_without_partitions() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Partitions(0)
