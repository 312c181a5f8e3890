"""Assembly: the parts that the settings ask for, opened and put together.

Owns which store a worker has and where its files are. Must not know how any part works, or the present time.
"""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from pipeline.core.decode import Decoder
from pipeline.core.redaction import Redaction
from pipeline.core.rows import RowMaker
from pipeline.journey import Journey
from pipeline.setting_specs import SPECS
from pipeline.settings import Settings, SettingsError
from pipeline.wires.private_file import make_private_folder
from pipeline.wires.sqlite import SqliteStore
from pipeline.wires.state import RejectLimits, StateFile
from pipeline.wires.store import StoreUnavailableError
from schemas.catalogue import shipped_catalogue
from schemas.measurement import fact_measurements

STORE_FILE = "chargeline.sqlite3"
STATE_FILE = "state.sqlite3"

_NEARLY_FULL = 0.8
_INFLUX = "INFLUX_"
_LOG = logging.getLogger(__name__)


@contextmanager
def open_journey(settings: Settings, data_dir: Path | None = None, *, now: int) -> Iterator[Journey]:
    """The journey that the settings ask for, its files in `data_dir` or else in DATA_DIR, closed at the end.

    The folder and its files are made where there are none, for their owner alone. Rejects that were too old at `now`
    (our clock, nanoseconds since the epoch) are dropped; that the rejects are nearly full is logged as a warning.
    Raises SettingsError for a store that this version does not have, before anything is made; ForeignFileError and
    StoreUnavailableError.
    """
    _refuse_influx(settings)
    folder = settings.data_dir if data_dir is None else data_dir
    catalogue = shipped_catalogue()
    with ExitStack() as parts:
        try:
            make_private_folder(folder)
            store = parts.enter_context(SqliteStore.open(folder / STORE_FILE, fact_measurements(catalogue)))
            state = parts.enter_context(StateFile.open(folder / STATE_FILE, reject_limits(settings)))
        except OSError as fault:
            message = f"{folder}: {fault.strerror}; name a folder that can be made and is yours in CHARGELINE_DATA_DIR"
            raise StoreUnavailableError(message) from fault
        state.purge(now)
        was_nearly_full = _warn_if_nearly_full(state, settings)
        yield Journey(make_decoder(settings), RowMaker(catalogue), store, state)
        if not was_nearly_full:
            _warn_if_nearly_full(state, settings)


def make_decoder(settings: Settings) -> Decoder:
    """The decoder that the settings ask for: the shipped catalogue, personal values treated as PERSONAL says."""
    key = settings.personal_key.reveal().encode() if settings.personal_key else b""
    return Decoder(shipped_catalogue(), Redaction(settings.personal, key))


def reject_limits(settings: Settings) -> RejectLimits:
    """How much of the rejects the settings let be kept."""
    return RejectLimits(settings.rejects_max, settings.rejects_keep, settings.rejects_when_full)


def _refuse_influx(settings: Settings) -> None:
    given = [
        spec.variable
        for spec in SPECS.values()
        if spec.name.startswith(_INFLUX) and getattr(settings, spec.attribute) is not None
    ]
    if given:
        message = f"{', '.join(given)}: this version stores in SQLite only; take it out of the settings"
        raise SettingsError((message,))


def _warn_if_nearly_full(state: StateFile, settings: Settings) -> bool:
    used = state.total()[0] / settings.rejects_max
    if used < _NEARLY_FULL:
        return False
    _LOG.warning("rejects take %.0f %% of CHARGELINE_REJECTS_MAX; export and discard some, or raise it", 100 * used)
    return True
