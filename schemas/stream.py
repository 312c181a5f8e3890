"""What the roles of a scaled-out Chargeline tell each other beside observations, commands and responses.

Owns the topics' names and three records: who was heard, how far a bridge has come, and a refused delivery as a topic
may hold it. Must not know Kafka, or how a record is written (`pipeline.core.stream_records`).

What is in which topic, and in what order:

    observations  every Observation, one a message, key = serial
    responses     every CommandResponse, one a message, key = serial
    track         all that the state of a charger follows from, several records a message: responses, commands, those
                  observations that the derivation wants, Freshness, and a Tick now and then, alone in its message and
                  in every partition. What a tick covers stands before it in its partition.
    derived       every Row that follows, one a message, key = charger (`-` is keyed like any other), its `site` empty:
                  whoever stores it knows the site
    rejects       every StreamReject, one a message, key = the reject's own
    state         what `track` remembers of each partition, one entry a message, compacted: nobody else reads it
All have the same number of partitions; in all but the rejects, a device is in the same one of each.
"""

from enum import StrEnum
from typing import NamedTuple

from schemas.reject import RejectReason


class Topic(StrEnum):
    """The names of the topics. They never change."""

    OBSERVATIONS = "chargeline.observations"
    RESPONSES = "chargeline.responses"
    TRACK = "chargeline.track"
    DERIVED = "chargeline.derived"
    REJECTS = "chargeline.rejects"
    STATE = "chargeline.state"


class Heard(NamedTuple):
    """When one device was heard, by some messages that came one after the other.

    `moments`   ascending: the first, the last, and as many between them that no silence is covered up. Each is the
                ArrivalTime of a message, bounded by its receipt (`pipeline.core.freshness`).
    `messages`  how many messages these were.
    """

    serial: str
    moments: tuple[int, ...]
    messages: int


class Freshness(NamedTuple):
    """When devices were heard: of the operator's queue alone.

    `is_fleet`  False: these are devices of the partition that this stands in. True: of all partitions, which partition
                0 is told beside its own, since only who knows the whole fleet can judge the fleet's silence. What is
                long comes in several of these, a device in one of them.
    """

    heard: tuple[Heard, ...]
    is_fleet: bool = False


class Tick(NamedTuple):
    """How far one life of a bridge has come: the same tick for every partition of `track`; times are its own clock's.

    `bridge`      names one process: its successor on the same machine has another name.
    `life`        counts its channels at the broker: with a new one a new life begins, of which this speaks alone.
    `number`      counts the ticks of this life, from 1.
    `at`          when it was made.
    `watermark`   of what came to this bridge, everything that reached the cloud before this moment is in Kafka; None
                  while nothing is known. It never goes back, and stands still while the bridge is cut off.
    `settled_at`  of what was in the queue at this moment, all that came to this bridge is in Kafka, deliveries that
                  another consumer had left behind included; None while nothing is known.
    `consumers`   of the queue, this bridge among them, by the broker's last answer, which it gave at `looked_at`; both
                  None where it gave none.
    `is_last`     the bridge ends, and all that ever came to it is in Kafka and acknowledged: nothing of it will be
                  delivered to another.
    What follows from the ticks of all bridges: `pipeline.core.bridges`.
    """

    bridge: str
    life: int
    number: int
    at: int
    watermark: int | None
    settled_at: int | None
    consumers: int | None
    looked_at: int | None
    is_last: bool


class StreamReject(NamedTuple):
    """A refused delivery, or a refused record of a topic, without personal values.

    `key`            32 hexadecimal digits: a redelivery is the same reject.
    `headers`        name and text of each, in their order.
    `body`           the first 64 KiB of `body_length` bytes; where `is_redacted`, in place of it what PERSONAL says.
    `received_at`    our clock, nanoseconds since the epoch; None where unknown.
    """

    key: str
    reason: RejectReason
    detail: str
    routing_key: str
    headers: tuple[tuple[str, str], ...]
    message_id: str | None
    body: bytes
    body_length: int
    is_redacted: bool
    received_at: int | None
