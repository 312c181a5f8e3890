"""A login for Faust's client from librdkafka's options: what it can follow, and words for what it cannot."""

from pathlib import Path
from ssl import CERT_REQUIRED

import pytest
from trustme import CA

from pipeline.wires.faust_options import broker_credentials, broker_urls
from pipeline.wires.kafka_fault import KafkaUnavailableError

LOGIN = {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "we", "sasl.password": "hunter2"}


def refusal(options: dict[str, str]) -> str:
    """Why these are refused."""
    with pytest.raises(KafkaUnavailableError) as caught:
        broker_credentials(options)
    assert caught.value.needs_operator
    assert "hunter2" not in str(caught.value)
    return str(caught.value)


def test_every_broker_is_named() -> None:
    assert broker_urls({"bootstrap.servers": "a:9092,[::1]:9093"}) == ["kafka://a:9092", "kafka://[::1]:9093"]


def test_a_kafka_without_login_needs_none() -> None:
    assert broker_credentials({"bootstrap.servers": "a:1", "log_level": "0"}) is None
    assert broker_credentials({"security.protocol": "PLAINTEXT", "client.rack": "a"}) is None


@pytest.mark.parametrize("name", ["sasl.mechanism", "sasl.mechanisms"])
def test_user_password_and_mechanism_are_passed_on(name: str) -> None:
    options = {"security.protocol": "SASL_PLAINTEXT", **LOGIN}
    options[name] = options.pop("sasl.mechanism")
    login = broker_credentials(options)
    assert login is not None
    told = vars(login)
    assert (told["username"], told["password"], told["mechanism"].value) == ("we", "hunter2", "SCRAM-SHA-512")
    assert login.protocol.value == "SASL_PLAINTEXT"


def test_a_broker_is_always_verified(tmp_path: Path) -> None:
    authority = CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    ours = authority.issue_cert("localhost")
    ours.private_key_and_cert_chain_pem.write_to_path(tmp_path / "us.pem")
    files = {"ssl.ca.location": str(tmp_path / "ca.pem"), "ssl.certificate.location": str(tmp_path / "us.pem")}
    for options, protocol in (
        ({"security.protocol": "ssl"}, "SSL"),
        ({"security.protocol": "sasl_ssl", **LOGIN}, "SASL_SSL"),
    ):
        login = broker_credentials({**options, **files})
        assert login is not None
        assert login.protocol.value == protocol
        context = vars(login).get("ssl_context") or vars(login)["context"]
        assert context.check_hostname
        assert context.verify_mode is CERT_REQUIRED
        assert len(context.get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"security.protocol": "hunter2"}, "security.protocol is none of plaintext, ssl, sasl_plaintext, sasl_ssl"),
        ({"security.protocol": "sasl_ssl", **LOGIN, "sasl.mechanism": "hunter2"}, "sasl.mechanism is none of PLAIN, "),
        ({"security.protocol": "sasl_ssl", "sasl.password": "hunter2"}, "sasl.mechanism is none of PLAIN, "),
        (
            {"sasl.oauthbearer.config": "hunter2", "ssl.crl.location": "x"},
            "sasl.oauthbearer.config, ssl.crl.location cannot be",
        ),
        ({"security.protocol": "ssl", "ssl.ca.location": "/nowhere/hunter2"}, "cannot be used: No such file"),
    ],
)
def test_what_cannot_be_followed_is_told_by_name_and_without_its_value(options: dict[str, str], words: str) -> None:
    found = refusal(options)
    assert words in found
    assert found.startswith(("CHARGELINE_KAFKA_CONFIG_FILE", "a certificate or key of CHARGELINE_KAFKA_CONFIG_FILE"))


def test_a_key_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "us.pem").write_text("hunter2")
    options = {"security.protocol": "ssl", "ssl.certificate.location": str(tmp_path / "us.pem")}
    assert "a certificate or key of CHARGELINE_KAFKA_CONFIG_FILE cannot be used" in refusal(options)
