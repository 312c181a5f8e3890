"""Rounds of sessions: when a row is given, when it is given again, and what is kept and forgotten."""

import pytest

from pipeline.core.kept_facts import KeptKey
from pipeline.core.sessions import SessionRows, Sessions
from pipeline.core.watermark import AHEAD_NS
from schemas.observation import Observation, Product
from tests.pipeline.core.session_samples import (
    AWAY,
    CHARGING,
    DAY,
    ENERGY,
    LATE,
    MODE,
    START,
    Fate,
    S,
    Worker,
    fields_of,
    said,
    told,
)

CAME = [said(0, MODE, AWAY), said(600, MODE, CHARGING)]


def given(sessions: Sessions, seconds: float) -> SessionRows:
    """A round that is kept, at a watermark so many seconds past START."""
    rows = sessions.advance(START + int(seconds * S))
    sessions.changes()
    sessions.kept()
    return rows


def with_row(*messages: Observation) -> Sessions:
    """Sessions that gave the row of a car that came at second 600, and what else was said."""
    sessions = Sessions(LATE)
    for message in (*CAME, *messages):
        sessions.add(message)
    given(sessions, 1_800)
    assert len(given(sessions, 1_800).rows) == 1
    return sessions


def test_a_row_waits_for_what_was_overtaken_and_for_its_place() -> None:
    sessions = Sessions(LATE)
    for message in CAME:
        sessions.add(message)
    waits = given(sessions, 659)
    assert (waits.rows, waits.is_whole) == ((), True)
    announced = sessions.advance(START + 660 * S)
    assert (announced.rows, announced.is_whole) == ((), False)
    assert KeptKey("EH1", f"session place {START + 600 * S}") in sessions.changes()
    sessions.kept()
    written = given(sessions, 660)
    assert [row.time for row in written.rows] == [START + 600 * S]
    assert written.is_whole


def test_a_place_that_is_not_kept_has_no_row() -> None:
    sessions = Sessions(LATE)
    for message in CAME:
        sessions.add(message)
    for _ in range(3):
        assert sessions.advance(START + 700 * S).rows == ()


def test_a_place_that_is_none_before_it_was_kept_is_dropped() -> None:
    sessions = Sessions(LATE)
    for message in CAME:
        sessions.add(message)
    sessions.advance(START + 700 * S)
    sessions.add(said(300, MODE, CHARGING))
    sessions.advance(START + 700 * S)
    places = {key.name: content is not None for key, content in sessions.changes().items() if "place" in key.name}
    first, second = (f"session place {START + second * S}" for second in (600, 300))
    assert places == {first: False, second: True}


def test_a_place_that_is_none_before_its_row_was_written_is_dropped() -> None:
    sessions = Sessions(LATE)
    for message in CAME:
        sessions.add(message)
    given(sessions, 700)
    sessions.add(said(300, MODE, CHARGING))
    assert sessions.advance(START + 700 * S).rows == ()
    assert sessions.changes()[KeptKey("EH1", f"session place {START + 600 * S}")] is None


def test_a_row_is_given_again_only_where_its_content_is_another() -> None:
    sessions = with_row()
    assert given(sessions, 1_800).rows == ()
    sessions.add(said(1_750, MODE, CHARGING))
    assert given(sessions, 1_800).rows == ()
    sessions.add(said(1_760, MODE, AWAY))
    (row,) = given(sessions, 1_800).rows
    assert fields_of(row)["duration_s"] == 1_160


def test_touched_rows_are_given_again_once() -> None:
    sessions = Sessions(LATE)
    for message in CAME:
        sessions.add(message)
    given(sessions, 1_800)
    first = given(sessions, 1_800)
    sessions.touch(first.touched)
    assert given(sessions, 1_800).rows == first.rows
    assert given(sessions, 1_800).rows == ()


def test_a_repeated_message_gives_the_rows_again_once_but_for_energies() -> None:
    told_of = told(640, 600)
    sessions = with_row(told_of, said(900, ENERGY, 2.0))
    for repeated, rows in [(CAME[1], 1), (told_of, 1), (said(900, ENERGY, 2.0), 0)]:
        sessions.add(repeated)
        assert len(given(sessions, 1_800).rows) == rows
        assert given(sessions, 1_800).rows == ()


def test_energies_are_told_once_a_slot() -> None:
    sessions = with_row()
    given_at = {}
    for minute in range(31, 61):
        sessions.add(said(minute * 60, ENERGY, minute / 10))
        for row in given(sessions, minute * 60 + 1).rows:
            given_at[minute] = fields_of(row)["energy_kwh"]
    assert len(given_at) in (2, 3)
    assert all(0 <= minute - float(kwh) * 10 < 21 for minute, kwh in given_at.items())


def test_what_is_too_late_is_counted_and_passed_over() -> None:
    sessions = with_row()
    late_s = LATE // S
    for message in [
        said(700, MODE, AWAY, lag=late_s + 1),
        told(700 + 2_401, 650, 700),
        said(700, MODE, AWAY)._replace(received_at=START + 700 * S + LATE + S, arrived_at=None),
    ]:
        sessions.add(message)
    passed_over = given(sessions, 1_800)
    assert (passed_over.rows, passed_over.late) == ((), 3)
    sessions.add(said(700, MODE, AWAY, lag=late_s))
    in_time = given(sessions, 1_800)
    assert (len(in_time.rows), in_time.late) == (1, 0)


def test_our_receipt_bounds_when_a_message_arrived() -> None:
    sessions = with_row()
    received_at = START + 700 * S + LATE - AHEAD_NS
    sessions.add(said(700, MODE, AWAY, lag=LATE // S + 99)._replace(received_at=received_at + 1))
    assert given(sessions, 1_800).late == 1
    sessions.add(said(700, MODE, AWAY, lag=LATE // S + 99)._replace(received_at=received_at))
    assert given(sessions, 1_800).late == 0


def test_what_is_far_behind_the_watermark_is_passed_over() -> None:
    sessions = with_row()
    behind_s = LATE // S + 70 * 60
    just_said = said(1_700, MODE, AWAY)
    sessions.add(just_said)
    assert len(given(sessions, 1_800 + behind_s).rows) == 1
    sessions.add(just_said)
    assert given(sessions, 1_800 + behind_s).late == 0
    for at, late in [(1_800, 0), (1_799, 1)]:
        sessions.add(said(at, MODE, CHARGING))
        assert given(sessions, 1_800 + behind_s).late == late


def test_after_a_restart_what_is_due_comes_in_its_time() -> None:
    worker = Worker()
    worker.round(CAME)
    worker.restart()
    worker.pass_time(900)
    assert list(worker.store) == [("EH1", START + 600 * S)]
    worker.round([said(1_500, ENERGY, 2.5)])
    worker.restart()
    worker.round(())
    assert [fields["energy_kwh"] for fields in worker.store.values()] == [0.0]
    worker.pass_time(900)
    assert [fields["energy_kwh"] for fields in worker.store.values()] == [2.5]


def test_a_round_that_spans_a_day_and_fails_again_and_again_loses_nothing() -> None:
    worker = Worker()
    day = [said(10 * second, MODE, CHARGING if second % 2 else AWAY) for second in range(40)]
    day.append(said(86_400, MODE, AWAY))
    for _ in range(4):
        worker.round(day, Fate.TAKEN_AGAIN)
    worker.round(day)
    worker.finish()
    worker.pass_time(600)
    assert len(worker.store) == 20


def test_what_is_over_is_not_begun_again_beside_what_lasts() -> None:
    worker = Worker()
    worker.round([*CAME, told(700, 650, 3 * 86_400), said(1_200, MODE, AWAY)])
    worker.finish()
    worker.pass_time(12 * 3_600)
    worker.pass_time(3 * 3_600)
    places = {key.name for key in worker.kept if "place" in key.name}
    worker.round([said(15 * 3_600, MODE, CHARGING)])
    assert places == {f"session place {START + 650 * S}"}
    worker.finish()
    assert KeptKey("EH1", f"session place {START + 600 * S}") not in worker.kept


def test_an_equalizer_has_no_sessions() -> None:
    sessions = Sessions(LATE)
    for message in CAME:
        sessions.add(message._replace(product=Product.EQUALIZER))
    assert (len(sessions), given(sessions, 1_800).rows) == (0, ())


def test_what_is_over_is_forgotten_and_its_entries_dropped() -> None:
    worker = Worker()
    for day in range(4):
        at = day * 24 * 3_600
        worker.round([said(at, MODE, AWAY), said(at + 600, MODE, CHARGING), told(at + 640, at + 600)])
        worker.round([said(at + minute * 60, ENERGY, minute / 10) for minute in range(20, 100)])
        worker.round([said(at + 6_000, MODE, AWAY), told(at + 6_010, at + 600, at + 6_000, 9.5)])
        for _ in range(40):
            worker.pass_time(1_900)
    assert len(worker.store) == 4
    assert {fields["energy_kwh"] for fields in worker.store.values()} == {9.5}
    # A document may still tell of a month without saying how much; and the next car is seen to come.
    assert [key.name.split()[1] for key in worker.kept] == ["energies", "mode"]
    assert len(worker.sessions) == 1


def test_who_says_something_in_every_round_is_forgotten_as_others_are() -> None:
    worker = Worker()
    for number in range(16 * 20):
        worker.round([said(number * 180, MODE, CHARGING if number % 2 else AWAY)])
        worker.finish()
    assert len(worker.store) == 8 * 20 - 1
    # Of each hour twenty modes and ten places, and seven hours are remembered.
    assert len(worker.kept) < 8 * 30


def test_who_has_nothing_left_is_forgotten() -> None:
    worker = Worker()
    worker.round([said(0, ENERGY, 2.0)])
    worker.pass_time((LATE + 31 * DAY) // S)
    for _ in range(5):
        worker.pass_time(1_900)
    assert (len(worker.sessions), worker.kept) == (0, {})


def test_a_car_that_stays_for_days_is_one_session() -> None:
    worker = Worker()
    worker.round(CAME)
    for hour in range(1, 60):
        worker.round([said(hour * 3_600, ENERGY, hour / 10)], Fate.KEPT if hour % 7 else Fate.DEAD_BEFORE)
        worker.finish()
    worker.round([said(59 * 3_600 + 60, ENERGY, 7.0), said(60 * 3_600, MODE, AWAY), said(61 * 3_600, ENERGY, 0.0)])
    worker.finish()
    ((place, fields),) = worker.store.items()
    assert place == ("EH1", START + 600 * S)
    assert (fields["energy_kwh"], fields["duration_s"]) == (7.0, 60 * 3_600 - 600)


def test_rows_are_in_order() -> None:
    sessions = Sessions(LATE)
    serials = ("EH3", "EH1", "EH2", "EH0")
    for serial in serials:
        for message in (*CAME, said(1_000, MODE, AWAY), said(1_200, MODE, CHARGING)):
            sessions.add(message._replace(serial=serial))
    given(sessions, 1_800)
    places = [(row.charger, row.time) for row in given(sessions, 1_800).rows]
    assert places == sorted(places)
    assert len(places) == 2 * len(serials)


def test_the_watermark_never_goes_back() -> None:
    sessions = with_row(said(900, ENERGY, 2.0))
    sessions.touch(frozenset({("EH1", START + 600 * S)}))
    assert [fields_of(row)["energy_kwh"] for row in given(sessions, 700).rows] == [2.0]


def test_an_entry_of_an_unknown_kind_is_named() -> None:
    with pytest.raises(ValueError, match="unknown kind is kept: session hour 3"):
        Sessions(LATE).restore([(KeptKey("EH1", "session hour 3"), b"[]")], START)
