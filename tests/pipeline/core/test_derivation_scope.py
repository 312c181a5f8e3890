"""Scopes: who sees all of the queue, or a part of it, says so much and no more."""

import pytest

from pipeline.core.derivation import Derivation
from pipeline.core.derivation_scope import DEVICES, FLEET, SHARE, WHOLE, Scope
from schemas.measurement import ALERT, CHARGER_SNAPSHOT, COMMAND
from schemas.stream import Heard
from tests.pipeline.core.derivation_samples import CATALOGUE, SPANS, S, T, seen, sent


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (WHOLE, {ALERT, CHARGER_SNAPSHOT, COMMAND}),
        (DEVICES, {CHARGER_SNAPSHOT, COMMAND}),
        (FLEET, {ALERT, COMMAND}),
        (SHARE, {COMMAND}),
    ],
)
def test_each_scope_says_its_own(scope: Scope, expected: set[str]) -> None:
    derivation = Derivation(CATALOGUE, SPANS, scope)
    derivation.follow([seen(0, 3.0, number=109), sent("a")._replace(expires_at=T + 3_600 * S)])
    derivation.hear([Heard("EH1", (T,), 1)])
    derivation.pass_to(T + 3_000 * S)
    rows = [row for row in derivation.advance().rows if row.measurement in {ALERT, CHARGER_SNAPSHOT, COMMAND}]
    silences = {row.measurement for row in rows if row.measurement != ALERT or ("kind", "charger_silent") in row.tags}
    assert silences == expected


def test_the_watermark_of_a_part_never_goes_back() -> None:
    derivation = Derivation(CATALOGUE, SPANS, DEVICES)
    derivation.pass_to(T)
    derivation.pass_to(T - S)
    assert derivation.watermark == T
