"""The check of the operator's broker: who it is, whether it lets us in, and what is there.

Owns these steps and what to do about what they find. Must not know their order, or how anybody connects. Nothing is
consumed, published or declared: a message taken to look at it would be delivered again to somebody else.
"""

import asyncio
import ssl
from typing import NamedTuple

from pipeline.broker import check_sending, read_broker, read_command_broker
from pipeline.check_folder import has_worker
from pipeline.check_step import Ground, Look, Result
from pipeline.core.timestamps import NS_PER_S, format_time
from pipeline.settings import Settings, SettingsError
from pipeline.wires.amqp_address import EaseeConnection, tls_context
from pipeline.wires.amqp_look import (
    BrokerFaultError,
    look_at_certificate,
    look_at_exchange,
    look_at_login,
    look_at_queue,
)

_SOON_NS = 14 * 86_400 * NS_PER_S
_DATE = 10


class _Way(NamedTuple):
    """Where the broker is, and how to speak TLS with it."""

    details: EaseeConnection
    context: ssl.SSLContext | None


def look_at_broker(ground: Ground) -> Look:
    """That the settings name a broker, that it answers, and that it is the one it should be, and for how long."""
    try:
        details, context = _way(ground.settings)
    except SettingsError as fault:
        return Look(Result.FAILED, "broker", "; ".join(fault.faults), "see the README: Run it for real")
    tried = f"broker {details.address.host}:{details.address.port}"
    try:
        end = asyncio.run(look_at_certificate(details.address, context))
    except BrokerFaultError as fault:
        return Look(Result.FAILED, tried, fault.words, fault.step)
    if end is None:
        todo = "password and messages can be read on the way: use amqps://, unless it is this very machine"
        return Look(Result.WARNING, tried, "answers, without TLS", todo)
    found = f"answers; its certificate is trusted, and valid until {format_time(end)[:_DATE]}"
    if end - ground.read_clock() < _SOON_NS:
        return Look(Result.WARNING, tried, found, "whoever runs the broker must renew it by then, or the worker stops")
    return Look(Result.OK, tried, found)


def look_at_user(ground: Ground) -> Look:
    """That the broker lets us in."""
    details, context = _way(ground.settings)
    tried = f"login as {details.address.user} to vhost {details.address.vhost}"
    try:
        asyncio.run(look_at_login(details.address, context))
    except BrokerFaultError as fault:
        return Look(Result.FAILED, tried, fault.words, fault.step)
    return Look(Result.OK, tried, "accepted")


def look_at_backlog(ground: Ground) -> Look:
    """That the queue is there, how much waits in it, and who consumes already."""
    settings = ground.settings
    look, consumers = _look_at_queue(settings)
    if consumers == 1 and not settings.amqp_share and has_worker(settings):
        return look._replace(found=f"{look.found}: most likely the worker that has DATA_DIR")
    return _judge_consumers(look, consumers, settings, "a worker")


def look_at_bridges_backlog(ground: Ground) -> Look:
    """The same for a bridge. A worker that has DATA_DIR is somebody else like any other."""
    look, consumers = _look_at_queue(ground.settings)
    return _judge_consumers(look, consumers, ground.settings, "a bridge")


def _look_at_queue(settings: Settings) -> tuple[Look, int]:
    """What waits there, and how many consume; none where it cannot be looked at."""
    details, context = _way(settings)
    tried = f"queue {details.queue}"
    try:
        look = asyncio.run(look_at_queue(details, context))
    except BrokerFaultError as fault:
        return Look(Result.FAILED, tried, fault.words, fault.step), 0
    consumers = "1 consumer" if look.consumers == 1 else f"{look.consumers} consumers"
    waiting = "1 message waits" if look.backlog == 1 else f"{look.backlog:,} messages wait"
    return Look(Result.OK, tried, f"{waiting}, {consumers}"), look.consumers


def _judge_consumers(look: Look, consumers: int, settings: Settings, who: str) -> Look:
    """What consumers there are mean for one of ours: it stands by beside them, which is a warning and no fault."""
    if not consumers:
        return look
    if settings.amqp_share:
        return look._replace(found=f"{look.found}, with whom {who} would share (CHARGELINE_AMQP_SHARE)")
    todo = (
        f"somebody else consumes: {who} would stand by and take over when they are gone; end them if you do not "
        "know them, or set CHARGELINE_AMQP_SHARE=on if each is to get a part of the messages"
    )
    return look._replace(result=Result.WARNING, todo=todo)


def look_at_commands(ground: Ground) -> Look | None:
    """That the exchange for commands is there; None where none is named."""
    details, context = _way(ground.settings)
    if not details.exchange:
        return None
    tried = f"exchange {details.exchange}"
    try:
        asyncio.run(look_at_exchange(details, context))
    except BrokerFaultError as fault:
        return Look(Result.FAILED, tried, fault.words, fault.step)
    return Look(Result.OK, tried, "is there")


def look_at_copies(ground: Ground) -> Look | None:
    """That COMMAND_QUEUE is there; None where it is not set."""
    settings = ground.settings
    if settings.command_queue is None:
        return None
    details = read_command_broker(settings)
    tried = f"command queue {details.queue}"
    try:
        look = asyncio.run(look_at_queue(details, tls_context(details.address, settings.amqp_ca_file)))
    except BrokerFaultError as fault:
        return Look(Result.FAILED, tried, fault.words, fault.step.replace("CHARGELINE_AMQP_", "CHARGELINE_COMMAND_"))
    waiting = "1 copy waits" if look.backlog == 1 else f"{look.backlog:,} copies wait"
    return Look(Result.OK, tried, f"is there; {waiting}")


def look_at_sending(ground: Ground) -> Look | None:
    """That commands could be sent, as far as settings say; None where nobody may ask for it, or no broker is known."""
    settings = ground.settings
    try:
        broker = read_broker(settings)
    except SettingsError:
        return None
    if settings.http_token is None:
        return None
    try:
        check_sending(settings, broker)
    except SettingsError as fault:
        return Look(Result.FAILED, "sending commands", "; ".join(fault.faults), "see the README: Send commands")
    return Look(Result.OK, "sending commands", f"as {settings.operator}.Easee, with the token of CHARGELINE_HTTP_TOKEN")


def _way(settings: Settings) -> _Way:
    """Read anew. Raises SettingsError, UnreadableSecretError and ValueError, each with words."""
    details = read_broker(settings)
    return _Way(details, tls_context(details.address, settings.amqp_ca_file))
