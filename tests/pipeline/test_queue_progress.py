"""Queue progress: an empty queue counts when what was delivered before the answer is durable, channel by channel."""

from pipeline.core.trusted_clock import Arrival
from pipeline.queue_progress import Emptiness, QueueProgress
from pipeline.wires.source import QueueAnswer, SourceState, SourceStatus, Token

S = 10**9


def status(
    at: int, *, ready: int = 0, consumers: int = 1, epoch: int = 1, delivered: int = 0, state: str = "consuming"
) -> SourceStatus:
    answer = QueueAnswer(at, ready, consumers, epoch, delivered, counted_at=at)
    return SourceStatus(SourceState(state), "", ready, consumers, 0, 100, 1, 0, answer)


def test_an_answer_counts_once_when_all_before_it_is_durable() -> None:
    progress = QueueProgress()
    assert progress.look(status(10, delivered=3)) is None
    progress.committed(Token(1, 2))
    assert progress.look(status(10, delivered=3)) is None
    progress.committed(Token(1, 3))
    assert progress.look(status(10, delivered=3)) == Emptiness(10, 10)
    assert progress.look(status(10, delivered=3)) is None
    assert progress.look(status(20, delivered=3)) == Emptiness(20, 20)


def test_waiting_messages_another_consumer_or_none_say_nothing() -> None:
    progress = QueueProgress()
    assert progress.look(status(10, ready=1)) is None
    assert progress.look(status(20, consumers=2)) is None
    assert progress.look(status(30, consumers=0)) is None


def test_who_does_not_consume_knows_nothing() -> None:
    progress = QueueProgress()
    assert progress.look(status(10, state="standby")) is None
    assert progress.look(status(10)._replace(answer=None)) is None


def test_an_answer_about_a_channel_that_is_gone_counts_no_more() -> None:
    progress = QueueProgress()
    assert progress.look(status(10, delivered=3)) is None
    assert progress.look(status(20, epoch=2, delivered=5)) is None
    progress.committed(Token(1, 9))
    assert progress.look(status(20, epoch=2, delivered=5)) is None
    progress.committed(Token(2, 5))
    assert progress.look(status(20, epoch=2, delivered=5)) == Emptiness(20, 20)


def test_what_was_durable_on_the_channel_before_is_not_on_the_next() -> None:
    progress = QueueProgress()
    progress.committed(Token(1, 100))
    assert progress.look(status(20, epoch=2, delivered=5)) is None


def arrival(at: int, received_at: int | None = None) -> Arrival:
    return Arrival(at * S, at * S if received_at is None else received_at * S)


def seconds(at: int, counted: int, *, delivered: int) -> SourceStatus:
    """An answer of an empty queue, when our clock and the one that counts showed these."""
    answer = QueueAnswer(at * S, 0, 1, 1, delivered, counted * S)
    return status(0)._replace(answer=answer)


def test_a_clock_that_is_set_changes_nothing_though_no_message_comes() -> None:
    progress = QueueProgress()
    progress.committed(Token(1, 3), arrival(1_000))
    assert progress.look(seconds(1_001, 1, delivered=3)) == Emptiness(1_001 * S, 1_001 * S)
    for count in (2, 5, 3_000):
        assert progress.look(seconds(4_600 + count, count, delivered=3)) == Emptiness(
            (4_600 + count) * S, (1_000 + count) * S
        )
    assert progress.look(seconds(4_001, 3_001, delivered=3)) == Emptiness(4_001 * S, 4_001 * S)


def test_messages_that_waited_long_are_no_sign_of_a_wrong_clock() -> None:
    progress = QueueProgress()
    progress.committed(Token(1, 3), arrival(1_000, 4_600))
    assert progress.look(seconds(4_610, 10, delivered=3)) == Emptiness(4_610 * S, 4_610 * S)


def test_one_that_was_ahead_and_is_set_right_is_believed_once_messages_show_it() -> None:
    progress = QueueProgress()
    progress.committed(Token(1, 1), arrival(1_000, 4_600))
    assert progress.look(seconds(4_601, 1, delivered=1)) == Emptiness(4_601 * S, 4_601 * S)
    found = []
    for count in range(2, 9):
        progress.committed(Token(1, count), arrival(1_000 + count))
        found.append(progress.look(seconds(1_000 + count, count, delivered=count)))
    assert [each.right_at - each.at for each in found if each] == [*[3_600 * S] * 3, *[0] * 4]


def test_what_came_before_it_was_set_and_is_durable_only_behind_that_is_read_by_no_clock() -> None:
    progress = QueueProgress()
    progress.committed(Token(1, 2), arrival(1_000))
    assert progress.look(seconds(1_001, 1, delivered=2)) is not None
    # An hour ahead; nobody knows by which clock these were received.
    assert progress.look(seconds(4_603, 3, delivered=5)) is None
    for tag in (3, 4, 5):
        progress.committed(Token(1, tag), arrival(1_002, 1_003))
    assert progress.look(seconds(4_604, 4, delivered=5)) == Emptiness(4_604 * S, 1_004 * S)


def test_a_message_is_read_by_the_clock_of_its_time_however_late_it_is_durable() -> None:
    progress = QueueProgress()
    progress.committed(Token(1, 1), arrival(1_000))
    progress.look(seconds(1_001, 1, delivered=1))
    progress.look(seconds(1_002, 2, delivered=4))
    for count in (3, 4, 5):
        progress.look(seconds(4_600 + count, count, delivered=4))
    for tag in (2, 3, 4):
        progress.committed(Token(1, tag), arrival(1_001))
    assert progress.look(seconds(4_606, 6, delivered=4)) == Emptiness(4_606 * S, 1_006 * S)
