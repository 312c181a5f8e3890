"""Commands: a message of kind C, a copy of a command that somebody published, to a typed command.

Owns the reading of a command's members, when it was published, and its `ref`. Must not know what became of it.
Source: Easee, "Commands"; copies carry header `PublishedAt`, or else the ArrivalTime of the copy stands in.
"""

from pipeline.core.body import Json
from pipeline.core.coercion import compact_json
from pipeline.core.command_ref import command_ref
from pipeline.core.members import (
    Members,
    check_clock,
    check_identity,
    missing_member,
    read_body_id,
    read_optional_time,
    read_wire_time,
)
from pipeline.core.redaction import Redaction
from pipeline.core.refusal import RefusedError
from pipeline.core.routing_key import RoutingKey
from pipeline.core.timestamps import TimeReader
from schemas.catalogue import Catalogue
from schemas.command import Argument, CommandSent
from schemas.delivery import Delivery
from schemas.reject import RejectReason
from schemas.surprise import Surprise

PUBLISHED_AT = "PublishedAt"
ARRIVAL_TIME = "ArrivalTime"
ATTEMPT = "ChargelineAttempt"
UNCONFIRMED = "ChargelineUnconfirmed"
"""Headers of a command of ours in a recording, where it is a retry, and where the broker's word was missing."""

_MOST_ATTEMPTS = 1_000


class CommandReader:
    """Reads copies of commands; personal arguments leave as the redaction says."""

    def __init__(self, catalogue: Catalogue, redaction: Redaction, times: TimeReader) -> None:
        """`catalogue` tells which arguments are personal."""
        self._redaction = redaction
        self._times = times
        self._known = frozenset(catalogue.commands)
        self._personal = {
            (spec.id, place)
            for spec in catalogue.commands.values()
            for place, argument in enumerate(spec.arguments, start=1)
            if argument.name in spec.personal_arguments
        }

    def read(
        self, delivery: Delivery, key: RoutingKey, members: Members, arrived_at: int | None, found: list[Surprise]
    ) -> CommandSent:
        """The command in a body. Raises RefusedError (`shape`, `identity`, `timestamp`, `clock`)."""
        try:
            body_id, listed = members["Id"], members["Arguments"]
        except KeyError as absent:
            raise missing_member(absent) from None
        if not isinstance(listed, list):
            raise RefusedError(RejectReason.SHAPE, "Arguments is not a list")
        arguments = tuple(self._read_argument(key.id, argument) for argument in listed)
        check_identity(key, body_id, members)
        published_at = self._read_published(delivery, arrived_at, found)
        check_clock(published_at, arrived_at)
        if key.id not in self._known:
            found.append(Surprise.UNKNOWN_COMMAND)
        return CommandSent(
            serial=key.serial,
            id=key.id,
            arguments=arguments,
            expires_at=read_optional_time(members.get("ExpiresAt"), Surprise.EXPIRES_UNREADABLE, self._times, found),
            published_at=published_at,
            ref=make_ref(delivery, key),
            received_at=delivery.received_at,
            attempt=_attempt(delivery),
            is_confirmed=delivery.headers.get(UNCONFIRMED) is not True,
        )

    def _read_argument(self, command_id: int, member: Json) -> Argument:
        if not isinstance(member, dict) or "Id" not in member:
            raise RefusedError(RejectReason.SHAPE, "an argument is not an object with Id and Value")
        number = read_body_id(member["Id"])
        value = member.get("Value")
        if isinstance(value, bool | int | float):
            value = compact_json(value)
        if not isinstance(value, str):
            raise RefusedError(RejectReason.SHAPE, f"the Value of argument {number} is not text")
        return Argument(number, self._redaction.redact_text(value) if (command_id, number) in self._personal else value)

    def _read_published(self, delivery: Delivery, arrived_at: int | None, found: list[Surprise]) -> int:
        header = delivery.headers.get(PUBLISHED_AT)
        if header is not None:
            published_at = read_wire_time(header, self._times)
            if published_at is not None:
                return published_at
            found.append(Surprise.PUBLISHED_UNREADABLE)
        if arrived_at is None:
            raise RefusedError(RejectReason.TIMESTAMP, "neither PublishedAt nor ArrivalTime is a time")
        return arrived_at


def _attempt(delivery: Delivery) -> int:
    attempt = delivery.headers.get(ATTEMPT)
    if not isinstance(attempt, int) or isinstance(attempt, bool) or not 0 < attempt <= _MOST_ATTEMPTS:
        return 0
    return attempt


def make_ref(delivery: Delivery, key: RoutingKey) -> str:
    """The command's ref: a hash of serial, id and `message_id`, or where that is missing of body and PublishedAt."""
    if delivery.message_id:
        parts: tuple[bytes, ...] = (delivery.message_id.encode(errors="surrogatepass"),)
    else:
        stamp = delivery.headers.get(PUBLISHED_AT) or delivery.headers.get(ARRIVAL_TIME)
        parts = (delivery.body, str(stamp).encode(errors="surrogatepass"))
    return command_ref(key.serial, key.id, *parts)
