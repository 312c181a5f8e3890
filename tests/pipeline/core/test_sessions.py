"""Sessions: whatever happens to messages on their way, the rows end as the set of them says."""

from collections.abc import Sequence
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.observation import Observation
from tests.pipeline.core.session_samples import (
    AUTHENTICATING,
    AWAITING,
    AWAY,
    CHARGING,
    COMPLETED,
    ENERGY,
    ERROR,
    MODE,
    OFFLINE,
    Batch,
    Fate,
    S,
    arrival,
    said,
    told,
    true_ones,
    work,
)
from tests.pipeline.core.session_truth import at_once

_SPAN_S = 16 * 3_600
_DISORDER_S = 1_500
_CODES = [AWAY, AWAY, AWAY, CHARGING, CHARGING, AWAITING, AUTHENTICATING, COMPLETED, ERROR, OFFLINE, 99.0]

_moments = st.one_of(st.integers(0, _SPAN_S), st.integers(0, 16).map(lambda hour: hour * 3_600))
_lags = st.one_of(st.integers(0, 3), st.integers(0, 2_400), st.integers(0, 3 * 3_600))
_few = st.integers(-90, 90)
_APART_S = 300
_LONG_S = 7_200


@st.composite
def documents(draw: st.DrawFn, base: int, length: int, serial: str) -> list[Observation]:
    """What is told of one session: that it began, its end, or both; some twice."""
    start = max(base + draw(_few), 0)
    identity = draw(st.sampled_from([None, 7, 8]))
    found = []
    if draw(st.booleans()):
        at = start + draw(st.integers(0, 60))
        found.append(told(at, start, identity=identity, lag=draw(_lags), serial=serial))
    for _ in range(draw(st.integers(0, 2))):
        stop = start + length + draw(st.sampled_from([0, 0, 5, 600]))
        kwh = draw(st.sampled_from([None, 0.0, 4.5, 12.25]))
        at = stop + draw(st.one_of(st.integers(0, 60), st.integers(0, 2_500)))
        found.append(
            told(at, start + draw(st.sampled_from([0, 1])), stop + 1, kwh, identity, lag=draw(_lags), serial=serial)
        )
    return found


@st.composite
def messages(draw: st.DrawFn) -> list[Observation]:
    """Of one or two chargers: modes, energies and documents, with stamps and lags.

    Nobody says of one session, nor of a car that left, that it ended hours later: see `Sessions`.
    """
    found: list[Observation] = []
    for serial in draw(st.sampled_from([("EH1",), ("EH1", "EH2")])):
        moments = draw(st.lists(_moments, min_size=1, max_size=10))
        spans: dict[int, int] = {}
        for base in sorted(draw(st.lists(st.sampled_from(moments), max_size=3))):
            if base > max(spans, default=-_APART_S) + _APART_S:
                spans[base] = draw(st.one_of(st.integers(0, 7_200), st.integers(0, _SPAN_S)))
                found += draw(documents(base, spans[base], serial))
        for at in moments:
            code = draw(st.sampled_from(_CODES))
            is_within = any(base < at < base + length and length > _LONG_S for base, length in spans.items())
            code = CHARGING if code == AWAY and is_within else code
            found.append(said(at, MODE, code, lag=draw(_lags), serial=serial))
        for at in draw(st.lists(_moments, max_size=8)):
            kwh = draw(st.sampled_from([0.0, 0.5, 3.0, 7.0, 21.0]))
            found.append(said(at, ENERGY, kwh, lag=draw(_lags), serial=serial))
    return found


class Journey(NamedTuple):
    """Messages, and how they come: some again, out of order by less than redeliveries are, in batches with fates."""

    messages: Sequence[Observation]
    stream: Sequence[Observation]
    batches: Sequence[Batch]


@st.composite
def journeys(draw: st.DrawFn, most_disorder: int = _DISORDER_S) -> Journey:
    found = draw(messages())
    again = draw(st.lists(st.sampled_from(found), max_size=4))
    count = len(found) + len(again)
    delays = draw(st.lists(st.integers(0, most_disorder), min_size=count, max_size=count))
    stream = sorted(zip([*found, *again], delays, strict=True), key=lambda each: arrival(each[0]) + each[1] * S)
    fates = st.sampled_from([Fate.KEPT, Fate.KEPT, *Fate])
    batches = draw(st.lists(st.builds(Batch, st.sampled_from([0, 0, 0, 1, 2, 3, 6]), fates), max_size=30))
    return Journey(found, [message for message, _ in stream], batches)


@given(journeys())
@settings(max_examples=300, deadline=None)
def test_what_is_stored_is_a_function_of_the_set(journey: Journey) -> None:
    worker = work(journey.stream, journey.batches)
    assert true_ones(worker.store) == at_once(journey.messages, worker.watermark)
