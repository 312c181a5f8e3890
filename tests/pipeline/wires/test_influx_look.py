"""Looks at a real InfluxDB, and at what is none."""

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from time import time_ns

import pytest

from pipeline.wires.influx import Bucket
from pipeline.wires.influx_look import RetentionLook, ServerFaultError, look_at_retention, look_at_server
from tests.services.influxdb import InfluxDb
from tests.services.rabbitmq import RabbitMq

DAY_NS = 86_400 * 10**9


@contextmanager
def answering(headers: dict[str, str], body: bytes = b"") -> Iterator[str]:
    """A server that answers everything so; its URL."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(200)
            for name, value in {**headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_words: object) -> None:
            """Nothing to say."""

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.services
def test_a_server(influxdb: InfluxDb) -> None:
    before = time_ns() // 10**9 * 10**9
    look = look_at_server(influxdb.url)
    assert re.fullmatch(r"2\.\d+\.\d+", look.version)
    assert look.time is not None
    assert before <= look.time <= time_ns()


@pytest.mark.services
def test_how_long_a_bucket_keeps_rows(influxdb: InfluxDb, bucket: str) -> None:
    month = influxdb.add_bucket(30 * 86_400)
    assert look_at_retention(Bucket(influxdb.url, influxdb.org, bucket), influxdb.token) == RetentionLook(None)
    kept = look_at_retention(Bucket(influxdb.url, influxdb.org, month), influxdb.add_token(month).token)
    assert kept == RetentionLook(30 * DAY_NS)
    influxdb.delete_bucket(month)


@pytest.mark.services
def test_a_token_that_may_not_see_it(influxdb: InfluxDb, bucket: str) -> None:
    there = Bucket(influxdb.url, influxdb.org, bucket)
    other = influxdb.add_bucket()
    assert look_at_retention(there, influxdb.add_token(other).token) is None
    assert look_at_retention(there, "wrong") is None
    influxdb.delete_bucket(other)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"buckets": []}', b'{"buckets": [{"name": "b"}]}'])
def test_an_answer_without_a_retention(body: bytes) -> None:
    with answering({}, body) as url:
        assert look_at_retention(Bucket(url, "o", "b"), "t") is None


def test_a_server_that_is_none() -> None:
    with answering({}) as url, pytest.raises(ServerFaultError, match="does not say that it is InfluxDB; see"):
        look_at_server(url)


@pytest.mark.parametrize("headers", [{}, {"Date": "yesterday"}])
def test_a_server_without_a_clock(headers: dict[str, str]) -> None:
    with answering({"X-Influxdb-Version": "v2.7.0", **headers}) as url:
        assert look_at_server(url) == ("2.7.0", None)


def test_nobody_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    with pytest.raises(ServerFaultError, match=r"^Connection refused; see that it runs"):
        look_at_server(f"http://127.0.0.1:{port}")


@pytest.mark.services
def test_a_server_of_another_kind(rabbitmq: RabbitMq) -> None:
    port = rabbitmq.url().rpartition(":")[2].partition("/")[0]
    with pytest.raises(ServerFaultError, match="speaks no HTTP; see that it runs"):
        look_at_server(f"http://127.0.0.1:{port}")


def test_a_server_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        with pytest.raises(ServerFaultError, match=r"^no answer in time; see"):
            look_at_server(f"http://127.0.0.1:{port}")


def test_tls_with_a_server_that_speaks_none() -> None:
    with answering({}) as url, pytest.raises(ServerFaultError, match="should be http://"):
        look_at_server(url.replace("http:", "https:"))
