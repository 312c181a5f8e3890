"""Surprises: legal but unexpected properties of messages, which are counted and never refused.

Owns the closed set. The names are the counters' names in metrics and reports.
"""

from enum import StrEnum


class Surprise(StrEnum):
    """What was unexpected about a delivery that nevertheless became a record."""

    COERCED = "coerced"
    """A value came as another JSON type than its catalogue type and was converted ("13" for 13)."""
    MISFIT = "misfit"
    """A value does not fit its catalogue type; it is kept as text in `<field>_text`."""
    NULL_VALUE = "null_value"
    UNKNOWN_ID = "unknown_id"
    """An observation id that the catalogue does not have for this product."""
    UNKNOWN_COMMAND = "unknown_command"
    ARRIVAL_MISSING = "arrival_missing"
    ARRIVAL_UNREADABLE = "arrival_unreadable"
    """An ArrivalTime that is no time, or one before 2015 or after 2261."""
    PUBLISHED_UNREADABLE = "published_unreadable"
    DELIVERED_UNREADABLE = "delivered_unreadable"
    """A DeliveredAt that is no time, or one before 2015: the response has no delivery latency."""
    EXPIRES_UNREADABLE = "expires_unreadable"
    ZONE_MISSING = "zone_missing"
    """A time of the body without Z or offset, read as UTC."""
    WRAPPED = "wrapped"
    """The body came wrapped as {"ArrivalTime", "Observation" | "CommandResponse", "RoutingKey"}."""
    FOURTH_SEGMENT = "fourth_segment"
    """A routing key with the ticks of the older platform as its fourth segment."""
    BYTE_ORDER_MARK = "byte_order_mark"
    NAME_DIFFERS = "name_differs"
    """The body's Name is not the catalogue's name of this id."""
    TOO_LATE = "too_late"
    """A command or a response came so late that what it belongs to may be forgotten: it was not followed."""
    OPTIONAL_UNREADABLE = "optional_unreadable"
    """An optional member (Name, Ticks, SerialNumber, …) of a type it cannot have was left out."""
