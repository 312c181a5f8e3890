"""The chronicle: hours, snapshots and sessions share one round, and what each keeps comes back to it."""

import pytest

from pipeline.core.chronicle import KINDS, Chronicle, ChronicleRows, kind_of
from pipeline.core.kept_facts import KeptKey
from schemas.measurement import CHARGER_HOUR, CHARGER_SNAPSHOT, SESSION
from schemas.observation import Observation
from tests.pipeline.core.history_samples import AFTER, CHATTER, HOUR, LATE, MINUTE, MODE, START, said

MOST = 1_000


def a_car() -> list[Observation]:
    """It comes, charges, and leaves."""
    return [said(600, MODE, 1), said(1_200, MODE, 3), said(3_000, MODE, 1), said(7_100, CHATTER, 0)]


def taken(chronicle: Chronicle, messages: list[Observation]) -> None:
    takers = chronicle.takers
    for message in messages:
        for take in takers.get(message.id, ()):
            take(message)
    arrivals = [message.arrived_at or 0 for message in messages]
    chronicle.hear([message.serial for message in messages], arrivals)


def whole(chronicle: Chronicle, watermark: int) -> list[ChronicleRows]:
    """Rounds until nothing is due."""
    rounds = [chronicle.advance(watermark, MOST)]
    chronicle.changes()
    chronicle.kept()
    while not rounds[-1].is_whole:
        rounds.append(chronicle.advance(watermark, MOST))
        chronicle.changes()
        chronicle.kept()
    return rounds


def measurements(rounds: list[ChronicleRows]) -> set[str]:
    return {row.measurement for told in rounds for row in told.rows}


def test_all_three_are_told() -> None:
    chronicle = Chronicle(AFTER, LATE)
    taken(chronicle, a_car())
    assert measurements(whole(chronicle, START + 2 * HOUR)) == {CHARGER_HOUR, CHARGER_SNAPSHOT, SESSION}


def test_what_was_not_written_is_told_again() -> None:
    chronicle = Chronicle(AFTER, LATE)
    taken(chronicle, a_car())
    rounds = whole(chronicle, START + 2 * HOUR)
    assert whole(chronicle, START + 2 * HOUR)[0].rows == ()
    for told in rounds:
        chronicle.touch(told.touched)
    again = chronicle.advance(START + 2 * HOUR, MOST)
    assert {*again.rows} == {row for told in rounds for row in told.rows}
    assert again.touched.size >= len(again.rows)


def test_what_is_kept_comes_back_to_its_own() -> None:
    chronicle = Chronicle(AFTER, LATE)
    taken(chronicle, a_car())
    chronicle.advance(START + 10 * MINUTE, MOST)
    kept = {key: content for key, content in chronicle.changes().items() if content is not None}
    chronicle.kept()
    assert {kind_of(key) for key in kept} == KINDS
    expected = whole(chronicle, START + 2 * HOUR)
    other = Chronicle(AFTER, LATE)
    other.restore(kept.items(), {"EH1": START + 7_101 * 10**9}, START + 10 * MINUTE)
    found = {row for told in whole(other, START + 2 * HOUR) for row in told.rows}
    assert {row._replace(fields=row.fields[:-1]) for told in expected for row in told.rows} <= {
        row._replace(fields=row.fields[:-1]) for row in found
    }


@pytest.mark.parametrize("name", ["history of mankind", "session of parliament"])
def test_an_entry_that_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="kept"):
        Chronicle(AFTER, LATE).restore([(KeptKey("EH1", name), b"[]")], {}, None)
