"""Where the operator's broker is: from a URL, or from Easee's reply with the connection details.

Owns how both are read, and how TLS is set up: always verified, never below 1.2. Must not know settings or what is
consumed.
Source of the reply's form: Easee's documentation of `GET /api/streams/amqp/v2`.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote, urlsplit

import orjson
from yarl import URL

_PORTS = {"amqp": 5672, "amqps": 5671}
_HIGHEST_PORT = 65_535
_HEARTBEAT_S = 30


@dataclass(frozen=True, slots=True)
class AmqpAddress:
    """A broker and who we are there. The password in it is never shown: text of it has none."""

    host: str
    port: int
    is_tls: bool
    vhost: str
    user: str
    password: str

    def __str__(self) -> str:
        """Without the password: `amqps://user@host:5671/vhost`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self._scheme}://{quote(self.user)}@{host}:{self.port}/{quote(self.vhost, safe='')}"

    def __repr__(self) -> str:
        """The same, so that no log or trace has the password."""
        return str(self)

    def url(self) -> URL:
        """For aio-pika, the password included. TLS is not in it: that is `tls_context`."""
        path = "/" if self.vhost == "/" else f"/{quote(self.vhost, safe='')}"
        url = URL.build(scheme=self._scheme, host=self.host, port=self.port, user=self.user, password=self.password)
        return url.with_path(path, encoded=True).with_query(heartbeat=str(_HEARTBEAT_S))

    @property
    def _scheme(self) -> str:
        return "amqps" if self.is_tls else "amqp"


class EaseeConnection(NamedTuple):
    """Easee's reply: the broker, the operator's queue, and the exchange that commands are published to."""

    address: AmqpAddress
    queue: str
    exchange: str


def address_of_url(url: str) -> AmqpAddress:
    """The address in `amqps://user:password@host:5671/vhost`, parts percent-encoded; no vhost is `/`.

    Raises ValueError, with words that never repeat the URL, for what is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("a URL like amqps://user:password@host:5671/vhost")
    return AmqpAddress(
        host=parts.hostname,
        port=parts.port or _PORTS[parts.scheme],
        is_tls=parts.scheme == "amqps",
        vhost=unquote(parts.path[1:]) or "/",
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def read_easee_connection(text: str | bytes) -> EaseeConnection:
    """The connection details in Easee's reply. Raises ValueError, with words that complete "must be …".

    Any port may speak TLS: `useSsl` alone decides.
    """
    try:
        members = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ValueError("Easee's reply as JSON") from None
    if not isinstance(members, dict):
        raise ValueError("Easee's reply: a JSON object")
    address = AmqpAddress(
        host=_text(members, "server"),
        port=_port(members),
        is_tls=_is_true(members, "useSsl"),
        vhost=_text(members, "virtualHost"),
        user=_text(members, "username"),
        password=_text(members, "password"),
    )
    return EaseeConnection(address, _text(members, "queueName"), _text(members, "exchangeName"))


def tls_context(address: AmqpAddress, ca_file: Path | None) -> ssl.SSLContext | None:
    """How to speak TLS with this broker, None where the address says plain AMQP.

    `ca_file` replaces the system's certificate authorities. Raises ValueError, with words, where it cannot be used.
    """
    if not address.is_tls:
        return None
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as fault:
        reason = fault.strerror or str(fault)
        raise ValueError(f"{ca_file}: {reason}; name a PEM file with certificates in CHARGELINE_AMQP_CA_FILE") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _text(members: dict[str, object], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError(f"Easee's reply: its member {name} must be a text")
    return value


def _port(members: dict[str, object]) -> int:
    value = members.get("port")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= _HIGHEST_PORT:
        raise ValueError("Easee's reply: its member port must be a port number")
    return value


def _is_true(members: dict[str, object], name: str) -> bool:
    value = members.get(name)
    if not isinstance(value, bool):
        raise ValueError(f"Easee's reply: its member {name} must be true or false")
    return value
