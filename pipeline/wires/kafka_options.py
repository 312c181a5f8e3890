"""Client options of Kafka: where its brokers are, and how to log in, from settings and the operator's own file.

Owns the form of KAFKA_CONFIG_FILE, and which options an operator may not set. Must not know a client library.

The file has a line `name=value` for each option, by librdkafka's names (`security.protocol`, `sasl.mechanism`,
`sasl.username`, `sasl.password`, `ssl.ca.location`, …); blank lines and lines that begin with # say nothing. Nothing in
a value is replaced, and blanks at its ends do not count. It may hold passwords: no value is ever shown.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

MOST_MESSAGE_BYTES = 8 << 20
"""What a message may take, of every topic and of every producer: eight times Kafka's own limit. Typed messages are far
below that; what `track` remembers of one device, in one entry twice, was seen beyond it."""
_MOST_BYTES = 1 << 16
_SETTING = "CHARGELINE_KAFKA_CONFIG_FILE"

_OURS: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("bootstrap.servers", "metadata.broker.list"), "set CHARGELINE_KAFKA_BROKERS instead")
    | dict.fromkeys(
        (
            "acks",
            "request.required.acks",
            "enable.idempotence",
            "message.send.max.retries",
            "retries",
            "message.timeout.ms",
            "delivery.timeout.ms",
            "max.in.flight",
            "max.in.flight.requests.per.connection",
            "transactional.id",
            "enable.auto.commit",
            "enable.auto.offset.store",
            "auto.offset.reset",
            "isolation.level",
            "group.id",
            "partitioner",
            "log_level",
        ),
        "leave it out: that nothing is lost rests on it",
    )
)
_TLS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "enable.ssl.certificate.verification": ("true", "t", "1", "yes"),
        "ssl.endpoint.identification.algorithm": ("https",),
        # It may say @SECLEVEL=0 (old TLS) or eNULL (nothing is encrypted); `track` could not follow it anyway.
        "ssl.cipher.suites": (),
    }
)
"""Options that could weaken TLS, and what they may be."""


_SECRET_PARTS = ("password", "secret", "token", ".pem", "jaas", "oauthbearer.config")
"""What the name of an option has in it whose value is never shown."""


class KafkaOptionsError(Exception):
    """The options cannot be used. `faults` has one line for each reason; none shows a value."""

    def __init__(self, faults: Sequence[str]) -> None:
        """Keep every fault."""
        self.faults = tuple(faults)
        super().__init__("; ".join(faults))


def client_options(brokers: Sequence[tuple[str, int]], config_file: Path | None = None) -> Mapping[str, str]:
    """What every client of ours begins with, by librdkafka's names. Values may be secret.

    `brokers` are host (IPv6 without brackets) and port of each; the file is read once. Raises KafkaOptionsError.
    """
    chosen = {} if config_file is None else _read(config_file)
    servers = ",".join(f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in brokers)
    # What the library logs comes to its callbacks too, without its own lines on stderr.
    return MappingProxyType({**chosen, "bootstrap.servers": servers, "log_level": "0"})


def secret_values(text: str) -> Sequence[str]:
    """The values in such a file that are never shown, whatever else is right or wrong in it."""
    lines = [line.partition("=") for line in text.splitlines()]
    return [
        value.strip()
        for name, _, value in lines
        if value.strip() and any(part in name.lower() for part in _SECRET_PARTS)
    ]


def _read(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except OSError as fault:
        raise KafkaOptionsError((f"{path}: {fault.strerror}; {_SETTING} must name a file you can read",)) from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise KafkaOptionsError((f"{path} is not UTF-8 text; save it as such",)) from None
    if len(content) > _MOST_BYTES:
        raise KafkaOptionsError((f"{path} is longer than {_MOST_BYTES} bytes; is it the right file?",))
    values: dict[str, str] = {}
    faults: list[str] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        if not equals or not name or not value:
            faults.append(f"{path} line {number} is not name=value")
        elif name in _OURS:
            faults.append(f"{path} line {number}: {name} is not for this file; {_OURS[name]}")
        elif name in _TLS and value.lower() not in _TLS[name]:
            faults.append(f"{path} line {number}: {name} would weaken TLS; leave it out, and see ssl.ca.location")
        else:
            values[name] = value
    if faults:
        raise KafkaOptionsError(faults)
    return values
