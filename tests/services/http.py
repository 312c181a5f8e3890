"""One HTTP request to a server of the tests.

Owns the connection, closed after each answer. Proxies of the environment are not used: the servers are near.
"""

from base64 import b64encode
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson

from tests.services.process import ServiceError

TIMEOUT_S = 30.0


class Answer(NamedTuple):
    """Status and body as they came."""

    status: int
    body: bytes


def request(
    method: str, url: str, *, authorization: str = "", content: object = None, timeout_s: float = TIMEOUT_S
) -> Answer:
    """Send a request, `content` as JSON unless it is None or bytes, and read the answer whole, whatever its status.

    Raises:
        OSError: nobody answers there.
        ServiceError: what answers does not speak HTTP.
    """
    parts = urlsplit(url)
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    headers = {"Content-Type": "application/json"}
    if authorization:
        headers["Authorization"] = authorization
    body = content if content is None or isinstance(content, bytes) else orjson.dumps(content)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    with closing(connect(parts.hostname or "", parts.port, timeout=timeout_s)) as connection:
        try:
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            return Answer(response.status, response.read())
        except HTTPException as fault:
            raise ServiceError(f"{method} {url}: the answer is not HTTP ({fault!r})") from fault


def demand(method: str, url: str, *, authorization: str = "", content: object = None) -> bytes:
    """As `request`, for what must succeed: the body of a 2xx answer.

    Raises:
        OSError: nobody answers there.
        ServiceError: any other status; holds the answer's words.
    """
    answer = request(method, url, authorization=authorization, content=content)
    if answer.status // 100 != 2:
        raise ServiceError(f"{method} {url} was answered {answer.status}: {answer.body.decode('utf-8', 'replace')}")
    return answer.body


def basic_authorization(user: str, password: str) -> str:
    """The header's value for HTTP's own log-in."""
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
