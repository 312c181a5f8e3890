"""The watch: everybody who listens is told what there is to tell, and nothing else."""

from pathlib import Path

from pipeline.core.derivation import Derivation
from pipeline.meters import Meters
from pipeline.tracking import Tracking
from pipeline.watch import Watch
from pipeline.wires.state import StateFile
from schemas.alert import Alert, AlertKind
from tests.pipeline.working import CATALOGUE, LIMITS, SPANS

RAISED = Alert("EH1", AlertKind.CHARGER_SILENT, "-", 1, 1, active=True, value=1.0, message="silent")


def test_all_who_listen_are_told(tmp_path: Path) -> None:
    with StateFile.open(tmp_path / "state", LIMITS) as state:
        watch = Watch(Meters(), Tracking(Derivation(CATALOGUE, SPANS), state))
    heard: list[Alert] = []
    also: list[Alert] = []
    watch.listen(heard.extend)
    watch.listen(also.extend)
    watch.tell([])
    watch.tell([RAISED])
    assert heard == also == [RAISED]
