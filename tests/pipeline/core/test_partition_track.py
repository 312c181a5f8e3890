"""The track of partitions: all of them together say what one derivation says, over crashes in the middle of keeping."""

import pytest

from pipeline.core.derivation import Derivation
from pipeline.core.kept_facts import KeptKey
from pipeline.core.partition_track import PartitionTrack, first_entries
from schemas.measurement import ALERT, CHARGER_HOUR, CHARGER_SNAPSHOT, COMMAND, COMMAND_OUTCOME, SESSION
from schemas.stream import Freshness, Heard, Tick
from tests.pipeline.core.derivation_samples import CATALOGUE, SPANS, Disk, S, T, seen, sent
from tests.pipeline.core.partition_cluster import Cluster, kinds_where_same
from tests.pipeline.core.partition_samples import PLAN, stream


@pytest.mark.parametrize("seed", [0, 1, 2, *(pytest.param(seed, marks=pytest.mark.prove) for seed in range(3, 20))])
def test_partitions_together_say_what_one_derivation_says(seed: int) -> None:
    alone, at_once = Derivation(CATALOGUE, SPANS), Disk()
    cluster = Cluster(seed)
    found = kinds_where_same(cluster, alone, at_once, stream(seed), PLAN.start, may_crash=seed > 0)
    assert found >= {ALERT, CHARGER_HOUR, CHARGER_SNAPSHOT, COMMAND, COMMAND_OUTCOME, SESSION}
    assert cluster.alerts


def ticked(number: int, watermark: int) -> Tick:
    at = watermark + 10 * S
    return Tick("b", 1, number, at, watermark, watermark, 1, at - 3 * S, is_last=False)


def passed(track: PartitionTrack, *seconds: int) -> None:
    """Let so much time pass, told by ticks of one bridge."""
    track.take([ticked(second, T + second * S) for second in seconds])


def test_nothing_times_out_before_the_ticks_prove_that_its_answer_did_not_come() -> None:
    track = PartitionTrack(CATALOGUE, SPANS, 1)
    track.take([sent("a"), seen(900)])
    assert [row.measurement for row in track.advance().rows] == [COMMAND]
    track.changes()
    track.kept()
    passed(track, 20, 40, 59)
    assert T < track.watermark < T + 60 * S
    assert not track.advance().rows
    passed(track, 80, 100)
    assert {row.measurement for row in track.advance().rows} == {ALERT, COMMAND, COMMAND_OUTCOME}


def test_the_fleet_is_judged_in_one_partition_and_nowhere_else() -> None:
    ours = Freshness((Heard("EH1", (T,), 1),))
    everybody = Freshness((Heard("EH1", (T,), 1), Heard("EH2", (T,), 1)), is_fleet=True)
    silent: list[list[str]] = []
    for place in range(2):
        track = PartitionTrack(CATALOGUE, SPANS, place)
        track.take([ours, everybody])
        passed(track, 2_000, 2_020, 2_040, 2_060)
        silent.append(sorted(row.charger for row in track.advance().rows if row.measurement == ALERT))
    assert silent == [["EH1", "EH2"], []]


def test_entries_of_an_unknown_kind_are_told_of() -> None:
    with pytest.raises(ValueError, match="unknown kind is kept: dream"):
        PartitionTrack(CATALOGUE, SPANS, 0).restore([("dream 1", b"{}")])


def test_what_was_heard_is_kept_in_few_entries_however_long_it_goes_on() -> None:
    track = PartitionTrack(CATALOGUE, SPANS, 0)
    kept: dict[str, bytes] = {}
    for second in range(1_000):
        heard = Heard(f"EH{second % 7}", (T + second * S,), 1)
        track.take([Freshness((heard,)), Freshness((heard,), is_fleet=True), ticked(second + 1, T + second * S)])
        track.advance()
        for key, content in track.changes().items():
            if content is None:
                kept.pop(key, None)
            else:
                kept[key] = content
        track.kept()
    assert len(kept) < 900


def test_a_track_begins_with_the_watermark_and_what_it_was_given() -> None:
    heard = {f"EH{number:05}": T for number in range(12_000)}
    entries = first_entries({KeptKey("EH1", "firmware"): b'[1,"2"]'}, heard, None, T)
    assert entries.keys() == {"fact EH1 firmware", "heard 0", "heard 1", "heard 2", "progress -"}
    track = PartitionTrack(CATALOGUE, SPANS, 1)
    track.restore(entries.items())
    assert track.watermark == T
    assert "fleet 0" in first_entries({}, heard, heard, T)
