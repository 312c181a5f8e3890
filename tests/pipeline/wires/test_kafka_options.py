"""Client options: what an operator's file may say, and that no fault shows what it holds."""

from pathlib import Path

import pytest

from pipeline.wires.kafka_options import KafkaOptionsError, client_options, secret_values

BROKERS = [("kafka1", 9092), ("::1", 9093)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "kafka.properties"


def test_options_of_the_file_stand_beside_the_brokers(file: Path) -> None:
    file.write_text("\ufeff# login\n\n security.protocol = SASL_SSL\nsasl.password=a=b # c\n", "utf-8")
    options = client_options(BROKERS, file)
    assert options["bootstrap.servers"] == "kafka1:9092,[::1]:9093"
    assert options["security.protocol"] == "SASL_SSL"
    assert options["sasl.password"] == "a=b # c"


def test_without_a_file_there_are_only_the_brokers() -> None:
    assert client_options([("kafka1", 9092)])["bootstrap.servers"] == "kafka1:9092"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sasl.password", "is not name=value"),
        ("=hunter2", "is not name=value"),
        ("sasl.password=", "is not name=value"),
        ("bootstrap.servers=hunter2:9092", "set CHARGELINE_KAFKA_BROKERS instead"),
        ("acks=0", "acks is not for this file"),
        ("enable.idempotence=false", "enable.idempotence is not for this file"),
        ("partitioner=random", "partitioner is not for this file"),
        ("enable.ssl.certificate.verification=false", "would weaken TLS"),
        ("ssl.endpoint.identification.algorithm=none", "would weaken TLS"),
        ("ssl.cipher.suites=ALL:@SECLEVEL=0", "would weaken TLS"),
    ],
)
def test_what_it_may_not_say_is_refused_with_its_line(file: Path, line: str, words: str) -> None:
    file.write_text(f"client.id=x\n{line}\n", "utf-8")
    with pytest.raises(KafkaOptionsError) as caught:
        client_options(BROKERS, file)
    (fault,) = caught.value.faults
    assert fault.startswith(f"{file} line 2")
    assert words in fault
    assert "hunter2" not in fault


def test_every_fault_is_told_at_once(file: Path) -> None:
    file.write_text("acks=0\nnonsense\nretries=1\n", "utf-8")
    with pytest.raises(KafkaOptionsError) as caught:
        client_options(BROKERS, file)
    assert len(caught.value.faults) == 3


@pytest.mark.parametrize(
    ("content", "words"), [(None, "must name a file you can read"), (b"\xff", "not UTF-8"), (b"#" * 70_000, "longer")]
)
def test_a_file_that_cannot_be_one_is_refused(file: Path, content: bytes | None, words: str) -> None:
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(KafkaOptionsError, match=words):
        client_options(BROKERS, file)


def test_values_of_some_options_are_secret_however_wrong_the_file_is() -> None:
    text = "acks=0\nSASL.Password = a=b\nsasl.username=me\nssl.keystore.password=k\nsasl.oauthbearer.client.secret=s\nx"
    assert secret_values(text) == ["a=b", "k", "s"]
