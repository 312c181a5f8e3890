"""The same-stamp rule: values of one second stay apart, in the order of arrival, inside their second."""

from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.same_stamp import spread_stamp, value_crc

SECOND = 10**9
STAMP = 1_686_207_556 * SECOND
ARRIVED = 1_686_207_557_013_000_000


def test_the_documented_message() -> None:
    # ArrivalTime 1,686,207,557,013 ms modulo 1,000,000 = 557,013 -> 557,013,000 ns; crc32(b"13") = 945,058,907 -> 907.
    assert crc32(b"13") == 945_058_907
    assert spread_stamp(STAMP, ARRIVED, value_crc(13)) == STAMP + 557_013_907


def test_without_arrival_only_the_value_counts() -> None:
    assert spread_stamp(STAMP, None, 945_058_907) == STAMP + 907


def test_a_finer_stamp_stays() -> None:
    assert spread_stamp(STAMP + 100, ARRIVED, 5) == STAMP + 100


def test_the_value_is_taken_as_compact_json() -> None:
    assert value_crc("13") == crc32(b'"13"')
    assert value_crc({"a": [1, None]}) == crc32(b'{"a":[1,null]}')
    assert value_crc("é") == crc32('"é"'.encode())


@given(st.integers(0, 10**6 - 1), st.integers(1, 1_000), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_later_arrivals_come_later_within_the_second(arrival_ms: int, later_ms: int, crc: int, other: int) -> None:
    base = 1_686_207_000_000  # a multiple of 1,000,000 ms, so that nothing wraps below
    if arrival_ms + later_ms >= 10**6:
        return
    first = spread_stamp(STAMP, (base + arrival_ms) * 10**6, crc)
    second = spread_stamp(STAMP, (base + arrival_ms + later_ms) * 10**6, other)
    assert STAMP <= first < second < STAMP + SECOND
