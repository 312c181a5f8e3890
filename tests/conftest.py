"""What holds for every test: examples that are the same on every machine, and the real servers that tests share.

A long campaign asks for fresh examples (profile `thorough`). A test that uses a server is marked `services`; each
server is started when the first such test asks for it, and ends with the session.
"""

import os
import signal
from collections.abc import Generator, Iterator

import pytest
from hypothesis import settings

from tests.services import influxdb as influxdb_service
from tests.services import rabbitmq as rabbitmq_service
from tests.services.influxdb import InfluxDb
from tests.services.kafka import Kafka
from tests.services.process import ServiceError
from tests.services.rabbitmq import RabbitMq

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.register_profile("thorough", max_examples=5_000, deadline=None, print_blob=True)
settings.load_profile("repeatable")


def pytest_configure(config: pytest.Config) -> None:
    """Where tests run beside others, their process ignores an interrupt, and so would every program that they start."""
    if hasattr(config, "workerinput"):
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test said may hold anything, and goes to the process that prints it, which takes no lone surrogates."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session")
def rabbitmq(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RabbitMq]:
    """The broker that all tests share. A test that stops it starts it again; what it adds is in its own `vhost`."""
    named = os.environ.get(rabbitmq_service.NAMED_BY)
    try:
        broker = RabbitMq.named(named) if named else RabbitMq.own(tmp_path_factory.mktemp("rabbitmq"))
    except ServiceError as fault:
        raise pytest.fail.Exception(str(fault), pytrace=False) from None
    yield broker
    broker.close()


@pytest.fixture
def vhost(rabbitmq: RabbitMq) -> Iterator[str]:
    """A virtual host of the test's own; of a named broker the one it has, so name queues by `fresh_name`."""
    rabbitmq.settle()
    name = rabbitmq.add_vhost()
    yield name
    rabbitmq.settle()
    rabbitmq.delete_vhost(name)


@pytest.fixture(scope="session")
def influxdb(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InfluxDb]:
    """The InfluxDB that all tests share. A test that stops it starts it again."""
    named = os.environ.get(influxdb_service.NAMED_BY)
    token = os.environ.get(influxdb_service.TOKEN_NAMED_BY, "")
    try:
        server = InfluxDb.named(named, token) if named else InfluxDb.own(tmp_path_factory.mktemp("influxdb"))
    except ServiceError as fault:
        raise pytest.fail.Exception(str(fault), pytrace=False) from None
    yield server
    server.close()


@pytest.fixture
def bucket(influxdb: InfluxDb) -> Iterator[str]:
    """A bucket of the test's own that keeps everything."""
    influxdb.settle()
    name = influxdb.add_bucket()
    yield name
    influxdb.settle()
    influxdb.delete_bucket(name)


@pytest.fixture(scope="session")
def kafka_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """The Kafka that all tests share; they ask for `kafka`."""
    try:
        node = Kafka.own(tmp_path_factory.mktemp("kafka"))
    except ServiceError as fault:
        raise pytest.fail.Exception(str(fault), pytrace=False) from None
    yield node
    node.close()


@pytest.fixture
def kafka(kafka_node: Kafka) -> Iterator[Kafka]:
    """A Kafka that runs and has no topic, whatever an earlier test has left."""
    kafka_node.settle()
    kafka_node.delete_topics(kafka_node.topics())
    yield kafka_node
    kafka_node.settle()
