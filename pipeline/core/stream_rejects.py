"""Stream rejects: refused deliveries without what is personal in them, as a topic may hold them.

Owns which rejects may hold something personal, and the cut of long bodies. Pure. Must not know topics, or where else
rejects are kept: a file of the worker's own holds bodies as they came, a topic never does.

A body that was refused could not be read, so nothing in it can be told apart. It counts as wholly personal unless its
routing key says that it is of an id, known or not, of which the catalogue calls nothing personal. A body that speaks of
another id than its routing key is personal in any case.
"""

from pipeline.core.redaction import Redaction
from pipeline.core.refusal import RefusedError
from pipeline.core.routing_key import Kind, RoutingKeyReader
from schemas.catalogue import Catalogue
from schemas.reject import Reject, RejectReason
from schemas.stream import StreamReject

BODY_KEPT = 64 * 1024
"""Bytes of a body that go into a topic."""
TEXT_KEPT = 4_096
"""Characters that are kept of any other text."""

_OF_UNKNOWN_ID = frozenset({RejectReason.ROUTING_KEY, RejectReason.KIND, RejectReason.IDENTITY})


class RejectMaker:
    """Makes rejects ready for a topic, by one catalogue and one way of treating personal values."""

    def __init__(self, catalogue: Catalogue, redaction: Redaction) -> None:
        """`catalogue` says which ids have something personal."""
        self._redaction = redaction
        self._keys = RoutingKeyReader()
        self._personal = {
            Kind.OBSERVATION: frozenset(
                spec.id for spec in catalogue.observations.values() if spec.personal or spec.personal_keys
            ),
            Kind.COMMAND: frozenset(spec.id for spec in catalogue.commands.values() if spec.personal_arguments),
        }

    def of_delivery(self, reject: Reject) -> StreamReject:
        """A delivery that was refused, as it came from the operator's queue."""
        if not self._may_be_personal(reject):
            return _make(reject, reject.body, is_redacted=False)
        text = reject.body.decode(errors="backslashreplace")
        redacted = self._redaction.redact_text(text)
        if redacted == text:
            return _make(reject, reject.body, is_redacted=False)
        return _make(reject, redacted.encode(), is_redacted=True)

    def _may_be_personal(self, reject: Reject) -> bool:
        if reject.reason in _OF_UNKNOWN_ID:
            return True
        try:
            key = self._keys.read(reject.routing_key)
        except RefusedError:
            return True
        return key.id in self._personal.get(key.kind, ())


def of_stream(reject: Reject) -> StreamReject:
    """A record of a topic that was refused: what is in a topic was redacted before."""
    return _make(reject, reject.body, is_redacted=False)


def _make(reject: Reject, body: bytes, *, is_redacted: bool) -> StreamReject:
    return StreamReject(
        key=reject.key,
        reason=reject.reason,
        detail=_text(reject.detail),
        routing_key=_text(reject.routing_key),
        headers=tuple((_text(name), _text(str(value))) for name, value in reject.headers.items()),
        message_id=None if reject.message_id is None else _text(reject.message_id),
        body=body[:BODY_KEPT],
        body_length=len(reject.body),
        is_redacted=is_redacted,
        received_at=reject.received_at,
    )


def _text(text: str) -> str:
    """The start of a text, with lone surrogates, which UTF-8 cannot hold, written out."""
    return text[:TEXT_KEPT].encode(errors="backslashreplace").decode()
