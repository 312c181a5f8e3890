"""A good dashboard and a good alert rule, small, and ways to spoil them.

Owns samples only: each rule is shown that it passes the good ones and sees what is wrong with a spoiled one.
"""

import copy
import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from tests.dashboards.boards import Board, Rule, read_rules
from tests.dashboards.nodes import Json

ANCHORED = '"site" =~ /^$site$/ AND "charger" =~ /^$charger$/ AND $timeFilter'
MODE_QUERY = f'SELECT last("op_mode") FROM "charger_snapshot" WHERE {ANCHORED} GROUP BY "charger"'
LINK = "/d/good?${datasource:queryparam}&var-charger=${__value.raw}&${__url_time_range}"
TARGET = ("panels", 0, "targets", 0)
DEFAULTS = ("panels", 0, "fieldConfig", "defaults")
"""Where in the good dashboard its query stands, and what its first panel says of its values."""
_SOURCE: Json = {"type": "influxdb", "uid": "${datasource}"}
_OP_MODE = (
    *("Offline", "Disconnected", "Awaiting start", "Charging", "Completed", "Error", "Ready to charge"),
    *("Awaiting authentication", "De-authenticating"),
)

_BOARD: Json = {
    "annotations": {
        "list": [
            {
                "datasource": _SOURCE,
                "enable": True,
                "iconColor": "red",
                "name": "Alerts",
                "target": {"query": f'SELECT "message" FROM "alert" WHERE {ANCHORED}', "refId": "annotationQuery"},
            }
        ]
    },
    "description": "A sample.",
    "editable": False,
    "graphTooltip": 1,
    "links": [{"includeVars": True, "keepTime": True, "tags": [], "title": "Others", "type": "dashboards"}],
    "panels": [
        {
            "datasource": _SOURCE,
            "description": "What each charger does.",
            "fieldConfig": {
                "defaults": {
                    "links": [{"title": "Open", "url": LINK}],
                    "mappings": [
                        {
                            "options": {str(code): {"index": code, "text": word} for code, word in enumerate(_OP_MODE)},
                            "type": "value",
                        }
                    ],
                    "noValue": "No data",
                    "unit": "none",
                },
                "overrides": [],
            },
            "gridPos": {"h": 8, "w": 12, "x": 0, "y": 0},
            "id": 1,
            "targets": [{"datasource": _SOURCE, "query": MODE_QUERY, "refId": "A", "resultFormat": "time_series"}],
            "title": "Mode",
            "type": "stat",
        },
        {
            "description": "What there is.",
            "fieldConfig": {"defaults": {}, "overrides": []},
            "gridPos": {"h": 8, "w": 12, "x": 12, "y": 0},
            "id": 2,
            "options": {"content": f"[Here](/d/good?{'${datasource:queryparam}'}&from=now-1h&to=now)"},
            "title": "Where",
            "type": "text",
        },
    ],
    "refresh": "1m",
    "schemaVersion": 42,
    "templating": {
        "list": [
            {"name": "datasource", "query": "influxdb", "type": "datasource"},
            *(
                {
                    "datasource": _SOURCE,
                    "name": name,
                    "query": f'SHOW TAG VALUES FROM "charger_mode" WITH KEY = "{name}"',
                    "type": "query",
                }
                for name in ("site", "charger")
            ),
        ]
    },
    "time": {"from": "now-6h", "to": "now"},
    "title": "Good",
    "uid": "good",
}

_RULE = """
groups:
  - name: sample
    rules:
      - uid: sample
        title: Sample
        condition: B
        dashboardUid: good
        panelId: 1
        for: 0s
        noDataState: OK
        execErrState: Error
        labels:
          severity: warning
        annotations:
          summary: "Something is wrong."
          description: "Look at it."
        data:
          - refId: A
            datasourceUid: chargeline
            relativeTimeRange:
              from: 600
              to: 0
            model:
              refId: A
              query: >-
                SELECT last("op_mode") FROM "charger_snapshot"
                WHERE $timeFilter GROUP BY "charger"
          - refId: B
            datasourceUid: __expr__
            model:
              refId: B
              type: reduce
              expression: A
              reducer: last
"""


class Spoiled(NamedTuple):
    """One way to break one rule.

    `rule`   the rule's name.
    `edits`  paths into the good sample, and what stands there in the bad one.
    `words`  a part of the fault.
    """

    rule: str
    edits: Mapping[tuple[str | int, ...], Json]
    words: str


def good_board() -> Board:
    """A dashboard that keeps every rule."""
    return written_board(_BOARD)


def written_board(content: Json) -> Board:
    """A dashboard as its file would be written."""
    return Board("good", content, json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def good_rule() -> Rule:
    """An alert rule that keeps every rule for rules."""
    (rule,) = read_rules(_RULE)
    return rule


def edited(node: Json, edits: Mapping[tuple[str | int, ...], Json]) -> Json:
    """A copy with other values at some paths; None takes the value away."""
    found = copy.deepcopy(node)
    for path, value in edits.items():
        _put(found, path, value)
    return found


def _put(node: Json, path: Sequence[str | int], value: Json) -> None:
    key, *rest = path
    if isinstance(node, list) and isinstance(key, int):
        if rest:
            _put(node[key], rest, value)
        else:
            node[key] = value
    elif isinstance(node, dict) and isinstance(key, str):
        if rest:
            _put(node[key], rest, value)
        elif value is None:
            del node[key]
        else:
            node[key] = value
    else:
        raise KeyError(path)
