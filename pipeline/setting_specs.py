"""The settings: one table of names, defaults, types and meanings.

Owns what can be set. The README's table, `.env.example` and `chargeline config` are made from it, so none can drift.
Must not know where values come from (`pipeline.settings`).
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from pipeline import setting_types as types
from pipeline.core.redaction import Personal
from pipeline.log import LogFormat, LogLevel
from pipeline.wires.state import WhenFull

PREFIX = "CHARGELINE_"
_FILE = "_FILE"


class AmqpReader(StrEnum):
    """Who reads the broker's frames."""

    FAST = "fast"
    AIO_PIKA = "aio-pika"


class Spec(NamedTuple):
    """One setting.

    `parse`      its text to its value; raises ValueError with words that complete "must be …". Of a secret, the value
                 is a text, which `Settings` has as a `Secret`.
    `default`    as it would be written; None where the setting is not set by default.
    `is_secret`  never shown; may stand in a file instead, named by the setting with `_FILE` behind it.
    """

    name: str
    parse: Callable[[str], object]
    default: str | None
    meaning: str
    is_secret: bool = False

    @property
    def variable(self) -> str:
        """The name of its environment variable."""
        return PREFIX + self.name

    @property
    def file_variable(self) -> str:
        """The environment variable that names its file, where it is a secret."""
        return self.variable + _FILE

    @property
    def attribute(self) -> str:
        """The name of its attribute in `Settings`."""
        return self.name.lower()


_MOST_PREFETCH = 65_535
_MOST_PARTITIONS = 10_000

_TABLE = (
    Spec(
        "AMQP_URL",
        types.amqp_url,
        None,
        "The operator's broker: `amqps://user:password@host:5671/vhost`.",
        is_secret=True,
    ),
    Spec("AMQP_QUEUE", types.name, None, "The operator's queue, from Easee's connection details."),
    Spec("AMQP_EXCHANGE", types.name, None, "The exchange that commands are published to, likewise."),
    Spec("AMQP_CA_FILE", types.path, None, "CA certificates for TLS, in place of the system's."),
    Spec(
        "EASEE_CONNECTION_FILE",
        types.path,
        None,
        "Easee's reply with the connection details, as a JSON file, in place of the four above.",
    ),
    Spec(
        "AMQP_READER",
        types.choice(AmqpReader),
        "fast",
        "`fast` takes messages off the connection itself; `aio-pika`, the reference, costs several times as much.",
    ),
    Spec(
        "AMQP_SHARE",
        types.flag,
        "off",
        "`on`: consume beside another consumer; otherwise alone, standing by.",
    ),
    Spec(
        "PREFETCH",
        types.number(1, _MOST_PREFETCH),
        "15000",
        "Most messages that are read and not acknowledged.",
    ),
    Spec("BATCH", types.number(1, _MOST_PREFETCH), "5000", "Messages that are written together."),
    Spec("BATCH_AGE", types.duration, "100ms", "A batch that is not full is written after this time."),
    Spec(
        "COMMAND_AMQP_URL",
        types.amqp_url,
        None,
        "The broker of COMMAND_QUEUE; otherwise that of AMQP_URL.",
        is_secret=True,
    ),
    Spec("COMMAND_QUEUE", types.name, None, "A queue with copies of the commands that others send."),
    Spec("OPERATOR", types.text, None, "Your name in the header of commands: `<OPERATOR>.Easee`."),
    Spec("INFLUX_URL", types.http_url, None, "InfluxDB 2. Without any INFLUX setting, rows go to SQLite."),
    Spec("INFLUX_TOKEN", types.token, None, "Its token, with the right to write to the bucket.", is_secret=True),
    Spec("INFLUX_ORG", types.text, None, "Its organisation."),
    Spec("INFLUX_BUCKET", types.bucket, None, "Its bucket, a name without a slash."),
    Spec(
        "DATA_DIR",
        types.path,
        "./chargeline-data",
        "Folder of the SQLite store, the rejects and the worker's state.",
    ),
    Spec(
        "COMMAND_TIMEOUT",
        types.duration,
        "60s",
        "A command without an answer is timed out after this time.",
    ),
    Spec("SILENT_AFTER", types.duration, "20min", "A charger that sends nothing for this time is silent."),
    Spec(
        "STREAM_SILENT_AFTER",
        types.duration,
        "10min",
        "A queue that brings nothing for this time is silent.",
    ),
    Spec(
        "BACKLOG_ALERT",
        types.number(1, 10**12),
        "100000",
        "Alert when more messages than these wait in the queue.",
    ),
    Spec("REJECTS_ALERT", types.rate, "100/min", "Alert when more messages than these are rejected."),
    Spec("LATE_DATA", types.duration, "6h", "How far back derived rows are corrected by late messages."),
    Spec(
        "PERSONAL",
        types.choice(Personal),
        "drop",
        "Values that identify a person, a place or a network: `drop`, `hash` or `keep`.",
    ),
    Spec(
        "PERSONAL_KEY",
        types.key,
        None,
        "Key for `hash`, 32 characters or more; keep it, or hashes no longer match.",
        is_secret=True,
    ),
    Spec("REJECTS_MAX", types.size, "1GiB", "Most that rejects may take; a warning at 80 %."),
    Spec("REJECTS_KEEP", types.duration, "30d", "Older rejects are dropped."),
    Spec(
        "REJECTS_WHEN_FULL",
        types.choice(WhenFull),
        "stop",
        "`stop`: take nothing more until there is room. `drop-oldest`: make room, and count it.",
    ),
    Spec("FLEET_FILE", types.path, None, "CSV file `charger,site`, which gives rows the tag `site`."),
    Spec(
        "RETRY_ATTEMPTS",
        types.number(0, 100),
        "0",
        "How often a timed-out command is sent again, if it is safe.",
    ),
    Spec("ALERT_WEBHOOK", types.webhook, None, "Where alerts are posted, in Alertmanager's form.", is_secret=True),
    Spec(
        "KEEP",
        types.retention,
        "raw:forever,hour:forever",
        "How long SQLite keeps what was received, and what was worked out from it; a bucket has its own retention.",
    ),
    Spec("HTTP", types.address, "127.0.0.1:8090", "Address of health and metrics; `off` for none."),
    Spec(
        "HTTP_TOKEN",
        types.token,
        None,
        "Token for sending commands over HTTP; without it they are refused.",
        is_secret=True,
    ),
    Spec(
        "KAFKA_BROKERS",
        types.addresses,
        None,
        "Kafka brokers of the scale-out roles, `host:port,host:port`.",
    ),
    Spec(
        "KAFKA_PARTITIONS",
        types.number(1, _MOST_PARTITIONS),
        "12",
        "Partitions of every topic, fixed once the topics are made: as many processes of a role can share the work.",
    ),
    Spec(
        "KAFKA_REPLICATION",
        types.number(1, 100),
        "3",
        "Copies of every partition, each on a broker of its own.",
    ),
    Spec(
        "KAFKA_MIN_IN_SYNC",
        types.number(1, 100),
        None,
        "Copies that must have a record before it counts as durable; otherwise all but one, and both of two.",
    ),
    Spec("KAFKA_RETENTION", types.duration, "7d", "How long topics keep messages."),
    Spec(
        "KAFKA_CONFIG_FILE",
        types.path,
        None,
        "Client options of Kafka, such as SASL and TLS, in a file: `name=value` lines, by librdkafka's names.",
    ),
    Spec("LOG_LEVEL", types.choice(LogLevel), "info", "`debug`, `info`, `warning` or `error`."),
    Spec(
        "LOG_FORMAT",
        types.choice(LogFormat),
        "auto",
        "`text` or `json`, one line an event; `auto`: text on a terminal.",
    ),
)

SPECS: Mapping[str, Spec] = MappingProxyType({spec.name: spec for spec in _TABLE})
"""Every setting by its name without prefix, in the order of the manual."""
