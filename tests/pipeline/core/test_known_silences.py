"""Known silences: alerts tell when a device was heard."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.alert_rows import alert_row
from pipeline.core.known_silences import KnownSilences, SilenceEdge
from pipeline.core.liveness import Liveness
from pipeline.core.online_runs import OnlineRuns
from pipeline.core.silences import FORGOTTEN_AFTER_NS
from pipeline.core.timestamps import NS_PER_S
from schemas.row import Row
from tests.pipeline.core.past_days import silence_edges

AFTER = 20 * NS_PER_S
START = 1_750_000_000 * NS_PER_S


def at(seconds: float) -> int:
    return START + round(seconds * NS_PER_S)


def runs_of(serial: str, known: KnownSilences, first: int, until: int) -> Sequence[tuple[int, int]]:
    runs = OnlineRuns(AFTER)
    moments = list(known.heard(serial, first, until))
    assert moments == sorted(moments)
    runs.hear([serial] * len(moments), moments, 0)
    return runs.runs(serial)


@given(st.lists(st.tuples(st.integers(1, 60), st.sampled_from("ab")), min_size=1))
def test_who_was_online_is_told_by_the_alerts(heard: list[tuple[int, str]]) -> None:
    """Of each device from its first message on, up to the end of its last silence."""
    liveness, runs, rows = Liveness(AFTER), OnlineRuns(AFTER), list[Row]()
    first: dict[str, int] = {}
    moment = START
    for later, serial in heard:
        moment += later * NS_PER_S + 123_456_700
        liveness.see(serial, moment)
        runs.hear([serial], [moment], 0)
        first.setdefault(serial, moment)
        rows += map(alert_row, liveness.advance(moment).to_write)
    rows += map(alert_row, liveness.advance(moment + 2 * AFTER).to_write)
    known = KnownSilences(AFTER, silence_edges(rows))
    for serial, begun in first.items():
        assert runs_of(serial, known, begun, moment + AFTER) == runs.runs(serial)


def test_a_raise_that_was_taken_back_is_none() -> None:
    known = KnownSilences(AFTER, [SilenceEdge("a", at(100), is_active=False, duration_ns=0)])
    assert runs_of("a", known, at(0), at(200)) == ((at(0), at(200)),)


def test_one_that_began_before_anything_is_known_has_its_length() -> None:
    known = KnownSilences(AFTER, [SilenceEdge("a", at(100), is_active=False, duration_ns=1_000 * NS_PER_S)])
    assert runs_of("a", known, at(0), at(200)) == ((at(100), at(200)),)


def test_who_was_forgotten_is_not_known_to_be_heard() -> None:
    lasted = FORGOTTEN_AFTER_NS - AFTER
    known = KnownSilences(AFTER, [SilenceEdge("a", at(100) + lasted, is_active=False, duration_ns=lasted)])
    assert runs_of("a", known, at(0), at(200) + lasted) == ((at(0), at(80)),)
    assert known.arrival("a", at(300) + lasted, at(299), None) == at(300) + lasted


@pytest.mark.parametrize(
    ("thought", "stamp", "earliest", "expected"),
    [
        (79, 78, 79, 79),
        (80, 78, 80, 80),
        (1_180, 1_179, 1_180, 1_180),
        (1_181, 180, 181, 1_181),
        (1_081, 80, 81, 2_081),
        (1_179, 178, 179, 2_179),
        (1_180, 179, 180, 1_180),
        (1_080, 79, 80, 80),
        (1_079, 78, 79, 79),
        (85, 82, None, 80),
        (1_185, 81, None, 80),
        (81, 79, None, 79),
        (1_185, 80, None, 80),
        (1_185, 82, None, 1_185),
        (629, 100, None, 80),
        (631, 100, None, 1_180),
        (1_181, 1_181, None, 1_181),
        (5_000, 200, None, 1_180),
        (5_000, 2_000, 2_001, 2_001),
        (2_200, 179, 200, 1_200),
        (2_400, 399, 400, 2_400),
        (5_000, 2_999, None, 2_999),
        (3_100, 179, 180, 1_180),
        (5_000, 3_100, None, 5_000),
    ],
)
def test_nothing_arrives_during_a_silence(thought: int, stamp: int, earliest: int | None, expected: int) -> None:
    raised = SilenceEdge("a", at(100), is_active=True, duration_ns=0)
    cleared = SilenceEdge("a", at(1_180), is_active=False, duration_ns=1_080 * NS_PER_S)
    later = SilenceEdge("a", at(3_020), is_active=True, duration_ns=0)
    known = KnownSilences(AFTER, [cleared, raised, later])
    found = known.arrival("a", at(thought), at(stamp), None if earliest is None else at(earliest))
    assert (found - START) / NS_PER_S == expected
    assert known.arrival("b", at(100), at(99), at(100)) == at(100)
