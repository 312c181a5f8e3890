"""A lane: pieces are confirmed in their order, and what was dropped is never acknowledged."""

from collections.abc import Sequence

import pytest

from pipeline.core.stream_messages import StreamMessage
from pipeline.scale.bridge_lane import Lane
from pipeline.wires.kafka_fault import KafkaUnavailableError
from pipeline.wires.kafka_producer import Parcel
from pipeline.wires.source import Piece, Token
from schemas.delivery import Delivery
from tests.pipeline.scale.bridging import decoder, maker, messages
from tests.pipeline.scripted_source import ScriptedSource

BAD = Delivery("EH000001.OP.1", {}, b"{}", 5)


class Outbox:
    """Takes what a lane sends, and confirms when it is told to."""

    def __init__(self) -> None:
        self.parcels: list[Parcel] = []
        self.fault: KafkaUnavailableError | None = None

    def send(self, sent: Sequence[StreamMessage], parcel: Parcel) -> None:
        if self.fault is not None:
            raise self.fault
        parcel.pending = len(sent)
        self.parcels.append(parcel)

    def confirm(self, place: int) -> None:
        self.parcels[place].pending = 0


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


def lane(*, is_operators: bool = True) -> Lane:
    return Lane(ScriptedSource(), decoder(), maker(), is_operators=is_operators)


def piece(tag: int, epoch: int = 1, redelivered: int = 0) -> Piece:
    return Piece([*messages(2, tag), BAD], Token(epoch, tag), redelivered)


def test_a_piece_is_confirmed_when_all_before_it_are(outbox: Outbox) -> None:
    one = lane()
    for tag in (3, 6, 9):
        one.send(piece(tag), float(tag), outbox.send)
    assert (one.unconfirmed, one.oldest_at) == (9, 3.0)
    outbox.confirm(1)
    assert one.take_confirmed() == []
    outbox.confirm(0)
    assert [sent.token.tag for sent in one.take_confirmed()] == [3, 6]
    assert (one.unconfirmed, one.oldest_at) == (3, 9.0)
    outbox.confirm(2)
    (sent,) = one.take_confirmed()
    assert (one.unconfirmed, one.oldest_at) == (0, None)
    assert (sent.report.delivered, sent.report.written, sent.report.rejected.total()) == (3, 2, 1)


def test_how_far_a_piece_goes_is_said_by_the_operators_queue_alone(outbox: Outbox) -> None:
    deliveries = messages(2, 5)
    for one, latest in ((lane(), deliveries[-1].received_at), (lane(is_operators=False), None)):
        one.send(Piece(deliveries, Token(1, 2), 1), 0.0, outbox.send)
        outbox.confirm(-1)
        (sent,) = one.take_confirmed()
        assert (sent.latest, sent.last_at, sent.redelivered) == (latest, deliveries[-1].received_at, 1)


def test_a_failure_of_any_piece_is_the_lanes(outbox: Outbox) -> None:
    one = lane()
    one.send(piece(3), 0.0, outbox.send)
    one.send(piece(6), 0.0, outbox.send)
    assert one.failure is None
    outbox.parcels[1].failure = KafkaUnavailableError("gone")
    assert str(one.failure) == "gone"


def test_of_a_channel_of_which_something_was_dropped_nothing_is_sent_any_more(outbox: Outbox) -> None:
    one = lane()
    one.send(piece(3), 0.0, outbox.send)
    one.forget()
    assert (one.unconfirmed, one.oldest_at, one.take_confirmed()) == (0, None, [])
    one.send(piece(6), 0.0, outbox.send)
    assert len(outbox.parcels) == 1
    one.send(piece(3, epoch=2), 0.0, outbox.send)
    assert len(outbox.parcels) == 2
    one.forget(piece(1, epoch=3))
    one.send(piece(2, epoch=3), 0.0, outbox.send)
    assert len(outbox.parcels) == 2


def test_what_cannot_be_sent_is_not_under_way(outbox: Outbox) -> None:
    one = lane()
    outbox.fault = KafkaUnavailableError("no room")
    with pytest.raises(KafkaUnavailableError):
        one.send(piece(3), 0.0, outbox.send)
    assert (one.unconfirmed, one.oldest_at) == (0, None)
