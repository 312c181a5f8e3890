"""InfluxDB 2: rows as line protocol, written through influxdb-client's write service.

Owns the request: compression, time-outs, the token and its renewal. What an answer means and what is sent next is
`pipeline.core.verdict` and `pipeline.core.settlement`. Must not know when or how often a write is tried again.

The client's batching interface is not used: it drops rows after its retries without a word.
"""

import zlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pipeline.core.line_protocol import to_line
from pipeline.core.settlement import Group, UnsettledError, settle
from pipeline.core.verdict import Action, Verdict, judge
from pipeline.deferred import deferred
from pipeline.wires.store import Refusal, StoreUnavailableError
from schemas.row import Row

if TYPE_CHECKING:
    from influxdb_client import rest
    from influxdb_client.client import influxdb_client
    from influxdb_client.service import write_service
    from urllib3 import exceptions as urllib3_exceptions
else:
    # The client takes longer to import than all else together: it is, when the first rows are written.
    rest = deferred("influxdb_client.rest")
    influxdb_client = deferred("influxdb_client.client.influxdb_client")
    write_service = deferred("influxdb_client.service.write_service")
    urllib3_exceptions = deferred("urllib3.exceptions")

_CONNECT_MS = 5_000
_ANSWER_MS = 30_000
_MASKED = "***"
_SHORTEST_TOKEN = 4
_GZIP_LEVEL = 1
_GZIP_WINDOW = 31
HOLD_STEPS = {
    401: "see that CHARGELINE_INFLUX_TOKEN is a token of this server",
    403: "see that the token may write to the bucket",
    404: "see that CHARGELINE_INFLUX_ORG and CHARGELINE_INFLUX_BUCKET exist there",
}
"""What an operator does about an answer that needs one, by its status."""
_UNSETTLED_STEP = "see that CHARGELINE_INFLUX_URL is an InfluxDB 2, and what stands between"
TLS_STEP = (
    "see its certificate, SSL_CERT_FILE where its authority is your own, and whether CHARGELINE_INFLUX_URL should be "
    "http://"
)


class Bucket(NamedTuple):
    """Where rows go: `url` like `https://host:8086`, organisation and bucket by name."""

    url: str
    org: str
    name: str


class InfluxStore:
    """A store in a bucket. Not for use by two threads at once."""

    def __init__(self, bucket: Bucket, read_token: Callable[[], str]) -> None:
        """Connects when it writes. The token is read then, after `reload`, and after a write that was refused for it.

        `read_token` gives the token as it is now, and never raises.
        """
        self._bucket = bucket
        self._read_token = read_token
        self._requests = 0
        self._token = ""
        self._client: influxdb_client.InfluxDBClient | None = None

    @property
    def requests(self) -> int:
        """See Store.requests."""
        return self._requests

    def write(self, rows: Sequence[Row]) -> Sequence[Refusal]:
        """See Store.write. Refused are rows that the server cannot parse, or has no room for in type or in time."""
        if not rows:
            return ()
        lines = [to_line(row) for row in rows]
        settlement = settle(rows, lines)
        group = next(settlement)
        try:
            while True:
                group = settlement.send(self._send(lines, group))
        except StopIteration as end:
            return [Refusal(place, reason, words) for place, (reason, words) in sorted(end.value.items())]
        except UnsettledError as fault:
            raise StoreUnavailableError(self._say(str(fault), _UNSETTLED_STEP), needs_operator=True) from None

    def probe(self) -> None:
        """Write nothing, to see that server, token, organisation and bucket are right. Raises StoreUnavailableError."""
        verdict = self._send((), ())
        if verdict.action is not Action.ACCEPT:
            raise StoreUnavailableError(self._say(verdict.words, _UNSETTLED_STEP), needs_operator=True)

    def reload(self) -> None:
        """See Store.reload."""
        self._disconnect()

    def close(self) -> None:
        """See Store.close."""
        self._disconnect()

    def _send(self, lines: Sequence[str], group: Group) -> Verdict:
        """One request; its verdict where that is about what was sent. Raises StoreUnavailableError otherwise."""
        text = "\n".join(lines if len(group) == len(lines) else [lines[place] for place in group])
        body = zlib.compress(text.encode(errors="backslashreplace"), _GZIP_LEVEL, _GZIP_WINDOW)
        self._requests += 1
        status, verdict = self._ask(body)
        if verdict.action is Action.HOLD:
            # The token may have been replaced: the next write asks for it.
            self._disconnect()
            message = self._say(f"{verdict.words} (status {status})", HOLD_STEPS.get(status, _UNSETTLED_STEP))
            raise StoreUnavailableError(message, needs_operator=True)
        if verdict.action is Action.RETRY:
            message = self._say(f"{verdict.words} (status {status})", "it is tried again until it answers")
            raise StoreUnavailableError(message, retry_after_ns=verdict.retry_after_ns)
        return verdict

    def _ask(self, body: bytes) -> tuple[int, Verdict]:
        # The client has no types: the annotations say what is relied on.
        make_service: Callable[[object], write_service.WriteService] = write_service.WriteService
        post_write: Callable[..., None] = make_service(self._connect().api_client).post_write
        try:
            post_write(
                org=self._bucket.org,
                bucket=self._bucket.name,
                body=body,
                precision="ns",
                content_encoding="gzip",
                _request_timeout=(_CONNECT_MS, _ANSWER_MS),
            )
        except rest.ApiException as refusal:
            if not refusal.status:
                raise self._unreachable(refusal) from refusal
            headers = {name.lower(): value for name, value in (refusal.headers or {}).items()}
            return refusal.status, judge(refusal.status, without_token(refusal.body or "", self._token), headers)
        except (urllib3_exceptions.HTTPError, OSError, ValueError) as fault:
            # Cut off, timed out, or not even text: it may have been written, and is sent again.
            raise self._unreachable(fault) from fault
        return 204, Verdict(Action.ACCEPT, "")

    def _connect(self) -> "influxdb_client.InfluxDBClient":
        if self._client is None:
            self._token = self._read_token()
            self._client = influxdb_client.InfluxDBClient(
                self._bucket.url, self._token, org=self._bucket.org, retries=False
            )
        return self._client

    def _disconnect(self) -> None:
        if self._client is not None:
            close: Callable[[], None] = self._client.close
            close()
            self._client = None

    def _unreachable(self, fault: Exception) -> StoreUnavailableError:
        words = " ".join(str(getattr(fault, "reason", None) or fault).split())
        # The client raises a fault of its own in place of this one.
        cause = fault.__context__ if isinstance(fault, rest.ApiException) else fault
        return StoreUnavailableError(self._say(words, reach_step(cause)), may_come_later=True)

    def _say(self, words: str, step: str) -> str:
        return f"InfluxDB at {self._bucket.url}, bucket {self._bucket.name}: {words}; {step}"


def without_token(words: str, token: str) -> str:
    """The server's words without the token, which one that shows what it was sent would give to all who look."""
    return words.replace(token, _MASKED) if len(token) >= _SHORTEST_TOKEN else words


def reach_step(fault: BaseException | None) -> str:
    """What an operator does about a server with which no talk came about, by what urllib3 raised."""
    return (
        TLS_STEP if isinstance(fault, urllib3_exceptions.SSLError) else "see that it runs and can be reached from here"
    )
