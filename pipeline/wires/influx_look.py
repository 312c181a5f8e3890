"""A look at InfluxDB: its version, its clock, and how long a bucket keeps rows, without writing any.

Owns these requests. Must not know settings, or what their answers mean to anybody. Whether rows may be written is
`InfluxStore.probe`.
"""

from email.utils import parsedate_to_datetime
from typing import NamedTuple

import orjson
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, ProtocolError, SSLError
from urllib3.exceptions import TimeoutError as NoAnswerError

from pipeline.core.timestamps import NS_PER_S
from pipeline.wires.influx import TLS_STEP, Bucket

_ANSWER_S = 5.0
_OK = 200
_VERSION = "X-Influxdb-Version"


class ServerFaultError(Exception):
    """What should be InfluxDB cannot be reached, or is something else: `words` say why, `step` what to do."""

    def __init__(self, words: str, step: str) -> None:
        """Each on one line; no token in either."""
        super().__init__(f"{words}; {step}")
        self.words = words
        self.step = step


class ServerLook(NamedTuple):
    """A server: its version as it says, and its clock, nanoseconds since the epoch, cut off to seconds, if it says."""

    version: str
    time: int | None


class RetentionLook(NamedTuple):
    """How long a bucket keeps rows, nanoseconds; None is for ever."""

    keep_ns: int | None


def look_at_server(url: str) -> ServerLook:
    """Ask who answers. Raises ServerFaultError."""
    try:
        answer = _ask("HEAD", f"{url}/ping")
    except HTTPError as fault:
        raise _describe(fault) from None
    version = answer.headers.get(_VERSION)
    if version is None:
        words = f"answers (status {answer.status}), and does not say that it is InfluxDB"
        raise ServerFaultError(words, "see that CHARGELINE_INFLUX_URL is an InfluxDB 2, and what stands between")
    try:
        time = int(parsedate_to_datetime(answer.headers.get("Date", "")).timestamp()) * NS_PER_S
    except ValueError:
        time = None
    return ServerLook(version.removeprefix("v"), time)


def look_at_retention(bucket: Bucket, token: str) -> RetentionLook | None:
    """How long the bucket keeps rows; None where this token may not see that, or the server does not say."""
    fields = {"org": bucket.org, "name": bucket.name}
    try:
        answer = _ask("GET", f"{bucket.url}/api/v2/buckets", fields, {"Authorization": f"Token {token}"})
        return _read_retention(orjson.loads(answer.data)) if answer.status == _OK else None
    except (HTTPError, orjson.JSONDecodeError):
        return None


def _ask(
    method: str, url: str, fields: dict[str, str] | None = None, headers: dict[str, str] | None = None
) -> BaseHTTPResponse:
    with PoolManager(retries=False, timeout=Timeout(total=_ANSWER_S)) as pool:
        return pool.request(method, url, fields=fields, headers=headers, redirect=False)


def _read_retention(members: object) -> RetentionLook | None:
    match members:
        case {"buckets": [{"retentionRules": [{"everySeconds": int(seconds)}, *_]}]} if seconds > 0:
            return RetentionLook(seconds * NS_PER_S)
        case {"buckets": [{"retentionRules": list()}]}:
            return RetentionLook(None)
    return None


def _describe(fault: HTTPError) -> ServerFaultError:
    reason = fault.reason if isinstance(fault, MaxRetryError) and fault.reason is not None else fault
    words = " ".join(str(reason).split())
    match reason:
        case SSLError():
            return ServerFaultError(words, TLS_STEP)
        case NewConnectionError() if isinstance(reason.__cause__, OSError):
            words = reason.__cause__.strerror or words
        case NoAnswerError():
            words = "no answer in time"
        case ProtocolError():
            words = "what listens there breaks off, or speaks no HTTP"
    return ServerFaultError(words, "see that it runs and can be reached from here, and CHARGELINE_INFLUX_URL")
