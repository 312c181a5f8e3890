"""Words that settings choose from, where no other module owns them."""

from enum import StrEnum


class AmqpReader(StrEnum):
    """Who reads the broker's frames."""

    FAST = "fast"
    AIO_PIKA = "aio-pika"


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
