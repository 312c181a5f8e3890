"""The contract of a store: what keeps it, keeps all of it."""

from pathlib import Path

from pipeline.wires.sqlite import SqliteStore
from pipeline.wires.store import Store
from schemas.catalogue import shipped_catalogue
from schemas.measurement import fact_measurements
from schemas.reject import RejectReason
from schemas.row import Row


def test_sqlite_keeps_the_contract(tmp_path: Path) -> None:
    store: Store = SqliteStore.open(tmp_path / "store", fact_measurements(shipped_catalogue()))
    good = Row("charger_mode", "EH1", "", (), 1, (("op_mode", 3.0),))
    refusals = store.write([good, good._replace(measurement="nowhere"), good])
    assert [(refusal.row, refusal.reason) for refusal in refusals] == [(1, RejectReason.STORE)]
    assert not store.write([])
    store.close()
