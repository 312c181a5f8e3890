"""The memory of a fleet: what is kept of it, in what turns, and that nothing which is not kept anew is dropped."""

import pytest

from pipeline.core.charger_course import Slot
from pipeline.core.history_log import LogHead
from pipeline.core.history_memory import CYCLE_NS, HistoryMemory
from pipeline.core.kept_facts import KeptKey
from pipeline.core.silences import FORGOTTEN_AFTER_NS

S = 10**9
HOUR = 3_600 * S
T = 1_750_003_200 * S
AFTER, LATE = 1_200 * S, 2 * HOUR
HEAD = LogHead(T, T, 0, True)


def keep(memory: HistoryMemory, kept: dict[KeptKey, bytes], head: LogHead = HEAD) -> None:
    for key, content in memory.changes(head).items():
        if content is None:
            del kept[key]
        else:
            kept[key] = content


def restored(kept: dict[KeptKey, bytes], heard: dict[str, int]) -> HistoryMemory:
    memory = HistoryMemory(AFTER, LATE)
    memory.restore(kept.items(), heard)
    return memory


def test_a_round_is_one_entry_and_a_quiet_one_is_none() -> None:
    memory, kept = HistoryMemory(AFTER, LATE), dict[KeptKey, bytes]()
    for number in range(50):
        memory.say(f"EH{number}", Slot.TOTAL_POWER, T, S, 7.0)
    memory.hear([f"EH{number}" for number in range(50)], [T] * 50, 0)
    keep(memory, kept)
    assert len(kept) == 1
    memory.hear([f"EH{number}" for number in range(50)], [T + S] * 50, 0)
    assert memory.changes(HEAD) == {}
    assert len(memory.changes(HEAD._replace(hours=T + HOUR))) == 1


def test_the_log_is_dropped_once_all_chargers_are_kept_anew() -> None:
    memory, kept = HistoryMemory(AFTER, LATE), dict[KeptKey, bytes]()
    most = 0
    for second in range(0, 4 * CYCLE_NS // S, 10):
        for number in range(7):
            memory.say(f"EH{number}", Slot.TOTAL_POWER, T + second * S, S, float(second))
        memory.hear([f"EH{number}" for number in range(7)], [T + second * S] * 7, 0)
        memory.advance(T + second * S, 0)
        keep(memory, kept)
        again = restored(kept, {f"EH{number}": T + second * S for number in range(7)})
        assert [again.chargers[f"EH{number}"].at(Slot.TOTAL_POWER, T + second * S) for number in range(7)] == [
            second
        ] * 7
        assert {again.runs.runs(serial) for serial in again.runs} == {((T, T + second * S),)}
        most = max(most, len(kept))
    assert most < 2 * CYCLE_NS // S // 10 + 10


def test_what_is_not_settled_is_not_dropped_and_found_again() -> None:
    memory, kept = HistoryMemory(AFTER, LATE), dict[KeptKey, bytes]()
    for second in range(0, 4 * CYCLE_NS // S, 10):
        memory.say("EH1", Slot.OP_MODE, T + second * S, S, 3.0)
        memory.hear(["EH1"], [T + second * S], 0)
        memory.advance(T + second * S, 0)
        keep(memory, kept, HEAD._replace(is_settled=second < 100))
    head, unsettled = HistoryMemory(AFTER, LATE).restore(kept.items(), {})
    assert head == HEAD._replace(is_settled=False)
    assert [logged.key for logged in unsettled] == [T + second * S for second in range(100, 4 * CYCLE_NS // S, 10)]


def test_one_that_is_gone_for_thirty_days_is_forgotten() -> None:
    memory, kept = HistoryMemory(AFTER, LATE), dict[KeptKey, bytes]()
    memory.say("EH1", Slot.OP_MODE, T, S, 3.0)
    memory.hear(["EH1"], [T], 0)
    for watermark in (T, T + CYCLE_NS, T + 2 * CYCLE_NS, T + 3 * CYCLE_NS):
        memory.advance(watermark, 0)
        keep(memory, kept)
    assert KeptKey("EH1", "history") in kept
    for late in range(2, 12):
        at = T + FORGOTTEN_AFTER_NS + late * CYCLE_NS // 2
        memory.advance(at, at)
        keep(memory, kept)
    assert (len(memory.runs), len(memory.chargers)) == (0, 0)
    assert len(kept) == 1


def test_messages_are_counted_by_the_hour() -> None:
    memory = HistoryMemory(AFTER, LATE)
    memory.hear(["EH1", "EH2", "EH1"], [T, T, T + S], 0)
    memory.hear(["EH1"], [T + HOUR], 0)
    memory.hear([], [], 0)
    assert [memory.messages("EH1", T), memory.messages("EH1", T + HOUR), memory.messages("EH3", T)] == [2, 1, 0]


def test_what_it_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="sending"):
        HistoryMemory(AFTER, LATE).restore([(KeptKey("EH1", "sending 1"), b"")], {})
