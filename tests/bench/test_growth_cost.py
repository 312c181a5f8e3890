"""The growth bench: a crowd says what the fleet says, and every figure is of all of it."""

from itertools import islice
from pathlib import Path

from pipeline.core.decode import Decoder
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.timestamps import NS_PER_MS
from schemas.catalogue import shipped_catalogue
from schemas.observation import Observation
from tests.bench.growth_cost import BATCH, CHARGERS, START, TIMES, Crowd, cost_ratio, memory_by_the_minute, stream


def test_a_crowd_says_the_same_with_a_hundred_times_as_many_chargers() -> None:
    crowd, decoder = Crowd(), Decoder(shipped_catalogue(), Redaction(Personal.DROP))
    batches = list(islice(stream(1), 12))
    said = [outcome for batch in batches for outcome in decoder.decode(batch).outcomes]
    said_sooner = [outcome for batch in batches for outcome in decoder.decode(crowd.of(batch)).outcomes]
    observed = [
        (usual, sooner)
        for usual, sooner in zip(said, said_sooner, strict=True)
        if isinstance(usual, Observation) and isinstance(sooner, Observation)
    ]
    assert len(observed) > len(said) * 0.9
    assert len({sooner.serial for _, sooner in observed}) > CHARGERS * TIMES / 2
    for usual, sooner in observed:
        assert sooner.id == usual.id
        assert usual.arrived_at is not None
        assert sooner.arrived_at is not None
        assert abs(sooner.arrived_at - START - (usual.arrived_at - START) // TIMES) <= NS_PER_MS
        if not isinstance(usual.value, str):
            assert sooner.value == usual.value


def test_the_figures_are_there(tmp_path: Path) -> None:
    small, large = cost_ratio(stream(1), 1, 2, tmp_path)
    assert 0 < small < large * 10
    (figures,) = memory_by_the_minute(stream(1), 1, tmp_path / "minutes")
    messages, taken = figures
    assert messages % BATCH == 0
    assert taken > 10_000_000
