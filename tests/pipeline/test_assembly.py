"""What is opened, where, and what is refused before anything is made."""

import logging
import stat
from pathlib import Path

import pytest

from pipeline.assembly import (
    STATE_FILE,
    STORE_FILE,
    bucket_of,
    describe_store,
    make_decoder,
    open_journey,
    open_parts,
    reject_limits,
)
from pipeline.wires.influx import Bucket
from pipeline.wires.influx_schema import GuardedStore
from pipeline.wires.sqlite import SqliteStore
from pipeline.wires.state import RejectLimits, StateFile, WhenFull
from pipeline.wires.store import StoreUnavailableError
from schemas.delivery import Delivery
from schemas.observation import Observation
from schemas.reject import Reject, RejectReason
from tests.oracle.stores import rows_of_sqlite
from tests.pipeline.settings_for_tests import settings_in

DAY = 86_400 * 10**9
INFLUX = {"INFLUX_URL": "http://db:8086", "INFLUX_TOKEN": "t", "INFLUX_ORG": "o", "INFLUX_BUCKET": "b"}
NOW = 20_000 * DAY
PERSONAL = Delivery(
    "EH1.O.128", {}, b'{"Id": 128, "Timestamp": "2023-06-08T06:59:16Z", "Value": "04AABBCC"}', received_at=None
)


def test_folder_and_files_are_made_for_their_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "data"
    with open_journey(settings_in(folder), now=NOW) as journey:
        journey.take([PERSONAL], NOW)

    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {
        STORE_FILE: 0o600,
        STATE_FILE: 0o600,
    }


def test_with_a_fleet_file_every_row_bears_its_site(tmp_path: Path) -> None:
    (tmp_path / "fleet.csv").write_text("charger,site\nEH1,Oslo\n")
    settings = settings_in(tmp_path / "data", FLEET_FILE=str(tmp_path / "fleet.csv"), PERSONAL="keep")
    with open_journey(settings, now=NOW) as journey:
        journey.take([PERSONAL, PERSONAL._replace(routing_key="EH2.O.128")], NOW)
    sites = {(key[1], dict(key[2]).get("site")) for key in rows_of_sqlite(settings.data_dir / STORE_FILE)}
    assert sites == {("EH1", "Oslo"), ("EH2", None)}
    (tmp_path / "fleet.csv").write_text("charger\n")
    with pytest.raises(StoreUnavailableError, match="line 1"), open_journey(settings, now=NOW):
        pass


def test_a_given_folder_stands_for_data_dir(tmp_path: Path) -> None:
    with open_journey(settings_in(tmp_path / "unused"), tmp_path / "demo", now=NOW):
        pass

    assert (tmp_path / "demo" / STORE_FILE).exists()
    assert not (tmp_path / "unused").exists()


def test_with_influx_rows_go_to_the_bucket_and_rejects_to_the_folder(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, **INFLUX)
    with open_parts(settings, now=NOW) as opened:
        assert isinstance(opened.store, GuardedStore)
    assert bucket_of(settings) == Bucket("http://db:8086", "o", "b")
    assert describe_store(settings) == "bucket b of http://db:8086"
    assert (tmp_path / STATE_FILE).exists()
    assert not (tmp_path / STORE_FILE).exists()


def test_a_given_folder_is_sqlite_whatever_the_settings_say(tmp_path: Path) -> None:
    with open_parts(settings_in(tmp_path / "unused", **INFLUX), tmp_path / "demo", now=NOW) as opened:
        assert isinstance(opened.store, SqliteStore)


def test_without_influx_rows_go_to_a_file(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    assert bucket_of(settings) is None
    assert describe_store(settings) == str(tmp_path / STORE_FILE)


@pytest.mark.parametrize("below", [".", "below"])
def test_a_folder_that_cannot_be_is_said_in_words(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    settings = settings_in(tmp_path / "file" / below)

    with pytest.raises(StoreUnavailableError, match="CHARGELINE_DATA_DIR"), open_journey(settings, now=NOW):
        pytest.fail("it was opened")


def test_old_rejects_are_dropped_at_opening(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, REJECTS_KEEP="30d")
    with open_journey(settings, now=NOW) as journey:
        journey.take([Delivery("old", {}, b"", None)], NOW)
        journey.take([Delivery("young", {}, b"", None)], NOW + 20 * DAY)
    with open_journey(settings, now=NOW + 31 * DAY):
        pass

    with StateFile.open(tmp_path / STATE_FILE, reject_limits(settings)) as state:
        assert [kept.routing_key for kept in state.rejects()] == ["young"]


def test_nearly_full_rejects_are_warned_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = settings_in(tmp_path, REJECTS_MAX="10KiB")
    with open_journey(settings, now=NOW) as journey:
        journey.take([Delivery("bad", {}, b"x" * 1_024, None)], NOW)
    assert not caplog.records

    with open_journey(settings, now=NOW) as journey:
        journey.take([Delivery("bad", {}, b"x" * 7_680, None)], NOW)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "CHARGELINE_REJECTS_MAX" in caplog.text

    caplog.clear()
    with open_journey(settings, now=NOW):
        pass
    assert len(caplog.records) == 1


def test_limits_of_the_rejects_are_the_settings(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, REJECTS_MAX="5MiB", REJECTS_KEEP="2d", REJECTS_WHEN_FULL="drop-oldest")

    assert reject_limits(settings) == RejectLimits(5 * 1024 * 1024, 2 * DAY, WhenFull.DROP_OLDEST)


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({}, "present"),
        ({"PERSONAL": "keep"}, "04AABBCC"),
        # HMAC-SHA256 of 04AABBCC under 32 times k.
        (
            {"PERSONAL": "hash", "PERSONAL_KEY": "k" * 32},
            "4892d9e557be6449c67e3d670cb687b56fc3619226bd080e3c8d4e4c157f8e1a",
        ),
    ],
)
def test_personal_values_are_treated_as_the_settings_say(tmp_path: Path, given: dict[str, str], value: str) -> None:
    [outcome] = make_decoder(settings_in(tmp_path, **given)).decode([PERSONAL]).outcomes

    assert isinstance(outcome, Observation)
    assert outcome.value == value


def test_the_journey_uses_that_decoder(tmp_path: Path) -> None:
    with open_journey(settings_in(tmp_path, PERSONAL="keep"), now=NOW) as journey:
        [kept, refused] = journey.take([PERSONAL, Delivery("bad", {}, b"", None)], NOW).outcomes

    assert isinstance(kept, Observation)
    assert kept.value == "04AABBCC"
    assert isinstance(refused, Reject)
    assert refused.reason is RejectReason.ROUTING_KEY
