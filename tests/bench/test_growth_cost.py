"""The growth bench: a crowd says what the fleet says, and every figure is of all of it."""

from itertools import islice
from pathlib import Path

from tests.bench.growth_cost import BATCH, CHARGERS, TIMES, Crowd, cost_ratio, memory_by_the_hour, stream


def test_a_crowd_says_the_same_with_a_hundred_times_as_many_chargers() -> None:
    crowd = Crowd()
    batches = list(islice(stream(1), 12))
    said = [delivery for batch in batches for delivery in crowd.of(batch)]
    assert [delivery.body for delivery in said] == [delivery.body for batch in batches for delivery in batch]
    assert len({delivery.routing_key.partition(".")[0] for delivery in said}) > CHARGERS * TIMES / 2


def test_the_figures_are_there(tmp_path: Path) -> None:
    small, large = cost_ratio(stream(1), 1, 2, tmp_path)
    assert 0 < small < large * 10
    (figures,) = memory_by_the_hour(stream(1), 1, tmp_path / "hours")
    messages, taken = figures
    assert messages % BATCH == 0
    assert taken > 10_000_000
