"""A DATA_DIR as a worker leaves it that was ended while commands were under way."""

from pathlib import Path

from pipeline.assembly import STATE_FILE
from pipeline.core.decode import Outcome
from pipeline.core.derivation import Derivation
from pipeline.wires.state import StateFile
from schemas.reject import Reject, RejectReason
from tests.pipeline.backup_samples import LIMITS
from tests.pipeline.core.derivation_samples import CATALOGUE, SPANS, T, answered, seen, sent

DEVICES = [f"EH{number}" for number in range(20)]


def stopped_worker(folder: Path) -> Path:
    """A worker that was ended with a command of each device under way, and one that was answered."""
    records: list[Outcome] = [sent("answered", -100, DEVICES[0]), answered(-99, serial=DEVICES[0])]
    records += [sent(f"open {serial}", number / 10, serial) for number, serial in enumerate(DEVICES)]
    records += [seen(number / 10, 20.0, serial) for number, serial in enumerate(DEVICES)]
    derivation = Derivation(CATALOGUE, SPANS)
    derivation.take(records)
    derivation.advance()
    folder.mkdir()
    with StateFile.open(folder / STATE_FILE, LIMITS) as state:
        state.keep([Reject(RejectReason.JSON, "x", {}, b"{", None, "")], T, derivation.progress())
        state.keep_raised({"holding": T})
    return folder
