"""A row: what a store keeps of a record, the same for line protocol and SQL.

Owns the shape. Must not know which record a row came from (`pipeline.core.rows`) or how a store writes it.
"""

from typing import NamedTuple

Field = tuple[str, float | str]
"""A field's name and its value: a number or text, the only two types there are."""


class Row(NamedTuple):
    """One point of one measurement. Writing the same measurement, tags and time again replaces the fields given.

    `charger`  tag: serial of any device (`-` for fleet-wide alerts).
    `site`     tag: from the fleet file, empty where none is set.
    `tags`     the measurement's other tags, in its order.
    `time`     nanoseconds since the epoch, UTC; 2015 to 2261.
    `fields`   at least one.
    """

    measurement: str
    charger: str
    site: str
    tags: tuple[tuple[str, str], ...]
    time: int
    fields: tuple[Field, ...]
