"""Recomputation: from what a store keeps, the past comes out as it was written live."""

from collections.abc import Sequence

import pytest

from pipeline.core.known_silences import SilenceEdge
from pipeline.core.recomputation import Recomputation, StoredRow
from pipeline.core.same_stamp import value_crc
from schemas.command import CommandResponse
from tests.pipeline.core.history_samples import (
    AFTER,
    CHATTER,
    HOUR,
    LATE,
    MINUTE,
    MODE,
    POWER,
    START,
    Table,
    differences,
    into,
)
from tests.pipeline.core.past_days import CATALOGUE, S, a_day, between, live, sent, silence_edges, silence_rows, stored


def recomputed(
    rows: Sequence[StoredRow], first: int, until: int, slice_ns: int = HOUR, silences: Sequence[SilenceEdge] = ()
) -> Table:
    """All rows of the time between, read as the shell reads them."""
    recomputation = Recomputation(CATALOGUE, AFTER, LATE, first, until)
    lead = recomputation.lead_from
    last: dict[tuple[str, str, str], StoredRow] = {}
    for row in rows:
        if row.time < lead:
            for field in row.fields:
                if field[0] in recomputation.last_fields().get(row.measurement, ()):
                    last[row.measurement, row.charger, field[0]] = row._replace(fields=(field,))
    recomputation.begin(last.values(), [row for row in rows if lead <= row.time < first], silences)
    table: Table = {}
    for begun in range(first, recomputation.facts_until, slice_ns):
        end = min(begun + slice_ns, recomputation.facts_until)
        for portion in recomputation.take([row for row in rows if begun <= row.time < end], end):
            into(table, portion)
    for portion in recomputation.finish():
        into(table, portion)
    return table


@pytest.mark.parametrize("slice_ns", [10 * MINUTE, HOUR, 5 * HOUR])
@pytest.mark.parametrize("cut_off", [(0, 0), (36_000, 36_600), (36_000, 39_000), (36_600, 40_745)])
def test_a_day_comes_out_as_it_was_written_live(slice_ns: int, cut_off: tuple[int, int]) -> None:
    messages = [*a_day(cut_off=cut_off), *a_day("EH2")]
    first, until = START + 4 * HOUR, START + 18 * HOUR
    expected = between(live(messages), first, until)
    silences = silence_edges(silence_rows(messages))
    assert differences(recomputed(stored(messages), first, until, slice_ns, silences), expected) == {}
    # Messages tell enough here.
    assert differences(recomputed(stored(messages), first, until, slice_ns), expected) == {}
    assert {place[0] for place in expected} == {"charger_hour", "charger_snapshot", "session"}
    assert len([place for place in expected if place[:2] == ("charger_hour", "EH1")]) == 14


def test_what_came_too_late_for_the_live_rows_is_honoured() -> None:
    messages = list(a_day())
    place = next(place for place, message in enumerate(messages) if message.id == POWER and message.value == 7.0)
    late = messages[place]._replace(
        value=77.0, value_crc=value_crc(77), observed_at=messages[place].observed_at + 3 * S
    )
    # Three hours: after LATE_DATA, and a remainder that looks like a few seconds.
    late = late._replace(arrived_at=late.observed_at + 11_002 * S)
    hour = late.observed_at - late.observed_at % HOUR
    first, until = START + 1 * HOUR, START + 12 * HOUR
    rows = recomputed(stored([*messages, late]), first, until)
    assert live([*messages, late])["charger_hour", "EH1", hour]["max_power_kw"] == 7.0
    assert rows["charger_hour", "EH1", hour]["max_power_kw"] == 77.0


@pytest.mark.parametrize("lag", [1, 20])
@pytest.mark.parametrize("slice_ns", [10 * MINUTE, 5 * HOUR])
def test_who_falls_silent_loses_no_session(slice_ns: int, lag: int) -> None:
    flaps = [sent(4 * 3_600 + 60 * number, MODE, 1.0 + number % 2, lag=lag) for number in range(60)]
    messages = [*flaps, *a_day("EH2")]
    first, until = START + 3 * HOUR, START + 9 * HOUR
    expected = {place for place in between(live(messages), first, until) if place[:2] == ("session", "EH1")}
    assert len(expected) == 30
    assert expected <= set(recomputed(stored(messages), first, until, slice_ns))


def test_a_response_tells_that_its_charger_is_online() -> None:
    messages = list(a_day())
    silent_from = START + 10 * HOUR
    heard = [message for message in messages if message.observed_at < silent_from]
    created = silent_from + 10 * MINUTE
    response = CommandResponse("EH1", 30, True, None, created, None, created + S, None, None, None)
    rows = recomputed(stored([*heard, response]), START + 9 * HOUR, START + 12 * HOUR)
    assert rows["charger_hour", "EH1", silent_from]["online_s"] == 30 * 60 + 1.0


def test_who_was_heard_is_told_by_alerts_where_messages_do_not_tell() -> None:
    sparse = [message for message in a_day() if message.observed_at % (10 * HOUR) < 3 * HOUR]
    # What is rejected is heard and not stored; of these one ends a silence, and another one begins with one.
    unseen = [sent(3.4 * 3_600 + 600 * number + 0.123, CHATTER, 1.0, lag=0.9) for number in (0, 1, 7, 8, 9)]
    heard = [*sparse, *a_day("EH2"), *unseen]
    first, until = START + 1 * HOUR, START + 20 * HOUR
    rows = stored([*sparse, *a_day("EH2")])
    expected = between(live(heard), first, until)
    assert differences(recomputed(rows, first, until, silences=silence_edges(silence_rows(heard))), expected) == {}
    assert differences(recomputed(rows, first, until), expected) != {}
