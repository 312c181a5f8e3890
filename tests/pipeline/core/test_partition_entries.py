"""The state of one tracker, split: partitions that go on from it say what it would have said."""

from collections import Counter
from collections.abc import Mapping
from itertools import islice

import pytest

from pipeline.core.atomic_entries import AtomicEntries
from pipeline.core.derivation import Derivation
from pipeline.core.history_log import LogHead, log_from_bytes, log_key, log_to_bytes
from pipeline.core.kept_facts import KeptKey
from pipeline.core.partition import FLEET_PARTITION, Partitions
from pipeline.core.partition_entries import split_entries
from pipeline.core.session_energies import Energy
from pipeline.core.session_log import CYCLE_NS, SessionLog
from schemas.measurement import ALERT, CHARGER_HOUR, CHARGER_SNAPSHOT, COMMAND, COMMAND_OUTCOME, SESSION
from tests.pipeline.core.derivation_samples import CATALOGUE, SPANS, Disk, S, T
from tests.pipeline.core.partition_cluster import Cluster, kinds_where_same
from tests.pipeline.core.partition_samples import COUNT, PLAN, finish, stream

PLACES = Partitions(COUNT)


def raw(entries: Mapping[str, bytes]) -> dict[str, bytes]:
    """As they lie in a topic."""
    return {key: content for key, content in AtomicEntries().round(entries, {}) if content is not None}


def split(disk: Disk) -> list[dict[str, bytes]]:
    assert disk.watermark is not None
    return split_entries(disk.facts.items(), disk.heard, disk.watermark, PLACES)


@pytest.mark.parametrize("seed", [0, 1, 2, *(pytest.param(seed, marks=pytest.mark.prove) for seed in range(3, 20))])
def test_partitions_go_on_where_one_derivation_was_ended(seed: int) -> None:
    batches = stream(seed)
    alone, at_once = Derivation(CATALOGUE, SPANS), Disk()
    for outcomes in islice(batches, 40 + 23 * seed % 70):
        alone.take(outcomes)
        finish(alone, at_once)
    cluster = Cluster(seed, [raw(entries) for entries in split(at_once)])
    cluster.rows.rows = {key: dict(fields) for key, fields in at_once.rows.items()}
    before = len(at_once.rows)
    found = kinds_where_same(cluster, alone, at_once, batches, PLAN.start + 10**6 * S, may_crash=seed > 0)
    assert found >= {ALERT, CHARGER_HOUR, CHARGER_SNAPSHOT, COMMAND, COMMAND_OUTCOME, SESSION}
    assert before > 500
    assert len(at_once.rows) > before + 500


def test_a_devices_own_entries_are_in_its_partition_alone() -> None:
    devices = [f"EH{number}" for number in range(50)]
    facts = {KeptKey(serial, "firmware"): b'[1,"2"]' for serial in devices}
    heard = {**dict.fromkeys(devices, T), "EH1 5": T, "fleet silent since": 7}
    places = split_entries(facts.items(), heard, T, PLACES)
    for place, entries in enumerate(places):
        ours = {f"fact {serial} firmware" for serial in devices if PLACES.of(serial) == place}
        assert {key for key in entries if key.startswith("fact")} == ours
        assert ("fleet 0" in entries) == (place == FLEET_PARTITION)
        assert b"fleet silent since" not in entries["heard 0"]
        assert (b"EH1 5" in entries["heard 0"]) == (PLACES.of("EH1") == place)
    assert b"fleet silent since" in places[FLEET_PARTITION]["fleet 0"]
    assert places[FLEET_PARTITION]["fleet 0"].count(b"EH") == 51


def test_batches_are_shared_out_in_few_entries_and_what_is_settled_stays_apart() -> None:
    heads = [LogHead(1, 1, 0, is_settled=number == 30) for number in range(40)]
    facts = [
        (log_key(number), log_to_bytes(head, [(f"EH{device}", 0, number, 0, 1.0) for device in range(400)]))
        for number, head in enumerate(heads)
    ]
    values = 0
    for entries in split_entries(facts, {}, T, PLACES):
        logs = [log_from_bytes(content) for key, content in sorted(entries.items()) if "history log" in key]
        assert len(logs) < 10
        assert logs[-1][0] == heads[-1]
        for head, logged in logs:
            assert {each.key <= 30 for each in logged} <= {head.is_settled}
        values += sum(len(logged) for _, logged in logs)
    assert values == 40 * 400


def test_energies_of_sessions_go_to_their_chargers_partition_and_are_as_old_as_the_oldest() -> None:
    log = SessionLog()
    facts: list[tuple[KeptKey, bytes]] = []
    for number in range(50):
        for device in range(300):
            log.note(f"EH{device}", number, float(device))
        changes = log.changes(T + number, lambda _: ())
        facts += [(key, content) for key, content in changes.items() if content is not None]
    found: list[tuple[str, Energy]] = []
    for place, entries in enumerate(split_entries(facts, {}, T, PLACES)):
        logs = [(KeptKey("", key[6:]), content) for key, content in entries.items() if "session log" in key]
        assert len(logs) in (1, 2)
        track = SessionLog()
        kept = track.restore(logs)
        assert {PLACES.of(serial) for serial, _ in kept} == {place}
        found += kept
        # What the oldest batch said is due for an entry of its own first.
        own = track.changes(T + CYCLE_NS, lambda _: (Energy(1, 2.0),))
        assert {key.name for key in own} >= {"session energies"}
    assert Counter(found) == Counter(
        (f"EH{device}", Energy(number, float(device))) for number in range(50) for device in range(300)
    )


def test_what_this_program_does_not_know_is_told_of() -> None:
    with pytest.raises(ValueError, match="unknown kind is kept: dream 1"):
        split_entries([(KeptKey("", "dream 1"), b"")], {}, T, PLACES)
    with pytest.raises(ValueError, match="version 9"):
        split_entries([(log_key(1), b"\x09" + bytes(40))], {}, T, PLACES)
