"""A worker's state brought to Kafka: a real tracker goes on from it; what cannot be brought is refused with words."""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from pipeline.assembly import STATE_FILE
from pipeline.backup import back_up
from pipeline.scale.kafka_ready import ready_options
from pipeline.settings import Settings
from pipeline.state_import import Imported, ImportRefusedError, import_state
from pipeline.wires.faust_app import TRACK_GROUP
from pipeline.wires.faust_table import key_in
from pipeline.wires.folder_lock import FolderLockedError, lock_folder
from pipeline.wires.kafka_entries import EntrySender, read_entries
from pipeline.wires.kafka_groups import KafkaGroups
from pipeline.wires.kafka_producer import KafkaProducer, Parcel
from pipeline.wires.state import StateFile
from schemas.measurement import COMMAND_OUTCOME
from schemas.stream import Topic
from tests.campaigns.running import RunningWorker
from tests.pipeline.backup_samples import LIMITS
from tests.pipeline.core.derivation_samples import S, T, answered
from tests.pipeline.scale.bridging import PARTITIONS, make_topics
from tests.pipeline.scale.tracking import Hours, derived_rows
from tests.pipeline.settings_for_tests import settings_in
from tests.pipeline.state_samples import DEVICES, stopped_worker
from tests.services.kafka import Kafka

pytestmark = pytest.mark.services


def settings(kafka: Kafka, folder: Path) -> Settings:
    return settings_in(folder, KAFKA_BROKERS=kafka.brokers, KAFKA_PARTITIONS=str(PARTITIONS), KAFKA_REPLICATION="1")


@contextmanager
def tracker(kafka: Kafka, folder: Path) -> Iterator[RunningWorker]:
    folder.mkdir()
    given = {"KAFKA_BROKERS": kafka.brokers, "KAFKA_PARTITIONS": str(PARTITIONS), "DATA_DIR": str(folder / "data")}
    running = RunningWorker(folder, given, "--role", "track")
    running.start()
    try:
        yield running
        assert running.end(signal.SIGTERM) == 0
    finally:
        running.kill()
    assert "Traceback" not in running.log.read_text()


def entries_of(kafka: Kafka, folder: Path) -> list[dict[bytes, bytes]]:
    return read_entries(ready_options(settings(kafka, folder)), Topic.STATE.value, PARTITIONS)


def test_a_tracker_goes_on_from_it_and_says_nothing_twice(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    hours = Hours()
    imported = import_state(stopped_worker(tmp_path / "worker"), settings(kafka, tmp_path))
    assert imported._replace(entries=0) == Imported(0, len(DEVICES), PARTITIONS, imported.watermark, 0, 1, ["holding"])
    assert T - 5 * S < imported.watermark < T
    assert imported.entries > 2 * len(DEVICES)

    with tracker(kafka, tmp_path / "track") as running:
        producer, parcel = KafkaProducer(ready_options(settings(kafka, tmp_path)), "test"), Parcel()
        # One is answered in time, the others time out once ticks are past their deadlines.
        reply = hours.records([answered(1, serial=DEVICES[1], after=29)])
        producer.send([*reply, *hours.until(50), *hours.until(200), *hours.until(400)], parcel)
        while not parcel.is_confirmed:
            producer.poll(0.1)
        producer.close()
        running.until(lambda: len(outcomes(kafka)) >= len(DEVICES) and lag(running) == 0)
    found = outcomes(kafka)
    expected = {(serial, "timed_out"): 1 for serial in DEVICES if serial != DEVICES[1]}
    assert found == {**expected, (DEVICES[1], "accepted"): 1}


def outcomes(kafka: Kafka) -> Counter[tuple[str, str]]:
    """How often each decision was said."""
    decided = [row for row in derived_rows(kafka) if row.measurement == COMMAND_OUTCOME]
    return Counter((row.charger, dict(row.tags)["outcome"]) for row in decided)


def lag(running: RunningWorker) -> float | None:
    return running.metrics().get("chargeline_kafka_lag")


def test_what_is_there_already_is_replaced_only_where_that_is_asked_for(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    worker = stopped_worker(tmp_path / "worker")
    first = import_state(worker, settings(kafka, tmp_path))
    before = entries_of(kafka, tmp_path)
    with pytest.raises(ImportRefusedError, match=r"holds the state of a tracker already, \d+ entries; .*--replace"):
        import_state(worker, settings(kafka, tmp_path))
    assert entries_of(kafka, tmp_path) == before

    options = ready_options(settings(kafka, tmp_path))
    old = stopped_worker(tmp_path / "other")
    with StateFile.open(old / STATE_FILE, LIMITS) as state:
        state.keep_facts({key: None for key, _ in state.facts() if key.serial == DEVICES[2]})
    again = import_state(old, settings(kafka, tmp_path), is_replacing=True)
    assert again.dropped == first.entries
    assert again.entries < first.entries
    keys = {key for entries in entries_of(kafka, tmp_path) for key in entries if b" dropped" not in key}
    assert not any(f"fact {DEVICES[2]} ".encode() in key for key in keys)
    assert len(keys) == again.entries + PARTITIONS
    assert KafkaGroups(options).members(TRACK_GROUP) == 0


def test_an_import_that_was_killed_counts_for_nothing(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    worker = stopped_worker(tmp_path / "worker")
    import_state(worker, settings(kafka, tmp_path))
    options = ready_options(settings(kafka, tmp_path))
    sender = EntrySender(options, "test", Topic.STATE.value, lambda _: None)
    for partition in range(PARTITIONS):
        sender.send(partition, [(key_in(partition, "mark"), None)])
    stray = entries_of(kafka, tmp_path)[0][key_in(0, "progress -")]
    sender.send(0, [(key_in(0, "fact EH999 firmware"), stray)])
    sender.wait()
    sender.close()
    again = import_state(worker, settings(kafka, tmp_path))
    assert again.dropped == 0
    assert not any(b"EH999" in key for entries in entries_of(kafka, tmp_path) for key in entries)


def test_a_running_tracker_would_not_see_it(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    worker = stopped_worker(tmp_path / "worker")
    with tracker(kafka, tmp_path / "track") as running:
        running.until(lambda: running.readiness()[0] == 200)
        with pytest.raises(ImportRefusedError, match="1 process of the role track runs"):
            import_state(worker, settings(kafka, tmp_path))
    assert import_state(worker, settings(kafka, tmp_path)).devices == len(DEVICES)


def test_a_backup_is_as_good_and_stays_as_it_is(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    worker = stopped_worker(tmp_path / "worker")
    backup = tmp_path / "backup"
    back_up(worker, backup, now=T)
    before = {path.name: path.read_bytes() for path in backup.iterdir()}
    assert import_state(backup, settings(kafka, tmp_path)).devices == len(DEVICES)
    assert {path.name: path.read_bytes() for path in backup.iterdir()} == before
    (backup / STATE_FILE).write_bytes(before[STATE_FILE][:-1] + b"!")
    with pytest.raises(ImportRefusedError, match="is not what was backed up"):
        import_state(backup, settings(kafka, tmp_path), is_replacing=True)


def test_what_cannot_be_brought_is_refused_before_anything_is_changed(kafka: Kafka, tmp_path: Path) -> None:
    make_topics(kafka)
    ours = settings(kafka, tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImportRefusedError, match=r"has no .*; name the DATA_DIR of the worker"):
        import_state(tmp_path / "empty", ours)
    assert not list((tmp_path / "empty").iterdir())
    worker = stopped_worker(tmp_path / "worker")
    with lock_folder(worker), pytest.raises(FolderLockedError, match="in use by another chargeline"):
        import_state(worker, ours)
    (tmp_path / "new").mkdir()
    StateFile.open(tmp_path / "new" / STATE_FILE, LIMITS).close()
    with pytest.raises(ImportRefusedError, match="knows nothing yet"):
        import_state(tmp_path / "new", ours)
    with StateFile.open(worker / STATE_FILE, LIMITS) as state:
        (key, content) = next((key, content) for key, content in state.facts() if "sending" in key.name)
        state.keep_facts({key._replace(name="dream 1"): orjson.dumps(content.decode())})
    with pytest.raises(ImportRefusedError, match="unknown kind is kept: dream; use the chargeline"):
        import_state(worker, ours)
    assert not any(entries_of(kafka, tmp_path))
