"""What is remembered of one charger: facts once, and as long as they matter. Moments are minutes past the epoch."""

from pipeline.core.session_energies import Energy
from pipeline.core.session_facts import Place, SessionFact
from pipeline.core.session_json import Document
from pipeline.core.session_memory import NOT_GIVEN, OVER_NS, UNKNOWN, SessionMemory, is_over
from pipeline.core.session_modes import Mode, Presence

M = 60 * 10**9
EVER = 10**6 * M
WAIT = 2 * M
AWAY, CAR = Presence.AWAY, Presence.CAR
FIRST: list[SessionFact | Energy] = [
    Mode(0, AWAY),
    Mode(60 * M, CAR),
    Energy(100 * M, 4.0),
    Document(60 * M, 200 * M, 4.5, "1"),
    Mode(200 * M, AWAY),
]
SECOND: list[SessionFact | Energy] = [Mode(1_000 * M, CAR), Energy(1_100 * M, 2.0)]


def add(found: SessionMemory, fact: SessionFact | Energy) -> bool:
    return found.add_energy(*fact) is not None if isinstance(fact, Energy) else found.add(fact)


def memory(*facts: SessionFact | Energy) -> SessionMemory:
    found = SessionMemory(WAIT)
    for fact in facts:
        add(found, fact)
    return found


def test_a_fact_is_new_once() -> None:
    found = SessionMemory(WAIT)
    assert [add(found, fact) for fact in FIRST] == [True] * 5
    assert [add(found, fact) for fact in FIRST] == [False] * 5


def test_all_of_it_together_is_a_session() -> None:
    (session,) = memory(*FIRST).sessions(EVER)
    assert (session.start, session.stop, session.kwh, session.id) == (60 * M, 200 * M, 4.5, "1")


def test_energy_counts_a_while_after_its_slot() -> None:
    found = memory(*FIRST[:2])
    counts_at = found.add_energy(101 * M, 4.0)
    assert counts_at == 112 * M
    assert [found.sessions(at)[0].kwh for at in (counts_at - 1, counts_at)] == [0.0, 4.0]


def test_what_is_over_for_good_is_forgotten_and_named() -> None:
    found = memory(*FIRST, Place(60 * M, 9), *SECOND, Place(1_000 * M, 9))
    horizon = 200 * M + OVER_NS
    assert found.forget(horizon) == ([], False)
    gone = found.forget(horizon + 1)
    assert set(gone.facts) == {FIRST[3], FIRST[0], FIRST[1], Place(60 * M, 0)}
    assert not gone.is_thinned
    assert [session.start for session in found.sessions(EVER)] == [1_000 * M]
    assert found.given == {1_000 * M: UNKNOWN}
    assert not found.is_empty


def test_what_may_still_change_keeps_its_values() -> None:
    found = memory(*FIRST[:3], FIRST[4], Mode(230 * M, CAR), Energy(250 * M, 9.0))
    found.forget(260 * M)
    assert [session.kwh for session in found.sessions(EVER)] == [4.0, 9.0]


def test_as_long_as_a_document_may_tell_of_it_nothing_is_over() -> None:
    (session,) = memory(*FIRST[:3], FIRST[4]).sessions(EVER)
    told_last = (200 + 40 + 40) * M
    assert not is_over(session, told_last + 2 * M)
    assert is_over(session, told_last + 2 * M + 1)


def test_a_place_of_no_session_is_known_as_long_as_its_row_may_be_asked_for() -> None:
    found = memory(*FIRST, *SECOND, Place(1_000 * M, 9), Place(2_000 * M, 9))
    found.forget(2_000 * M)
    assert set(found.given) == {1_000 * M, 2_000 * M}
    assert found.forget(2_000 * M + OVER_NS + 1).facts == [Place(2_000 * M, 0)]


def test_a_session_that_goes_on_is_not_over() -> None:
    found = memory(*FIRST, *SECOND)
    ended, going_on = found.sessions(EVER)
    assert is_over(ended, 300 * M + OVER_NS)
    assert not is_over(going_on, 20_000 * M)
    found.forget(20_000 * M)
    assert [session.kwh for session in found.sessions(EVER)] == [2.0]


def test_in_the_end_one_mode_is_left_to_see_the_next_car_by() -> None:
    found = memory(*FIRST, *SECOND, Mode(1_200 * M, AWAY), Place(1_000 * M, 9))
    assert list(found.energies) == [FIRST[2], SECOND[1]]
    assert found.forget(60_000 * M).is_thinned
    assert list(found.energies) == []
    assert found.given == {}
    assert found.sessions(EVER) == []
    found.add(Mode(60_001 * M, CAR))
    assert [session.start for session in found.sessions(EVER)] == [60_001 * M]


def test_a_place_is_given_once_it_is_said_again() -> None:
    found = memory(Place(60 * M, 9))
    found.given[60 * M] = NOT_GIVEN
    found.add(Place(60 * M, 10))
    assert found.given == {60 * M: NOT_GIVEN}
    assert memory().is_empty
