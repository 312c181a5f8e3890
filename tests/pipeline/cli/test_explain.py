"""`chargeline explain` as a user runs it: where the message comes from, and that no message steers a terminal."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline.cli.explain import command

BODY = '{"Id": 109, "Name": "ChargerOpMode", "Timestamp": "2023-06-08T06:59:16Z", "Value": 3}'
LINE = "charger_mode,charger=EH000281 op_mode=3.0 1686207556557013"


def run(arguments: Sequence[str], stdin: str | bytes = b"", **environ: str) -> Result:
    return CliRunner().invoke(command, arguments, input=stdin, env=environ, catch_exceptions=False)


def test_a_message_is_explained_down_to_its_line() -> None:
    result = run(["EH000281.O.109", BODY, "--arrival-time", "2023-06-08T06:59:17.013Z"])

    assert result.exit_code == 0
    assert result.output.startswith("EH000281.O.109 becomes one row.\n")
    assert "code         Charging\n" in result.output
    assert f"line         {LINE}" in result.output
    assert "surprises" not in result.output


@pytest.mark.parametrize("arguments", [["EH000281.O.109", "-"], ["EH000281.O.109"]])
def test_the_body_may_come_from_standard_input(arguments: Sequence[str]) -> None:
    assert "code         Charging\n" in run(arguments, BODY).output


def test_a_key_alone_is_explained_where_nothing_is_piped_in() -> None:
    result = run(["EH000281.O.109"])

    assert result.exit_code == 0
    assert result.output.startswith("EH000281.O.109 is a usable routing key.\n")
    assert "109 ChargerOpMode" in result.output


def test_an_empty_body_that_was_asked_for_is_a_body() -> None:
    assert "reason       json" in run(["EH000281.O.109", "-"]).output


def test_a_reject_is_no_failure() -> None:
    result = run(["EH000281.O.109", '{"Id": 110, "Timestamp": "x", "Value": 1}'])

    assert result.exit_code == 0
    assert result.output.startswith("EH000281.O.109 is rejected.\n")
    assert "reason       identity: " in result.output
    assert "what to do   " in result.output


@pytest.mark.parametrize(
    "headers",
    [
        ["--header", "ArrivalTime=2023-06-08T06:59:17.013Z"],
        ["--header", "ArrivalTime=never", "--arrival-time", "2023-06-08T06:59:17.013Z"],
        ["--header", "Other=a=b", "--arrival-time", "2023-06-08T06:59:17.013Z"],
    ],
)
def test_headers_are_taken_by_name(headers: Sequence[str]) -> None:
    explanation = json.loads(run(["EH000281.O.109", BODY, "--json", *headers]).output)

    assert explanation["line"].startswith(LINE)


def test_a_command_takes_its_time_from_the_header() -> None:
    body = '{"Id": 48, "Arguments": [{"Id": 1, "Value": "13"}]}'
    result = run(["EH000281.C.48", body, "--header", "PublishedAt=2023-06-08T06:59:17Z"])

    assert "is a command: it is read, and becomes no row." in result.output
    assert "published    2023-06-08T06:59:17.000000000Z" in result.output


def test_json_has_the_row_and_each_step() -> None:
    explanation = json.loads(run(["EH000281.O.109", BODY, "--json"]).output)

    assert explanation["verdict"] == "row"
    assert explanation["surprises"] == ["arrival_missing"]
    assert explanation["refusal"] is None
    assert explanation["row"]["measurement"] == "charger_mode"
    assert explanation["row"]["tags"] == {"charger": "EH000281"}
    assert explanation["row"]["fields"] == {"op_mode": 3.0}
    assert explanation["line"].endswith(f" {explanation['row']['time']}")
    assert {"topic": "code", "finding": "Charging", "why": ""} in explanation["steps"]


def test_json_of_a_reject_has_the_reason() -> None:
    explanation = json.loads(run(["EH000281.O.109", "{", "--json"]).output)

    assert (explanation["verdict"], explanation["row"], explanation["line"]) == ("rejected", None, None)
    assert explanation["refusal"]["reason"] == "json"


def test_bytes_that_are_no_text_are_explained_too() -> None:
    assert "reason       encoding" in run(["EH000281.O.109", "-"], b'{"Id": "\xff"}').output
    # This is how Python hands on an argument that is no UTF-8.
    assert "reason       encoding" in run(["EH000281.O.109", '{"Id": "\udcff"}']).output
    assert json.loads(run(["\udcff.O.1", "{}", "--json"]).output)["routing_key"] == "\\udcff.O.1"


def test_nothing_in_a_message_steers_the_terminal() -> None:
    body = '{"Id": 251, "Timestamp": "2023-06-08T06:59:16.5Z", "Value": "\\u001b[31m\\u009b\\nred"}'
    output = run(["EH000281.O.251", body]).output

    assert "\x1b" not in output
    assert "\x9b" not in output
    assert 'cloud_disconnect_reason="\\x1b[31m\\x9b\\nred"' in output


def test_a_personal_value_is_shown_by_no_form_of_output() -> None:
    arguments = ["EH000281.O.128", '{"Id": 128, "Timestamp": "2023-06-08T06:59:16Z", "Value": "04AABBCC"}']

    assert "04AABBCC" not in run(arguments).output
    assert "04AABBCC" not in run([*arguments, "--json"]).output
    assert "04AABBCC" in run(arguments, CHARGELINE_PERSONAL="keep").output


def test_settings_come_from_an_env_file_too(tmp_path: Path) -> None:
    (tmp_path / "env").write_text("CHARGELINE_PERSONAL=keep\n", "utf-8")
    arguments = ["EH000281.O.128", '{"Id": 128, "Timestamp": "2023-06-08T06:59:16Z", "Value": "04AABBCC"}']

    assert "04AABBCC" in run([*arguments, "--env-file", str(tmp_path / "env")]).output


@pytest.mark.parametrize("header", ["ArrivalTime", "=x"])
def test_a_header_without_name_or_value_is_wrong_usage(header: str) -> None:
    result = run(["EH000281.O.109", BODY, "--header", header])

    assert result.exit_code == 2
    assert "is not NAME=VALUE" in result.stderr


def test_the_help_ends_with_examples() -> None:
    assert "chargeline explain EH000281.O.48 -" in run(["--help"]).output.splitlines()[-1]
