"""The fleet file: what it says, what is wrong with it, and rows that bear their sites."""

import logging
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.line_protocol import to_line
from pipeline.wires.fleet_file import FleetFileError, SitedStore, read_fleet_file
from pipeline.wires.store import Refusal, StoreUnavailableError
from schemas.reject import RejectReason
from schemas.row import Row
from tests.oracle.stores import rows_of_line_protocol

DAY = 86_400 * 10**9
NEW_YEAR = 1_767_225_600 * 10**9
MOVED = "charger,site,since\nEH1,Oslo,\nEH1,Bergen,2026-01-01\nEH2,Oslo,2026-01-02T01:00:00+01:00\n"


class Kept:
    """A store that keeps what it is given, and refuses the second row of each call."""

    requests = 3

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.reloads = 0

    def write(self, rows: Sequence[Row]) -> Sequence[Refusal]:
        self.rows += rows
        return [Refusal(1, RejectReason.STORE, "no")]

    def reload(self) -> None:
        self.reloads += 1

    def close(self) -> None:
        self.rows.clear()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "fleet.csv"
    path.write_text(MOVED)
    return path


def row(charger: str, time: int) -> Row:
    return Row("session", charger, "", (), time, (("energy_kwh", 1.0),))


def test_a_row_bears_the_site_of_its_own_time(path: Path) -> None:
    kept = Kept()
    store = SitedStore(kept, path)
    times = (NEW_YEAR - 1, NEW_YEAR, NEW_YEAR + DAY - 1, NEW_YEAR + DAY)
    rows = [row(charger, time) for charger in ("EH1", "EH2", "EH3") for time in times]
    assert [refusal.row for refusal in store.write(rows)] == [1]
    assert [each.site for each in kept.rows] == ["Oslo", *["Bergen"] * 3, "", "", "", "Oslo", *[""] * 4]
    assert [each._replace(site="") for each in kept.rows] == rows
    assert store.requests == 3


def test_it_is_read_again_and_what_was_good_stays(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    kept = Kept()
    store = SitedStore(kept, path)
    with caplog.at_level(logging.INFO):
        path.write_text("charger,site\nEH1,Trondheim\n")
        store.reload()
        path.write_text("charger,site\nEH1\n")
        store.reload()
    store.write([row("EH1", NEW_YEAR)])
    assert kept.rows[0].site == "Trondheim"
    assert kept.reloads == 2
    said = [record.getMessage() for record in caplog.records]
    assert said[0].endswith("fleet.csv: 1 chargers have a site")
    assert said[1].endswith("line 2: 1 values stand where 2 must; mend that line; what was read before stays in use")
    store.close()
    assert kept.rows == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1: the columns must be charger,site"),
        ("EH1,Oslo\n", "line 1: the columns must be"),
        ("charger,site\nEH1,Oslo\n\nEH1,Bergen\n", "line 4: EH1 stands there a second time"),
        ("charger,site\nEH 1,Oslo\n", "line 2: 'EH 1' is no serial number"),
        ("charger,site\nEH1,\n", "line 2: a site must have a name"),
        ("charger,site\nEH1,a\x07b\n", "line 2: a site must have a name"),
        (f"charger,site\nEH1,{'x' * 101}\n", "line 2: a site must have a name"),
        ("charger,site,since\nEH1,Oslo,yesterday\n", "line 2: 'yesterday' is no date or time"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, words: str, path: Path) -> None:
    path.write_text(text)
    with pytest.raises(FleetFileError, match=rf"fleet\.csv, {words}"):
        read_fleet_file(path)
    with pytest.raises(StoreUnavailableError) as refused:
        SitedStore(Kept(), path)
    assert refused.value.needs_operator


def test_a_file_that_cannot_be_read_is_named(path: Path) -> None:
    path.write_bytes(b"charger,site\nEH1,\xff\n")
    with pytest.raises(FleetFileError, match=r"fleet\.csv is no CSV file in UTF-8"):
        read_fleet_file(path)
    with pytest.raises(FleetFileError, match=r"nowhere\.csv: No such file or directory; see CHARGELINE_FLEET_FILE"):
        read_fleet_file(path.with_name("nowhere.csv"))


def test_as_other_programs_save_it(path: Path) -> None:
    path.write_bytes('\ufeffcharger,site\r\nEH1,"Storgata 1, Oslo"\r\n\r\n'.encode())
    assert read_fleet_file(path)["EH1"].at(NEW_YEAR) == "Storgata 1, Oslo"


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=100))
def test_every_name_that_is_taken_reaches_the_store_whole(name: str) -> None:
    if name.isprintable() and name == name.strip():
        line = to_line(row("EH1", 5)._replace(site=name))
        ((_, _, tags, _),) = rows_of_line_protocol(line)
        assert dict(tags)["site"] == name
