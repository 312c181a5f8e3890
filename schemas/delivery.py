"""A delivery: one message as it came off the queue, nothing read yet.

Owns the shape in which every source (AMQP, simulator, replay file) hands messages to the core.
Must not know what a message means: reading it is `pipeline.core.decode`.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Delivery(NamedTuple):
    """One consumed message.

    `routing_key`  text of the AMQP routing key, `<Serial>.<Kind>.<Id>`.
    `headers`      AMQP header table; Easee sets `ArrivalTime`, a copy of a command may have `PublishedAt`.
                   Values are whatever the wire held; only text, bytes and `datetime` are ever read.
    `body`         the message body, unread bytes.
    `received_at`  nanoseconds since the epoch, UTC, of *our* clock when the delivery reached us;
                   None where nobody knows (a replay line without it).
    `message_id`   the AMQP property of that name, None where the publisher set none.
    """

    routing_key: str
    headers: Mapping[str, object]
    body: bytes
    received_at: int | None
    message_id: str | None = None
