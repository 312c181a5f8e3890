"""Assembly: the parts that the settings ask for, opened and put together.

Owns which store a worker has and where its files are. Must not know how any part works, or the present time.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from enum import Enum, auto
from pathlib import Path
from typing import NamedTuple

from pipeline.core.decode import Decoder
from pipeline.core.derivation import Derivation, Spans
from pipeline.core.derivation_scope import SHARE, WHOLE, Scope
from pipeline.core.operational_alerts import OperationalAlerts, Thresholds
from pipeline.core.redaction import Redaction
from pipeline.core.rows import RowMaker
from pipeline.journey import Journey
from pipeline.retention import RowDropper
from pipeline.secret import Secret, UnreadableSecretError
from pipeline.settings import Settings
from pipeline.tracking import Tracking
from pipeline.wires.fact_source import FactSource
from pipeline.wires.fleet_file import SitedStore
from pipeline.wires.influx import Bucket, InfluxStore
from pipeline.wires.influx_facts import InfluxFacts
from pipeline.wires.influx_rows import InfluxRows
from pipeline.wires.influx_schema import GuardedStore, read_version, refuse_newer
from pipeline.wires.private_file import make_private_folder
from pipeline.wires.row_source import RowSource
from pipeline.wires.sqlite import SqliteStore
from pipeline.wires.sqlite_facts import SqliteFacts
from pipeline.wires.sqlite_file import ForeignFileError
from pipeline.wires.sqlite_rows import SqliteRows
from pipeline.wires.state import RejectLimits, StateFile
from pipeline.wires.store import Store, StoreUnavailableError
from schemas.catalogue import shipped_catalogue
from schemas.measurement import derived_measurements, fact_measurements, operational_measurements

STORE_FILE = "chargeline.sqlite3"
STATE_FILE = "state.sqlite3"

_NEARLY_FULL = 0.8
_LOG = logging.getLogger(__name__)


class Memory(Enum):
    """What a journey works out beside the rows of facts.

    KEPT   everything, going on from the state file: for the worker, whose folder is locked.
    FRESH  everything that follows from what it is given itself: for a recording, a simulation.
    NONE   nothing.
    """

    KEPT = auto()
    FRESH = auto()
    NONE = auto()


class Opened(NamedTuple):
    """The parts of a journey, open.

    `store`    where rows go.
    `state`    what is remembered besides.
    `dropper`  the same store, where rows can be dropped from it; a bucket drops them by itself.
    """

    journey: Journey
    store: Store
    state: StateFile
    tracking: Tracking
    dropper: RowDropper | None


class Past(NamedTuple):
    """A store, for working out its past anew: `source` is where facts are read, `store` where rows go."""

    source: FactSource
    store: Store


@contextmanager
def open_parts(
    settings: Settings, data_dir: Path | None = None, *, now: int, memory: Memory = Memory.KEPT
) -> Iterator[Opened]:
    """The parts that the settings ask for, closed at the end: InfluxDB where INFLUX_* is set, otherwise SQLite.

    Files are in DATA_DIR, made where there are none, for their owner alone; InfluxDB is not asked for anything yet.
    With `data_dir` everything is in that folder, SQLite included, whatever the settings say. Rejects that were too old
    at `now` (our clock, nanoseconds since the epoch) are dropped; that they are nearly full is logged as a warning.
    Raises ForeignFileError and StoreUnavailableError.
    """
    folder = settings.data_dir if data_dir is None else data_dir
    bucket = None if data_dir is not None else bucket_of(settings)
    catalogue = shipped_catalogue()
    with ExitStack() as parts:
        try:
            make_private_folder(folder)
            store, dropper = parts.enter_context(_open_store(settings, folder, bucket))
            state = parts.enter_context(StateFile.open(folder / STATE_FILE, reject_limits(settings)))
        except OSError as fault:
            message = f"{folder}: {fault.strerror}; name a folder that can be made and is yours in CHARGELINE_DATA_DIR"
            raise StoreUnavailableError(message) from fault
        state.purge(now)
        was_nearly_full = _warn_if_nearly_full(state, settings)
        scope = SHARE if memory is Memory.KEPT and settings.amqp_share else WHOLE
        tracking = Tracking(make_derivation(settings, scope), state, is_kept=memory is Memory.KEPT)
        if memory is Memory.KEPT:
            try:
                tracking.restore()
            except ValueError as fault:
                message = f"{folder / STATE_FILE}: {fault}; use the chargeline that wrote it, or a newer one"
                raise ForeignFileError(message) from fault
        follows = None if memory is Memory.NONE else tracking
        journey = Journey(make_decoder(settings), RowMaker(catalogue), store, state, follows)
        yield Opened(journey, store, state, tracking, dropper)
        if not was_nearly_full:
            _warn_if_nearly_full(state, settings)


@contextmanager
def open_journey(
    settings: Settings, data_dir: Path | None = None, *, now: int, memory: Memory = Memory.FRESH
) -> Iterator[Journey]:
    """The journey alone, of the parts that `open_parts` opens."""
    with open_parts(settings, data_dir, now=now, memory=memory) as opened:
        yield opened.journey


@contextmanager
def open_past(settings: Settings) -> Iterator[Past]:
    """Where facts are read back from, and where rows go. Raises ForeignFileError and StoreUnavailableError."""
    bucket = bucket_of(settings)
    source: FactSource
    if bucket is None or settings.influx_token is None:
        source = SqliteFacts(settings.data_dir / STORE_FILE)
    else:
        read_token = secret_reader(settings.influx_token)
        refuse_newer(bucket, read_version(bucket, read_token))
        source = InfluxFacts(bucket, read_token)
    with closing(source), _open_store(settings, settings.data_dir, bucket) as (store, _):
        yield Past(source, store)


@contextmanager
def open_store(settings: Settings) -> Iterator[Store]:
    """Where rows go, and nothing else. Raises ForeignFileError, StoreUnavailableError and OSError."""
    bucket = bucket_of(settings)
    if bucket is None:
        make_private_folder(settings.data_dir)
    with _open_store(settings, settings.data_dir, bucket) as (store, _):
        yield store


@contextmanager
def open_rows(settings: Settings) -> Iterator[RowSource]:
    """Where whole rows are read back from. Raises ForeignFileError and StoreUnavailableError."""
    bucket = bucket_of(settings)
    source: RowSource
    if bucket is None or settings.influx_token is None:
        source = SqliteRows(settings.data_dir / STORE_FILE)
    else:
        read_token = secret_reader(settings.influx_token)
        refuse_newer(bucket, read_version(bucket, read_token))
        source = InfluxRows(bucket, read_token)
    with closing(source):
        yield source


def bucket_of(settings: Settings) -> Bucket | None:
    """The bucket that rows go to; None where they go to SQLite. The settings have all of INFLUX_* or none."""
    url, org, name = settings.influx_url, settings.influx_org, settings.influx_bucket
    return None if url is None or org is None or name is None else Bucket(url, org, name)


def describe_store(settings: Settings) -> str:
    """Where rows go, in words: a file, or a bucket and its server."""
    bucket = bucket_of(settings)
    return str(settings.data_dir / STORE_FILE) if bucket is None else f"bucket {bucket.name} of {bucket.url}"


def make_derivation(settings: Settings, scope: Scope = WHOLE) -> Derivation:
    """A derivation that knows nothing yet."""
    return Derivation(shipped_catalogue(), spans_of(settings), scope)


def spans_of(settings: Settings) -> Spans:
    """What of the settings derived rows depend on."""
    return Spans(settings.command_timeout, settings.silent_after, settings.late_data)


def make_alerts(settings: Settings) -> OperationalAlerts:
    """Alerts about the worker itself, with their thresholds."""
    return OperationalAlerts(Thresholds(settings.stream_silent_after, settings.rejects_alert, settings.backlog_alert))


def make_decoder(settings: Settings) -> Decoder:
    """The decoder that the settings ask for: the shipped catalogue, personal values treated as PERSONAL says."""
    return Decoder(shipped_catalogue(), make_redaction(settings))


def make_redaction(settings: Settings) -> Redaction:
    """How personal values are treated."""
    key = settings.personal_key.reveal().encode() if settings.personal_key else b""
    return Redaction(settings.personal, key)


def reject_limits(settings: Settings) -> RejectLimits:
    """How much of the rejects the settings let be kept."""
    return RejectLimits(settings.rejects_max, settings.rejects_keep, settings.rejects_when_full)


def secret_reader(secret: Secret) -> Callable[[], str]:
    """Reads a secret anew; where its file cannot be used just now, what was good before stays in use."""

    def read() -> str:
        try:
            return secret.read()
        except UnreadableSecretError as fault:
            _LOG.warning("a secret cannot be read again, the one from before stays in use: %s", fault)
            return secret.reveal()

    return read


@contextmanager
def _open_store(settings: Settings, folder: Path, bucket: Bucket | None) -> Iterator[tuple[Store, RowDropper | None]]:
    """The bucket, or without one the SQLite file of the folder; with FLEET_FILE, rows bear their sites."""
    store: Store
    dropper: RowDropper | None = None
    if bucket is None or settings.influx_token is None:
        measurements = {
            **fact_measurements(shipped_catalogue()),
            **derived_measurements(),
            **operational_measurements(),
        }
        store = dropper = SqliteStore.open(folder / STORE_FILE, measurements)
    else:
        read_token = secret_reader(settings.influx_token)
        store = GuardedStore(InfluxStore(bucket, read_token), bucket, read_token)
    with closing(store):
        yield store if settings.fleet_file is None else SitedStore(store, settings.fleet_file), dropper


def _warn_if_nearly_full(state: StateFile, settings: Settings) -> bool:
    used = state.total()[0] / settings.rejects_max
    if used < _NEARLY_FULL:
        return False
    _LOG.warning("rejects take %.0f %% of CHARGELINE_REJECTS_MAX; export and discard some, or raise it", 100 * used)
    return True
