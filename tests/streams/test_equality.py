"""The store holds what the oracle says: row by row, replayed twice, shuffled, and cut into other batches.

`make test` takes a stream of 40,000 deliveries through, `make prove` one of 500,000.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import pytest

from pipeline.core.decode import Decoder
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.rows import RowMaker
from pipeline.journey import BatchReport, Journey
from pipeline.replay_lines import from_line
from pipeline.simulator.fleet import FleetPlan
from pipeline.simulator.quirks import Quirk, Quirks
from pipeline.wires.sqlite import SqliteStore
from pipeline.wires.state import RejectLimits, StateFile, WhenFull
from schemas.catalogue import shipped_catalogue
from schemas.measurement import fact_measurements
from tests.oracle.reading import Oracle
from tests.oracle.stores import difference, rows_of_sqlite
from tests.streams.recording import batches, record, shuffle

NOW = 1_800_000_000 * 10**9
COUNTS = [
    pytest.param(40_000, 12, id="40000"),
    pytest.param(500_000, 200, id="500000", marks=pytest.mark.prove),
]


def replay(folder: Path, stream: Iterable[Sequence[bytes]]) -> BatchReport:
    """Take batches of lines into the store and the rejects in `folder`; the reports added up."""
    catalogue = shipped_catalogue()
    limits = RejectLimits(most_bytes=10**10, keep_ns=NOW, when_full=WhenFull.STOP)
    total = BatchReport(0, 0, 0, Counter(), Counter(), ())
    with (
        SqliteStore.open(folder / "store.sqlite3", fact_measurements(catalogue)) as store,
        StateFile.open(folder / "state.sqlite3", limits) as state,
    ):
        journey = Journey(Decoder(catalogue, Redaction(Personal.DROP)), RowMaker(catalogue), store, state, None)
        for lines in stream:
            report = journey.take([from_line(line) for line in lines], NOW)
            total = BatchReport(
                total.delivered + report.delivered,
                total.written + report.written,
                total.commands + report.commands,
                total.rejected + report.rejected,
                total.surprises + report.surprises,
                (),
            )
    return total


def rejects(folder: Path) -> dict[str, tuple[str, int | None]]:
    """Every reject in `folder`: its key, reason and time of receipt."""
    limits = RejectLimits(most_bytes=10**10, keep_ns=NOW, when_full=WhenFull.STOP)
    with StateFile.open(folder / "state.sqlite3", limits) as state:
        return {reject.key: (reject.reason.value, reject.received_at) for reject in state.rejects()}


@pytest.mark.parametrize(("count", "chargers"), COUNTS)
def test_rows_are_the_oracles_in_any_order_and_batches(count: int, chargers: int, tmp_path: Path) -> None:
    lines, fleet = record(FleetPlan(seed=count, chargers=chargers), Quirks.all(), count)
    reading = Oracle().read_stream(lines)

    first = replay(tmp_path, (lines[start : start + 5_000] for start in range(0, len(lines), 5_000)))
    assert first.delivered == len(lines) == fleet.truth.deliveries
    assert first.written + first.rejected.total() == first.delivered
    assert first.written == reading.written
    assert {reason.value: number for reason, number in first.rejected.items()} == reading.reasons
    assert first.rejected == fleet.truth.rejects
    assert not [quirk for quirk in Quirk if Quirks.all().rate(quirk) and not fleet.truth.quirks[quirk]]
    stored, kept = rows_of_sqlite(tmp_path / "store.sqlite3"), rejects(tmp_path)
    assert difference(reading.rows, stored) == []

    again = replay(tmp_path, batches(shuffle(lines, seed=1), seed=2))
    assert again.delivered == len(lines)
    assert difference(stored, rows_of_sqlite(tmp_path / "store.sqlite3")) == []
    assert rejects(tmp_path) == kept

    elsewhere = tmp_path / "elsewhere"
    replay(elsewhere, batches(shuffle(lines, seed=3), seed=4))
    assert difference(stored, rows_of_sqlite(elsewhere / "store.sqlite3")) == []
    assert rejects(elsewhere) == kept
    print(
        f"{first.delivered} delivered = {first.written} written + {first.rejected.total()} rejected; {len(stored)} rows"
    )
