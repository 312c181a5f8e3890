"""Times: wire text to integer nanoseconds since the epoch, and back.

Owns every reading of a time in the program. Integers, because a float second loses the 7th digit that Easee
sends, and rounding it can carry a time into the next second.
Must not know the present time: there is no clock here.
"""

import re
from datetime import UTC, datetime, timedelta

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

EARLIEST = 1_420_070_400 * NS_PER_S
"""2015-01-01T00:00:00Z: before Easee's cloud existed; an earlier time is a clock that was never set."""
END = 9_214_646_400 * NS_PER_S
"""2262-01-01T00:00:00Z: the last whole year before int64 nanoseconds, a store's time, overflow."""

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?:([Zz])|([+-])(\d\d):?(\d\d))?",
    re.ASCII,
)
_SPACE = " \t\r\n"
_LAST_DIGIT = 9
_HOURS_A_DAY = 24
_MINUTES_AN_HOUR = 60
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


class TimeReader:
    """Reads times, remembering the pieces it met: a stream's times crowd around now and around whole milliseconds.

    The memory is bounded and holds nothing but the meaning of text, so it never changes a result.
    """

    _KEPT = 4_096
    _HEAD = len("2023-06-08T06:59:16")
    _DIGITS = 7
    _LONGEST_TAIL = len("123456789+00:00")
    _UTC = ("Z", "+00:00")

    def __init__(self) -> None:
        """Start with an empty memory."""
        self._heads: dict[str, int] = {}
        self._tails: dict[str, int] = {}

    def read(self, text: str) -> int | None:
        """Nanoseconds since the epoch, or None where `text` is no time. Takes exactly what `parse_time` takes."""
        head, _, tail = text.partition(".")
        second = self._heads.get(head)
        rest = self._tails.get(tail)
        if second is not None:
            if rest is not None:
                return second + rest
            digits = tail[: self._DIGITS]
            if tail[self._DIGITS :] in self._UTC and digits.isascii() and digits.isdigit():
                rest = int(digits) * 100
                if not rest % NS_PER_MS:
                    _remember(self._tails, tail, rest, self._KEPT)
                return second + rest
        time = parse_time(text)
        if time is not None and 0 < len(tail) <= self._LONGEST_TAIL and len(head) == self._HEAD:
            second = parse_time(head)
            if second is not None:
                _remember(self._heads, head, second, self._KEPT)
                _remember(self._tails, tail, time - second, self._KEPT)
        return time


def _remember(memory: dict[str, int], text: str, meaning: int, limit: int) -> None:
    if len(memory) >= limit:
        memory.clear()
    memory[text] = meaning


def parse_time(text: str) -> int | None:
    """Nanoseconds since the epoch of `YYYY-MM-DDTHH:MM[:SS[.digits]][Z|±HH:MM]`, None where it is no such time.

    Without a zone it is UTC. Digits beyond nanoseconds are cut off, never rounded. Years 1 to 9999.
    """
    match = _TIME.fullmatch(text.strip(_SPACE))
    if match is None:
        return None
    date, minute, second, fraction, _, sign, offset_hours, offset_minutes = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{minute}:{second or '00'}+00:00")
    except ValueError:
        return None
    whole = (moment - _EPOCH) // _SECOND
    if sign:
        hours, minutes = int(offset_hours), int(offset_minutes)
        if hours >= _HOURS_A_DAY or minutes >= _MINUTES_AN_HOUR:
            return None
        offset = (hours * 60 + minutes) * 60
        whole += offset if sign == "-" else -offset
    return whole * NS_PER_S + int((fraction or "0")[:_LAST_DIGIT].ljust(_LAST_DIGIT, "0"))


def has_zone(text: str) -> bool:
    """True where a readable time says which zone it is in; one that does not is taken as UTC."""
    match = _TIME.fullmatch(text.strip(_SPACE))
    return match is not None and (match[5] is not None or match[6] is not None)


def format_time(time: int) -> str:
    """ISO 8601 text of nanoseconds since the epoch, UTC, with all nine digits: `2023-06-08T06:59:16.013000000Z`."""
    seconds, fraction = divmod(time, NS_PER_S)
    moment = _EPOCH + timedelta(seconds=seconds)
    return f"{moment.replace(tzinfo=None).isoformat()}.{fraction:09d}Z"


def time_of_datetime(moment: datetime) -> int:
    """Nanoseconds since the epoch of a `datetime`; one without a zone is UTC (AMQP's timestamp type)."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = aware - _EPOCH
    return (since.days * 86_400 + since.seconds) * NS_PER_S + since.microseconds * 1_000


def is_plausible(time: int) -> bool:
    """True within 2015 to 2261, where a time can be meant and every store can hold it."""
    return EARLIEST <= time < END
