"""Logging: one event, one line, on standard error.

Owns the two forms of a line. Nothing from the wire can break a line or colour a terminal: what is not printable is
written out. Secrets are not meant to come here; those that do are masked all the same. Must not know what is logged.
"""

import json
import logging
import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from traceback import extract_tb
from typing import Protocol

from pipeline.secret import MASKED, Masked

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_DEEPEST = 8
_SHORTEST_WORD = 4
_REPEATERS = ("aio_pika", "aiokafka", "aiormq", "faust", "mode")
"""Libraries that log the faults they raise, with stack traces; whoever catches these tells them in words."""
_REVEALING = ("aiokafka.conn",)
"""Libraries that log what they send at `debug`, the login among it: in a form that no mask can know."""


class LogLevel(StrEnum):
    """The least serious event that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """How an event is written."""

    AUTO = "auto"
    JSON = "json"
    TEXT = "text"


class LogStream(Protocol):
    """Where lines go; a file is one."""

    def write(self, text: str, /) -> object:
        """Take text."""

    def flush(self) -> None:
        """Let nothing wait."""

    def isatty(self) -> bool:
        """Whether people read it."""


class _Line(logging.Formatter):
    """What both forms share: the time, the extra fields of a record, and the mask over everything."""

    def __init__(self, secrets: Iterable[Masked] = ()) -> None:
        """`secrets` are asked for their words at each event, since a secret in a file changes with it."""
        super().__init__()
        self._secrets = tuple(secrets)

    def moment(self, record: logging.LogRecord) -> str:
        """UTC, to the millisecond, `2026-01-31T12:34:56.789Z`."""
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def extras(self, record: logging.LogRecord) -> Iterator[tuple[str, object]]:
        """What the event was given as `extra`, masked."""
        for name, value in vars(record).items():
            if name not in _STANDARD:
                yield self.mask(name), self._plain(value)

    def trace(self, record: logging.LogRecord) -> str:
        """The stack trace, or empty."""
        parts = [self.formatException(record.exc_info)] if record.exc_info else []
        parts += [self.formatStack(record.stack_info)] if record.stack_info else []
        return self.mask("\n".join(parts))

    def mask(self, text: str) -> str:
        """`text` with stars in place of secrets, but for those so short that stars would be everywhere."""
        words = {word for secret in self._secrets for word in secret.words() if len(word) >= _SHORTEST_WORD}
        for word in sorted(words, key=len, reverse=True):
            text = text.replace(word, MASKED)
        return text

    def _plain(self, value: object, depth: int = 0) -> object:
        """A value as JSON has it, masked; text where JSON has nothing like it, and where it is nested too deep."""
        if value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
            return value
        if isinstance(value, bytes):
            return self.mask(value.decode("utf-8", "backslashreplace"))
        if isinstance(value, Mapping | list | tuple) and depth == _DEEPEST:
            return "…"
        if isinstance(value, Mapping):
            return {self.mask(str(name)): self._plain(member, depth + 1) for name, member in value.items()}
        if isinstance(value, list | tuple):
            return [self._plain(member, depth + 1) for member in value]
        return self.mask(str(value))


class JsonLine(_Line):
    """`{"time": …, "level": …, "logger": …, "message": …}` and the extra fields, in ASCII."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object, without its line break. An extra field with a name of ours gets a `_` behind it."""
        line: dict[str, object] = {
            "time": self.moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self.mask(record.getMessage()),
        }
        if trace := self.trace(record):
            line["trace"] = trace
        for name, value in self.extras(record):
            line[f"{name}_" if name in line else name] = value
        return json.dumps(line)


class TextLine(_Line):
    """`2026-01-31T12:34:56.789Z warning message name=value`, for people."""

    def format(self, record: logging.LogRecord) -> str:
        """One line; a stack trace follows in lines of its own, each behind a bar that no event begins with."""
        message = self.mask(record.getMessage())
        extras = "".join(f" {name}={value}" for name, value in self.extras(record))
        line = escape(f"{self.moment(record)} {record.levelname.lower():7} {message}{extras}")
        return "\n".join([line, *(f"  | {escape(part)}" for part in self.trace(record).splitlines())])


def set_up_logging(
    level: LogLevel, line_format: LogFormat, stream: LogStream | None = None, secrets: Iterable[Masked] = ()
) -> None:
    """Send events of `level` and above to `stream`, standard error unless given; `auto` is text on a terminal.

    Libraries that only repeat what they raise are heard at `debug` alone. Called again, it replaces what it set up
    before, and leaves handlers of others alone.
    """
    stream = sys.stderr if stream is None else stream
    if line_format is LogFormat.AUTO:
        line_format = LogFormat.TEXT if stream.isatty() else LogFormat.JSON
    handler = logging.StreamHandler(stream)
    handler.setFormatter((JsonLine if line_format is LogFormat.JSON else TextLine)(secrets))
    root = logging.getLogger()
    for former in [each for each in root.handlers if isinstance(each.formatter, _Line)]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level.value.upper())
    for name in _REPEATERS:
        logging.getLogger(name).setLevel(logging.DEBUG if level is LogLevel.DEBUG else logging.CRITICAL)
    for name in _REVEALING:
        logging.getLogger(name).setLevel(logging.INFO if level is LogLevel.DEBUG else logging.CRITICAL)


def escape(text: str) -> str:
    """`text` with everything that is not printable written out, line breaks and terminal codes among it."""
    return text if text.isprintable() else "".join(map(_escape_character, text))


def _escape_character(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()


def place_of_fault(fault: Exception) -> str:
    """Where a fault of ours happened. Its words are left away: they may hold a value that must not be shown."""
    place = extract_tb(fault.__traceback__)[-1]
    return f"{type(fault).__name__} in {Path(place.filename).name}, line {place.lineno}"
