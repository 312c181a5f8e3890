"""The dashboards and alert rules as files, and every query in them.

Owns where the files are and where in them a query stands. Must not know what is right (`tests.dashboards.rules`).
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.dashboards.nodes import Json, at, items, number, text
from tests.dashboards.yaml_subset import read_yaml

GRAFANA = Path(__file__).parents[2] / "grafana"
DASHBOARDS = GRAFANA / "dashboards"
PROVISIONING = GRAFANA / "provisioning"
RULES = PROVISIONING / "alerting" / "rules.yaml"
EXPRESSION = "__expr__"
"""The data source of what an alert rule makes of its queries."""


class Query(NamedTuple):
    """One query and where it stands, in words.

    `kind`       `panel`, `variable`, `annotation` or `rule`.
    `min_interval`  what the panel sets as the smallest `$__interval`, empty where it sets none.
    """

    where: str
    kind: str
    influxql: str
    format: str = "time_series"
    min_interval: str = ""


class Board(NamedTuple):
    """One dashboard: the stem of its file, what the file says, and that as text."""

    stem: str
    content: Json
    source: str

    @property
    def panels(self) -> list[Json]:
        """Every panel but the headings, those inside of collapsed rows included."""
        found = []
        for panel in items(self.content, "panels"):
            if text(panel, "type") == "row":
                found += items(panel, "panels")
            else:
                found.append(panel)
        return found

    @property
    def variables(self) -> list[Json]:
        """The template variables, in their order."""
        return items(self.content, "templating", "list")

    def queries(self) -> Iterator[Query]:
        """Every query of panels, variables and annotations."""
        for panel in self.panels:
            for target in items(panel, "targets"):
                yield Query(
                    f"{self.stem} / {text(panel, 'title')} / {text(target, 'refId')}",
                    "panel",
                    text(target, "query"),
                    text(target, "resultFormat"),
                    text(panel, "interval"),
                )
        for variable in self.variables:
            if text(variable, "type") == "query":
                yield Query(f"{self.stem} / ${text(variable, 'name')}", "variable", text(variable, "query"))
        for annotation in items(self.content, "annotations", "list"):
            if at(annotation, "builtIn") is None:
                where = f"{self.stem} / annotation {text(annotation, 'name')}"
                yield Query(where, "annotation", text(annotation, "target", "query"), "table")


class Rule(NamedTuple):
    """One alert rule, as its file says."""

    uid: str
    content: Json

    def queries(self) -> Iterator[Query]:
        """Its queries; expressions are none."""
        for part in items(self.content, "data"):
            if text(part, "datasourceUid") != EXPRESSION:
                yield Query(f"rule {self.uid} / {text(part, 'refId')}", "rule", text(part, "model", "query"))


def read_board(stem: str, source: str) -> Board:
    """A dashboard. Raises ValueError where it is not JSON."""
    content: Json = json.loads(source)
    return Board(stem, content, source)


def read_boards(folder: Path = DASHBOARDS) -> Mapping[str, Board]:
    """Every dashboard of a folder, by the stem of its file."""
    return {path.stem: read_board(path.stem, path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))}


def read_rules(source: str | None = None) -> list[Rule]:
    """The alert rules of a file's text; by default of the one that is shipped."""
    document = read_yaml(RULES.read_text("utf-8") if source is None else source)
    return [Rule(text(rule, "uid"), rule) for group in items(document, "groups") for rule in items(group, "rules")]


def panel_of(board: Board, panel_id: float | None) -> Json:
    """The panel with this number; None where there is none."""
    for panel in board.panels:
        if panel_id is not None and number(panel, "id") == panel_id:
            return panel
    return None
