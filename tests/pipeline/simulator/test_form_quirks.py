"""Quirks of form: each is played as it is told, and the oracle agrees with what must become of it."""

from collections.abc import Callable
from random import Random

import orjson
import pytest

from pipeline.simulator.form_quirks import PLAYS, FormQuirks
from pipeline.simulator.messages import Draft, observation, response
from pipeline.simulator.quirks import Quirk, Quirks
from schemas.catalogue import shipped_catalogue
from schemas.observation import Product
from tests.oracle.reading import Oracle, RejectedError

NOW = 1_748_772_000 * 10**9
ORACLE = Oracle()


def observed(number: int, value: object) -> Draft:
    return observation("EH000281", shipped_catalogue().observations[Product.CHARGER, number], value, NOW, NOW + 10**9)


MESSAGES: dict[str, Callable[[], Draft]] = {
    "double": lambda: observed(48, 13.5),
    "integer": lambda: observed(109, 3),
    "boolean": lambda: observed(31, True),
    "text": lambda: observed(118, "fault"),
    "response": lambda: response("EH000281", 48, NOW, NOW, NOW + 10**9, accepted=True),
}


def outcome(draft: Draft) -> str:
    """What the oracle makes of a draft: `row`, or the reason why not."""
    try:
        ORACLE.read(draft.routing_key, draft.headers, draft.body)
    except RejectedError as rejected:
        return str(rejected)
    return "row"


@pytest.mark.parametrize("quirk", PLAYS)
def test_a_quirk_fits_some_message_and_ends_as_it_says(quirk: Quirk) -> None:
    played = 0
    for seed in range(20):
        for make in MESSAGES.values():
            draft, plain = make(), make()
            if PLAYS[quirk](draft, Random(seed)):
                played += 1
                assert (draft.routing_key, draft.headers, draft.body) != (plain.routing_key, plain.headers, plain.body)
                assert outcome(draft) == (draft.refused_as or "row")
            else:
                assert (draft.headers, draft.body, draft.refused_as) == (plain.headers, plain.body, None)
    assert played


@pytest.mark.parametrize(
    ("quirk", "message", "values"),
    [
        (Quirk.NUMBER_AS_TEXT, "double", {"13.5"}),
        (Quirk.INTEGRAL_FLOAT, "integer", {3.0}),
        (Quirk.BOOLEAN_AS_TEXT, "boolean", {"True", "true"}),
        (Quirk.BOOLEAN_AS_NUMBER, "boolean", {1, "1"}),
        (Quirk.NULL_VALUE, "text", {None}),
    ],
)
def test_values_are_written_oddly(quirk: Quirk, message: str, values: set[object]) -> None:
    seen = set()
    for seed in range(20):
        draft = MESSAGES[message]()
        assert PLAYS[quirk](draft, Random(seed))
        seen.add(orjson.loads(draft.body)["Value"])
    assert seen == values


def test_an_offset_leaves_the_moment_as_it_is() -> None:
    plain, shifted = observed(48, 13.5), observed(48, 13.5)
    assert PLAYS[Quirk.OFFSET_STAMP](shifted, Random(1))
    assert ORACLE.read(plain.routing_key, plain.headers, plain.body) == ORACLE.read(
        shifted.routing_key, shifted.headers, shifted.body
    )


def test_at_most_one_quirk_is_played_at_its_rate() -> None:
    form = FormQuirks(Quirks({Quirk.NULL_VALUE: 0.25, Quirk.BAD_UTF8: 0.25}), Random(7))
    played = [form.play(observed(48, 1.5)) for _ in range(4_000)]
    assert abs(played.count(None) / 4_000 - 0.5) < 0.05
    assert abs(played.count(Quirk.NULL_VALUE) / 4_000 - 0.25) < 0.05
    assert FormQuirks(Quirks.none(), Random(7)).play(observed(48, 1.5)) is None
