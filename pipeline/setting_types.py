"""The types of settings: text from the environment to a value, or words that say what is allowed.

Owns how durations, sizes, rates, addresses and URLs are written. Must not know which setting has which type.
A parser raises ValueError with words that complete "must be …"; it never repeats what it was given, which may be
secret.
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeVar
from urllib.parse import SplitResult, unquote, urlsplit

_Choice = TypeVar("_Choice", bound=Enum)

NS_PER_S = 1_000_000_000
FOREVER = "forever"
SHORTEST_KEY = 32

_DURATIONS: Mapping[str, int] = MappingProxyType(
    {
        "ms": 1_000_000,
        "s": NS_PER_S,
        "min": 60 * NS_PER_S,
        "h": 3_600 * NS_PER_S,
        "d": 86_400 * NS_PER_S,
    }
)
_SIZES: Mapping[str, int] = MappingProxyType({"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40})
_MOST_NS = 36_500 * _DURATIONS["d"]
_MOST_BYTES = 1 << 60
_MOST_NAME = 255
_PORTS = range(1, 65_536)

_QUANTITY = re.compile(r"([0-9]{1,15})\s?([A-Za-z]+)")
_NUMBER = re.compile(r"[0-9]{1,15}")
_RATE = re.compile(r"([0-9]{1,9})/min")
_VISIBLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+")
_ADDRESS = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)\]|(?P<host>[A-Za-z0-9._-]+)):(?P<port>[0-9]{1,5})")
_AMQP_FORM = "a URL like amqps://user:password@host:5671/vhost, special characters percent-encoded"


class Address(NamedTuple):
    """A host, IPv6 without brackets, and a port: where to listen, or whom to ask."""

    host: str
    port: int


class Retention(NamedTuple):
    """How long rows are kept, nanoseconds; None is for ever. `raw` facts, `hour` hourly rows."""

    raw_ns: int | None
    hour_ns: int | None


def text(value: str) -> str:
    """Words on one line."""
    if not value.isprintable() or value != value.strip():
        raise ValueError("text without control characters, and without blanks at its ends")
    return value


def name(value: str) -> str:
    """What AMQP calls a short string: the name of a queue or an exchange."""
    if len(text(value).encode()) > _MOST_NAME:
        raise ValueError(f"a name of at most {_MOST_NAME} bytes")
    return value


def token(value: str) -> str:
    """What can stand in an HTTP header."""
    if not _VISIBLE.fullmatch(value):
        raise ValueError("a token: ASCII letters, digits and signs, without blanks")
    return value


def key(value: str) -> str:
    """A key for HMAC-SHA256; a shorter one could be found by trying, since what is hashed is short too."""
    if len(value) < SHORTEST_KEY or not value.isprintable():
        raise ValueError(f"{SHORTEST_KEY} printable characters or more, such as openssl rand -hex 32 makes")
    return value


def path(value: str) -> Path:
    """A path, `~` for the home folder. Whether there is something is for those who use it to find out."""
    if "\0" in value:
        raise ValueError("a path, which holds no NUL")
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise ValueError("a path; there is no home folder for its ~") from None


def flag(value: str) -> bool:
    """`on` or `off`."""
    if value not in ("on", "off"):
        raise ValueError("on or off")
    return value == "on"


def number(lowest: int, highest: int) -> Callable[[str], int]:
    """A whole number within limits."""

    def parse(value: str) -> int:
        if not _NUMBER.fullmatch(value) or not lowest <= int(value) <= highest:
            raise ValueError(f"a whole number from {lowest} to {highest}")
        return int(value)

    return parse


def choice(choices: type[_Choice]) -> Callable[[str], _Choice]:
    """One word of a closed set."""

    def parse(value: str) -> _Choice:
        try:
            return choices(value)
        except ValueError:
            raise ValueError(f"one of {', '.join(str(member.value) for member in choices)}") from None

    return parse


def duration(value: str) -> int:
    """Nanoseconds, from `100ms`, `60s`, `20min`, `6h` or `30d`; at most 36500d."""
    nanoseconds = _quantity(value, _DURATIONS)
    if nanoseconds is None or not 0 < nanoseconds <= _MOST_NS:
        raise ValueError("a duration like 100ms, 60s, 20min, 6h or 30d, above zero")
    return nanoseconds


def size(value: str) -> int:
    """Bytes, from `512MiB` or `1GiB`; at most 2^60."""
    octets = _quantity(value, _SIZES)
    if octets is None or not 0 < octets <= _MOST_BYTES:
        raise ValueError("a size like 64KiB, 512MiB or 1GiB, above zero")
    return octets


def rate(value: str) -> int:
    """Events a minute, from `100/min`."""
    match = _RATE.fullmatch(value)
    if not match or not int(match[1]):
        raise ValueError("a rate like 100/min, above zero")
    return int(match[1])


def retention(value: str) -> Retention:
    """`raw:<duration>,hour:<duration>`, each a duration or `forever`."""
    parts = [part.partition(":") for part in value.split(",")]
    try:
        if sorted(which for which, _, _ in parts) != ["hour", "raw"]:
            raise ValueError
        kept = {which: None if word == FOREVER else duration(word) for which, _, word in parts}
    except ValueError:
        raise ValueError("like raw:90d,hour:forever, each a duration or forever") from None
    return Retention(kept["raw"], kept["hour"])


def address(value: str) -> Address | None:
    """`host:port`, or None for `off`."""
    if value == "off":
        return None
    found = _address(value)
    if found is None:
        raise ValueError("off, or an address like 127.0.0.1:8090 or [::1]:8090")
    return found


def addresses(value: str) -> tuple[Address, ...]:
    """`host:port,host:port`, one or more."""
    found = tuple(_address(part) for part in value.split(","))
    known = tuple(one for one in found if one is not None)
    if len(known) < len(found):
        raise ValueError("addresses like kafka1:9092,kafka2:9092")
    return known


def amqp_url(value: str) -> str:
    """`amqps://user:password@host:5671/vhost`. Options in the query are refused.

    A client reads `no_verify_ssl=false` there as *do not verify*; nothing that weakens TLS may hide in a URL.
    """
    parts = _split_url(value, ("amqp", "amqps"))
    if parts is None:
        raise ValueError(_AMQP_FORM)
    if "?" in value or "#" in value:
        raise ValueError("a URL without options: leave out everything from ? or # on; amqps always verifies TLS")
    if not unquote(parts.username or "") or not unquote(parts.password or ""):
        raise ValueError(f"with user and password: {_AMQP_FORM}")
    return value


def http_url(value: str) -> str:
    """`http://host:port` or `https://…`, with nothing secret in it; no slash at the end."""
    parts = _split_url(value, ("http", "https"))
    if parts is None:
        raise ValueError("a URL like https://host:8086")
    if parts.username is not None or "?" in value or "#" in value:
        raise ValueError("a URL like https://host:8086, without user, password or options")
    return value.rstrip("/")


def webhook(value: str) -> str:
    """`https://…`; its path and query may hold a token."""
    if _split_url(value, ("http", "https")) is None:
        raise ValueError("a URL like https://alertmanager:9093/api/v2/alerts")
    return value


def bucket(value: str) -> str:
    """An InfluxDB bucket; a slash would keep it from being asked in InfluxQL."""
    if "/" in text(value):
        raise ValueError("the name of a bucket without a slash, so that dashboards can ask it in InfluxQL")
    return value


def _quantity(value: str, units: Mapping[str, int]) -> int | None:
    match = _QUANTITY.fullmatch(value)
    return int(match[1]) * units[match[2]] if match and match[2] in units else None


def _address(value: str) -> Address | None:
    match = _ADDRESS.fullmatch(value)
    if not match or int(match["port"]) not in _PORTS:
        return None
    return Address(match["ipv6"] or match["host"], int(match["port"]))


def _split_url(value: str, schemes: tuple[str, ...]) -> SplitResult | None:
    """The parts of a URL with a scheme of these and a sound host and port; None for anything else.

    What is not visible ASCII is refused first: `urlsplit` would drop line breaks and tabs without a word.
    """
    if not _VISIBLE.fullmatch(value):
        return None
    try:
        parts = urlsplit(value)
        is_sound = (
            parts.scheme in schemes
            and _HOST.fullmatch(parts.hostname or "") is not None
            and (parts.port is None or parts.port in _PORTS)
        )
    except ValueError:
        return None
    return parts if is_sound else None
