"""What AMQP carries of a delivery: less than `Delivery` allows.

Owns what is published in place of the rest, so that whoever records a published stream records what arrives. Must not
know who publishes.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from pamqp.common import FieldValue

from schemas.delivery import Delivery

_MOST_BYTES = 255
_MOST_NAME_BYTES = 128
_INT64 = range(-(2**63), 2**63)
_FIRST_TIME = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_TIME = datetime(2106, 1, 1, tzinfo=UTC)


def as_carried(delivery: Delivery) -> Delivery:
    """The delivery as a consumer gets it; `received_at` is the consumer's to say, so None.

    The routing key and the message id end after 255 bytes of UTF-8; what is not UTF-8 is written out. Headers: see
    `carried_headers`.
    """
    message_id = None if delivery.message_id is None else carried_text(delivery.message_id)
    headers = carried_headers(delivery.headers)
    return Delivery(carried_text(delivery.routing_key), headers, delivery.body, None, message_id)


def carried_headers(headers: Mapping[str, object]) -> dict[str, FieldValue]:
    """A table of headers that AMQP carries. Names end after 128 bytes of UTF-8.

    None, booleans, integers of 64 bits, text and bytes stay what they are, and so do times from 1970 to 2105 but for
    what is below a second. All else becomes text, fractions too, which would lose digits.
    """
    return {carried_text(name, _MOST_NAME_BYTES): _carried_value(value) for name, value in headers.items()}


def carried_text(text: str, most: int = _MOST_BYTES) -> str:
    """As much of a text as `most` bytes of UTF-8 hold: as a routing key or a message id has, unless given."""
    return _utf8(text)[:most].decode(errors="ignore")


def _carried_value(value: object) -> FieldValue:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and value in _INT64:
        return value
    if isinstance(value, bytes | bytearray):
        return bytearray(value)
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        is_carried = _FIRST_TIME <= moment < _LAST_TIME
        return moment.astimezone(UTC).replace(microsecond=0) if is_carried else moment.isoformat()
    return _utf8(str(value)).decode()


def _utf8(text: str) -> bytes:
    return text.encode(errors="backslashreplace")
