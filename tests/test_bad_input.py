"""Bad input: a golden table names the outcome of each, and none ever costs a neighbour.

`golden/bad_input.json` has for each case a routing key, headers, and a body: text, `body_base64`, or `body_repeat`
`[[text, times], …]` for those too large to write down. `outcome` is a reject's reason, or the line of the row.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.core.decode import Decoder, Outcome
from pipeline.core.line_protocol import to_line
from pipeline.core.redaction import Personal, Redaction
from pipeline.core.rows import RowMaker
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandSent
from schemas.delivery import Delivery
from schemas.reject import Reject
from tests.oracle.reading import Oracle, RejectedError
from tests.oracle.stores import rows_of_line_protocol

CASES: dict[str, dict[str, Any]] = json.loads((Path(__file__).parent / "golden" / "bad_input.json").read_text("utf-8"))
GOOD = Delivery(
    "EH000281.O.48",
    {"ArrivalTime": "2023-06-08T06:59:17.0130000+00:00"},
    b'{"Id": 48, "Name": "DynamicChargerCurrent", "Timestamp": "2023-06-08T06:59:16.0000000+00:00", "Value": 13}',
    1,
)
GOOD_LINE = "charger_limit,charger=EH000281 dynamic_charger_current_a=13.0 1686207556557013907"


def delivery(case: dict[str, Any]) -> Delivery:
    if "body_repeat" in case:
        body = "".join(text * times for text, times in case["body_repeat"]).encode()
    elif "body_base64" in case:
        body = base64.b64decode(case["body_base64"])
    else:
        body = case["body"].encode()
    return Delivery(case["routing_key"], case["headers"], body, 1)


def outcome(decoded: Outcome) -> str:
    if isinstance(decoded, Reject):
        return decoded.reason.value
    return "command" if isinstance(decoded, CommandSent) else to_line(RowMaker(shipped_catalogue()).row(decoded))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_it_ends_as_the_table_says_and_its_neighbours_as_ever(case: dict[str, Any]) -> None:
    decoder = Decoder(shipped_catalogue(), Redaction(Personal.DROP))
    outcomes = decoder.decode([GOOD, delivery(case), GOOD]).outcomes
    assert [outcome(decoded) for decoded in outcomes] == [GOOD_LINE, case["outcome"], GOOD_LINE]


def oracles_reading(bad: Delivery) -> object:
    try:
        key, fields = Oracle().read(bad.routing_key, bad.headers, bad.body) or (None, {})
    except RejectedError as rejected:
        return str(rejected)
    return {key: fields}


def expected(outcome: str) -> object:
    """The rows of a line; a reason as it is."""
    return rows_of_line_protocol(outcome + "\n") if " " in outcome else outcome


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_the_oracle_agrees(case: dict[str, Any]) -> None:
    assert oracles_reading(delivery(case)) == expected(case["outcome"])
