"""TLS to Kafka, by both client libraries: a broker that is not who it says is refused, before it hears a login."""

import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import closing
from importlib import import_module
from pathlib import Path

import pytest

from pipeline.wires.faust_options import broker_credentials
from pipeline.wires.kafka_consumer import KafkaConsumer, Mark
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_options import KafkaOptionsError, client_options
from pipeline.wires.kafka_producer import KafkaProducer
from pipeline.wires.kafka_silence import Partition
from pipeline.wires.kafka_topics import TopicKeeper
from tests.security.tls_server import HOST, Authority, Fault, Heard, serving

# Faust's client has no types: the annotations say what is relied on.
connect: Callable[..., Awaitable[object]] = import_module("aiokafka.conn").create_conn
FaustsError: type[Exception] = import_module("aiokafka.errors").KafkaError

USER, PASSWORD = "canary-user", "canary-password"
BAD = [fault for fault in Fault if fault is not Fault.NONE]
ASKS = 300
PAUSE_S = 0.1
ANSWER_S = 3.0
UNVERIFIED = "broker certificate could not be verified"
SAID = {
    Fault.EXPIRED: UNVERIFIED,
    Fault.OTHER_HOST: UNVERIFIED,
    Fault.SELF_SIGNED: UNVERIFIED,
    Fault.OTHER_AUTHORITY: UNVERIFIED,
    Fault.OLD_TLS: Fault.OLD_TLS.value,
    Fault.NO_TLS: "in state SSL_HANDSHAKE",
}
"""What librdkafka says: of certificates no more than this."""
STEP = "see ssl.ca.location in CHARGELINE_KAFKA_CONFIG_FILE, and the broker's certificate"

Options = Mapping[str, str]
Client = Callable[[Options], Iterator[KafkaUnavailableError | None]]


class Nobody:
    """Has no partitions."""

    def given(self, marks: Mapping[Partition, Mark | None]) -> None:
        """Never comes."""

    def taken_away(self, partitions: object) -> None:
        """Never comes."""

    def lost(self, partitions: object) -> None:
        """Never comes."""


def produce(options: Options) -> Iterator[KafkaUnavailableError | None]:
    """As every role writes: what is wrong after each look."""
    with closing(KafkaProducer(options, "test")) as producer:
        for _ in range(ASKS):
            producer.poll(PAUSE_S)
            yield producer.trouble


def consume(options: Options) -> Iterator[KafkaUnavailableError | None]:
    """The same, as `write` reads."""
    with closing(KafkaConsumer(options, "test", "group", ["topic"], Nobody())) as consumer:
        for _ in range(ASKS):
            consumer.take(1, PAUSE_S)
            yield consumer.trouble


CLIENTS: Mapping[str, Client] = {
    "producer": produce,
    "consumer": consume,
}


def options_for(port: int, authority: Authority, folder: Path, *lines: str) -> Options:
    """Client options from an operator's file with a login over TLS."""
    file = folder / "kafka.properties"
    usual = (
        "security.protocol=SASL_SSL",
        "sasl.mechanism=PLAIN",
        f"sasl.username={USER}",
        f"sasl.password={PASSWORD}",
        f"ssl.ca.location={authority.file}",
    )
    file.write_text("\n".join((*usual, *lines)), "utf-8")
    return client_options([(HOST, port)], file)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("fault", BAD)
def test_a_broker_with_a_fault_hears_nothing_from_us(tmp_path: Path, client: str, fault: Fault) -> None:
    authority, heard = Authority(tmp_path), Heard()
    with serving(authority.context(fault), heard) as port:
        troubles = filter(None, CLIENTS[client](options_for(port, authority, tmp_path)))
        # The library may take the first refusal for a broker that went away.
        words = next(str(trouble) for trouble in troubles if trouble.needs_operator or fault is Fault.NO_TLS)

    assert heard.secured is None
    assert not any(word in heard.bytes for word in (b"rdkafka", USER.encode(), PASSWORD.encode()))
    assert PASSWORD not in words
    assert SAID[fault] in words
    assert fault is Fault.NO_TLS or STEP in words


def test_what_a_role_looks_at_first_says_so(tmp_path: Path) -> None:
    authority, heard = Authority(tmp_path), Heard()
    with serving(authority.context(Fault.EXPIRED), heard) as port:
        keeper = TopicKeeper(options_for(port, authority, tmp_path), ANSWER_S)
        with pytest.raises(KafkaUnavailableError, match=UNVERIFIED) as refused:
            keeper.partitions()

    assert STEP in str(refused.value)
    assert heard.secured is None


@pytest.mark.parametrize("client", CLIENTS)
def test_the_one_without_is_spoken_to(tmp_path: Path, client: str) -> None:
    authority, heard = Authority(tmp_path), Heard()
    with serving(authority.context(Fault.NONE), heard) as port:
        assert any(CLIENTS[client](options_for(port, authority, tmp_path)))

    assert heard.secured in ("TLSv1.2", "TLSv1.3")
    assert b"rdkafka" in heard.bytes


async def follow(options: Options) -> str:
    """As `track` connects: Faust's client with the context that we give it."""
    login = broker_credentials(options)
    assert login is not None
    context: ssl.SSLContext = vars(login)["ssl_context"]
    port = int(options["bootstrap.servers"].rpartition(":")[2])
    with pytest.raises((OSError, FaustsError)) as refused:
        await connect(
            HOST,
            port,
            ssl_context=context,
            security_protocol="SASL_SSL",
            sasl_mechanism="PLAIN",
            sasl_plain_username=USER,
            sasl_plain_password=PASSWORD,
        )
    return str(refused.value)


@pytest.mark.parametrize("fault", BAD)
async def test_fausts_client_says_nothing_to_it_either(tmp_path: Path, fault: Fault) -> None:
    authority, heard = Authority(tmp_path), Heard()
    with serving(authority.context(fault), heard) as port:
        words = await follow(options_for(port, authority, tmp_path))

    assert heard.secured is None
    assert not any(word in heard.bytes for word in (b"aiokafka", USER.encode(), PASSWORD.encode()))
    assert fault is Fault.NO_TLS or fault.value in words.lower()


async def test_fausts_client_speaks_to_the_one_without(tmp_path: Path) -> None:
    authority, heard = Authority(tmp_path), Heard()
    with serving(authority.context(Fault.NONE), heard) as port:
        await follow(options_for(port, authority, tmp_path))

    assert heard.secured in ("TLSv1.2", "TLSv1.3")
    assert b"aiokafka" in heard.bytes


@pytest.mark.parametrize(
    "line",
    [
        "enable.ssl.certificate.verification=false",
        "ssl.endpoint.identification.algorithm=none",
        "ssl.cipher.suites=ALL:@SECLEVEL=0",
        "ssl.cipher.suites=eNULL:@SECLEVEL=0",
    ],
)
def test_what_would_weaken_it_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(KafkaOptionsError, match="would weaken TLS"):
        options_for(1, Authority(tmp_path), tmp_path, line)


@pytest.mark.parametrize(
    ("option", "fault"),
    [
        (("enable.ssl.certificate.verification", "false"), Fault.EXPIRED),
        (("enable.ssl.certificate.verification", "false"), Fault.SELF_SIGNED),
        (("ssl.endpoint.identification.algorithm", "none"), Fault.OTHER_HOST),
        (("ssl.cipher.suites", "ALL:@SECLEVEL=0"), Fault.OLD_TLS),
    ],
)
def test_a_client_that_is_allowed_to_would_be_served(tmp_path: Path, option: tuple[str, str], fault: Fault) -> None:
    """So the refusals above are ours."""
    authority, heard = Authority(tmp_path), Heard()
    with serving(authority.context(fault), heard) as port:
        assert any(produce({**options_for(port, authority, tmp_path), **dict((option,))}))

    assert heard.secured is not None
    assert b"rdkafka" in heard.bytes
