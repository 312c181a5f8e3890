"""Queue progress: an empty queue counts when what was delivered before the answer is durable, channel by channel."""

from pipeline.queue_progress import QueueProgress
from pipeline.wires.source import QueueAnswer, SourceState, SourceStatus, Token


def status(
    at: int, *, ready: int = 0, consumers: int = 1, epoch: int = 1, delivered: int = 0, state: str = "consuming"
) -> SourceStatus:
    answer = QueueAnswer(at, ready, consumers, epoch, delivered)
    return SourceStatus(SourceState(state), "", ready, consumers, 0, 100, 1, 0, answer)


def test_an_answer_counts_once_when_all_before_it_is_durable() -> None:
    progress = QueueProgress()
    assert progress.look(status(10, delivered=3)) is None
    progress.committed(Token(1, 2))
    assert progress.look(status(10, delivered=3)) is None
    progress.committed(Token(1, 3))
    assert progress.look(status(10, delivered=3)) == 10
    assert progress.look(status(10, delivered=3)) is None
    assert progress.look(status(20, delivered=3)) == 20


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
    assert progress.look(status(20, epoch=2, delivered=5)) == 20


def test_what_was_durable_on_the_channel_before_is_not_on_the_next() -> None:
    progress = QueueProgress()
    progress.committed(Token(1, 100))
    assert progress.look(status(20, epoch=2, delivered=5)) is None
