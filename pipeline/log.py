"""Logging: one event, one line, on standard error.

Owns the two forms of a line. Nothing from the wire can break a line or colour a terminal: control characters are
written out. Must not know what is logged.
"""

import logging
import sys
from datetime import UTC, datetime
from typing import TextIO

import orjson

from pipeline.setting_words import LogFormat, LogLevel

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class _Line(logging.Formatter):
    """What both forms share: the time, and the extra fields of a record."""

    def moment(self, record: logging.LogRecord) -> str:
        return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")

    def extras(self, record: logging.LogRecord) -> dict[str, object]:
        return {name: value for name, value in vars(record).items() if name not in _STANDARD}

    def trace(self, record: logging.LogRecord) -> str:
        return self.formatException(record.exc_info) if record.exc_info else ""


class JsonLine(_Line):
    """`{"time": …, "level": …, "logger": …, "message": …}` and the extra fields."""

    def format(self, record: logging.LogRecord) -> str:
        """One JSON object, without its line break."""
        line: dict[str, object] = {
            "time": self.moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": escape(record.getMessage()),
        }
        line |= self.extras(record)
        if trace := self.trace(record):
            line["trace"] = trace
        return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


class TextLine(_Line):
    """`12:34:56.789 warning message name=value`, for people."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, but for a stack trace, which follows in lines of its own."""
        extras = "".join(f" {name}={value}" for name, value in self.extras(record).items())
        line = escape(f"{self.moment(record)} {record.levelname.lower():7} {record.getMessage()}{extras}")
        trace = self.trace(record)
        return f"{line}\n{trace}" if trace else line


def set_up_logging(level: LogLevel, line_format: LogFormat, stream: TextIO | None = None) -> None:
    """Send events of `level` and above to `stream`, standard error unless given; `auto` is text on a terminal."""
    stream = sys.stderr if stream is None else stream
    if line_format is LogFormat.AUTO:
        line_format = LogFormat.TEXT if stream.isatty() else LogFormat.JSON
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLine() if line_format is LogFormat.JSON else TextLine())
    logging.basicConfig(level=level.value.upper(), handlers=[handler], force=True)


def escape(text: str) -> str:
    """`text` with everything that is not printable written out, line breaks and terminal codes among it."""
    return text if text.isprintable() else "".join(map(_escape_character, text))


def _escape_character(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
