"""Sessions of chargers with much to read: their rows come later, and none is missing."""

import pytest

from pipeline.core.sessions import Sessions
from schemas.row import Row
from tests.pipeline.core.session_samples import (
    AWAY,
    CHARGING,
    LATE,
    MODE,
    START,
    S,
    Worker,
    fields_of,
    said,
)
from tests.pipeline.core.test_sessions_rounds import CAME, given, with_row


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has more than three facts waits for 20 s each."""
    monkeypatch.setattr("pipeline.core.session_turns._MOST_AT_ONCE", 3)
    monkeypatch.setattr("pipeline.core.session_turns._WAIT_PER_FACT_NS", 20 * S)


LEFT = said(1_200, MODE, AWAY, lag=900)
"""Too long ago to be waited for of itself after a restart."""


@pytest.mark.usefixtures("patience")
def test_who_has_much_to_read_is_read_after_a_while() -> None:
    sessions = with_row()
    sessions.add(LEFT)
    sessions.add(CAME[1])
    assert given(sessions, 1_879).rows == ()
    (row,) = given(sessions, 1_880).rows
    assert fields_of(row)["duration_s"] == 600
    assert given(sessions, 3_000).rows == ()
    sessions.add(CAME[1])
    assert given(sessions, 3_079).rows == ()
    assert given(sessions, 3_080).rows == (row,)


@pytest.mark.usefixtures("patience")
def test_who_has_much_to_read_has_all_rows_where_the_watermark_comes_far_for_the_last_time() -> None:
    sessions = Sessions(LATE)
    rows: list[Row] = []
    for second in range(0, 1_000, 10):
        sessions.add(said(second, MODE, AWAY if second % 20 else CHARGING))
        rows += given(sessions, second).rows
    is_whole = False
    while not is_whole:
        found = given(sessions, 9_000)
        is_whole = found.is_whole
        rows += found.rows
    durations = {row.time: fields_of(row)["duration_s"] for row in rows}
    assert durations == {START + second * S: 10.0 for second in range(20, 1_000, 20)}


@pytest.mark.usefixtures("patience")
def test_a_restart_does_not_forget_who_waits() -> None:
    worker = Worker()
    worker.round(CAME)
    worker.pass_time(1_600)
    worker.pass_time(1)
    worker.round([LEFT])
    worker.restart()
    worker.pass_time(60)
    assert [fields["duration_s"] for fields in worker.store.values()] == [0.0]
    worker.pass_time(60)
    assert [fields["duration_s"] for fields in worker.store.values()] == [600.0]


def test_who_waits_forgets_nothing_by_which_it_is_known_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.core.session_turns._MOST_AT_ONCE", 7)
    monkeypatch.setattr("pipeline.core.session_turns._WAIT_PER_FACT_NS", 3_600 * S)
    monkeypatch.setattr("pipeline.core.session_turns._LONGEST_WAIT_NS", 4 * 3_600 * S)
    worker = Worker()
    worker.round([said(minute * 60, MODE, AWAY) for minute in range(5)])
    worker.round([said(16_000, MODE, CHARGING)])
    worker.pass_time(300)
    assert [fields["duration_s"] for fields in worker.store.values()] == [0.0]
    worker.round([said(16_200, MODE, AWAY, lag=900)])
    for _ in range(7):
        worker.pass_time(1_900)
    worker.restart()
    for _ in range(9):
        worker.pass_time(1_900)
    assert [fields["duration_s"] for fields in worker.store.values()] == [200.0]
