"""InfluxDB for real: neighbours of refused rows are written, refusals have its words, and faults say what to do.

The rules themselves are tested with a model in tests/pipeline/core/test_settlement.py.
"""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from time import time_ns

import pytest

from pipeline.wires.influx import Bucket, InfluxStore
from pipeline.wires.store import Refusal, StoreUnavailableError
from schemas.reject import RejectReason
from schemas.row import Row
from tests.services.influxdb import InfluxDb

BATCH = 5_000
START = 1_700_000_000 * 10**9
BEYOND_INT64 = 2**63
FIELDS = ("a", "b", "c", "d")

pytestmark = pytest.mark.services


def row(number: int, field: str = "a", value: float | str = 1.0, time: int | None = None) -> Row:
    return Row("m", f"EH{number % 50:06}", "", (), START + number if time is None else time, ((field, value),))


def rows_of(count: int, start: int = START) -> list[Row]:
    return [row(number, FIELDS[number % 3], float(number), start + number) for number in range(count)]


@contextmanager
def opened(influxdb: InfluxDb, bucket: str, read_token: Callable[[], str] | None = None) -> Iterator[InfluxStore]:
    store = InfluxStore(Bucket(influxdb.url, influxdb.org, bucket), read_token or (lambda: influxdb.token))
    try:
        yield store
    finally:
        store.close()


def written(influxdb: InfluxDb, bucket: str) -> dict[tuple[int, str], object]:
    """Every value, by its time and field."""
    return {
        (int(str(record.values["time"])), name): value
        for record in influxdb.query(bucket, "SELECT a, b, c, d FROM m")
        for name, value in record.values.items()
        if name != "time" and value is not None
    }


def expected(rows: Sequence[Row], refused: Sequence[int] = ()) -> dict[tuple[int, str], object]:
    return {
        (each.time, name): value
        for place, each in enumerate(rows)
        if place not in refused
        for name, value in each.fields
    }


def places(refusals: Sequence[Refusal]) -> list[int]:
    return [refusal.row for refusal in refusals]


def test_a_batch_is_one_request_and_again_changes_nothing(influxdb: InfluxDb, bucket: str) -> None:
    rows = rows_of(BATCH)
    with opened(influxdb, bucket) as store:
        assert store.write(rows) == []
        assert store.requests == 1
        assert store.write(rows) == []
        assert store.write(()) == ()
        assert store.requests == 2
    assert written(influxdb, bucket) == expected(rows)


def test_three_malformed_lines_cost_one_request_more(influxdb: InfluxDb, bucket: str) -> None:
    rows = rows_of(BATCH)
    for place in (0, 2_500, 4_999):
        rows[place] = row(place, time=BEYOND_INT64 + place)
    with opened(influxdb, bucket) as store:
        refusals = store.write(rows)
        assert store.requests == 2
    assert places(refusals) == [0, 2_500, 4_999]
    for reason, words in ((refusal.reason, refusal.detail) for refusal in refusals):
        assert reason is RejectReason.STORE
        assert words.startswith("unable to parse 'm,charger=EH")
        assert words.endswith("value out of range")
        assert words.count("unable to parse") == 1
    assert written(influxdb, bucket) == expected(rows, places(refusals))


def test_three_conflicts_of_three_fields_cost_two_requests_more_each(influxdb: InfluxDb, bucket: str) -> None:
    rows = rows_of(BATCH)
    with opened(influxdb, bucket) as store:
        assert store.write([row(0, "a"), row(0, "b"), row(0, "d", "text")]) == []
        before = store.requests
        rows[7], rows[2_500], rows[4_999] = row(7, "a", "x"), row(2_500, "b", "y"), row(4_999, "d", 3.0)
        refusals = store.write(rows)
        assert store.requests - before == 7
    assert places(refusals) == [7, 2_500, 4_999]
    for refusal, field in zip(refusals, "abd", strict=True):
        assert refusal.reason is RejectReason.STORE
        assert f'field type conflict: input field "{field}" on measurement "m"' in refusal.detail
    assert written(influxdb, bucket) == {**expected(rows, places(refusals)), (START, "d"): "text", (START, "b"): 1}


def test_both_kinds_in_one_batch(influxdb: InfluxDb, bucket: str) -> None:
    rows = rows_of(BATCH)
    with opened(influxdb, bucket) as store:
        store.write([row(0, "a"), row(0, "b"), row(0, "d", "text")])
        before = store.requests
        rows[7], rows[2_500], rows[4_999] = row(7, "a", "x"), row(2_500, "b", "y"), row(4_999, "d", 3.0)
        for place in (8, 2_501, 4_998):
            rows[place] = row(place, time=BEYOND_INT64 + place)
        refusals = store.write(rows)
        assert store.requests - before == 8
    assert places(refusals) == [7, 8, 2_500, 2_501, 4_998, 4_999]
    assert written(influxdb, bucket) == {**expected(rows, places(refusals)), (START, "d"): "text", (START, "b"): 1}


def test_what_is_older_than_the_bucket_keeps_is_named_so(influxdb: InfluxDb) -> None:
    bucket = influxdb.add_bucket(retention_s=3_600)
    rows = rows_of(BATCH, start=time_ns() - BATCH)
    for place in (3, 2_000, 4_000):
        rows[place] = row(place)
    rows[77] = row(77, "a", "text", rows[77].time)
    with opened(influxdb, bucket) as store:
        store.write(rows[:3])
        before = store.requests
        refusals = store.write(rows)
        assert store.requests - before == 5
    assert [(refusal.row, refusal.reason) for refusal in refusals] == [
        (3, RejectReason.RETENTION),
        (77, RejectReason.STORE),
        (2_000, RejectReason.RETENTION),
        (4_000, RejectReason.RETENTION),
    ]
    assert written(influxdb, bucket) == expected(rows, places(refusals))
    influxdb.delete_bucket(bucket)


def test_a_single_row_that_is_refused_is_found_at_once(influxdb: InfluxDb, bucket: str) -> None:
    with opened(influxdb, bucket) as store:
        assert places(store.write([row(0, time=BEYOND_INT64)])) == [0]
        assert store.write([row(0)]) == []
        assert places(store.write([row(1, "a", "text")])) == [0]


def test_the_later_of_two_rows_in_one_place_wins_around_a_refusal(influxdb: InfluxDb, bucket: str) -> None:
    rows = [row(0, "a", 1.0, START), row(0, "b", "text", START), row(0, "a", 2.0, START), row(0, "c", 3.0, START)]
    with opened(influxdb, bucket) as store:
        store.write([row(0, "b", 1.0, START - 1)])
        assert places(store.write(rows)) == [1]
    assert written(influxdb, bucket) == {(START - 1, "b"): 1, (START, "a"): 2, (START, "c"): 3}


@pytest.mark.parametrize(
    ("token", "bucket", "words"),
    [
        ("wrong", None, "unauthorized access (status 401); see that CHARGELINE_INFLUX_TOKEN"),
        (
            None,
            "nowhere",
            'bucket "nowhere" not found (status 404); see that CHARGELINE_INFLUX_ORG and CHARGELINE_INFLUX_BUCKET',
        ),
    ],
)
def test_what_takes_an_operator_holds(influxdb: InfluxDb, bucket: str | None, token: str | None, words: str) -> None:
    name = influxdb.add_bucket() if bucket is None else bucket
    with opened(influxdb, name, lambda: token or influxdb.token) as store:
        for call in (lambda: store.write([row(0)]), store.probe):
            with pytest.raises(StoreUnavailableError) as raised:
                call()
            assert words in str(raised.value)
            assert raised.value.needs_operator
            assert influxdb.token not in str(raised.value)


def test_a_token_that_was_replaced_is_read_again(influxdb: InfluxDb, bucket: str) -> None:
    first, second = influxdb.add_token(bucket), influxdb.add_token(bucket)
    token = [first.token]
    with opened(influxdb, bucket, lambda: token[0]) as store:
        store.write([row(0)])
        influxdb.delete_token(first.id)
        with pytest.raises(StoreUnavailableError, match="unauthorized"):
            store.write([row(1)])
        token[0] = second.token
        assert store.write([row(1)]) == []
        token[0] = influxdb.token
        influxdb.delete_token(second.id)
        store.reload()
        assert store.write([row(2)]) == []


def test_a_token_without_the_right_to_write_holds(influxdb: InfluxDb, bucket: str) -> None:
    token = influxdb.add_token(bucket, write=False)
    with opened(influxdb, bucket, lambda: token.token) as store, pytest.raises(StoreUnavailableError) as raised:
        store.write([row(0)])
    assert raised.value.needs_operator


def test_a_server_that_is_away_is_tried_again(influxdb: InfluxDb, bucket: str) -> None:
    with opened(influxdb, bucket) as store:
        store.write([row(0)])
        influxdb.kill()
        try:
            with pytest.raises(StoreUnavailableError, match="see that it runs") as raised:
                store.write([row(1)])
            assert not raised.value.needs_operator
        finally:
            influxdb.start()
        assert store.write([row(1)]) == []
    assert len(written(influxdb, bucket)) == 2


class Answers(BaseHTTPRequestHandler):
    """Answers that InfluxDB gives too seldom to wait for, or that come from what stands before it."""

    answer: tuple[int, dict[str, str], bytes] = (204, {}, b"")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        status, headers, body = self.answer
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nowhere."""


@pytest.fixture
def front() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Answers)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("answer", "words", "needs_operator", "wait"),
    [
        ((503, {"Retry-After": "7"}, b""), r"status 503 .*; it is tried again", False, 7 * 10**9),
        ((429, {"Retry-After": "1"}, b'{"message": "slow down"}'), r"slow down \(status 429\)", False, 10**9),
        ((502, {}, b"<html>Bad Gateway \xff</html>"), "see that it runs", False, None),
        ((500, {}, b'{"message": "internal"}'), r"internal \(status 500\)", False, None),
        ((302, {"Location": "/login"}, b""), r"status 302", False, None),
        ((400, {}, b'{"message": "no gzip here"}'), "no gzip here; see that CHARGELINE_INFLUX_URL", True, None),
        ((413, {}, b""), "status 413; see that CHARGELINE_INFLUX_URL", True, None),
    ],
)
def test_answers_about_the_request_blame_no_row(
    front: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
    answer: tuple[int, dict[str, str], bytes],
    words: str,
    needs_operator: bool,
    wait: int | None,
) -> None:
    monkeypatch.setattr(Answers, "answer", answer)
    store = InfluxStore(Bucket(f"http://127.0.0.1:{front.server_port}", "o", "b"), lambda: "t")
    with pytest.raises(StoreUnavailableError, match=words) as raised:
        store.write([row(0), row(1)])
    assert (raised.value.needs_operator, raised.value.retry_after_ns) == (needs_operator, wait)
    store.close()


def test_a_token_that_the_server_repeats_is_not_told(front: HTTPServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Answers, "answer", (401, {}, b'{"message": "no such Token s3cret-token"}'))
    store = InfluxStore(Bucket(f"http://127.0.0.1:{front.server_port}", "o", "b"), lambda: "s3cret-token")
    with pytest.raises(StoreUnavailableError, match=r"no such Token \*\*\* \(status 401\); see"):
        store.write([row(0)])
    store.close()


def test_what_is_no_server_at_all_is_said_in_words() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        store = InfluxStore(Bucket(f"http://127.0.0.1:{taken.getsockname()[1]}", "o", "b"), lambda: "t")
        with pytest.raises(StoreUnavailableError, match="Connection refused; see that it runs"):
            store.write([row(0)])
