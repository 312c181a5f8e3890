"""`chargeline catalogue`: what is found, and how it is shown."""

import json

import pytest
from click.testing import CliRunner

from pipeline.cli.catalogue import command, find_commands, find_observations
from schemas.catalogue import shipped_catalogue
from schemas.enumerations import OP_MODE
from schemas.observation import Product

CATALOGUE = shipped_catalogue()


def run(*arguments: str) -> str:
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_everything_is_found_where_nothing_is_asked_for() -> None:
    assert len(find_observations(CATALOGUE, "")) == len(CATALOGUE.observations)
    assert len(find_commands(CATALOGUE, "")) == len(CATALOGUE.commands)


@pytest.mark.parametrize(
    ("text", "product", "found"),
    [
        ("31", None, [(Product.CHARGER, 31), (Product.EQUALIZER, 31)]),
        ("31", Product.EQUALIZER, [(Product.EQUALIZER, 31)]),
        ("chargeropmode", None, [(Product.CHARGER, 109)]),
        ("charger_mode.op_", None, [(Product.CHARGER, 109)]),
        ("no such thing", None, []),
    ],
)
def test_an_observation_is_found_by_id_name_or_place(
    text: str, product: Product | None, found: list[tuple[Product, int]]
) -> None:
    assert [(spec.product, spec.id) for spec in find_observations(CATALOGUE, text, product)] == found


@pytest.mark.parametrize(("text", "found"), [("48", [48]), ("dynamiccharger", [48]), ("ttl", [22, 48])])
def test_a_command_is_found_by_id_name_or_argument(text: str, found: list[int]) -> None:
    assert [spec.id for spec in find_commands(CATALOGUE, text)] == found


def test_several_hits_are_a_table_with_a_line_each() -> None:
    lines = run("current").splitlines()

    assert lines[0].split()[:4] == ["product", "id", "name", "type"]
    assert len(lines) == 1 + len(find_observations(CATALOGUE, "current"))
    # Columns stand under each other: every line has its measurement at the same place.
    place = lines[0].index("kept in")
    assert all(line[place:].startswith(("charger_", "equalizer_")) for line in lines[1:])


def test_a_single_hit_is_shown_with_the_meaning_of_its_codes() -> None:
    output = run("109", "--product", "charger")

    assert all(f"{code}: {meaning}" in output for code, meaning in OP_MODE.items())
    assert "op_mode_text" in output


def test_a_personal_value_is_marked() -> None:
    [entry] = json.loads(run("25", "--product", "charger", "--json"))

    assert entry["name"] == "Location"
    assert entry["personal"] is True


def test_json_has_the_whole_catalogue() -> None:
    entries = json.loads(run("--json"))

    assert {(entry["product"], entry["id"]) for entry in entries} == set(CATALOGUE.observations)
    by_place = {(entry["product"], entry["id"]): entry for entry in entries}
    assert by_place["charger", 109]["codes"]["3"] == "Charging"
    assert by_place["charger", 129]["personal_keys"] == ["Auth", "AuthReasonText", "IDToken", "UserId"]


def test_json_of_commands_has_arguments_and_readbacks() -> None:
    [entry] = json.loads(run("48", "--commands", "--json"))

    assert entry["arguments"][0] == {"name": "Current_Amp", "type": "integer", "unit": "A"}
    assert entry["readback"] == [48]


def test_commands_are_listed_with_their_arguments() -> None:
    lines = run("--commands").splitlines()

    assert len(lines) == 1 + len(CATALOGUE.commands)
    assert any("CurrentP1 double A" in line for line in lines)


def test_finding_nothing_is_said() -> None:
    result = CliRunner().invoke(command, ["nothing like it"])

    assert result.exit_code == 0
    assert result.stdout == ""
    assert "Nothing in the catalogue matches 'nothing like it'" in result.stderr
    assert json.loads(run("nothing like it", "--json")) == []


def test_commands_have_no_product() -> None:
    result = CliRunner().invoke(command, ["--commands", "--product", "charger"])

    assert result.exit_code == 2
    assert "--product is for observations" in result.stderr


def test_the_help_ends_with_examples() -> None:
    assert "chargeline catalogue 109 --product charger" in run("--help").splitlines()[-2]
