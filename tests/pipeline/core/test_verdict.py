"""Verdicts: what InfluxDB's answers mean. The answers are those that 2.7.12 gave, word for word."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.verdict import ACTIONS, Action, Conflict, Verdict, judge, words_about

PREFIX = "failure writing points to database: partial write: "
CONFLICT = (
    f'{PREFIX}field type conflict: input field "a" on measurement "m" is type string, already exists as type float'
    " dropped=4"
)
CONFLICT_1X = (
    'partial write: field type conflict: input field "a" on measurement "m" is type float, already exists as type'
    " string dropped=1"
)
UNPARSABLE = "unable to parse 'm,c=1 a=': missing field value\nunable to parse 'm,c=2 =3 5': missing field key"
RETENTION = (
    f"{PREFIX}dropped 2 points outside retention policy of duration 1h0m0s - oldest point m,c=1 at 2023-11-14T22:13:20Z"
    " dropped because it violates a Retention Policy Lower Bound at 2026-11-23T08:09:19.697956648Z, newest point m,c=1"
    " at 2023-11-14T22:13:20.000000001Z dropped because it violates a Retention Policy Lower Bound at"
    " 2026-11-23T08:09:19.697956648Z dropped=2 for database: 0d5d2d11378b3356 for retention policy: autogen"
)


def answer(code: str, message: str) -> str:
    return orjson.dumps({"code": code, "message": message}).decode()


ANSWERS = {
    "written": (204, "", Verdict(Action.ACCEPT, "")),
    "a field of another type": (
        422,
        answer("unprocessable entity", CONFLICT),
        Verdict(Action.EXAMINE, CONFLICT, True, 4, Conflict("m", "a", is_text=True)),
    ),
    "the same on 1.x": (
        400,
        orjson.dumps({"error": CONFLICT_1X}).decode(),
        Verdict(
            Action.EXAMINE,
            CONFLICT_1X,
            True,
            1,
            Conflict("m", "a", is_text=False),
        ),
    ),
    "malformed lines": (400, answer("invalid", UNPARSABLE), Verdict(Action.EXAMINE, UNPARSABLE, True)),
    "older than the bucket keeps": (
        422,
        answer("unprocessable entity", RETENTION),
        Verdict(Action.EXAMINE, RETENTION, True, 2, is_retention=True),
    ),
    "about the request": (
        400,
        answer("invalid", "gzip: invalid header"),
        Verdict(Action.EXAMINE, "gzip: invalid header"),
    ),
    "a wrong token": (401, answer("unauthorized", "unauthorized access"), Verdict(Action.HOLD, "unauthorized access")),
    "no such bucket": (404, answer("not found", 'bucket "b" not found'), Verdict(Action.HOLD, 'bucket "b" not found')),
    "too big": (413, "", Verdict(Action.SPLIT, "status 413")),
    "a proxy's page": (502, "<html>Bad Gateway</html>\n", Verdict(Action.RETRY, "<html>Bad Gateway</html>")),
    "nothing known": (418, "[1]", Verdict(Action.RETRY, "[1]")),
}


@pytest.mark.parametrize(("status", "body", "verdict"), ANSWERS.values(), ids=ANSWERS.keys())
def test_an_answer(status: int, body: str, verdict: Verdict) -> None:
    assert judge(status, body, {}) == verdict


@pytest.mark.parametrize(
    ("header", "wait"), [("7", 7 * 10**9), ("86400", 300 * 10**9), ("", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None)]
)
def test_how_long_it_wants_to_be_left_alone(header: str, wait: int | None) -> None:
    assert judge(503, "", {"retry-after": header}).retry_after_ns == wait


def test_what_is_said_of_one_line_of_several() -> None:
    verdict = judge(400, answer("invalid", UNPARSABLE), {})
    assert words_about(verdict, "m,c=1 a=") == "unable to parse 'm,c=1 a=': missing field value"
    assert words_about(verdict, "m,c=2 =3 5") == "unable to parse 'm,c=2 =3 5': missing field key"
    assert words_about(verdict, "m,c=1") == ""


@given(st.integers(100, 599), st.text(), st.dictionaries(st.just("retry-after"), st.text()))
def test_any_answer_has_a_verdict_and_only_success_is_accepted(status: int, body: str, headers: dict[str, str]) -> None:
    verdict = judge(status, body, headers)
    assert (verdict.action is Action.ACCEPT) == (200 <= status < 300)
    assert verdict.action is (Action.ACCEPT if 200 <= status < 300 else ACTIONS.get(status, Action.RETRY))
