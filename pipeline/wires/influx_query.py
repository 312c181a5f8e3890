"""Questions to a bucket of InfluxDB, in InfluxQL over /query.

Owns the request, and how an answer is read. Must not know what is asked, or what rows mean.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import orjson

from pipeline.deferred import deferred
from pipeline.wires.influx import Bucket, reach_step, without_token
from pipeline.wires.store import StoreUnavailableError
from schemas.row import Field

if TYPE_CHECKING:
    from urllib3 import exceptions as urllib3_exceptions
    from urllib3 import poolmanager, response, util
else:
    # Imported when it is used: every command imports this module.
    urllib3_exceptions = deferred("urllib3.exceptions")
    poolmanager = deferred("urllib3.poolmanager")
    response = deferred("urllib3.response")
    util = deferred("urllib3.util")

_OK = 200
_ANSWER_S = 120.0

Series = tuple[Mapping[str, str], Sequence[str], Sequence[Sequence[object]]]
"""Tags, columns, and the rows."""


class InfluxQuery:
    """Asks one bucket. For one thread at a time; its calls block."""

    def __init__(self, bucket: Bucket, read_token: Callable[[], str], answer_s: float = _ANSWER_S) -> None:
        """Connects when it is asked. `read_token` gives the token as it is now, and never raises.

        An answer is waited for `answer_s` seconds.
        """
        self._bucket = bucket
        self._read_token = read_token
        self._answer_s = answer_s
        self._pool: poolmanager.PoolManager | None = None

    def ask(self, question: str) -> Iterator[Series]:
        """The series of an answer, times in nanoseconds. A measurement or field that is not there has none.

        Raises StoreUnavailableError.
        """
        url = f"{self._bucket.url}/query"
        fields = {"db": self._bucket.name, "q": question, "epoch": "ns"}
        token = self._read_token()
        headers = {"Authorization": f"Token {token}"}
        if self._pool is None:
            self._pool = poolmanager.PoolManager(retries=False, timeout=util.Timeout(total=self._answer_s))
        try:
            answer = self._pool.request("GET", url, fields=fields, headers=headers, redirect=False)
        except urllib3_exceptions.HTTPError as fault:
            words = " ".join(str(getattr(fault, "reason", None) or fault).split())
            message = f"InfluxDB at {self._bucket.url}, bucket {self._bucket.name}: {words}; {reach_step(fault)}"
            raise StoreUnavailableError(message) from None
        yield from _series(self._read(answer, token), token)

    def close(self) -> None:
        """Let go of the server."""
        if self._pool is not None:
            self._pool.clear()

    def _read(self, answer: "response.BaseHTTPResponse", token: str) -> object:
        try:
            members: object = orjson.loads(answer.data)
        except orjson.JSONDecodeError:
            members = None
        if answer.status == _OK and members is not None:
            return members
        words = without_token(" ".join(answer.data.decode("utf-8", "replace").split()), token)[:200]
        message = (
            f"InfluxDB {self._bucket.url} answered {answer.status} when bucket {self._bucket.name} was read: {words}; "
            "see that the token of CHARGELINE_INFLUX_TOKEN may read the bucket"
        )
        raise StoreUnavailableError(message, needs_operator=True)


def given(names: Sequence[str], values: Sequence[object]) -> Iterator[Field]:
    """The fields that a row has, of these columns."""
    for name, value in zip(names, values, strict=True):
        if isinstance(value, str):
            yield name, value
        elif isinstance(value, int | float):
            yield name, float(value)


def moment(value: object) -> int:
    """The time of a row. Raises StoreUnavailableError for what is none."""
    if not isinstance(value, int):
        raise StoreUnavailableError(f"InfluxDB gave {value!r} for a time; see that CHARGELINE_INFLUX_URL is one")
    return value


def between(first: int, until: int) -> str:
    """The condition for [first, until), nanoseconds."""
    return f"time >= {first} AND time < {until}"


def _series(members: object, token: str) -> Iterator[Series]:
    match members:
        case {"results": [{"error": str(words)}, *_]}:
            message = (
                f"InfluxDB did not answer a question about the bucket: {without_token(words, token)}; see that the "
                "token of CHARGELINE_INFLUX_TOKEN may read it"
            )
            raise StoreUnavailableError(message, needs_operator=True)
        case {"results": [{"series": list(series)}, *_]}:
            for each in series:
                match each:
                    case {"columns": list(columns), "values": list(values)}:
                        tags = each.get("tags")
                        yield tags if isinstance(tags, dict) else {}, columns, values
