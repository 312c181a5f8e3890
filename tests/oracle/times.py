"""Times by arithmetic on the calendar: text to nanoseconds since 1970, or None."""

import re
from datetime import date, datetime

FORM = re.compile(
    r"(?P<y>[0-9]{4})-(?P<mo>[0-9]{2})-(?P<d>[0-9]{2})[Tt ](?P<h>[0-9]{2}):(?P<mi>[0-9]{2})"
    r"(:(?P<s>[0-9]{2})([.,](?P<f>[0-9]+))?)?"
    r"(?P<z>[Zz]|[+-][0-9]{2}:?[0-9]{2})?"
)
DAY_OF_1970 = date(1970, 1, 1).toordinal()
FIRST = 1420070400 * 10**9  # 2015-01-01T00:00:00Z
BEYOND = 9214646400 * 10**9  # 2262-01-01T00:00:00Z


def nanoseconds(text: str) -> int | None:
    """The time that a text of the wire means; without a zone it is UTC."""
    found = FORM.fullmatch(text.strip(" \t\r\n"))
    if not found:
        return None
    try:
        day = date(int(found["y"]), int(found["mo"]), int(found["d"])).toordinal() - DAY_OF_1970
    except ValueError:
        return None
    hour, minute, second = int(found["h"]), int(found["mi"]), int(found["s"] or 0)
    if hour > 23 or minute > 59 or second > 59:
        return None
    zone = found["z"] or "Z"
    ahead = 0
    if zone not in "Zz":
        zone_hour, zone_minute = int(zone[1:3]), int(zone[-2:])
        if zone_hour > 23 or zone_minute > 59:
            return None
        ahead = (zone_hour * 60 + zone_minute) * (1 if zone[0] == "+" else -1)
    fraction = ((found["f"] or "") + "0" * 9)[:9]
    minutes = (day * 24 + hour) * 60 + minute - ahead
    return (minutes * 60 + second) * 10**9 + int(fraction)


def of_header(value: object) -> int | None:
    """A time in a header, within the years that count as times there."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, datetime):
        value = value.isoformat() if value.tzinfo else value.isoformat() + "Z"
    return sound(nanoseconds(value)) if isinstance(value, str) else None


def sound(time: int | None) -> int | None:
    """The time, if it lies in 2015 to 2261."""
    return time if time is not None and FIRST <= time < BEYOND else None
