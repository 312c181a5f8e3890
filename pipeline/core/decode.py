"""Decode: deliveries to typed records, or rejects with a reason.

Owns the order in which a delivery is held against the rules, and the batch: one outcome for each delivery, in
order, whatever its neighbours are. Must not know the present time, where deliveries come from, or what becomes
of records.
Reasons in their order: `routing_key`, `kind` (routing_key.py), `too_large`, `encoding`, `json`, `shape`
(body.py), then `shape`, `identity`, `timestamp`, `clock` (members.py and the reader of the kind).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from pipeline.core.body import has_byte_order_mark, read_object, unwrap
from pipeline.core.decode_command import CommandReader
from pipeline.core.decode_observation import ObservationReader
from pipeline.core.decode_response import ResponseReader
from pipeline.core.known_shapes import KnownShapes
from pipeline.core.members import Members, read_arrival
from pipeline.core.redaction import Redaction
from pipeline.core.refusal import RefusedError
from pipeline.core.routing_key import Kind, RoutingKey, RoutingKeyReader
from pipeline.core.timestamps import TimeReader
from schemas.catalogue import Catalogue
from schemas.command import CommandResponse, CommandSent
from schemas.delivery import Delivery
from schemas.observation import Observation
from schemas.reject import Reject, RejectReason
from schemas.surprise import Surprise

Record = Observation | CommandResponse | CommandSent
Outcome = Record | Reject

_Reader = Callable[[Delivery, RoutingKey, Members, int | None, list[Surprise]], Record]
_ARRIVAL_TIME = "ArrivalTime"
_ROUTING_KEY = "RoutingKey"
_ID = "Id"


class Decoded(NamedTuple):
    """What a batch became: `outcomes[i]` is what delivery `i` became, a record or a reject.

    `surprises` counts what was legal but unexpected in the deliveries that became records.
    """

    outcomes: Sequence[Outcome]
    surprises: Counter[Surprise]


class Decoder:
    """Decodes batches. Remembers only the meaning of text it met (bounded), so no batch changes another."""

    def __init__(self, catalogue: Catalogue, redaction: Redaction) -> None:
        """Read by `catalogue`; personal values leave as `redaction` says."""
        self._times = TimeReader()
        self._keys = RoutingKeyReader()
        observations = ObservationReader(catalogue, redaction, self._times)
        self._known = KnownShapes(observations.named, self._times)
        self._readers: Mapping[Kind, _Reader] = {
            Kind.OBSERVATION: observations.read,
            Kind.RESPONSE: ResponseReader(catalogue, self._times).read,
            Kind.COMMAND: CommandReader(catalogue, redaction, self._times).read,
        }

    def decode(self, deliveries: Sequence[Delivery]) -> Decoded:
        """One outcome for each delivery, in order. Never raises: a fault of ours becomes the reject `internal`."""
        found: list[Surprise] = []
        return Decoded(
            [
                self._decode_one(delivery, found) if outcome is None else outcome
                for outcome, delivery in zip(self._known.read(deliveries), deliveries, strict=True)
            ],
            Counter(found),
        )

    def _decode_one(self, delivery: Delivery, found: list[Surprise]) -> Outcome:
        settled = len(found)
        try:
            record = self._read_in_full(delivery, found)
        except RefusedError as refused:
            del found[settled:]
            return reject(delivery, refused.reason, refused.detail)
        except Exception as fault:  # a delivery must never cost its neighbours, whatever is wrong with us
            del found[settled:]
            return reject(delivery, RejectReason.INTERNAL, type(fault).__name__)
        if isinstance(record, Observation) and len(found) == settled:
            self._known.learn(delivery, record)
        return record

    def _read_in_full(self, delivery: Delivery, found: list[Surprise]) -> Record:
        key = self._keys.read(delivery.routing_key)
        members = read_object(delivery.body)
        arrival = delivery.headers.get(_ARRIVAL_TIME)
        if _ID not in members:
            inner = unwrap(members, key.kind)
            if inner is not None:
                claimed = members.get(_ROUTING_KEY)
                key = key._replace(claimed=claimed if isinstance(claimed, str) else None)
                arrival = members.get(_ARRIVAL_TIME) if arrival is None else arrival
                members = inner
                found.append(Surprise.WRAPPED)
        if key.is_extended:
            found.append(Surprise.FOURTH_SEGMENT)
        if has_byte_order_mark(delivery.body):
            found.append(Surprise.BYTE_ORDER_MARK)
        arrived_at = read_arrival(arrival, self._times, found)
        return self._readers[key.kind](delivery, key, members, arrived_at, found)


def reject(delivery: Delivery, reason: RejectReason, detail: str) -> Reject:
    """The reject of a delivery, with everything that came with it."""
    return Reject(
        reason=reason,
        routing_key=delivery.routing_key,
        headers=delivery.headers,
        body=delivery.body,
        received_at=delivery.received_at,
        detail=detail,
        message_id=delivery.message_id,
    )
