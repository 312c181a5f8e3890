"""The state of a single worker, brought to the partitions of a scale-out. Read `import_state` top-down.

Owns what is refused, and the order: all that can be wrong is found first; then every entry is sent, and only when Kafka
has all of them is it said that they count. So whatever ends it, partitions hold all of the state, or count as empty,
but for the moment in which that is said. Must not know what an entry means, or how it is sent.
"""

import hashlib
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import NamedTuple

from pipeline.assembly import STATE_FILE, spans_of
from pipeline.backup_manifest import MANIFEST_FILE, read_manifest
from pipeline.backup_steps import Step, TellStep, tell_nobody
from pipeline.core.atomic_entries import MARK, AtomicEntries, RawEntry
from pipeline.core.partition import Partitions
from pipeline.core.partition_entries import split_entries
from pipeline.core.partition_track import PartitionTrack
from pipeline.scale.kafka_ready import ready_options
from pipeline.settings import Settings
from pipeline.wires.faust_app import TRACK_GROUP
from pipeline.wires.faust_table import key_in
from pipeline.wires.folder_lock import lock_folder
from pipeline.wires.kafka_entries import EntrySender, read_entries
from pipeline.wires.kafka_groups import KafkaGroups
from pipeline.wires.state_reader import StateReader
from schemas.catalogue import shipped_catalogue
from schemas.stream import Topic

_STATE = Topic.STATE.value


class ImportRefusedError(Exception):
    """The state cannot be imported. Says why, and what to do; nothing was changed."""


class Imported(NamedTuple):
    """What was brought to Kafka.

    `watermark`  up to when the worker knew everything, nanoseconds since the epoch.
    `dropped`    entries that stood there before.
    `rejects`    that stay in the folder; `raised` are alerts about the worker that nobody clears any more.
    """

    entries: int
    devices: int
    partitions: int
    watermark: int
    dropped: int
    rejects: int
    raised: Sequence[str]


class _State(NamedTuple):
    """What the folder holds, split, and what stays behind."""

    entries: Sequence[dict[str, bytes]]
    devices: int
    watermark: int
    rejects: int
    raised: Sequence[str]


def import_state(
    folder: Path, settings: Settings, *, is_replacing: bool = False, tell: TellStep = tell_nobody
) -> Imported:
    """Bring the state in `folder`, a stopped worker's DATA_DIR or a backup of one, to the topic of `track`.

    What is there already is refused, or with `is_replacing` dropped. How far `track` has read is forgotten: it takes
    all that its topic has once more, which changes nothing that it knows.

    Raises ImportRefusedError, BackupError, FolderLockedError, ForeignFileError, StoreUnavailableError for the folder,
    KafkaUnavailableError, OSError.
    """
    if not (folder / STATE_FILE).is_file():
        message = f"{folder} has no {STATE_FILE}; name the DATA_DIR of the worker, or a backup of it"
        raise ImportRefusedError(message)
    with ExitStack() as held:
        if (folder / MANIFEST_FILE).exists():
            _refuse_damaged(folder)
        else:
            held.enter_context(lock_folder(folder))
        options = ready_options(settings)
        groups = KafkaGroups(options)
        _refuse_running(groups)
        tell(Step("reading the state", 0, 1))
        state = _read(folder, settings)
        tell(Step("reading what Kafka has", 0, 1))
        stands = [_without_place(each) for each in read_entries(options, _STATE, settings.kafka_partitions)]
        kept = [AtomicEntries() for _ in stands]
        before = _restore(kept, stands)
        if any(before) and not is_replacing:
            message = (
                f"{_STATE} holds the state of a tracker already, {sum(map(len, before)):,} entries; use topics that no "
                "tracker has followed, or drop all it knows with --replace"
            )
            raise ImportRefusedError(message)
        _refuse_running(groups)
        groups.forget(TRACK_GROUP)
        rounds = [
            entries.round({**dict.fromkeys(old), **new}, raw)
            for entries, old, new, raw in zip(kept, before, state.entries, stands, strict=True)
        ]
        count = sum(map(len, state.entries))
        client_id = f"chargeline-import-{socket.gethostname()}-{os.getpid()}"
        sender = EntrySender(
            options, client_id, _STATE, lambda done: tell(Step("sending entries", min(done, count), count))
        )
        with closing(sender):
            _send(sender, rounds)
    return Imported(
        count, state.devices, len(rounds), state.watermark, sum(map(len, before)), state.rejects, state.raised
    )


def _restore(kept: Sequence[AtomicEntries], stands: Sequence[dict[str, bytes]]) -> Sequence[dict[str, bytes]]:
    try:
        return [entries.restore(raw) for entries, raw in zip(kept, stands, strict=True)]
    except ValueError as fault:
        message = f"{_STATE} cannot be followed by this version: {fault}; run the version that wrote it, or a newer one"
        raise ImportRefusedError(message) from fault


def _refuse_damaged(folder: Path) -> None:
    expected = {file.name: file.sha256 for file in read_manifest(folder).files}
    with (folder / STATE_FILE).open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if expected.get(STATE_FILE) != found:
        message = f"{folder / STATE_FILE} is not what was backed up; use another backup"
        raise ImportRefusedError(message)


def _refuse_running(groups: KafkaGroups) -> None:
    members = groups.members(TRACK_GROUP)
    if members:
        message = (
            f"{members} process{'es' * (members != 1)} of the role track run{'s' * (members == 1)} (or ended without a "
            "word some seconds ago); end them first: they would not see what is imported"
        )
        raise ImportRefusedError(message)


def _read(folder: Path, settings: Settings) -> _State:
    """What the folder holds; tried once, as `track` will read it."""
    with StateReader(folder / STATE_FILE) as reader:
        watermark, heard = reader.watermark(), reader.heard()
        if watermark is None:
            message = f"{folder} knows nothing yet: no batch was ever settled there; begin without an import"
            raise ImportRefusedError(message)
        try:
            split = split_entries(reader.facts(), heard, watermark, Partitions(settings.kafka_partitions))
            catalogue, spans = shipped_catalogue(), spans_of(settings)
            for partition, entries in enumerate(split):
                PartitionTrack(catalogue, spans, partition).restore(entries.items())
        except ValueError as fault:
            message = f"{folder / STATE_FILE}: {fault}; use the chargeline that the worker was of"
            raise ImportRefusedError(message) from None
        devices = sum(" " not in name for name in heard)
        return _State(split, devices, watermark, reader.rejects(), sorted(reader.raised()))


def _without_place(entries: dict[bytes, bytes]) -> dict[str, bytes]:
    return {key.partition(b" ")[2].decode(): content for key, content in entries.items()}


def _send(sender: EntrySender, rounds: Sequence[Iterator[RawEntry]]) -> None:
    """First what every partition gets, then the marks by which it counts, then what is dropped."""
    marks: list[RawEntry] = []
    for partition, entries in enumerate(rounds):
        for key, content in entries:
            if key == MARK:
                marks.append((key, content))
                break
            sender.send(partition, [(key_in(partition, key), content)])
    sender.wait()
    for partition, (key, content) in enumerate(marks):
        sender.send(partition, [(key_in(partition, key), content)])
    sender.wait()
    for partition, entries in enumerate(rounds):
        sender.send(partition, [(key_in(partition, key), content) for key, content in entries])
    sender.wait()
