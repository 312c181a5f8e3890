"""A real InfluxDB 2 for the tests: an instance of their own, or a running one that variables name.

Owns buckets, tokens and reading back by InfluxQL, and the instance's life. Must not use the program's own way of
writing: what it reads is the measure for that.
"""

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias
from urllib.parse import quote, urlencode

import orjson

from tests.services.http import demand, request
from tests.services.process import LOOPBACK, Command, ServerProcess, ServiceError, free_ports

NAMED_BY = "CHARGELINE_TEST_INFLUX_URL"
TOKEN_NAMED_BY = "CHARGELINE_TEST_INFLUX_TOKEN"
ORG = "chargeline"

Value: TypeAlias = str | int | float | bool | None


class Token(NamedTuple):
    """A token's number, for deleting it, and the token itself."""

    id: str
    token: str


class Record(NamedTuple):
    """One line of an answer.

    `measurement`  the series' name.
    `tags`         the tags of a `GROUP BY`.
    `values`       column to value; `time` in nanoseconds since 1970; None where the row has no such field. InfluxQL
                   writes 1.0 as 1: whole floats come as int.
    """

    measurement: str
    tags: Mapping[str, str]
    values: Mapping[str, Value]


class InfluxDb:
    """One server. Its methods raise ServiceError when it refuses, OSError when it is away."""

    def __init__(self, url: str, token: str, process: ServerProcess | None) -> None:
        self.url = url
        self.token = token
        self.org = ORG
        self._process = process

    @classmethod
    def own(cls, folder: Path, *, is_set_up: bool = True) -> "InfluxDb":
        """An instance with its data in `folder`, started, and set up unless told otherwise.

        Raises:
            ServiceError: influxd is not built, or does not start: the end of its log.
        """
        (port,) = free_ports(1)
        address = f"{LOOPBACK}:{port}"
        words = (
            str(_program()),
            *("--http-bind-address", address),
            *("--bolt-path", str(folder / "meta.bolt")),
            *("--sqlite-path", str(folder / "meta.sqlite")),
            *("--engine-path", str(folder / "engine")),
            *("--log-level", "error"),
            "--reporting-disabled",
            "--ui-disabled",
        )
        environment = {"HOME": str(folder), "PATH": os.environ.get("PATH", os.defpath)}
        process = ServerProcess(Command("influxd", words, environment, folder / "influxd.log"))
        server = cls(f"http://{address}", secrets.token_hex(16), process)
        server.start()
        try:
            if is_set_up:
                server._set_up()
        except BaseException:
            server.kill()
            raise
        return server

    @classmethod
    def named(cls, url: str, token: str) -> "InfluxDb":
        """A running server. The token must be allowed to make buckets and tokens.

        Raises:
            ServiceError: the server does not answer, or refuses the token.
        """
        server = cls(url.rstrip("/"), token, None)
        try:
            (organization, *_) = orjson.loads(server._call("GET", "/api/v2/orgs"))["orgs"]
        except (OSError, ValueError) as fault:
            raise ServiceError(f"{NAMED_BY}={url}: no InfluxDB 2 with an organization answers: {fault}") from fault
        server.org = str(organization["name"])
        return server

    def start(self) -> None:
        """Start it, on the same address and data as before, and wait until it answers."""
        self._own().start(self._answers)

    def stop(self) -> None:
        """End it in order."""
        self._own().stop()

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._own().kill()

    def restart(self) -> None:
        """`stop`, then `start`."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Hold it still: it accepts connections and does not answer."""
        self._own().pause()

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._own().resume()

    def settle(self) -> None:
        """Make it run and answer, whatever a test that failed has left. A named server is left alone."""
        if self._process is not None:
            self._process.settle(self._answers)

    def close(self) -> None:
        """Leave nothing running: the instance and its data are not needed any more."""
        if self._process is not None:
            self._process.kill()

    def add_bucket(self, retention_s: int = 0, shard_s: int = 0) -> str:
        """A new bucket's name. Rows older than `retention_s` seconds are refused; 0: none is.

        Its files are of `shard_s` seconds each; 0: what the server takes by itself.
        """
        name = f"bucket_{secrets.token_hex(6)}"
        rule = {"type": "expire", "everySeconds": retention_s, "shardGroupDurationSeconds": shard_s}
        rules = [rule] if retention_s or shard_s else []
        content = {"name": name, "orgID": self._id_of_org(), "retentionRules": rules}
        self._call("POST", "/api/v2/buckets", content)
        return name

    def delete_bucket(self, bucket: str) -> None:
        """Delete a bucket with all that is in it."""
        self._call("DELETE", f"/api/v2/buckets/{self._id_of_bucket(bucket)}")

    def add_token(self, bucket: str, *, read: bool = True, write: bool = True) -> Token:
        """A new token that may read and write one bucket unless told otherwise."""
        org = self._id_of_org()
        resource = {"type": "buckets", "id": self._id_of_bucket(bucket), "orgID": org}
        allowed = {"read": read, "write": write}
        permissions = [{"action": action, "resource": resource} for action, may in allowed.items() if may]
        made = orjson.loads(self._call("POST", "/api/v2/authorizations", {"orgID": org, "permissions": permissions}))
        return Token(str(made["id"]), str(made["token"]))

    def delete_token(self, token_id: str) -> None:
        """From now on the token is refused with 401."""
        self._call("DELETE", f"/api/v2/authorizations/{token_id}")

    def write(self, bucket: str, lines: str) -> None:
        """Write line protocol, times in nanoseconds, as a test's preparation."""
        query = urlencode({"bucket": bucket, "org": self.org, "precision": "ns"})
        self._call("POST", f"/api/v2/write?{query}", lines.encode())

    def query(self, bucket: str, influxql: str) -> list[Record]:
        """The rows of an answer, in its order; none when nothing matches.

        Raises:
            ServiceError: the query is refused, or answered in part only.
        """
        path = f"/query?{urlencode({'db': bucket, 'epoch': 'ns', 'q': influxql})}"
        return list(_records(self._call("GET", path), influxql))

    def _call(self, method: str, path: str, content: object = None) -> bytes:
        return demand(method, self.url + path, authorization=f"Token {self.token}", content=content)

    def _answers(self) -> bool:
        with suppress(OSError):
            return request("GET", f"{self.url}/health", timeout_s=5.0).status == 200
        return False

    def _set_up(self) -> None:
        content = {"username": "test", "password": secrets.token_hex(16), "org": ORG, "bucket": "unused"}
        self._call("POST", "/api/v2/setup", {**content, "token": self.token})

    def _id_of_org(self) -> str:
        (found,) = orjson.loads(self._call("GET", f"/api/v2/orgs?org={quote(self.org)}"))["orgs"]
        return str(found["id"])

    def _id_of_bucket(self, bucket: str) -> str:
        (found,) = orjson.loads(self._call("GET", f"/api/v2/buckets?name={quote(bucket)}"))["buckets"]
        return str(found["id"])

    def _own(self) -> ServerProcess:
        if self._process is None:
            raise ServiceError(
                f"This test stops and starts InfluxDB, so it needs an instance of its own: unset {NAMED_BY} and run"
                " `make services`."
            )
        return self._process


def _records(body: bytes, influxql: str) -> Iterator[Record]:
    for result in orjson.loads(body)["results"]:
        if "error" in result or result.get("partial"):
            raise ServiceError(f"{influxql}: {result.get('error', 'answered in part only')}")
        for series in result.get("series", ()):
            if series.get("partial"):
                raise ServiceError(f"{influxql}: answered in part only")
            for values in series["values"]:
                yield Record(
                    series.get("name", ""), series.get("tags", {}), dict(zip(series["columns"], values, strict=True))
                )


def _program() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    program = cache / "chargeline" / "influxd-2.7.12" / "influxd"
    if not program.exists():
        raise ServiceError(f"There is no InfluxDB at {program}: run `make services`, or set {NAMED_BY}.")
    return program
