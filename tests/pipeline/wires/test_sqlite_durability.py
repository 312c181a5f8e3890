"""The SQLite store while others look, the disk fills up, or its process is killed."""

import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipeline.wires.sqlite import SqliteStore
from pipeline.wires.store import StoreUnavailableError
from schemas.row import Row
from tests.pipeline.wires.test_sqlite import MEASUREMENTS, content, plain


def test_the_file_is_its_owners_alone_and_the_wal_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "data" / "store"
    with SqliteStore.open(path, MEASUREMENTS) as store:
        for batch in range(60):
            store.write([plain(batch * 1_000 + place, ("c", "x" * 500)) for place in range(1_000)])
        assert {file.stat().st_mode & 0o777 for file in path.parent.iterdir()} == {0o600}
        assert path.stat().st_size > 24 * 2**20
        assert (path.parent / "store-wal").stat().st_size < 24 * 2**20
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_others_read_whole_batches_while_it_writes(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with SqliteStore.open(path, MEASUREMENTS) as store, closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM plain").fetchone() == (0,)
        for batch in range(1, 4):
            store.write([plain(batch * 100 + place, ("a", 1.0)) for place in range(100)])
            assert reader.execute("SELECT count(*) FROM plain").fetchone() == (0,)
            with closing(sqlite3.connect(path)) as other:
                assert other.execute("SELECT count(*) FROM plain").fetchone() == (batch * 100,)


class Watched(list[Row]):
    """Rows that look into the store, as another program, after each of them was taken."""

    def __init__(self, rows: Iterable[Row], path: Path) -> None:
        super().__init__(rows)
        self.path = path
        self.seen: set[int] = set()

    def __iter__(self) -> Iterator[Row]:
        with closing(sqlite3.connect(self.path)) as other:
            for row in super().__iter__():
                yield row
                self.seen.add(other.execute("SELECT count(*) FROM plain").fetchone()[0])


def test_others_see_nothing_of_a_batch_that_is_half_written(tmp_path: Path) -> None:
    path = tmp_path / "store"
    # Fields that overlap are written one after the other, not together at the end.
    overlapping = [plain(place, ("a", 1.0), ("b" if place % 2 else "c", 1.0)) for place in range(20)]
    with SqliteStore.open(path, MEASUREMENTS) as store:
        store.write([plain(99, ("a", 1.0))])
        rows = Watched(overlapping, path)
        store.write(rows)
    assert rows.seen == {1}
    assert len(content(path)) == 21


def test_a_locked_store_is_unavailable_and_writes_again_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.wires.sqlite_file.BUSY_MS", 10)
    path = tmp_path / "store"
    with SqliteStore.open(path, MEASUREMENTS) as store, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailableError, match="another program writes"):
            store.write([plain(1, ("a", 1.0))])
        other.execute("ROLLBACK")
        assert not store.write([plain(1, ("a", 1.0))])


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from tests.pipeline.wires.test_sqlite import MEASUREMENTS, content, modelled, plain
from pipeline.wires.sqlite import SqliteStore
from pipeline.wires.store import StoreUnavailableError
from schemas.row import Row

path = Path(sys.argv[1])
before = [plain(9_999, ("a", 1.0))]
rows = [Row("other", "EH1", "", (), 1, (("o7", 1.0),)), *(plain(place, ("c", "x" * 1_000)) for place in range(2_000))]
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with SqliteStore.open(path, MEASUREMENTS) as store:
    store.write(before)
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, unlimited[1]))
    for _ in range(2):
        try:
            store.write(rows)
        except StoreUnavailableError as fault:
            print(fault)
    resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert content(path) == modelled(before)
    assert not store.write(rows)
assert content(path) == modelled([*before, *rows])
"""


def test_a_disk_that_takes_no_more_leaves_nothing_half_and_is_over_when_it_does(tmp_path: Path) -> None:
    path = tmp_path / "store"
    words = subprocess.run([sys.executable, "-c", FULL_DISK, path], capture_output=True, check=True, text=True).stdout
    assert len(words.splitlines()) == 2
    assert words.count(str(path)) == words.count("try again") == 2


def test_a_full_database_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "store"
    rows = [plain(place, ("c", "x" * 1_000)) for place in range(2_000)]
    with SqliteStore.open(path, MEASUREMENTS) as store:
        (pages,) = store._connection.execute("PRAGMA page_count").fetchone()
        store._connection.execute(f"PRAGMA max_page_count = {pages + 20}")
        with pytest.raises(StoreUnavailableError, match="free some disk space"):
            store.write(rows)
        assert content(path) == {}
        store._connection.execute("PRAGMA max_page_count = 1000000")
        assert not store.write(rows)
    assert len(content(path)) == 2_000


WRITER = """
import sys
from pathlib import Path
from tests.pipeline.wires.test_sqlite import MEASUREMENTS, plain
from pipeline.wires.sqlite import SqliteStore
with SqliteStore.open(Path(sys.argv[1]), MEASUREMENTS) as store:
    batch = 0
    while True:
        store.write([plain(batch * 1000 + place, ("a", float(batch))) for place in range(1000)])
        print(batch, flush=True)
        batch += 1
"""


@pytest.mark.parametrize("seed", range(3))
def test_a_writer_that_is_killed_leaves_whole_batches_and_all_it_had_confirmed(seed: int, tmp_path: Path) -> None:
    path = tmp_path / "store"
    chance = random.Random(seed)
    with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        confirmed = [writer.stdout.readline() for _ in range(chance.randrange(3, 30))]
        writer.kill()
    with SqliteStore.open(path, MEASUREMENTS):
        pass
    with closing(sqlite3.connect(path)) as reader:
        assert reader.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        counts = reader.execute("SELECT a, count(*) FROM plain GROUP BY a ORDER BY a").fetchall()
    assert {count for _, count in counts} == {1_000}
    assert [batch for batch, _ in counts] == [float(batch) for batch in range(len(counts))]
    assert len(counts) >= len(confirmed) >= 3
