"""Times: every form of the wire, exact to its digits, and nothing that is no time."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.timestamps import (
    EARLIEST,
    END,
    TimeReader,
    format_time,
    has_zone,
    is_plausible,
    parse_time,
    time_of_datetime,
)
from tests.oracle.times import nanoseconds

SECOND = 10**9
DOCUMENTED = 1_686_207_556 * SECOND  # 2023-06-08T06:59:16Z, by `date -u -d 2023-06-08T06:59:16Z +%s`

TIMES = {
    "2023-06-08T06:59:16.0000000+00:00": DOCUMENTED,
    "2023-06-08T06:59:16.7660000Z": DOCUMENTED + 766_000_000,
    "2023-06-08T06:59:16.6468930Z": DOCUMENTED + 646_893_000,
    "2023-06-08T06:59:16.9999999Z": DOCUMENTED + 999_999_900,
    "2023-06-08T06:59:16.123456789Z": DOCUMENTED + 123_456_789,
    "2023-06-08T06:59:16.1234567899Z": DOCUMENTED + 123_456_789,
    "2023-06-08T06:59:16.5Z": DOCUMENTED + 500_000_000,
    "2023-06-08T06:59:16,5Z": DOCUMENTED + 500_000_000,
    "2023-06-08T06:59:16Z": DOCUMENTED,
    "2023-06-08t06:59:16z": DOCUMENTED,
    "2023-06-08 06:59:16": DOCUMENTED,
    "2023-06-08T06:59Z": DOCUMENTED - 16 * SECOND,
    "2023-06-08T08:59:16.0000000+02:00": DOCUMENTED,
    "2023-06-08T01:29:16-0530": DOCUMENTED,
    " 2023-06-08T06:59:16Z\n": DOCUMENTED,
    "1970-01-01T00:00:00Z": 0,
    "0001-01-01T00:00:00": -62_135_596_800 * SECOND,
    "9999-12-31T23:59:59.9999999Z": 253_402_300_799 * SECOND + 999_999_900,
    "2024-02-29T00:00:00Z": 1_709_164_800 * SECOND,
}
NOT_TIMES = [
    "",
    "now",
    "2023-06-08",
    "2023-06-08T06",
    "2023-02-29T00:00:00Z",
    "2023-13-01T00:00:00Z",
    "2023-06-08T24:00:00Z",
    "2023-06-08T06:60:00Z",
    "2023-06-08T06:59:60Z",
    "2023-06-08T06:59:16.Z",
    "2023-06-08T06:59:16.5Zz",
    "2023-06-08T06:59:16+24:00",
    "2023-06-08T06:59:16+00:60",
    "2023-06-08T06:59:16+5",
    "0000-01-01T00:00:00Z",
    "-2023-06-08T06:59:16Z",
    "\uff12023-06-08T06:59:16Z",
    "1686207556",
]


@pytest.mark.parametrize(("text", "time"), TIMES.items())
def test_a_time_is_read_exactly(text: str, time: int) -> None:
    reader = TimeReader()
    assert parse_time(text) == reader.read(text) == reader.read(text) == time


@pytest.mark.parametrize("text", NOT_TIMES)
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_time(text) is None
    assert TimeReader().read(text) is None


NEAR_TIMES = st.one_of(
    st.sampled_from([*TIMES, *NOT_TIMES]),
    st.from_regex(r"2023-0[0-9]-[0-3][0-9][T ][0-2][0-9]:59:1[0-9]\.[0-9]{0,10}(Z|\+0[0-9]:?00|)", fullmatch=True),
    st.text(max_size=34),
)


@given(st.lists(NEAR_TIMES, max_size=40))
def test_what_a_reader_remembers_never_changes_a_result(texts: list[str]) -> None:
    reader = TimeReader()
    assert [reader.read(text) for text in texts] == [parse_time(text) for text in texts]
    assert [reader.read(text) for text in texts] == [nanoseconds(text) for text in texts]


def test_the_memory_of_a_reader_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TimeReader, "_KEPT", 8)
    reader = TimeReader()
    for second in range(60):
        text = f"2023-06-08T06:59:{second:02d}.{second:07d}+02:00"
        assert reader.read(text) == parse_time(text)
    assert max(len(reader._heads), len(reader._tails)) <= 8


def test_a_reader_remembers_nothing_long() -> None:
    reader = TimeReader()
    text = "2023-06-08T06:59:16." + "1" * 100_000 + "Z"
    assert reader.read(text) == DOCUMENTED + 111_111_111
    assert max(map(len, reader._tails), default=0) < 20


@pytest.mark.parametrize(
    ("text", "zoned"),
    [
        ("2023-06-08T06:59:16Z", True),
        ("2023-06-08T06:59:16+02:00", True),
        ("2023-06-08T06:59:16-0200", True),
        ("2023-06-08T06:59:16", False),
        ("2023-06-08T06:59:16.1234567", False),
        ("now", False),
    ],
)
def test_a_zone_is_seen(text: str, zoned: bool) -> None:
    assert has_zone(text) is zoned


@given(st.integers(EARLIEST, END - 1))
def test_a_time_is_written_as_it_is_read(time: int) -> None:
    text = format_time(time)
    assert len(text) == len("2023-06-08T06:59:16.013000000Z")
    assert parse_time(text) == time


def test_years_have_four_digits() -> None:
    assert format_time(-62_135_596_800 * SECOND) == "0001-01-01T00:00:00.000000000Z"


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2023, 6, 8, 6, 59, 16, 13_000, UTC),
        datetime(2023, 6, 8, 6, 59, 16, 13_000, UTC).replace(tzinfo=None),
        datetime(2023, 6, 8, 8, 59, 16, 13_000, timezone(timedelta(hours=2))),
    ],
)
def test_a_datetime_is_a_time(moment: datetime) -> None:
    assert time_of_datetime(moment) == DOCUMENTED + 13_000_000


def test_plausible_is_2015_to_2261() -> None:
    assert parse_time("2015-01-01T00:00:00Z") == EARLIEST
    assert parse_time("2262-01-01T00:00:00Z") == END
    assert [is_plausible(time) for time in (EARLIEST - 1, EARLIEST, END - 1, END)] == [False, True, True, False]
    assert END - 1 < 9_223_372_036_854_775_806
