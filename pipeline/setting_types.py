"""The types of settings: text from the environment to a value, or words that say what is allowed.

Owns how durations, sizes, rates, addresses and secrets are written. Must not know which setting has which type.
A parser raises ValueError with words that complete "must be …"; it never repeats what it was given, which may be
secret.
"""

import re
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, TypeVar
from urllib.parse import unquote, urlsplit

_Choice = TypeVar("_Choice", bound=Enum)

NS_PER_S = 1_000_000_000
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
_QUANTITY = re.compile(r"([0-9]{1,15})\s*([A-Za-z]+)", re.ASCII)
_MOST_NS = 36_500 * _DURATIONS["d"]
_PORTS = range(1, 65_536)
FOREVER = "forever"


class Secret:
    """A text that is never shown: not by print, not in a log, not in an error."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Keep `text`."""
        self._text = text

    def reveal(self) -> str:
        """The text itself, for the one who needs it."""
        return self._text

    def __repr__(self) -> str:
        """Stars."""
        return "***"

    def __eq__(self, other: object) -> bool:
        """Equal to a secret of the same text."""
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        """The text's."""
        return hash(self._text)


class SecretFile(Secret):
    """A secret that stands in a file, read again each time it is needed, since files are how secrets are rotated."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        """Read it now for the first time. Raises OSError, and ValueError where the file is no text."""
        self.path = path
        super().__init__(self.reveal())

    def reveal(self) -> str:
        """What the file holds now, without the line break at its end. Raises OSError."""
        return self.path.read_text("utf-8").rstrip("\r\n")


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int


class Retention(NamedTuple):
    """How long rows are kept, nanoseconds; None is for ever. `raw` facts, `hour` derived rows."""

    raw_ns: int | None
    hour_ns: int | None


def text(value: str) -> str:
    """Any text."""
    return value


def path(value: str) -> Path:
    """A path, `~` for the home folder."""
    return Path(value).expanduser()


def secret(value: str) -> Secret:
    """Any text, kept from view."""
    return Secret(value)


def flag(value: str) -> bool:
    """`on` or `off`."""
    if value not in ("on", "off"):
        raise ValueError("on or off")
    return value == "on"


def number(lowest: int, highest: int) -> Callable[[str], int]:
    """A whole number within limits."""

    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,15}", value, re.ASCII) or not lowest <= int(value) <= highest:
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
    """Nanoseconds, from `100ms`, `60s`, `20min`, `6h` or `30d`."""
    nanoseconds = _quantity(value, _DURATIONS)
    if nanoseconds is None or not 0 < nanoseconds <= _MOST_NS:
        raise ValueError("a duration like 100ms, 60s, 20min, 6h or 30d")
    return nanoseconds


def size(value: str) -> int:
    """Bytes, from `512MiB` or `1GiB`."""
    octets = _quantity(value, _SIZES)
    if not octets:
        raise ValueError("a size like 512MiB or 1GiB")
    return octets


def rate(value: str) -> int:
    """Events a minute, from `100/min`."""
    match = re.fullmatch(r"([0-9]{1,9})/min", value, re.ASCII)
    if not match or not int(match[1]):
        raise ValueError("a rate like 100/min")
    return int(match[1])


def retention(value: str) -> Retention:
    """`raw:<duration>,hour:<duration>`, each a duration or `forever`."""
    parts = dict(part.partition(":")[::2] for part in value.split(","))
    try:
        if set(parts) != {"raw", "hour"}:
            raise ValueError
        kept = {name: None if word == FOREVER else duration(word) for name, word in parts.items()}
    except ValueError:
        raise ValueError("like raw:90d,hour:forever, each a duration or forever") from None
    return Retention(kept["raw"], kept["hour"])


def address(value: str) -> Address | None:
    """`host:port`, or None for `off`."""
    if value == "off":
        return None
    host, _, port = value.rpartition(":")
    if not host or not re.fullmatch(r"[0-9]{1,5}", port, re.ASCII) or int(port) not in _PORTS:
        raise ValueError("off, or an address like 127.0.0.1:8090")
    return Address(host.strip("[]"), int(port))


def amqp_url(value: str) -> Secret:
    """`amqps://user:password@host:5671/vhost`. Options in the query are refused.

    A client reads `no_verify_ssl=false` there as *do not verify*; nothing that weakens TLS may hide in a URL.
    """
    try:
        parts = urlsplit(value)
        port_fits = parts.port is None or parts.port in _PORTS
    except ValueError:
        raise ValueError("a URL like amqps://user:password@host:5671/vhost") from None
    if parts.scheme not in ("amqp", "amqps") or not parts.hostname or not port_fits:
        raise ValueError("a URL like amqps://user:password@host:5671/vhost")
    if parts.query or parts.fragment:
        raise ValueError("a URL without options: leave out everything from ? on; TLS is always verified")
    if not unquote(parts.username or "") or not unquote(parts.password or ""):
        raise ValueError("a URL with user and password, special characters percent-encoded")
    return Secret(value)


def http_url(value: str) -> str:
    """`http://host:port` or `https://…`, without a password in it."""
    try:
        parts = urlsplit(value)
        is_sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) in _PORTS
    except ValueError:
        is_sound = False
    if not is_sound:
        raise ValueError("a URL like https://host:8086")
    if parts.username or parts.password:
        raise ValueError("a URL without user and password")
    return value.rstrip("/")


def secret_http_url(value: str) -> Secret:
    """A URL that may itself hold a token, kept from view."""
    return Secret(http_url(value))


def bucket(value: str) -> str:
    """An InfluxDB bucket; a slash would keep it from being asked in InfluxQL."""
    if "/" in value:
        raise ValueError("the name of a bucket without a slash, so that dashboards can ask it in InfluxQL")
    return value


def _quantity(value: str, units: Mapping[str, int]) -> int | None:
    match = _QUANTITY.fullmatch(value)
    return int(match[1]) * units[match[2]] if match and match[2] in units else None
