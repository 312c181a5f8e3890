"""Sessions of one charger: how modes, energies and documents meet. Moments are minutes past the epoch."""

from collections.abc import Sequence
from itertools import permutations

from pipeline.core.session_energies import SessionEnergies
from pipeline.core.session_json import Document
from pipeline.core.session_modes import Mode, Presence, SessionModes
from pipeline.core.session_reading import Session, read_sessions

AWAY, CAR, CHARGING = Presence.AWAY, Presence.CAR, Presence.CHARGING
M = 60 * 10**9
EVER = 10**6 * M
NIGHT = ((0, AWAY), (60, CAR), (70, CHARGING), (200, CAR), (300, AWAY))


def told(start: float, stop: float | None = None, kwh: float | None = None, identity: str = "") -> Document:
    return Document(int(start * M), None if stop is None else int(stop * M), kwh, identity)


def read(
    modes: Sequence[tuple[float, Presence]] = (),
    energies: Sequence[tuple[float, float]] = (),
    documents: Sequence[Document] = (),
    until: float = EVER // M,
) -> list[Session]:
    known, said = SessionModes(), SessionEnergies()
    for at, presence in modes:
        known.add(Mode(int(at * M), presence))
    for at, kwh in energies:
        said.add(int(at * M), kwh)
    return read_sessions(known.read(), said, documents, int(until * M))


def in_short(sessions: Sequence[Session]) -> list[tuple[float, float | None, float, str, bool]]:
    """Start, stop, energy, number, whether a document tells."""
    return [
        (each.start / M, None if each.stop is None else each.stop / M, each.kwh, each.id, each.is_told)
        for each in sessions
    ]


def test_a_car_that_was_seen_is_a_session() -> None:
    (session,) = read(NIGHT, [(100, 4.0), (200, 9.0)])
    assert in_short([session]) == [(60, 300, 9.0, "", False)]
    assert session.charging_ns == 130 * M
    assert session.last == session.stop


def test_a_document_near_the_edge_fills_its_session() -> None:
    for start in (59, 59.5, 60, 61):
        sessions = read(NIGHT, documents=[told(start, 299, 12.5, "816")])
        assert in_short(sessions) == [(60, 299, 12.5, "816", True)]
    sessions = read(NIGHT, documents=[told(57.9, 299, 12.5, "816")])
    assert in_short(sessions) == [(57.9, 299, 12.5, "816", True), (60, 300, 0, "", False)]


def test_a_document_alone_is_a_session() -> None:
    assert in_short(read(documents=[told(10, 50, 3.0, "1")])) == [(10, 50, 3.0, "1", True)]
    assert in_short(read([(0, CHARGING), (70, AWAY)], documents=[told(10)])) == [(10, 70, 0, "", True)]


def test_one_who_was_told_to_begin_and_to_end_is_one() -> None:
    for documents in permutations([told(60), told(60.5, 290, None, "816"), told(60, 290, 8.0, "816")]):
        assert in_short(read(NIGHT, documents=documents)) == [(60, 290, 8.0, "816", True)]


def test_starts_two_minutes_apart_are_of_one_session() -> None:
    assert in_short(read(documents=[told(10), told(12, 50, 3.0, "1")])) == [(10, 50, 3.0, "1", True)]
    assert len(read(documents=[told(10), told(12.1, 50, 3.0, "1")])) == 2


def test_a_document_near_a_car_s_coming_is_not_about_the_one_before() -> None:
    sessions = read([*NIGHT, (300.5, CAR), (350, AWAY)], documents=[told(299.8, 330, 1.0, "2")])
    assert in_short(sessions) == [(60, 300, 0, "", False), (300.5, 330, 1.0, "2", True)]


def test_two_users_of_one_car_are_two_sessions() -> None:
    for documents in permutations([told(60, 100, 2.0, "1"), told(150, 300, 5.0, "2"), told(150.5)]):
        sessions = read(NIGHT, documents=documents)
        assert in_short(sessions) == [(60, 100, 2.0, "1", True), (150, 300, 5.0, "2", True)]


def test_a_document_of_another_time_is_not_about_the_car() -> None:
    sessions = read(NIGHT, documents=[told(59.5, 59.8, 1.0, "1")])
    assert in_short(sessions) == [(59.5, 59.8, 1.0, "1", True), (60, 300, 0, "", False)]
    assert in_short(read(NIGHT, documents=[told(61, 340, 1.0, "1")])) == [(60, 340, 1.0, "1", True)]
    sessions = read(NIGHT, documents=[told(61, 341, 1.0, "1")])
    assert in_short(sessions) == [(60, 300, 0, "", False), (61, 341, 1.0, "1", True)]


def test_a_late_energy_counts_up_to_forty_minutes_and_the_next_car() -> None:
    assert read(NIGHT, [(300, 5.0), (340, 9.0)])[0].kwh == 9.0
    assert read(NIGHT, [(300, 5.0), (340.1, 9.0)])[0].kwh == 5.0
    again = read([*NIGHT, (320, CAR), (400, AWAY)], [(319, 9.0), (320, 9.5), (331, 0.5)])
    assert [session.kwh for session in again] == [9.5, 0.5]


def test_spurious_zeros_make_no_difference() -> None:
    assert read(NIGHT, [(100, 4.0), (150, 0.0), (200, 9.0), (250, 0.0), (310, 0.0)])[0].kwh == 9.0
    assert read(NIGHT, [(200, 9.0)], [told(60, 300, 0.0)])[0].kwh == 9.0


def test_the_energy_of_a_document_that_ended_counts_before_what_was_said() -> None:
    assert read(NIGHT, [(200, 9.0)], [told(60, 300, 8.9)])[0].kwh == 8.9
    assert read(NIGHT, [(200, 9.0)], [told(60, None, 0.3)])[0].kwh == 9.0


def test_a_session_that_goes_on_reaches_up_to_the_last_that_was_said() -> None:
    (session,) = read(NIGHT[:3], [(100, 4.0)])
    assert (session.stop, session.last, session.kwh, session.charging_ns) == (None, 100 * M, 4.0, 30 * M)
    (session,) = read(NIGHT[:4], [(100, 4.0)])
    assert (session.last, session.charging_ns) == (200 * M, 130 * M)


def test_energies_do_not_count_before_their_time() -> None:
    (session,) = read(NIGHT[:3], [(100, 4.0), (110, 5.0)], until=110)
    assert (session.last, session.kwh) == (100 * M, 4.0)


def test_a_session_is_followed_for_a_month() -> None:
    day = 1_440
    (session,) = read([(0, AWAY), (60, CAR), (60 + 30 * day + 1, AWAY)], [(29 * day, 1.0), (31 * day, 2.0)])
    assert (session.stop, session.last, session.kwh) == (None, 29 * day * M, 1.0)


def test_what_was_said_before_the_car_came_is_not_its_own() -> None:
    assert read(NIGHT, [(59, 7.0), (60, 8.0)])[0].kwh == 0.0


def test_no_two_sessions_start_together() -> None:
    sessions = read([(0, AWAY), (60, CAR), (61, AWAY)], documents=[told(60, 200, 3.0, "1")])
    assert in_short(sessions) == [(60, 200, 3.0, "1", True)]
    assert sessions[0].documents == (told(60, 200, 3.0, "1"),)
    sessions = read([(0, AWAY), (60, CAR), (61, AWAY)], documents=[told(60, 200, 3.0, "1"), told(60, 61, 0.5, "2")])
    assert in_short(sessions) == [(60, 61, 0.5, "2", True)]
    assert sessions[0].over_at == 200 * M


def test_nothing_of_a_car_is_over_before_all_of_it_is() -> None:
    assert [each.over_at / M for each in read(NIGHT, documents=[told(60, 100, 2.0), told(150, 200, 5.0)])] == [300, 300]
    assert [each.over_at / M for each in read(NIGHT, documents=[told(60, 320, 2.0)])] == [320]
    assert [each.over_at / M for each in read(documents=[told(60, 320, 2.0)])] == [320]
    assert read(documents=[told(60)])[0].over_at == read(NIGHT[:2])[0].over_at


def test_a_car_that_comes_while_a_session_goes_on_takes_nothing_from_it() -> None:
    told_first = told(30, 100, None, "1")
    assert [each.kwh for each in read(NIGHT[:2], [(90, 4.0)], [told_first])] == [4.0, 4.0]


def test_of_a_session_that_ends_long_after_a_car_left_charging_is_of_the_next() -> None:
    modes = [(0, AWAY), (60, CHARGING), (100, AWAY), (150, CHARGING), (190, AWAY)]
    told_long = told(61, 200, 3.0, "1")
    assert [(each.start / M, each.charging_ns / M) for each in read(modes, documents=[told_long])] == [
        (60, 40),
        (61, 40),
        (150, 40),
    ]


def test_a_document_alone_ends_with_a_car_that_leaves_within_a_month() -> None:
    month = 30 * 1_440
    assert read([(0, CAR), (10 + month, AWAY)], documents=[told(10)])[0].stop == (10 + month) * M
    assert read([(0, CAR), (10.1 + month, AWAY)], documents=[told(10)])[0].stop is None
