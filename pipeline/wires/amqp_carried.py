"""What AMQP carries of a delivery: less than `Delivery` allows.

Owns what is published in place of the rest, so that whoever records a published stream records what arrives. Must not
know who publishes.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from pamqp.common import FieldValue

from schemas.delivery import Delivery

_MOST_SHORT_BYTES = 255
_INT64 = range(-(2**63), 2**63)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def as_carried(delivery: Delivery) -> Delivery:
    """The delivery as a consumer gets it; `received_at` is the consumer's to say, so None.

    The routing key, names of headers and the message id end after 255 bytes; what is not UTF-8 is written out. Values
    of headers: see `carried_headers`.
    """
    message_id = None if delivery.message_id is None else carried_text(delivery.message_id)
    headers = carried_headers(delivery.headers)
    return Delivery(carried_text(delivery.routing_key), headers, delivery.body, None, message_id)


def carried_headers(headers: Mapping[str, object]) -> dict[str, FieldValue]:
    """A table of headers that AMQP carries.

    Nothing, booleans, integers of 64 bits, text and bytes stay what they are, and times from 1970 on but for what is
    below a second. All else becomes text.
    """
    return {carried_text(name): _carried_value(value) for name, value in headers.items()}


def carried_text(text: str) -> str:
    """As much of a text as a routing key, a header's name or a message id holds: 255 bytes of UTF-8."""
    return _utf8(text)[:_MOST_SHORT_BYTES].decode(errors="ignore")


def _carried_value(value: object) -> FieldValue:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and value in _INT64:
        return value
    if isinstance(value, bytes | bytearray):
        return bytearray(value)
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC).replace(microsecond=0) if moment >= _EPOCH else moment.isoformat()
    return _utf8(str(value)).decode()


def _utf8(text: str) -> bytes:
    return text.encode(errors="backslashreplace")
