"""Known requests: what a desk was asked to send, found by the name of the request and by the ref of its command.

Owns which of them are remembered. Must not know how a command is published, or what became of it.
"""

from collections.abc import Callable, Sequence

from pipeline.core.command_entry import SentCommand
from pipeline.wires.progress_tables import Request

_MOST_DROPPED = 100


class KnownRequests:
    """For one event loop."""

    def __init__(self, requests: Sequence[Request]) -> None:
        """Knows these, the oldest first."""
        self._by_id = {request.message_id: request for request in requests}
        self._by_ref = {request.ref: request for request in requests}

    def __contains__(self, message_id: str) -> bool:
        """Whether something was sent under this message_id."""
        return message_id in self._by_id

    def get(self, message_id: str) -> Request | None:
        """The request of this message_id."""
        return self._by_id.get(message_id)

    def of_ref(self, ref: str) -> Request | None:
        """The request whose command has this ref."""
        return self._by_ref.get(ref)

    def newest_first(self) -> Sequence[Request]:
        """All of them, by when they were published."""
        return sorted(self._by_ref.values(), key=lambda request: request.published_at, reverse=True)

    def add(self, request: Request) -> None:
        """One more."""
        self._by_id[request.message_id] = self._by_ref[request.ref] = request

    def forgettable(self, before: int, find: Callable[[Request], SentCommand | None]) -> Sequence[Request]:
        """Some that were published before this moment, and whose command is forgotten."""
        old = [each for each in list(self._by_id.values())[:_MOST_DROPPED] if each.published_at < before]
        return [request for request in old if find(request) is None]

    def forget(self, requests: Sequence[Request]) -> None:
        """These are not known any more."""
        for request in requests:
            self._by_id.pop(request.message_id, None)
            self._by_ref.pop(request.ref, None)
