"""How each fault is inflicted, and how it heals.

Owns the table: a fault is a context that has begun when it is entered, and is over when it is left. Must not know when
faults come.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from types import MappingProxyType
from typing import Protocol

from tests.services.process import ServiceError
from tests.services.toxiproxy import Toxic
from tests.torture.folder import QUEUE, wait_for
from tests.torture.plan import Drawn
from tests.torture.site import Site
from tests.torture.tortured import RIGHT_TIME

HOUR = "3600s"
YOUNG_S = 3.0
SLOW: Toxic = {"type": "latency", "stream": "upstream", "attributes": {"latency": 2_500}}
ENDS_S = 60.0
LEVEL, LEVEL_S = 500, 120.0
STILL = 0.3
CLOCK_LAG_S = 1.5
"""So long may a stepped clock hide behind what the library remembers."""


class NotNowError(Exception):
    """The fault would show nothing at this moment; says why."""


class Server(Protocol):
    """Any of the servers, as far as a fault is concerned."""

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...


Fault = Callable[[Site, Drawn], AbstractContextManager[None]]


def broker(site: Site) -> Server:
    return site.broker


def store(site: Site) -> Server:
    return site.store


def kafka(site: Site) -> Server:
    return site.kafka


def patient() -> AbstractContextManager[None]:
    """On a busy machine the broker's own tool may give up before it has an answer; what it asked for happens."""
    return suppress(subprocess.TimeoutExpired)


@contextmanager
def killed(site: Site, drawn: Drawn) -> Iterator[None]:
    victim = site.victim(drawn.card.on, drawn.dice)
    victim.process.kill()
    yield
    victim.start()


@contextmanager
def paused(site: Site, drawn: Drawn) -> Iterator[None]:
    victim = site.victim(drawn.card.on, drawn.dice)
    victim.process.pause()
    yield
    victim.process.resume()


@contextmanager
def ended(site: Site, drawn: Drawn) -> Iterator[None]:
    """SIGTERM, which it obeys by itself."""
    victim = site.victim(drawn.card.on, drawn.dice)
    os.kill(victim.process.pid, signal.SIGTERM)
    began = time.monotonic()
    if not wait_for(lambda: not victim.process.running, ENDS_S):
        raise ServiceError(f"{victim.name} does not end at SIGTERM")
    victim.longest_end_s = max(victim.longest_end_s, time.monotonic() - began)
    victim.note_end()
    victim.process.kill()
    yield
    victim.start()


def stopped(of: Callable[[Site], Server]) -> Fault:
    @contextmanager
    def begun(site: Site, _: Drawn) -> Iterator[None]:
        with suppress(ServiceError):
            # One that takes too long is killed.
            of(site).stop()
        yield
        of(site).start()

    return begun


def died(of: Callable[[Site], Server]) -> Fault:
    @contextmanager
    def begun(site: Site, _: Drawn) -> Iterator[None]:
        of(site).kill()
        yield
        of(site).start()

    return begun


def held_still(of: Callable[[Site], Server]) -> Fault:
    @contextmanager
    def begun(site: Site, _: Drawn) -> Iterator[None]:
        of(site).pause()
        yield
        of(site).resume()

    return begun


@contextmanager
def broker_killed(site: Site, _: Drawn) -> Iterator[None]:
    """It writes its declarations out first, as it would by itself within seconds; a busy one may not have the time."""
    with suppress(subprocess.TimeoutExpired):
        site.broker.kill()
    yield
    site.broker.settle()


def toxic(*toxics: Toxic) -> Fault:
    """Something that befalls all that passes on a way."""

    @contextmanager
    def on_the_way(site: Site, drawn: Drawn) -> Iterator[None]:
        for each in toxics:
            site.proxies.add_toxic(drawn.card.on, each)
        yield
        site.proxies.mend()

    return on_the_way


def both_ways(kind: str, **attributes: int) -> tuple[Toxic, Toxic]:
    up, down = ({"type": kind, "stream": stream, "attributes": attributes} for stream in ("upstream", "downstream"))
    return up, down


@contextmanager
def refused(site: Site, drawn: Drawn) -> Iterator[None]:
    site.proxies.close_way(drawn.card.on)
    yield
    site.proxies.open_way(drawn.card.on)


@contextmanager
def disk_full(site: Site, _: Drawn) -> Iterator[None]:
    if not site.has_own_disk:
        raise ServiceError("only a small disk of its own is ever filled")
    ballast = site.disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"\0" * 65_536)
        except OSError:
            pass
    yield
    ballast.unlink()


def clock_at(offset: str) -> Fault:
    @contextmanager
    def stepped(site: Site, _: Drawn) -> Iterator[None]:
        # What is exempt then must be known: not what waits from long before.
        if not wait_for(lambda: site.broker.queue_length(site.vhost, QUEUE) < LEVEL, LEVEL_S):
            raise NotNowError(f"{LEVEL} messages wait and more: nobody could say what a wrong clock would excuse")
        for part in site.parts:
            part.set_clock(offset)
        yield
        for part in site.parts:
            part.set_clock(RIGHT_TIME)
        time.sleep(CLOCK_LAG_S)

    return stepped


@contextmanager
def token_replaced(site: Site, _: Drawn) -> Iterator[None]:
    """The old token is worth nothing at once; the worker is told a while later."""
    old, site.token = site.token, site.store.add_token(site.bucket)
    site.store.delete_token(old.id)
    yield
    site.token_file.write_text(site.token.token, "ascii")


@contextmanager
def consumer_cancelled(site: Site, _: Drawn) -> Iterator[None]:
    """The queue's process dies in the broker and comes back: every consumer is told that it is none any more."""
    name = f'rabbit_misc:r(<<"{site.vhost}">>, queue, <<"{QUEUE}">>)'
    with patient():
        site.broker.ctl("eval", f"{{ok, Q}} = rabbit_amqqueue:lookup({name}), exit(amqqueue:get_pid(Q), kill).")
    yield


@contextmanager
def connections_closed(site: Site, _: Drawn) -> Iterator[None]:
    with patient():
        site.broker.close_connections(site.vhost, "maintenance")
    yield


def killed_without(of: Callable[[Site], Server]) -> Fault:
    """What is acknowledged too early, or kept too early, is gone now.

    A server that is only held still carries out what it was sent before, when it goes on; one that dies does not.
    """

    @contextmanager
    def begun(site: Site, drawn: Drawn) -> Iterator[None]:
        victim = site.victim(drawn.card.on, drawn.dice)
        with (held_still(of) if drawn.dice < STILL else died(of))(site, drawn):
            time.sleep(drawn.lasts_s)
            victim.process.kill()
            yield
            victim.start()

    return begun


@contextmanager
def cut_off_without_store(site: Site, drawn: Drawn) -> Iterator[None]:
    """A batch is long on its way to the store while its channel, a young one, is lost; a kill comes after it arrived.

    The tag of that batch means other deliveries on the next channel, which are on their way at the kill, and never
    arrive.
    """
    _cut(site)
    time.sleep(YOUNG_S)
    site.proxies.add_toxic("store", SLOW)
    time.sleep(1 + drawn.dice)
    _cut(site)
    yield
    victim = site.victim(drawn.card.on, drawn.dice)
    site.proxies.close_way("store")
    victim.process.kill()
    site.proxies.mend()
    victim.start()


def _cut(site: Site) -> None:
    site.proxies.close_way("broker")
    site.proxies.open_way("broker")


FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "killed": killed,
        "paused": paused,
        "ended": ended,
        "broker_stopped": stopped(broker),
        "broker_restarted": stopped(broker),
        "broker_killed": broker_killed,
        "broker_paused": held_still(broker),
        "store_stopped": stopped(store),
        "store_restarted": stopped(store),
        "store_killed": died(store),
        "store_paused": held_still(store),
        "latency": toxic(*both_ways("latency", latency=400, jitter=300)),
        "bandwidth": toxic(*both_ways("bandwidth", rate=60)),
        "slicer": toxic(*both_ways("slicer", average_size=64, size_variation=40, delay=20)),
        "black_hole": toxic(*both_ways("timeout", timeout=0)),
        "half_open": toxic({"type": "timeout", "stream": "downstream", "attributes": {"timeout": 0}}),
        "reset": toxic({"type": "reset_peer", "stream": "downstream", "attributes": {"timeout": 0}}),
        "cut_in_the_middle": toxic(*both_ways("limit_data", bytes=20_000)),
        "refused": refused,
        "disk_full": disk_full,
        "clock_ahead": clock_at(f"+{HOUR}"),
        "clock_behind": clock_at(f"-{HOUR}"),
        "token_replaced": token_replaced,
        "consumer_cancelled": consumer_cancelled,
        "connections_closed": connections_closed,
        "killed_without_store": killed_without(store),
        "cut_off_without_store": cut_off_without_store,
        "kafka_stopped": stopped(kafka),
        "kafka_restarted": stopped(kafka),
        "kafka_killed": died(kafka),
        "kafka_paused": held_still(kafka),
        "killed_without_kafka": killed_without(kafka),
        "paused_beyond_session": paused,
    }
)
