"""Copies of commands: how an operator's backend tells of a command that it published.

Owns the form of a copy, by the book: the command's own key and body, header PublishedAt, and a `message_id`. Must not
know who sends commands (`controllers`), or what a copy is for.
"""

import orjson

from pipeline.simulator.messages import format_stamp
from schemas.command import CommandSent
from schemas.delivery import Delivery


def copy_of(command: CommandSent) -> Delivery:
    """The copy, received when the command was published; its `ref` becomes the `message_id`."""
    members: dict[str, object] = {"Id": command.id}
    if command.expires_at is not None:
        members["ExpiresAt"] = format_stamp(command.expires_at, "Z")
    members["Arguments"] = [{"Id": argument.id, "Value": argument.value} for argument in command.arguments]
    return Delivery(
        routing_key=f"{command.serial}.C.{command.id}",
        headers={"PublishedAt": format_stamp(command.published_at, "Z")},
        body=orjson.dumps(members),
        received_at=command.published_at,
        message_id=command.ref,
    )
