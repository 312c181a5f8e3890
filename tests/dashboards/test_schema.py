"""The schema is held: what leaves it is seen."""

from collections.abc import Mapping

import pytest

from tests.dashboards.nodes import Json
from tests.dashboards.samples import DEFAULTS, edited, good_board
from tests.dashboards.schema import faults_of_schema


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({("panels", 0, "wide"): True}, ".panels[].wide: the schema has no such key"),
        ({("panels", 0, "gridPos", "w"): "12"}, ".panels.grid_pos.w: '12' is no"),
        ({(*DEFAULTS, "unit"): 5}, ".panels.field_config.defaults.unit: 5 is no"),
        ({("templating", "list", 1, "type"): "querry"}, ".templating.list_val.type_val: 'querry' is no"),
        ({("panels", 0, "type"): "stats"}, "Mode: there is no panel of type stats"),
        ({(*DEFAULTS, "unit"): "furlong"}, "Mode: there is no unit furlong"),
        ({(*DEFAULTS, "mappings", 0, "type"): "odd"}, "cannot be read as a dashboard"),
    ],
)
def test_what_leaves_the_schema_is_seen(edit: Mapping[tuple[str | int, ...], Json], words: str) -> None:
    assert faults_of_schema(good_board().content) == []
    assert any(words in fault for fault in faults_of_schema(edited(good_board().content, edit)))
