"""Questions to a real InfluxDB, and what is told where there is no answer."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from pipeline.wires.influx import Bucket
from pipeline.wires.influx_query import InfluxQuery, between, given, moment
from pipeline.wires.store import StoreUnavailableError
from tests.services.influxdb import ORG, InfluxDb


def test_fields_that_a_row_has() -> None:
    assert list(given(["a", "b", "c", "d"], [1, None, "x", 2.5])) == [("a", 1.0), ("c", "x"), ("d", 2.5)]
    assert between(3, 5) == "time >= 3 AND time < 5"


def test_a_time_is_a_number() -> None:
    assert moment(7) == 7
    with pytest.raises(StoreUnavailableError, match="'2025' for a time"):
        moment("2025")


class Repeating(BaseHTTPRequestHandler):
    """Shows what it was sent."""

    answer = (401, b"")

    def do_GET(self) -> None:
        status, body = self.answer
        self.send_response_only(status)
        self.end_headers()
        self.wfile.write(body.replace(b"TOKEN", self.headers["Authorization"].encode()))

    def log_message(self, *_words: object) -> None:
        """Nothing to say."""


@pytest.mark.parametrize("answer", [(401, b"no such TOKEN"), (200, b'{"results": [{"error": "no such TOKEN"}]}')])
def test_a_token_that_the_server_repeats_is_not_told(
    monkeypatch: pytest.MonkeyPatch, answer: tuple[int, bytes]
) -> None:
    monkeypatch.setattr(Repeating, "answer", answer)
    with HTTPServer(("127.0.0.1", 0), Repeating) as server:
        thread = Thread(target=server.handle_request)
        thread.start()
        query = InfluxQuery(Bucket(f"http://127.0.0.1:{server.server_port}", "o", "b"), lambda: "s3cret-token")
        with pytest.raises(StoreUnavailableError, match=r"no such Token \*\*\*; see that the token"):
            list(query.ask("SELECT a FROM m"))
        query.close()
        thread.join()


@pytest.mark.services
def test_an_answer_by_series(influxdb: InfluxDb, bucket: str) -> None:
    influxdb.write(bucket, "m,charger=EH1 a=1 5\nm,charger=EH2 a=2 6")
    query = InfluxQuery(Bucket(influxdb.url, ORG, bucket), lambda: influxdb.token)
    assert list(query.ask("SELECT a FROM m GROUP BY charger")) == [
        ({"charger": "EH1"}, ["time", "a"], [[5, 1]]),
        ({"charger": "EH2"}, ["time", "a"], [[6, 2]]),
    ]
    assert list(query.ask("SELECT a FROM m")) == [({}, ["time", "a"], [[5, 1], [6, 2]])]
    assert list(query.ask("SELECT a FROM nothing")) == []
    with pytest.raises(StoreUnavailableError, match="InfluxDB"):
        list(query.ask("SELECT a FROM m WHERE"))
    query.close()
