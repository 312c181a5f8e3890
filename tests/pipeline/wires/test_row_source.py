"""The contract is kept by both stores; mypy holds their methods against it."""

from pathlib import Path

from pipeline.wires.influx import Bucket
from pipeline.wires.influx_rows import InfluxRows
from pipeline.wires.row_source import RowSource
from pipeline.wires.sqlite import SqliteStore
from pipeline.wires.sqlite_rows import SqliteRows


def test_both_stores_keep_it(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite3"
    SqliteStore.open(path, {}).close()
    sources: list[RowSource] = [SqliteRows(path), InfluxRows(Bucket("http://127.0.0.1:9", "o", "b"), lambda: "t")]
    for source in sources:
        source.close()
