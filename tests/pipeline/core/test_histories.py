"""Histories: whatever happens to messages on their way, hours and snapshots end as the set of them says."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.measurement import CHARGER_HOUR
from schemas.observation import Observation
from tests.pipeline.core.history_samples import (
    CHATTER,
    CONNECTED,
    ENERGY,
    HOUR,
    MODE,
    POWER,
    Batch,
    Fate,
    S,
    Worker,
    arrival,
    at_once,
    differences,
    said,
    work,
)

_SPAN_S = 9 * 3_600
_DISORDER_S = 1_500

_values = {
    MODE: st.sampled_from([0.0, 1.0, 2.0, 3.0, 4.0, 9.0]),
    POWER: st.sampled_from([0.0, 3.7, 7.4, 11.0]),
    CONNECTED: st.sampled_from([0.0, 1.0]),
    CHATTER: st.just(0.0),
}
_lags = st.one_of(
    st.integers(0, 3), st.integers(0, 400), st.integers(0, 3 * 3_600), st.sampled_from([7_199, 7_200, 7_201])
)
_moments = st.one_of(st.integers(0, _SPAN_S), st.integers(0, 9).map(lambda hour: hour * 3_600))


@st.composite
def messages(draw: st.DrawFn) -> Sequence[Observation]:
    """Of two chargers: what they say, with stamps, lags and an energy that mostly rises."""
    found: list[Observation] = []
    for serial in draw(st.sampled_from([("EH1",), ("EH1", "EH2")])):
        for _ in range(draw(st.integers(1, 14))):
            number = draw(st.sampled_from(list(_values)))
            found.append(said(draw(_moments), number, draw(_values[number]), lag=draw(_lags), serial=serial))
        kwh = 100.0
        for at in sorted(draw(st.lists(_moments, max_size=7))):
            kwh = max(kwh + draw(st.sampled_from([0.0, 1.0, 2.5, 7.0, 7.0, -60.0])), 1.0)
            found.append(said(at, ENERGY, draw(st.sampled_from([kwh] * 5 + [0.0])), lag=draw(_lags), serial=serial))
    return found


@st.composite
def journeys(draw: st.DrawFn) -> tuple[Sequence[Observation], Sequence[Batch]]:
    """Messages as they come: some again, out of order by less than redeliveries are, in batches with fates."""
    found = draw(messages())
    again = draw(st.lists(st.sampled_from(found), max_size=4))
    delays = draw(
        st.lists(st.integers(0, _DISORDER_S), min_size=len(found) + len(again), max_size=len(found) + len(again))
    )
    stream = sorted(zip([*found, *again], delays, strict=True), key=lambda each: arrival(each[0]) + each[1] * S)
    left = [message for message, _ in stream]
    batches: list[Batch] = []
    while left:
        size = draw(st.integers(1, 8))
        fate = draw(st.sampled_from([Fate.KEPT, Fate.KEPT, *Fate]))
        batches.append(Batch(left[:size], fate, draw(st.sampled_from([1, 3, 20, 4_000]))))
        left = left[size:]
    return found, batches


@given(journeys())
@settings(max_examples=300, deadline=None)
def test_what_is_stored_is_a_function_of_the_set(journey: tuple[Sequence[Observation], Sequence[Batch]]) -> None:
    found, batches = journey
    stored, watermark = work(batches)
    assert differences(stored, at_once(found, watermark)) == {}
    assert watermark < (found[0].observed_at + 100 * HOUR)


def test_no_snapshot_is_given_again_because_of_the_meter() -> None:
    worker = Worker()
    for hour in range(4):
        worker.round([said(hour * 3_600 + 600 * part, POWER, part) for part in range(6)])
        worker.round([said(hour * 3_600 + 3_300, CHATTER, 0)])
    given = worker.histories.advance(worker.watermark)
    assert given.rows == ()
    for reading in (said(3_600, ENERGY, 100), said(7_200, ENERGY, 107)):
        worker.histories.add(reading)
    rows = worker.histories.advance(worker.watermark).rows
    assert [(row.measurement, dict(row.fields)["energy_kwh"]) for row in rows] == [
        (CHARGER_HOUR, 0.0),
        (CHARGER_HOUR, 7.0),
        (CHARGER_HOUR, 0.0),
    ]
