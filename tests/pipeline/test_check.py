"""The steps of the check that need no server: settings, folder, rejects. Others: tests/pipeline/cli/test_check.py."""

from pathlib import Path

import pytest

from pipeline.assembly import STATE_FILE, reject_limits
from pipeline.check import Finding, Result, check
from pipeline.wires.folder_lock import lock_folder
from pipeline.wires.state import StateFile
from schemas.reject import Reject, RejectReason
from tests.pipeline.settings_for_tests import settings_in

NOW = 1_800_000_000 * 10**9


def findings(folder: Path, **given: str) -> dict[str, Finding]:
    return {finding.tried: finding for finding in check(settings_in(folder, **given), NOW)}


def test_settings_that_name_no_broker_fail_and_the_rest_goes_on(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert found["broker"].result is Result.FAILED
    assert "CHARGELINE_AMQP_URL and CHARGELINE_AMQP_QUEUE must be set" in found["broker"].found
    assert found["queue"].result is Result.SKIPPED
    assert found[f"SQLite {tmp_path / 'chargeline.sqlite3'}"].found == "will be made when a worker starts"
    assert not (tmp_path / "chargeline.sqlite3").exists()


def test_a_reply_of_easees_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "reply.json").write_text("{}")
    found = findings(tmp_path, EASEE_CONNECTION_FILE=str(tmp_path / "reply.json"))
    assert "reply.json must be Easee's reply" in found["broker"].found


def test_a_worker_that_has_the_folder_is_told_and_no_fault(tmp_path: Path) -> None:
    with lock_folder(tmp_path):
        found = findings(tmp_path)[f"DATA_DIR {tmp_path}"]
    assert found.result is Result.OK
    assert "in use by another chargeline (process" in found.found


def test_a_folder_that_cannot_be_fails(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    found = findings(tmp_path / "file" / "below")[f"DATA_DIR {tmp_path / 'file' / 'below'}"]
    assert found.result is Result.FAILED
    assert "CHARGELINE_DATA_DIR" in found.todo


@pytest.mark.parametrize(("most", "result"), [("1MiB", Result.OK), ("1KiB", Result.WARNING)])
def test_rejects_that_are_nearly_full_are_a_warning(tmp_path: Path, most: str, result: Result) -> None:
    with StateFile.open(tmp_path / STATE_FILE, reject_limits(settings_in(tmp_path))) as state:
        state.add_rejects([Reject(RejectReason.JSON, "x", {}, b"x" * 900, None, "")], NOW)
    found = findings(tmp_path, REJECTS_MAX=most)["rejects"]
    assert found.result is result
    assert found.found.startswith("1 are kept")


def test_a_state_file_of_somebody_else_fails(tmp_path: Path) -> None:
    (tmp_path / STATE_FILE).write_bytes(b"no database" * 100)
    assert findings(tmp_path)["rejects"].result is Result.FAILED
