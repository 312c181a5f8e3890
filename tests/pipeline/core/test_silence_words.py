"""What is said of silence: words, values and moments at every edge."""

import pytest

from pipeline.core.silence_words import charger_silent, fleet_heard, fleet_silent, fleet_still_silent
from pipeline.core.silences import Edge, EdgeKind
from schemas.alert import Alert, AlertKind

S = 10**9
START = 1_700_000_000 * S
AFTER = 1_200 * S
DEADLINE = START + AFTER


def said(kind: EdgeKind, seconds: int) -> Alert:
    return charger_silent(Edge(DEADLINE + seconds * S, kind, "EH1", DEADLINE), AFTER)


@pytest.mark.parametrize(
    ("kind", "seconds", "value", "words"),
    [
        (EdgeKind.RAISED, 0, 1_200.0, "EH1 has not been heard for 20 min, since 2023-11-14T22:13:20Z"),
        (EdgeKind.ENDED, 60, 1_260.0, "EH1 is heard again after 21 min"),
        (EdgeKind.FORGOTTEN, 2_590_800, 2_592_000.0, "EH1 has not been heard for 30 days and is forgotten"),
        (EdgeKind.REFUTED, 0, 1_200.0, "EH1 was heard in time, which became known later: the alert is taken back"),
    ],
)
def test_a_silent_charger(kind: EdgeKind, seconds: int, value: float, words: str) -> None:
    alert = said(kind, seconds)
    assert (alert.serial, alert.kind, alert.command) == ("EH1", AlertKind.CHARGER_SILENT, "-")
    assert (alert.at, alert.raised_at) == (DEADLINE + seconds * S, DEADLINE)
    assert (alert.active, alert.value, alert.message) == (kind is EdgeKind.RAISED, value, words)


def test_only_what_is_taken_back_counts_as_refuted() -> None:
    assert [said(*edge).is_refuted for edge in ((EdgeKind.RAISED, 0), (EdgeKind.ENDED, 1), (EdgeKind.REFUTED, 0))] == [
        False,
        False,
        True,
    ]


def test_the_silent_fleet() -> None:
    raised = fleet_silent(START, 251, 5_000, 300 * S)
    assert (raised.serial, raised.kind, raised.at, raised.active) == ("-", AlertKind.FLEET_SILENT, START, True)
    assert (raised.value, raised.message) == (251.0, "251 of 5000 devices fell silent within 5 min")
    cleared = fleet_heard(START + 3_600 * S, START, 250)
    assert (cleared.at, cleared.raised_at, cleared.active) == (START + 3_600 * S, START, False)
    assert cleared.message == "Most devices are heard again after 1 h; 250 of them are still silent"


def test_an_outage_of_an_earlier_life_keeps_its_moment() -> None:
    assert fleet_still_silent(START, 4_000) == Alert(
        "-",
        AlertKind.FLEET_SILENT,
        "-",
        START,
        START,
        active=True,
        value=4_000.0,
        message="4000 devices that fell silent together are silent",
    )
