"""The order of the check's steps, what is skipped and why, and what wrong settings come to."""

from pathlib import Path

import pytest

from pipeline.check import STEPS, STEPS_OF, check, findings_of_wrong_settings
from pipeline.check_step import Finding, Result
from pipeline.settings import SettingsError
from tests.pipeline.settings_for_tests import settings_in

NOW = 1_800_000_000 * 10**9


def findings(folder: Path, **given: str) -> list[Finding]:
    return list(check(settings_in(folder, HTTP="off", **given), lambda: NOW))


def by_step(found: list[Finding]) -> dict[str, Finding]:
    return {finding.step: finding for finding in found}


@pytest.mark.parametrize("role", STEPS_OF)
def test_a_step_needs_steps_before_it_alone(role: str) -> None:
    names = [step.name for step in STEPS_OF[role]]
    assert len(set(names)) == len(names)
    for place, step in enumerate(STEPS_OF[role]):
        assert set(step.needs) <= set(names[:place])


def test_what_needs_a_failed_step_is_skipped_and_the_rest_goes_on(tmp_path: Path) -> None:
    found = findings(tmp_path)
    assert [(finding.step, str(finding.result)) for finding in found] == [
        ("settings", "ok"),
        ("data_dir", "ok"),
        ("disk", by_step(found)["disk"].result),
        ("rejects", "ok"),
        ("broker", "failed"),
        ("login", "skipped"),
        ("queue", "skipped"),
        ("exchange", "skipped"),
        ("store", "ok"),
        ("clock", "skipped"),
    ]
    assert by_step(found)["login"].found == "not tried, because of: broker"
    assert by_step(found)["queue"].found == "not tried, because of: login"


def test_it_changes_nothing(tmp_path: Path) -> None:
    findings(tmp_path / "data")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "data").mkdir()
    findings(tmp_path / "data")
    assert list((tmp_path / "data").iterdir()) == []


def test_a_file_that_is_open_to_others_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("amqp://u:hidden@127.0.0.1:1/")
    (tmp_path / "url").chmod(0o644)
    found = findings(tmp_path / "data", AMQP_URL_FILE=str(tmp_path / "url"), AMQP_QUEUE="q")
    (warning,) = [finding for finding in found if finding.result is Result.WARNING and finding.step == "settings"]
    assert "is open to others" in warning.found
    assert warning.todo == f"close it: chmod 600 {tmp_path / 'url'}"
    assert "hidden" not in str(found)


def test_a_file_that_is_gone_is_told(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("amqp://u:hidden@127.0.0.1:1/")
    settings = settings_in(tmp_path, HTTP="off", AMQP_URL_FILE=str(tmp_path / "url"), AMQP_QUEUE="q")
    (tmp_path / "url").unlink()
    broker = by_step(list(check(settings, lambda: NOW)))["broker"]
    assert broker.result is Result.FAILED
    assert "No such file" in broker.found


def test_what_the_system_refuses_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    too_long = tmp_path / ("x" * 300)
    found = by_step(findings(too_long))
    assert found["data_dir"].result is Result.FAILED
    assert found["data_dir"].found == f"{too_long}: File name too long"
    assert found["disk"].result is Result.SKIPPED
    assert found["broker"].result is Result.FAILED


def test_every_fault_of_the_settings_is_a_finding_and_nothing_is_tried() -> None:
    found = list(findings_of_wrong_settings(SettingsError(("A is wrong; so there", "B is wrong"))))
    failed = [finding for finding in found if finding.result is Result.FAILED]
    assert [finding.found for finding in failed] == ["A is wrong; so there", "B is wrong"]
    assert all(finding.todo for finding in failed)
    assert [finding.step for finding in found[2:]] == [step.name for step in STEPS]
    assert {finding.result for finding in found[2:]} == {Result.SKIPPED}


@pytest.mark.parametrize(
    ("role", "steps"),
    [
        ("bridge", ["broker", "login", "queue", "kafka", "topics", "clock"]),
        ("track", ["kafka", "topics", "following"]),
        ("write", ["data_dir", "kafka", "topics", "store", "clock"]),
    ],
)
def test_a_role_is_asked_for_what_it_needs(tmp_path: Path, role: str, steps: list[str]) -> None:
    found = list(check(settings_in(tmp_path, HTTP="off"), lambda: NOW, role))
    assert [finding.step for finding in found] == ["settings", *steps]
    assert by_step(found)["kafka"].result is Result.FAILED
    assert by_step(found)["topics"].found == "not tried, because of: kafka"


def test_a_writer_to_influxdb_needs_no_folder_and_wrong_settings_skip_the_steps_of_the_role(tmp_path: Path) -> None:
    bucket = {"INFLUX_URL": "http://127.0.0.1:1", "INFLUX_TOKEN": "t", "INFLUX_ORG": "o", "INFLUX_BUCKET": "b"}
    found = list(check(settings_in(tmp_path, HTTP="off", **bucket), lambda: NOW, "write"))
    assert [finding.step for finding in found][:3] == ["settings", "kafka", "topics"]
    skipped = list(findings_of_wrong_settings(SettingsError(("A is wrong",)), "track"))
    assert [finding.step for finding in skipped] == ["settings", *(step.name for step in STEPS_OF["track"])]
