"""Clients of ours that speak HTTPS, each tried once at servers that are not what they should be.

Owns the clients, and the words that an operator is told. As a program it trusts whom its environment says, as the
worker does: `python -m tests.security.tls_clients CLIENT=PORT …` prints the words of each as a JSON list. Must not know
what is wrong with a server.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from types import MappingProxyType

import orjson

from pipeline.wires.alert_webhook import AlertWebhook
from pipeline.wires.influx import Bucket, InfluxStore
from pipeline.wires.influx_look import ServerFaultError, look_at_server
from pipeline.wires.influx_query import InfluxQuery
from pipeline.wires.store import StoreUnavailableError
from schemas.alert import Alert, AlertKind
from schemas.row import Row
from tests.security.tls_server import HOST
from tests.waiting import until

TOKEN = "canary-of-the-token"
HANGS_S = 60.0
ROW = Row("m", "EH000001", "", (), 1, (("a", 1.0),))
ALERT = Alert("EH000001", AlertKind.CHARGER_SILENT, "-", 1, 1, active=True, value=1.0, message="canary-of-an-alert")


def bucket_at(port: int) -> Bucket:
    """A bucket that never is a whole one."""
    return Bucket(f"https://{HOST}:{port}", "o", "b")


def write(port: int) -> str:
    """As a worker stores rows."""
    with closing(InfluxStore(bucket_at(port), lambda: TOKEN)) as store:
        try:
            store.write([ROW])
        except StoreUnavailableError as fault:
            return str(fault)
    return ""


def ask(port: int) -> str:
    """As `rollup` and `export` read rows."""
    with closing(InfluxQuery(bucket_at(port), lambda: TOKEN)) as query:
        try:
            list(query.ask("SELECT a FROM m"))
        except StoreUnavailableError as fault:
            return str(fault)
    return ""


def look(port: int) -> str:
    """As `check` looks at the server."""
    try:
        look_at_server(bucket_at(port).url)
    except ServerFaultError as fault:
        return str(fault)
    return ""


class _Words(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record.getMessage())


def post(port: int) -> str:
    """As alerts are posted; the words are those of the log."""

    async def tell() -> None:
        async with asyncio.timeout(HANGS_S), AlertWebhook(lambda: f"https://u:{TOKEN}@{HOST}:{port}/alerts") as webhook:
            webhook.tell([ALERT], ())
            await until(lambda: bool(words.heard))

    words = _Words()
    logging.getLogger("pipeline.wires.alert_webhook").addHandler(words)
    asyncio.run(tell())
    logging.getLogger("pipeline.wires.alert_webhook").removeHandler(words)
    return words.heard[0]


CLIENTS: Mapping[str, Callable[[int], str]] = MappingProxyType(
    {"write": write, "ask": ask, "look": look, "webhook": post}
)


def main(words: list[str]) -> None:
    """Try each client at its port."""
    tries = [word.partition("=") for word in words]
    print(orjson.dumps([CLIENTS[client](int(port)) for client, _, port in tries]).decode())


if __name__ == "__main__":
    main(sys.argv[1:])
