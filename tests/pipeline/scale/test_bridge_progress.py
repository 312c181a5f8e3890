"""A bridge's progress: what came to it and is confirmed, and nothing else."""

from pipeline.core.trusted_clock import Arrival
from pipeline.core.watermark import SLACK_NS
from pipeline.scale.bridge_progress import BridgeProgress
from pipeline.wires.source import QueueAnswer, SourceState, SourceStatus, Token
from schemas.stream import Tick

S = 10**9


def status(answer: QueueAnswer | None) -> SourceStatus:
    return SourceStatus(SourceState.CONSUMING, "", 0, 1, 0, 100, 1, 0, answer)


def test_a_bridge_to_which_nothing_came_knows_nothing() -> None:
    progress = BridgeProgress("b")
    assert not progress.has_begun
    assert not progress.has_told
    progress.look(status(None))
    assert progress.tick(7) == Tick("b", 0, 1, 7, None, None, None, None, is_last=False)
    assert progress.tick(8, is_last=True) == Tick("b", 0, 2, 8, None, None, None, None, is_last=True)
    assert progress.has_told


def test_what_is_confirmed_moves_it_and_it_never_goes_back() -> None:
    progress = BridgeProgress("b")
    progress.confirmed(Token(1, 1), 100 * S, 101 * S)
    assert progress.watermark == 100 * S - SLACK_NS
    progress.confirmed(Token(1, 2), 50 * S, 102 * S)
    progress.confirmed(Token(1, 3), None, 90 * S)
    tick = progress.tick(1_000 * S)
    assert (tick.watermark, tick.settled_at) == (100 * S - SLACK_NS, 102 * S)


def test_something_left_behind_may_be_under_way_as_long_as_deliveries_come_again() -> None:
    progress = BridgeProgress("b")
    progress.confirmed(Token(1, 1), 100 * S, None)
    assert progress.tick(1_000 * S).settled_at is None


def test_an_empty_queue_counts_when_what_came_before_is_confirmed_also_beside_other_consumers() -> None:
    progress = BridgeProgress("b")
    progress.look(status(QueueAnswer(at=200 * S, ready=0, consumers=2, epoch=1, delivered=3, counted_at=200 * S)))
    assert progress.watermark is None
    progress.confirmed(Token(1, 3), 100 * S, 101 * S)
    progress.look(status(QueueAnswer(at=200 * S, ready=0, consumers=2, epoch=1, delivered=3, counted_at=200 * S)))
    tick = progress.tick(1_000 * S)
    assert (tick.watermark, tick.settled_at, tick.consumers, tick.looked_at) == (200 * S, 200 * S, 2, 200 * S)


def test_a_queue_with_messages_says_only_who_consumes() -> None:
    progress = BridgeProgress("b")
    progress.look(status(QueueAnswer(at=200 * S, ready=5, consumers=1, epoch=1, delivered=0, counted_at=200 * S)))
    tick = progress.tick(1_000 * S)
    assert (tick.watermark, tick.settled_at, tick.consumers, tick.looked_at) == (None, None, 1, 200 * S)


def test_a_new_channel_is_a_new_life_to_which_the_old_one_has_no_say() -> None:
    progress = BridgeProgress("b")
    progress.confirmed(Token(1, 3), 100 * S, 101 * S)
    assert progress.tick(1_000 * S)[:2] == ("b", 1)
    progress.look(status(QueueAnswer(at=200 * S, ready=5, consumers=2, epoch=2, delivered=0, counted_at=200 * S)))
    progress.confirmed(Token(1, 4), 150 * S, 151 * S)
    assert not progress.has_told
    assert progress.tick(7) == Tick("b", 2, 1, 7, None, None, 2, 200 * S, is_last=False)
    progress.confirmed(Token(3, 1), 120 * S, None)
    assert progress.tick(8) == Tick("b", 3, 1, 8, 120 * S - SLACK_NS, None, None, None, is_last=False)


def test_what_a_clock_told_that_was_ahead_is_nothing_to_go_by() -> None:
    progress = BridgeProgress("b")
    progress.confirmed(Token(1, 3), 100 * S, 3_701 * S)
    assert progress.tick(3_702 * S).settled_at == 3_701 * S
    assert progress.tick(103 * S).settled_at is None
    progress.confirmed(Token(1, 4), 104 * S, 105 * S)
    assert progress.tick(106 * S).settled_at == 105 * S


def test_a_clock_that_is_set_ahead_moves_nothing() -> None:
    progress = BridgeProgress("b")
    progress.confirmed(Token(1, 3), 100 * S, 101 * S, Arrival(100 * S, 101 * S))
    for at, counted_at in ((102, 2), (3_703, 3)):
        progress.look(
            status(QueueAnswer(at=at * S, ready=0, consumers=1, epoch=1, delivered=3, counted_at=counted_at * S))
        )
    tick = progress.tick(3_711 * S)
    assert (tick.watermark, tick.settled_at) == (103 * S, 3_703 * S)
