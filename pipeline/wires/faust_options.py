"""Faust's login at Kafka, from the client options that every client of ours begins with.

Owns which of librdkafka's options Faust's own client can follow. Must not know where they come from, or what is done
with the connection. Options that say nothing of a login, but how librdkafka works, are passed over.
"""

from collections.abc import Mapping, Sequence
from ssl import SSLContext, SSLError, create_default_context
from types import MappingProxyType

from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import CredentialsT, SASLMechanism

from pipeline.wires.kafka_fault import KafkaUnavailableError

_FILE = "CHARGELINE_KAFKA_CONFIG_FILE"
_PLAIN, _TLS, _LOGIN, _LOGIN_TLS = "plaintext", "ssl", "sasl_plaintext", "sasl_ssl"
_MECHANISMS: Mapping[str, SASLMechanism] = MappingProxyType(
    {each.value: each for each in (SASLMechanism.PLAIN, SASLMechanism.SCRAM_SHA_256, SASLMechanism.SCRAM_SHA_512)}
)
_PREFIXES = ("sasl.", "ssl.")
_KNOWN = frozenset(
    {
        "sasl.mechanism",
        "sasl.mechanisms",
        "sasl.username",
        "sasl.password",
        "ssl.ca.location",
        "ssl.certificate.location",
        "ssl.key.location",
        "ssl.key.password",
        "ssl.endpoint.identification.algorithm",
    }
)


def broker_urls(options: Mapping[str, str]) -> Sequence[str]:
    """Where the brokers are, as Faust takes it."""
    return [f"kafka://{server}" for server in options["bootstrap.servers"].split(",")]


def broker_credentials(options: Mapping[str, str]) -> CredentialsT | None:
    """How to log in; None for a Kafka without TLS and passwords. Raises KafkaUnavailableError, which shows no value."""
    unknown = sorted(name for name in options if name.startswith(_PREFIXES) and name not in _KNOWN)
    if unknown:
        raise _refused(
            f"{', '.join(unknown)} cannot be followed by the role `track`; it knows {', '.join(sorted(_KNOWN))}"
        )
    protocol = options.get("security.protocol", _PLAIN).lower()
    if protocol == _PLAIN:
        return None
    if protocol not in (_TLS, _LOGIN, _LOGIN_TLS):
        raise _refused(f"security.protocol is none of {_PLAIN}, {_TLS}, {_LOGIN}, {_LOGIN_TLS}")
    context = _context(options) if protocol in (_TLS, _LOGIN_TLS) else None
    if protocol == _TLS:
        return SSLCredentials(context=context)
    mechanism = options.get("sasl.mechanism", options.get("sasl.mechanisms", ""))
    if mechanism not in _MECHANISMS:
        raise _refused(f"sasl.mechanism is none of {', '.join(_MECHANISMS)}, which the role `track` knows")
    return SASLCredentials(
        mechanism=_MECHANISMS[mechanism],
        username=options.get("sasl.username"),
        password=options.get("sasl.password"),
        ssl_context=context,
    )


def _context(options: Mapping[str, str]) -> SSLContext:
    """TLS that verifies the broker, whatever else is set."""
    try:
        context = create_default_context(cafile=options.get("ssl.ca.location"))
        if "ssl.certificate.location" in options:
            context.load_cert_chain(
                options["ssl.certificate.location"],
                options.get("ssl.key.location"),
                options.get("ssl.key.password"),
            )
    except (OSError, SSLError) as fault:
        message = f"a certificate or key of {_FILE} cannot be used: {fault.strerror or type(fault).__name__}"
        raise KafkaUnavailableError(message, needs_operator=True) from None
    return context


def _refused(words: str) -> KafkaUnavailableError:
    return KafkaUnavailableError(f"{_FILE}: {words}", needs_operator=True)
