"""Fields: units, mappings, thresholds and overrides as Grafana writes them; all that the dashboards use are known."""

import pytest

from tests.dashboards.boards import read_boards
from tests.dashboards.nodes import Json, at, items, text
from tests.pictures.fields import Field, Shown, colour_of, write

NOW = 1_750_000_000e9


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "words"),
    [
        (0.0, "kwatt", 1, "0.0 kW"),
        (0.25, "kwatt", 1, "250.0 W"),
        (3_299.0, "kwatth", 1, "3.3 MWh"),
        (926_900.0, "short", None, "926.90 K"),
        (12.5, "percent", 1, "12.5%"),
        (902.0, "ms", 0, "902 ms"),
        (70_200.0, "ms", 2, "1.17 mins"),
        (7_200.0, "s", 0, "2 hours"),
        (8_206.0, "dtdurations", None, "2h 16m 46s"),
        (0.0, "dtdurations", None, "0s"),
        (NOW - 7_200e9, "dateTimeFromNow", None, "2 hours ago"),
        (NOW - 60e9, "dateTimeFromNow", None, "1 minute ago"),
        (NOW - 1e9, "dateTimeFromNow", None, "a few seconds ago"),
        (1.5e9, "dateTimeAsLocal", None, "1970-01-01 00:00:01"),
        (10_000.0, "bytes", None, "9.77 KiB"),
        (-70.0, "dBm", None, "-70 dBm"),
    ],
)
def test_numbers_with_their_unit(value: float, unit: str, decimals: float | None, words: str) -> None:
    assert write(value, unit, decimals, NOW) == words


CONFIG: Json = {
    "defaults": {
        "unit": "none",
        "noValue": "nothing",
        "mappings": [
            {"type": "value", "options": {"0": {"text": "Offline", "color": "dark-red"}}},
            {"type": "special", "options": {"match": "empty", "result": {"text": "Going on", "color": "green"}}},
        ],
        "thresholds": {"steps": [{"color": "green", "value": None}, {"color": "red", "value": 5}]},
        "custom": {"drawStyle": "line"},
    },
    "overrides": [
        {"matcher": {"id": "byName", "options": "Power"}, "properties": [{"id": "unit", "value": "kwatt"}]},
        {
            "matcher": {"id": "byRegexp", "options": "/^Site $/"},
            "properties": [{"id": "displayName", "value": "No site"}, {"id": "custom.drawStyle", "value": "bars"}],
        },
    ],
}


def test_a_value_is_mapped_or_coloured_by_threshold() -> None:
    field = Field(CONFIG, "Mode")
    assert field.show(0.0, NOW) == Shown("Offline", colour_of("dark-red"))
    assert field.show("", NOW) == Shown("Going on", colour_of("green"))
    assert field.show(4.0, NOW) == Shown("4", colour_of("green"))
    assert field.show(5.0, NOW) == Shown("5", colour_of("red"))
    assert field.show("words", NOW) == Shown("words")
    assert field.show(None, NOW) == Shown("")
    assert field.no_value == "nothing"


def test_an_override_holds_for_its_field_alone() -> None:
    assert Field(CONFIG, "Power").show(1.0, NOW).text == "1 kW"
    assert Field(CONFIG, "Power").custom("drawStyle") == "line"
    site = Field(CONFIG, "Site ")
    assert (site.name("Site "), site.custom("drawStyle")) == ("No site", "bars")
    assert Field(CONFIG, "Site Nord").name("Site Nord") == "Site Nord"


def test_every_unit_and_colour_of_the_dashboards_is_known() -> None:
    for board in read_boards().values():
        for panel in board.panels:
            settings = [at(panel, "fieldConfig", "defaults")]
            settings += [
                {text(each, "id"): at(each, "value")}
                for override in items(panel, "fieldConfig", "overrides")
                for each in items(override, "properties")
            ]
            for each in settings:
                assert write(1.0, text(each, "unit"), None, NOW)
                colour_of(text(each, "color", "fixedColor"))
                for step in items(each, "thresholds", "steps"):
                    colour_of(text(step, "color"))
