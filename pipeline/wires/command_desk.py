"""The desk: who takes commands over, publishes them, and knows what became of them.

Owns what the HTTP interface asks of it, and in which words it says no. Must not know HTTP, or how a desk works.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from pipeline.core.command_entry import SentCommand
from pipeline.core.encode_command import CheckedCommand
from pipeline.wires.command_publisher import PublishEnd


class CommandRequest(NamedTuple):
    """A command to be sent.

    `message_id`   names this sending on the wire: 32 hexadecimal digits, the same whenever the same request is
                   repeated. The ref follows from it.
    `fingerprint`  a hash of what was asked, personal arguments included; empty where the request cannot be repeated.
    """

    command: CheckedCommand
    message_id: str
    fingerprint: str


class ConflictError(Exception):
    """A command with this message_id is known, and something else was asked for then."""


class ForgottenError(Exception):
    """A command with this message_id was sent, and nothing is known of it any more. No try will say more."""


class NotPublishedError(Exception):
    """The command was not published, and nothing is kept of it. `end` says how, the message why and what to do."""

    def __init__(self, end: PublishEnd, words: str) -> None:
        """`end` is one in which the command cannot have arrived."""
        super().__init__(words)
        self.end = end


class CommandDesk(Protocol):
    """See above."""

    async def send(self, request: CommandRequest) -> SentCommand:
        """Publish a command once, after its intent is durable; what is known of it then.

        Where its message_id is known, or just being published, nothing is published: the answer is about that
        sending, and ConflictError is raised where its fingerprint is another. It is known for as long as its command
        is, also after a restart; a little later its message_id alone is, and ForgottenError is raised. Raises
        NotPublishedError; after it the same message_id can be sent again.
        """

    def is_known(self, message_id: str) -> bool:
        """Whether a command was sent under this message_id, or is just being sent. No I/O."""

    async def find(self, ref: str) -> SentCommand | None:
        """The command of ours with this ref, None where none is known."""

    async def list(self, *, open_only: bool, limit: int) -> Sequence[SentCommand]:
        """Commands of ours, the newest first, at most `limit`; `open_only` those that wait for an answer."""
