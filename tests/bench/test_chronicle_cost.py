"""The bench of the chronicle: one journey has it and the other has none, and both take the same."""

from itertools import islice
from pathlib import Path

from schemas.measurement import CHARGER_HOUR, CHARGER_SNAPSHOT, SESSION
from schemas.row import Row
from tests.bench.chronicle_cost import costs, journeys_in
from tests.bench.growth_cost import stream

CHRONICLE = {CHARGER_HOUR, CHARGER_SNAPSHOT, SESSION}


def test_only_the_rows_of_the_chronicle_are_missing(tmp_path: Path) -> None:
    derived: tuple[list[Row], list[Row]] = ([], [])
    with journeys_in(tmp_path) as both:
        for deliveries in islice(stream(1), 12):
            for place, journey in enumerate(both):
                derived[place].extend(journey.take(deliveries, deliveries[-1].received_at or 0).derived)
    without, with_it = derived
    assert without == [row for row in with_it if row.measurement not in CHRONICLE]
    assert len(with_it) > len(without) + 1_000


def test_the_figures_are_there(tmp_path: Path) -> None:
    without, with_it = costs(stream(1), 1, 2, tmp_path)
    assert 0 < without < with_it * 10
