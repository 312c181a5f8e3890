"""Verdicts: what an answer of InfluxDB to a write means for the lines of it.

Owns the one table from answers to actions, and what is read out of their words. Must not know how a request is made,
or what is done with a verdict (`pipeline.core.settlement`).
Source: answers of InfluxDB 2.7.12 as it gave them, of 1.x as documented: a line that cannot be parsed is 400 and
nothing is written; a field of another type, or a time before the bucket's retention, is 422 (400 on 1.x, with the
words "partial write"), everything else is written, and `dropped=N` counts what was not. Of several kinds of trouble
in one batch only the first is told, and only it is counted.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

import orjson

from pipeline.core.timestamps import NS_PER_S


class Action(StrEnum):
    """What to do about a write.

    ACCEPT   everything is written.
    SPLIT    the request was too big: send it in two.
    EXAMINE  some of its lines are refused for good: find out which.
    HOLD     nothing is written until somebody mends something (a token, a bucket): keep everything, say so, try again.
    RETRY    nothing is known to be written: send the same again, later.
    """

    ACCEPT = "accept"
    SPLIT = "split"
    EXAMINE = "examine"
    HOLD = "hold"
    RETRY = "retry"


class Conflict(NamedTuple):
    """A field that was sent as text where the store has numbers (`is_text`), or the other way round."""

    measurement: str
    field: str
    is_text: bool


class Verdict(NamedTuple):
    """An answer, understood.

    `words`           the store's own, on one line, without its JSON.
    `is_about_lines`  the words speak of lines of the request, not of the request as such.
    `dropped`         how many lines the store says it dropped; None where it does not say.
    `conflict`        the field whose type is not what the store has; None where none is named.
    `is_retention`    dropped lines are older than the bucket keeps.
    `retry_after_ns`  how long the store asks to be left alone, None where it does not ask.
    """

    action: Action
    words: str
    is_about_lines: bool = False
    dropped: int | None = None
    conflict: Conflict | None = None
    is_retention: bool = False
    retry_after_ns: int | None = None


ACTIONS: Mapping[int, Action] = MappingProxyType(
    {
        400: Action.EXAMINE,
        401: Action.HOLD,
        403: Action.HOLD,
        404: Action.HOLD,
        413: Action.SPLIT,
        422: Action.EXAMINE,
    }
)
"""What to do, by status; 200 to 299 are accepted, and whatever is not in the table is tried again."""

_ACCEPTED = range(200, 300)
_MOST_WAIT_S = 300
_CONFLICT = re.compile(
    r'type conflict: input field "(?P<field>.*?)" on measurement "(?P<measurement>.*?)" is type (?P<type>\w+)'
)
_TEXT = "string"
_DROPPED = re.compile(r"\bdropped=(\d+)")
_UNPARSABLE = "unable to parse '"
_PARTIAL = "partial write"
_RETENTION = ("outside retention policy", "beyond retention policy")


def judge(status: int, body: str, headers: Mapping[str, str]) -> Verdict:
    """What an answer means. `headers` by their names in lower case."""
    if status in _ACCEPTED:
        return Verdict(Action.ACCEPT, "")
    action = ACTIONS.get(status, Action.RETRY)
    words = read_words(body) or f"status {status}"
    dropped = _DROPPED.search(words)
    return Verdict(
        action,
        words,
        is_about_lines=_UNPARSABLE in words or _PARTIAL in words,
        dropped=int(dropped[1]) if dropped else None,
        conflict=_read_conflict(words),
        is_retention=any(phrase in words for phrase in _RETENTION),
        retry_after_ns=_read_retry_after(headers.get("retry-after", "")),
    )


def words_about(verdict: Verdict, line: str) -> str:
    """What the store says of this very line, which it cannot parse; empty where it says no such thing."""
    _, found, rest = verdict.words.partition(f"{_UNPARSABLE}{line}': ")
    return found + rest.partition(f"\n{_UNPARSABLE}")[0]


def read_words(body: str) -> str:
    """The message of an answer: of its JSON, or else the body as it is."""
    try:
        members = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body.strip()
    if isinstance(members, dict):
        for name in ("message", "error"):
            value = members.get(name)
            if isinstance(value, str):
                return value.strip()
    return body.strip()


def _read_conflict(words: str) -> Conflict | None:
    match = _CONFLICT.search(words)
    return Conflict(match["measurement"], match["field"], match["type"] == _TEXT) if match else None


def _read_retry_after(text: str) -> int | None:
    """Seconds alone are read: the other form, a date, would need a clock."""
    return min(int(text), _MOST_WAIT_S) * NS_PER_S if text.isascii() and text.isdigit() else None
