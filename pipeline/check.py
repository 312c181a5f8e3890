"""The check: what a worker with these settings would meet, each thing tried once, nothing changed.

Owns the steps, their order, and what to do about what they find. Must not know how a finding is shown.
Nothing is consumed, published, declared or written: InfluxDB is asked with an empty write.
"""

import asyncio
import shutil
import ssl
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from pipeline.assembly import STATE_FILE, STORE_FILE, bucket_of, reject_limits
from pipeline.broker import read_broker
from pipeline.core.timestamps import NS_PER_S, format_time
from pipeline.secret import UnreadableSecretError
from pipeline.setting_specs import SPECS
from pipeline.settings import Settings, SettingsError
from pipeline.wires.amqp_address import EaseeConnection, tls_context
from pipeline.wires.amqp_look import (
    BrokerFaultError,
    look_at_certificate,
    look_at_exchange,
    look_at_login,
    look_at_queue,
)
from pipeline.wires.folder_lock import FolderLockedError, lock_folder
from pipeline.wires.influx import InfluxStore, ask_time
from pipeline.wires.sqlite_file import ForeignFileError
from pipeline.wires.state import StateFile
from pipeline.wires.store import StoreUnavailableError

_DAY_NS = 86_400 * NS_PER_S
_SOON_DAYS = 14
_LITTLE_BYTES = 1 << 30
_NEARLY_FULL = 0.8
_MOST_OFFSET_S = 1.0
_MIB = 1 << 20


class Result(StrEnum):
    """How a step ended; the check as a whole fails with one that failed."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Finding(NamedTuple):
    """What was tried, how it ended, what was found, and what to do about it (empty where there is nothing to do)."""

    tried: str
    result: Result
    found: str
    todo: str = ""


def check(settings: Settings, now: int) -> Iterator[Finding]:
    """Every step, one after the other; `now` is our clock, nanoseconds since the epoch. Never raises."""
    yield from _check_settings(settings)
    is_ours = False
    for finding in _check_folder(settings):
        is_ours = is_ours or (finding.result is Result.OK and "in use" in finding.found)
        yield finding
    yield from _check_broker(settings, now, is_ours=is_ours)
    yield from _check_store(settings)
    yield from _check_clock(settings, now)


def _check_settings(settings: Settings) -> Iterator[Finding]:
    count = sum(source != "default" for source in settings.sources.values())
    for warning in settings.warnings:
        found, _, todo = warning.partition("; ")
        yield Finding("settings", Result.WARNING, found, todo)
    yield Finding("settings", Result.OK, f"{count} of {len(SPECS)} are set, and each can be used")


def _check_folder(settings: Settings) -> Iterator[Finding]:
    """DATA_DIR: that it can be written, who has it, how full it is."""
    folder = settings.data_dir
    tried = f"DATA_DIR {folder}"
    try:
        with lock_folder(folder):
            yield Finding(tried, Result.OK, "can be written, and no worker has it")
    except FolderLockedError as fault:
        yield Finding(tried, Result.OK, str(fault).partition(";")[0])
    except OSError as fault:
        todo = "name a folder that can be made and is yours in CHARGELINE_DATA_DIR"
        yield Finding(tried, Result.FAILED, fault.strerror or str(fault), todo)
        return
    free = shutil.disk_usage(folder).free
    is_little = free < _LITTLE_BYTES
    todo = "a full disk stops the worker until there is room again; make some" if is_little else ""
    yield Finding("its disk", Result.WARNING if is_little else Result.OK, f"{free // _MIB} MiB are free", todo)
    if (folder / STATE_FILE).exists():
        yield _check_rejects(settings)


def _check_rejects(settings: Settings) -> Finding:
    tried = "rejects"
    try:
        with StateFile.open(settings.data_dir / STATE_FILE, reject_limits(settings)) as state:
            size, count = state.total()
    except (StoreUnavailableError, ForeignFileError) as fault:
        found, _, todo = str(fault).partition("; ")
        return Finding(tried, Result.FAILED, found, todo)
    is_full = size > _NEARLY_FULL * settings.rejects_max
    todo = "export and discard some (chargeline rejects --help), or raise CHARGELINE_REJECTS_MAX" if is_full else ""
    found = f"{count} are kept, {size // _MIB} MiB of {settings.rejects_max // _MIB}"
    return Finding(tried, Result.WARNING if is_full else Result.OK, found, todo)


def _check_broker(settings: Settings, now: int, *, is_ours: bool) -> Iterator[Finding]:
    try:
        details = read_broker(settings)
        context = tls_context(details.address, settings.amqp_ca_file)
    except SettingsError as fault:
        yield Finding("broker", Result.FAILED, "; ".join(fault.faults), "see the README: Run it for real")
        yield from _skipped(("login", "queue"), "the broker is not known")
        return
    except (UnreadableSecretError, ValueError) as fault:
        found, _, todo = str(fault).partition("; ")
        yield Finding("broker", Result.FAILED, found, todo)
        yield from _skipped(("login", "queue"), "the broker is not known")
        return
    steps = [_certificate(details, context, now), _login(details, context), _queue(details, context, settings, is_ours)]
    if details.exchange:
        steps.append(_exchange(details, context))
    for place, step in enumerate(steps):
        finding = asyncio.run(step)
        yield finding
        if finding.result is Result.FAILED:
            for later in steps[place + 1 :]:
                later.close()
            yield from _skipped(("login", "queue", "exchange")[place : len(steps) - 1], f"{finding.tried} failed")
            return


def _skipped(tried: tuple[str, ...], why: str) -> Iterator[Finding]:
    return (Finding(step, Result.SKIPPED, why) for step in tried)


async def _certificate(details: EaseeConnection, context: ssl.SSLContext | None, now: int) -> Finding:
    tried = f"broker {details.address.host}:{details.address.port}"
    try:
        end = await look_at_certificate(details.address, context)
    except BrokerFaultError as fault:
        return _broker_fault(tried, fault)
    if end is None:
        todo = "passwords and messages can be read on the way; use amqps:// unless it is this machine"
        return Finding(tried, Result.WARNING, "answers, without TLS", todo)
    found = f"answers; its certificate is good until {format_time(end)[:10]}"
    is_soon = end - now < _SOON_DAYS * _DAY_NS
    todo = "whoever runs the broker must renew it by then" if is_soon else ""
    return Finding(tried, Result.WARNING if is_soon else Result.OK, found, todo)


async def _login(details: EaseeConnection, context: ssl.SSLContext | None) -> Finding:
    tried = f"login as {details.address.user} to vhost {details.address.vhost}"
    try:
        await look_at_login(details.address, context)
    except BrokerFaultError as fault:
        return _broker_fault(tried, fault)
    return Finding(tried, Result.OK, "accepted")


async def _queue(
    details: EaseeConnection, context: ssl.SSLContext | None, settings: Settings, is_ours: bool
) -> Finding:
    tried = f"queue {details.queue}"
    try:
        look = await look_at_queue(details, context)
    except BrokerFaultError as fault:
        return _broker_fault(tried, fault)
    consumers = f"{look.consumers} consumer{'' if look.consumers == 1 else 's'}"
    found = f"{look.backlog} messages wait, {consumers}"
    if not look.consumers or settings.amqp_share or (is_ours and look.consumers == 1):
        return Finding(tried, Result.OK, found)
    todo = (
        "somebody else consumes: a worker with these settings would stand by until that one is gone; end it, or set "
        "CHARGELINE_AMQP_SHARE=on if both are to share"
    )
    return Finding(tried, Result.WARNING, found, todo)


async def _exchange(details: EaseeConnection, context: ssl.SSLContext | None) -> Finding:
    tried = f"exchange {details.exchange}"
    try:
        await look_at_exchange(details, context)
    except BrokerFaultError as fault:
        return _broker_fault(tried, fault)
    return Finding(tried, Result.OK, "is there")


def _broker_fault(tried: str, fault: BrokerFaultError) -> Finding:
    found, _, todo = str(fault).partition("; ")
    return Finding(tried, Result.FAILED, found, todo)


def _check_store(settings: Settings) -> Iterator[Finding]:
    bucket, token = bucket_of(settings), settings.influx_token
    if bucket is None or token is None:
        file = settings.data_dir / STORE_FILE
        found = f"{file.stat().st_size // _MIB} MiB" if file.exists() else "will be made when a worker starts"
        yield Finding(f"SQLite {file}", Result.OK, found)
        return
    tried = f"InfluxDB {bucket.url}, organisation {bucket.org}, bucket {bucket.name}"
    store = InfluxStore(bucket, token.reveal)
    try:
        store.probe()
    except StoreUnavailableError as fault:
        found, _, todo = str(fault).partition(f"bucket {bucket.name}: ")[2].rpartition("; ")
        yield Finding(tried, Result.FAILED, found, todo)
        return
    finally:
        store.close()
    yield Finding(tried, Result.OK, "takes rows with this token")


def _check_clock(settings: Settings, now: int) -> Iterator[Finding]:
    bucket = bucket_of(settings)
    if bucket is None:
        yield Finding("clock", Result.SKIPPED, "neither the broker nor SQLite has one to compare ours with")
        return
    time = ask_time(bucket.url)
    if time is None:
        yield Finding("clock", Result.SKIPPED, "InfluxDB does not say what time it has")
        return
    offset_s = (now - time) / NS_PER_S
    # The header has whole seconds, cut off.
    is_off = not -_MOST_OFFSET_S < offset_s < _MOST_OFFSET_S + 1
    todo = "latencies between our clock and others' will be wrong by it; see NTP here and there" if is_off else ""
    found = f"ours and InfluxDB's are {abs(offset_s):.0f} s apart" if is_off else "agrees with InfluxDB's to a second"
    yield Finding("clock", Result.WARNING if is_off else Result.OK, found, todo)
