"""A real RabbitMQ for the tests: a node of their own, or a running one that a variable names.

Owns what tests do to a broker: virtual hosts, users, connections, the state of a queue. Must not know how a node is
run (`tests.services.rabbitmq_node`).
"""

import asyncio
import secrets
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, quote, unquote, urlsplit

import aio_pika

from tests.services.certificates import Shown
from tests.services.process import LOOPBACK, ServiceError
from tests.services.rabbitmq_node import RabbitMqNode

NAMED_BY = "CHARGELINE_TEST_AMQP_URL"
EVERYTHING = ".*"
TICK_S = 1

Result = TypeVar("Result")


class RabbitMq:
    """One broker. Its methods raise ServiceError when it refuses, OSError when it is away."""

    def __init__(self, node: RabbitMqNode | None, named: str = "") -> None:
        self._node = node
        self._named = urlsplit(named)

    @classmethod
    def own(cls, folder: Path) -> "RabbitMq":
        """A started node with its data in `folder`.

        Raises:
            ServiceError: it is not installed, or does not start: the end of its log.
        """
        broker = cls(RabbitMqNode(folder))
        broker.start()
        return broker

    @classmethod
    def named(cls, url: str) -> "RabbitMq":
        """A running broker: `amqp://user:password@host:port/vhost`. Its virtual host is used for everything.

        Raises:
            ServiceError: it does not answer, or refuses the user.
        """
        broker = cls(None, url)
        try:
            _run(_connects(url))
        except (OSError, aio_pika.exceptions.AMQPError) as fault:
            raise ServiceError(f"{NAMED_BY} names a broker that does not answer: {fault}") from fault
        return broker

    def start(self) -> None:
        """Start it, on the same ports and data as before, and wait until it answers (about 5 s)."""
        self._own().start()

    def stop(self) -> None:
        """End it in order (about 6 s)."""
        self._own().stop()

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._own().kill()

    def restart(self) -> None:
        """`stop`, then `start`."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Hold it still: connections stay open, nothing answers."""
        self._own().pause()

    def resume(self) -> None:
        """Let it go on after `pause`."""
        self._own().resume()

    def settle(self) -> None:
        """Make it run and answer, whatever a test that failed has left. A named broker is left alone."""
        if self._node is not None:
            self._node.settle()

    def close(self) -> None:
        """Leave nothing running: node and data are not needed any more."""
        if self._node is not None:
            self._node.close()

    @property
    def authority(self) -> Path:
        """The certificate, in PEM, that a client must trust for `url(tls=True)`."""
        return self._own().certificates.authority

    def url(
        self, user: str | None = None, password: str | None = None, vhost: str | None = None, *, tls: bool = False
    ) -> str:
        """The broker's address; what is not named is the administrator's, and virtual host `/`."""
        address = self._address(tls)
        user = unquote(address.username or "guest") if user is None else user
        password = unquote(address.password or "guest") if password is None else password
        vhost = (unquote(address.path[1:]) or "/") if vhost is None else vhost
        port = "" if address.port is None else f":{address.port}"
        return f"{address.scheme}://{_quoted(user)}:{_quoted(password)}@{address.hostname}{port}/{_quoted(vhost)}"

    def add_vhost(self) -> str:
        """A new virtual host's name, with all rights for the administrator. Of a named broker: the one it has."""
        if self._node is None:
            return unquote(self._named.path[1:]) or "/"
        vhost = fresh_name("vhost")
        self._node.manage("PUT", f"/vhosts/{vhost}")
        self._permit(self._node.user, vhost)
        return vhost

    def delete_vhost(self, vhost: str) -> None:
        """Delete a virtual host with its queues and connections. Of a named broker: nothing."""
        if self._node is not None:
            self._node.manage("DELETE", f"/vhosts/{_quoted(vhost)}")

    def add_user(self, name: str, password: str, vhost: str) -> None:
        """Add a user with all rights in one virtual host."""
        self.change_password(name, password)
        self._permit(name, vhost)

    def change_password(self, name: str, password: str) -> None:
        """From now on the user logs in with this password; connections that are open stay open."""
        self._own().manage("PUT", f"/users/{_quoted(name)}", {"password": password, "tags": ""})

    def delete_user(self, name: str) -> None:
        """Delete a user."""
        self._own().manage("DELETE", f"/users/{_quoted(name)}")

    def close_connections(self, vhost: str, reason: str) -> None:
        """The broker closes every connection of a virtual host (code 320) with this reason."""
        self.ctl("close_all_connections", "--vhost", vhost, reason)

    def ctl(self, *words: str) -> str:
        """What `rabbitmqctl` prints, without its headings."""
        return self._own().ctl(*words)

    def queue_length(self, vhost: str, queue: str) -> int:
        """Messages that wait for a consumer; those delivered and not acknowledged are not counted."""
        return self._declared(vhost, queue)[0]

    def consumers(self, vhost: str, queue: str) -> int:
        """How many consumers a queue has."""
        return self._declared(vhost, queue)[1]

    def held_by_channels(self, vhost: str) -> int:
        """Messages that some channel has and did not acknowledge (0.4 s)."""
        listed = self.ctl("list_channels", "--no-table-headers", "vhost", "messages_unacknowledged")
        lines = [line.split("\t") for line in listed.splitlines()]
        return sum(int(count) for name, count in lines if name == vhost)

    def unacknowledged(self, vhost: str, queue: str) -> int:
        """Messages that are delivered and not acknowledged (0.4 s)."""
        listed = self.ctl("list_queues", "--vhost", vhost, "--no-table-headers", "name", "messages_unacknowledged")
        counts = dict(line.rsplit("\t", 1) for line in listed.splitlines())
        return int(counts[queue])

    @contextmanager
    def showing(self, certificate: Shown) -> Iterator[None]:
        """Show another certificate on the TLS port for a while."""
        node = self._own()
        node.show_certificate(certificate)
        try:
            yield
        finally:
            node.show_certificate(Shown.VALID)

    @contextmanager
    def consumer_timeout(self, seconds: int) -> Iterator[None]:
        """Close channels opened meanwhile once a delivery stays unacknowledged this long (else 30 minutes)."""
        usual = (self._setting("consumer_timeout"), self._setting("channel_tick_interval"))
        self._set("consumer_timeout", f"{seconds * 1_000}")
        self._set("channel_tick_interval", f"{TICK_S * 1_000}")
        try:
            yield
        finally:
            for name, value in zip(("consumer_timeout", "channel_tick_interval"), usual, strict=True):
                self._set(name, value)

    def _setting(self, name: str) -> str:
        return self.ctl("eval", f"{{ok, Value}} = application:get_env(rabbit, {name}), Value.").strip()

    def _set(self, name: str, value: str) -> None:
        self.ctl("eval", f"application:set_env(rabbit, {name}, {value}).")

    def _permit(self, user: str, vhost: str) -> None:
        rights = {"configure": EVERYTHING, "write": EVERYTHING, "read": EVERYTHING}
        self._own().manage("PUT", f"/permissions/{_quoted(vhost)}/{_quoted(user)}", rights)

    def _declared(self, vhost: str, queue: str) -> tuple[int, int]:
        return _run(_passive_declare(self.url(vhost=vhost), queue))

    def _address(self, tls: bool) -> SplitResult:
        if self._node is not None:
            port, scheme = (self._node.tls_port, "amqps") if tls else (self._node.port, "amqp")
            return urlsplit(f"{scheme}://{self._node.user}:{self._node.password}@{LOOPBACK}:{port}/")
        if tls and self._named.scheme != "amqps":
            raise ServiceError(f"This test needs TLS: unset {NAMED_BY}, or let it name an amqps address.")
        return self._named

    def _own(self) -> RabbitMqNode:
        if self._node is None:
            raise ServiceError(
                "This test stops or manages RabbitMQ, so it needs a node of its own:"
                f" unset {NAMED_BY} and run `make services`."
            )
        return self._node


def fresh_name(prefix: str) -> str:
    """A name that nobody has used, for what must not meet what an earlier test left."""
    return f"{prefix}_{secrets.token_hex(6)}"


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _run(coroutine: Coroutine[None, None, Result]) -> Result:
    # On a thread of its own, so that a test whose own event loop is running can call it too.
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


async def _connects(url: str) -> None:
    async with await aio_pika.connect(url):
        return


async def _passive_declare(url: str, queue: str) -> tuple[int, int]:
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        found = (await channel.declare_queue(queue, passive=True)).declaration_result
        return found.message_count or 0, found.consumer_count or 0
