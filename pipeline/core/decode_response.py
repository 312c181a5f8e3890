"""Command responses: a message of kind CR to a typed response.

Owns the reading of a response's members. Must not know whose command it answers.
Source: Easee, "Command responses". Command ids are a namespace of their own.
"""

from pipeline.core.body import Json
from pipeline.core.coercion import compact_json, to_boolean, to_integer, to_text
from pipeline.core.members import Members, check_identity, missing_member, read_optional_time, read_stamp
from pipeline.core.refusal import RefusedError
from pipeline.core.routing_key import RoutingKey
from pipeline.core.timestamps import TimeReader
from schemas.catalogue import Catalogue
from schemas.command import CommandResponse
from schemas.delivery import Delivery
from schemas.reject import RejectReason
from schemas.surprise import Surprise


class ResponseReader:
    """Reads command responses."""

    def __init__(self, catalogue: Catalogue, times: TimeReader) -> None:
        """`catalogue` tells which command ids are known, for counting only."""
        self._known = frozenset(catalogue.commands)
        self._times = times

    def read(
        self, delivery: Delivery, key: RoutingKey, members: Members, arrived_at: int | None, found: list[Surprise]
    ) -> CommandResponse:
        """The response in a body. Raises RefusedError (`shape`, `identity`, `timestamp`, `clock`)."""
        try:
            body_id, stamp, answer = members["Id"], members["Timestamp"], members["WasAccepted"]
        except KeyError as absent:
            raise missing_member(absent) from None
        if not isinstance(stamp, str):
            raise RefusedError(RejectReason.SHAPE, "Timestamp is not text")
        accepted = to_boolean(answer)
        if not isinstance(accepted, float):
            raise RefusedError(RejectReason.SHAPE, "WasAccepted is neither true nor false")
        check_identity(key, body_id, members)
        created_at = read_stamp(stamp, arrived_at, self._times, found)
        if key.id not in self._known:
            found.append(Surprise.UNKNOWN_COMMAND)
        comment = to_text(members.get("Comment"))
        return CommandResponse(
            serial=key.serial,
            id=key.id,
            accepted=accepted == 1.0,
            ticks=_read_ticks(members.get("Ticks"), found),
            created_at=created_at,
            delivered_at=read_optional_time(
                members.get("DeliveredAt"), Surprise.DELIVERED_UNREADABLE, self._times, found
            ),
            arrived_at=arrived_at,
            result_code=to_integer(members.get("ResultCode")),
            comment=comment if isinstance(comment, str) else None,
            received_at=delivery.received_at,
        )


def _read_ticks(value: Json, found: list[Surprise]) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        found.append(Surprise.OPTIONAL_UNREADABLE)
        return None
    return compact_json(value)
