"""Quirks: everything odd that the stream does, each by name, switchable, with its rate.

Owns the closed set and the usual mixtures. Must not know how a quirk is played (`messages`, `charger`).
Sources: Easee's documentation, and what users of the same cloud have seen.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Self


class Quirk(StrEnum):
    """One oddity. Rates are chances: of any message, or of the event that the description names."""

    # The form of a value.
    NUMBER_AS_TEXT = "number_as_text"
    """"13" for 13."""
    BOOLEAN_AS_TEXT = "boolean_as_text"
    """"True" or "false" for a boolean."""
    BOOLEAN_AS_NUMBER = "boolean_as_number"
    """1 or 0, as a number or as text, for a boolean."""
    INTEGRAL_FLOAT = "integral_float"
    """13.0 for 13."""
    NULL_VALUE = "null_value"
    MISFIT = "misfit"
    """Text in a number, a fraction in an integer."""
    # Times.
    OFFSET_STAMP = "offset_stamp"
    """The same moment with an offset other than +00:00."""
    FINE_STAMP = "fine_stamp"
    """A device's Timestamp with all seven digits."""
    ZONE_MISSING = "zone_missing"
    ARRIVAL_MISSING = "arrival_missing"
    ARRIVAL_UNREADABLE = "arrival_unreadable"
    # Transport.
    OUT_OF_ORDER = "out_of_order"
    """A message is overtaken by later ones of its charger."""
    REDELIVERY = "redelivery"
    """The same message twice."""
    OFFLINE = "offline"
    """Of an hour: the charger loses its connection, and flushes its buffer later with old stamps."""
    CLOUD_DROP = "cloud_drop"
    """Of an hour: a drop of 8 to 76 s, told by ids 250 and 251."""
    # The form of a message.
    WRAPPED = "wrapped"
    FOURTH_SEGMENT = "fourth_segment"
    BYTE_ORDER_MARK = "byte_order_mark"
    NAME_MISSING = "name_missing"
    # What is said.
    UNKNOWN_ID = "unknown_id"
    OLD_KIND = "old_kind"
    """OP, P and SYS messages of the older platform."""
    JSON_DOCUMENT = "json_document"
    """A value that is a JSON document, as text; sometimes broken or empty."""
    SAME_SECOND = "same_second"
    """Of a session's end: the last power and 0 in one second."""
    LATE_ENERGY = "late_energy"
    """Of a session's end: its energy comes up to 40 min late."""
    SPURIOUS_ZERO = "spurious_zero"
    """Of a power report: SessionEnergy 0 in the middle of a session."""
    # Commands.
    FOREIGN_COMMAND = "foreign_command"
    """Of an hour: a command of another controller, whose response everybody sees."""
    REFUSED = "refused"
    LATE_RESPONSE = "late_response"
    """A response more than 60 s late."""
    NO_RESPONSE = "no_response"
    READBACK_FIRST = "readback_first"
    """The observation that shows the effect comes before the response."""
    ROUNDED_TICKS = "rounded_ticks"
    """Ticks that lost their last digits, as JSON numbers above 2**53 do."""
    TICKS_MISSING = "ticks_missing"
    NEGATIVE_DELIVERY = "negative_delivery"
    """DeliveredAt before the command was created: the device's clock is behind."""
    DELIVERED_UNREADABLE = "delivered_unreadable"
    UNKNOWN_COMMAND = "unknown_command"
    # What makes commands hard to follow: in no mixture but `hard`.
    SLOW_RESPONSE = "slow_response"
    """A response 10 to 70 s late: on either side of the usual time-out."""
    EXPIRES = "expires"
    """Of a command of ours: it expires before its time-out."""
    ONLY_CHANGES = "only_changes"
    """Of a readback: it is not said where the value is what it was."""
    RENEWED = "renewed"
    """Of a limit whose time is over: it does not fall back where a newer command has set it since."""
    RIVAL = "rival"
    """Of a command of ours: another controller sends the same id at nearly the same time."""
    REPEATED = "repeated"
    """Of a charger: a controller of ours sends it the same id every 30 s."""
    DEAD = "dead"
    """Of a charger: it is never heard of again from some moment of its first hours on."""
    REPEATED_TO_DEAD = "repeated_to_dead"
    """Of a dead charger: from its death on, a controller of ours sends it the same id every 30 s."""
    DEVICE_CLOCK = "device_clock"
    """Of a charger: its clock is up to 2 s off."""
    HOST_CLOCK = "host_clock"
    """Of an hour: the clock of the operator's host, which stamps commands and receipts, is set up to 1 s wrong."""
    # What must be refused.
    BAD_KEY = "bad_key"
    BAD_JSON = "bad_json"
    BAD_UTF8 = "bad_utf8"
    NOT_AN_OBJECT = "not_an_object"
    MISSING_MEMBER = "missing_member"
    OTHER_IDENTITY = "other_identity"
    BAD_TIMESTAMP = "bad_timestamp"
    CLOCK_UNSET = "clock_unset"
    """A device that believes it is 1970 or year 1."""
    CLOCK_AHEAD = "clock_ahead"
    """A Timestamp days ahead of ArrivalTime."""
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"


_RARE = 0.002
_EVERYDAY: Mapping[Quirk, float] = MappingProxyType(
    {
        Quirk.NUMBER_AS_TEXT: 0.01,
        Quirk.FINE_STAMP: 0.002,
        Quirk.OUT_OF_ORDER: 0.005,
        Quirk.REDELIVERY: 0.001,
        Quirk.OFFLINE: 0.02,
        Quirk.CLOUD_DROP: 0.05,
        Quirk.UNKNOWN_ID: 0.002,
        Quirk.JSON_DOCUMENT: 0.003,
        Quirk.SAME_SECOND: 0.5,
        Quirk.LATE_ENERGY: 0.3,
        Quirk.SPURIOUS_ZERO: 0.02,
        Quirk.FOREIGN_COMMAND: 0.5,
        Quirk.REFUSED: 0.03,
        Quirk.LATE_RESPONSE: 0.01,
        Quirk.NO_RESPONSE: 0.02,
        Quirk.READBACK_FIRST: 0.2,
        Quirk.ROUNDED_TICKS: 0.8,
        Quirk.NEGATIVE_DELIVERY: 0.3,
        Quirk.OLD_KIND: 0.0005,
        Quirk.MISFIT: 0.0002,
        Quirk.BAD_JSON: 0.0001,
    }
)
_LIVELY: Mapping[Quirk, float] = MappingProxyType(
    {
        Quirk.OFFLINE: 0.3,
        Quirk.CLOUD_DROP: 0.3,
        Quirk.SAME_SECOND: 0.5,
        Quirk.LATE_ENERGY: 0.5,
        Quirk.SPURIOUS_ZERO: 0.1,
        Quirk.FOREIGN_COMMAND: 1.0,
        Quirk.REFUSED: 0.1,
        Quirk.LATE_RESPONSE: 0.1,
        Quirk.NO_RESPONSE: 0.1,
        Quirk.READBACK_FIRST: 0.3,
        Quirk.ROUNDED_TICKS: 0.5,
        Quirk.TICKS_MISSING: 0.1,
        Quirk.NEGATIVE_DELIVERY: 0.4,
        Quirk.DELIVERED_UNREADABLE: 0.1,
        Quirk.UNKNOWN_COMMAND: 0.1,
        Quirk.TOO_LARGE: 0.0002,
        Quirk.BOOLEAN_AS_TEXT: 0.02,
        Quirk.BOOLEAN_AS_NUMBER: 0.02,
        Quirk.INTEGRAL_FLOAT: 0.02,
        Quirk.JSON_DOCUMENT: 0.2,
    }
)
_HARD: Mapping[Quirk, float] = MappingProxyType(
    {
        Quirk.SLOW_RESPONSE: 0.02,
        Quirk.EXPIRES: 0.2,
        Quirk.ONLY_CHANGES: 1.0,
        Quirk.RENEWED: 1.0,
        Quirk.RIVAL: 0.01,
        Quirk.REPEATED: 0.01,
        Quirk.DEAD: 0.01,
        Quirk.REPEATED_TO_DEAD: 0.5,
        Quirk.DEVICE_CLOCK: 1.0,
        Quirk.HOST_CLOCK: 1.0,
    }
)


class Quirks:
    """Which quirks happen, and how often."""

    def __init__(self, rates: Mapping[Quirk, float]) -> None:
        """Rates from 0 to 1; a quirk that is not named does not happen."""
        self._rates = MappingProxyType({quirk: rates.get(quirk, 0.0) for quirk in Quirk})

    def rate(self, quirk: Quirk) -> float:
        """How often it happens, 0 to 1."""
        return self._rates[quirk]

    @classmethod
    def none(cls) -> Self:
        """A stream by the book."""
        return cls({})

    @classmethod
    def everyday(cls) -> Self:
        """What an ordinary day brings."""
        return cls(_EVERYDAY)

    @classmethod
    def all(cls) -> Self:
        """Every quirk of the stream, often enough that each occurs within some hours of 100 chargers."""
        return cls({quirk: _LIVELY.get(quirk, _RARE) for quirk in Quirk if quirk not in _HARD})

    @classmethod
    def hard(cls) -> Self:
        """An ordinary day on which commands are hard to follow."""
        return cls({**_EVERYDAY, **_HARD})

    def but(self, rates: Mapping[Quirk, float]) -> "Quirks":
        """The same but for these rates."""
        return Quirks({**self._rates, **rates})

    def without(self, quirks: Iterable[Quirk]) -> "Quirks":
        """The same but for these."""
        return self.but(dict.fromkeys(quirks, 0.0))

    def with_only(self, quirks: Iterable[Quirk]) -> "Quirks":
        """These alone, at the rates they have here."""
        return Quirks({quirk: self._rates[quirk] for quirk in quirks})
