"""Quirks of form: one message by the book, written oddly or wrongly.

Owns how each such quirk is played on a draft, and what must become of those that spoil it. A quirk that does not fit
a message leaves it as it is and says so, so that counts are of what was really sent.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from itertools import accumulate
from random import Random
from types import MappingProxyType

from pipeline.simulator.messages import Draft
from pipeline.simulator.quirks import Quirk, Quirks
from schemas.catalogue import ValueType
from schemas.reject import RejectReason

Play = Callable[[Draft, Random], bool]

_TOO_MANY_BYTES = 256 * 1024 + 1
_TOO_DEEP = 33
_HALF = 0.5
_HOURS = 24


class FormQuirks:
    """Plays at most one quirk of form on each message, by the rates of a mixture."""

    def __init__(self, quirks: Quirks, random: Random) -> None:
        """Draws from `random`, once a message."""
        self._quirks = [quirk for quirk in PLAYS if quirks.rate(quirk)]
        self._bounds = list(accumulate(quirks.rate(quirk) for quirk in self._quirks))
        self._random = random

    def play(self, draft: Draft) -> Quirk | None:
        """Play a quirk on `draft`, or none; which one was played."""
        if not self._bounds:
            return None
        place = bisect_right(self._bounds, self._random.random())
        if place == len(self._quirks):
            return None
        quirk = self._quirks[place]
        return quirk if PLAYS[quirk](draft, self._random) else None


def _type(draft: Draft) -> ValueType | None:
    return draft.spec.type if draft.spec else None


def _number_as_text(draft: Draft, _random: Random) -> bool:
    if _type(draft) not in (ValueType.DOUBLE, ValueType.INTEGER):
        return False
    draft.members["Value"] = str(draft.members["Value"])
    return True


def _boolean_as_text(draft: Draft, random: Random) -> bool:
    if _type(draft) is not ValueType.BOOLEAN:
        return False
    word = str(draft.members["Value"])
    draft.members["Value"] = random.choice([word, word.lower()])
    return True


def _boolean_as_number(draft: Draft, random: Random) -> bool:
    if _type(draft) is not ValueType.BOOLEAN:
        return False
    number = int(draft.members["Value"] is True)
    draft.members["Value"] = random.choice([number, str(number)])
    return True


def _integral_float(draft: Draft, _random: Random) -> bool:
    value = draft.members.get("Value")
    if _type(draft) is not ValueType.INTEGER or not isinstance(value, int):
        return False
    draft.members["Value"] = float(value)
    return True


def _null_value(draft: Draft, _random: Random) -> bool:
    if "Value" not in draft.members:
        return False
    draft.members["Value"] = None
    return True


def _misfit(draft: Draft, random: Random) -> bool:
    if _type(draft) not in (ValueType.DOUBLE, ValueType.INTEGER):
        return False
    draft.members["Value"] = random.choice(["unknown", "", "1,5", "0x10"])
    return True


def _offset_stamp(draft: Draft, random: Random) -> bool:
    text = str(draft.members["Timestamp"])
    date, rest = text[:11], text[13:27]
    hour = int(text[11:13])
    hours = random.choice([1, 2, -3])
    if not 0 <= hour + hours < _HOURS:
        return False
    draft.members["Timestamp"] = f"{date}{hour + hours:02d}{rest}{'+' if hours > 0 else '-'}{abs(hours):02d}:00"
    return True


def _fine_stamp(draft: Draft, random: Random) -> bool:
    if draft.spec is None:
        return False
    draft.members["Timestamp"] = f"{str(draft.members['Timestamp'])[:20]}{random.randrange(10**7):07d}+00:00"
    return True


def _zone_missing(draft: Draft, _random: Random) -> bool:
    draft.members["Timestamp"] = str(draft.members["Timestamp"])[:27]
    return True


def _arrival_missing(draft: Draft, _random: Random) -> bool:
    draft.arrival = None
    return True


def _arrival_unreadable(draft: Draft, random: Random) -> bool:
    draft.arrival = random.choice(["", "now", "0001-01-01T00:00:00.0000000+00:00", "2025-13-01T00:00:00Z"])
    return True


def _wrapped(draft: Draft, _random: Random) -> bool:
    member = "Observation" if draft.key[1] == "O" else "CommandResponse"
    draft.members = {"ArrivalTime": draft.arrival, member: draft.members, "RoutingKey": draft.routing_key}
    draft.arrival = None
    return True


def _fourth_segment(draft: Draft, _random: Random) -> bool:
    draft.key.append(str(draft.members.get("Ticks", 638218043566469000)))
    return True


def _byte_order_mark(draft: Draft, _random: Random) -> bool:
    draft.raw = b"\xef\xbb\xbf" + draft.body
    return True


def _name_missing(draft: Draft, _random: Random) -> bool:
    return draft.members.pop("Name", None) is not None


def _bad_key(draft: Draft, random: Random) -> bool:
    serial, kind, number = draft.key[:3]
    draft.key = random.choice(
        [
            [serial, kind],
            [serial, kind, number, "1", "2"],
            [f"{serial} ,\\\n", kind, number],
            [serial, kind, "65536"],
            [serial, kind, "-1"],
            ["", kind, number],
        ]
    )
    draft.refused_as = RejectReason.ROUTING_KEY
    return True


def _bad_json(draft: Draft, random: Random) -> bool:
    body = draft.body
    draft.raw = random.choice([body[:-1], body + b"}", b"", b'{"Value": NaN}', b'{"Value": "\\ud800"}'])
    draft.refused_as = RejectReason.JSON
    return True


def _bad_utf8(draft: Draft, _random: Random) -> bool:
    draft.raw = draft.body[:-1] + b', "X": "\xff\xfe"}'
    draft.refused_as = RejectReason.ENCODING
    return True


def _not_an_object(draft: Draft, random: Random) -> bool:
    draft.raw = random.choice([b"[]", b"null", b"13", b'"text"'])
    draft.refused_as = RejectReason.SHAPE
    return True


def _missing_member(draft: Draft, random: Random) -> bool:
    name = random.choice(["Id", "Timestamp", "Value" if draft.spec else "WasAccepted"])
    del draft.members[name]
    draft.refused_as = RejectReason.SHAPE
    return True


def _other_identity(draft: Draft, random: Random) -> bool:
    if random.random() < _HALF:
        draft.members["Id"] = int(draft.key[2]) + 1
    else:
        draft.members["SerialNumber"] = "EH999999"
    draft.refused_as = RejectReason.IDENTITY
    return True


def _bad_timestamp(draft: Draft, random: Random) -> bool:
    draft.members["Timestamp"] = random.choice(["", "yesterday", "2025-02-30T00:00:00Z", "2025-06-01T25:00:00Z"])
    draft.refused_as = RejectReason.TIMESTAMP
    return True


def _clock_unset(draft: Draft, random: Random) -> bool:
    draft.members["Timestamp"] = random.choice(["1970-01-01T00:00:07.0000000+00:00", "0001-01-01T00:00:00"])
    draft.refused_as = RejectReason.CLOCK
    return True


def _clock_ahead(draft: Draft, _random: Random) -> bool:
    draft.members["Timestamp"] = "9999-12-31T23:59:59.9999999Z"
    draft.refused_as = RejectReason.CLOCK
    return True


def _too_large(draft: Draft, _random: Random) -> bool:
    draft.members["Description"] = "x" * _TOO_MANY_BYTES
    draft.refused_as = RejectReason.TOO_LARGE
    return True


def _too_deep(draft: Draft, _random: Random) -> bool:
    draft.raw = draft.body[:-1] + b', "X": ' + b"[" * _TOO_DEEP + b"]" * _TOO_DEEP + b"}"
    draft.refused_as = RejectReason.TOO_LARGE
    return True


PLAYS: Mapping[Quirk, Play] = MappingProxyType(
    {
        Quirk.NUMBER_AS_TEXT: _number_as_text,
        Quirk.BOOLEAN_AS_TEXT: _boolean_as_text,
        Quirk.BOOLEAN_AS_NUMBER: _boolean_as_number,
        Quirk.INTEGRAL_FLOAT: _integral_float,
        Quirk.NULL_VALUE: _null_value,
        Quirk.MISFIT: _misfit,
        Quirk.OFFSET_STAMP: _offset_stamp,
        Quirk.FINE_STAMP: _fine_stamp,
        Quirk.ZONE_MISSING: _zone_missing,
        Quirk.ARRIVAL_MISSING: _arrival_missing,
        Quirk.ARRIVAL_UNREADABLE: _arrival_unreadable,
        Quirk.WRAPPED: _wrapped,
        Quirk.FOURTH_SEGMENT: _fourth_segment,
        Quirk.BYTE_ORDER_MARK: _byte_order_mark,
        Quirk.NAME_MISSING: _name_missing,
        Quirk.BAD_KEY: _bad_key,
        Quirk.BAD_JSON: _bad_json,
        Quirk.BAD_UTF8: _bad_utf8,
        Quirk.NOT_AN_OBJECT: _not_an_object,
        Quirk.MISSING_MEMBER: _missing_member,
        Quirk.OTHER_IDENTITY: _other_identity,
        Quirk.BAD_TIMESTAMP: _bad_timestamp,
        Quirk.CLOCK_UNSET: _clock_unset,
        Quirk.CLOCK_AHEAD: _clock_ahead,
        Quirk.TOO_LARGE: _too_large,
        Quirk.TOO_DEEP: _too_deep,
    }
)
"""How each quirk of form is played: True where it fitted the message."""
