"""What a store holds, as a count of values for each field of each measurement, and what it must hold.

Counting is what can be asked of a store within a moment; that every value is the right one is held by the tests of
equality. Must not know who wrote.
"""

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from pipeline.assembly import STORE_FILE
from schemas.delivery import Delivery
from schemas.measurement import COMMAND_RESPONSE, PIPELINE
from tests.oracle.reading import Oracle, RowKey
from tests.oracle.times import nanoseconds
from tests.services.influxdb import InfluxDb

NS_PER_US = 1_000
COUNT_OF = "count_"

Content = Mapping[str, int]
"""`measurement.field` to how many rows have a value there; those with none are left out."""


def by_the_oracle(messages: Sequence[Delivery]) -> Content:
    """What messages must leave behind."""
    oracle = Oracle()
    rows: dict[RowKey, set[str]] = {}
    for message in messages:
        if (read := oracle.read(message.routing_key, message.headers, message.body)) is not None:
            rows.setdefault(read[0], set()).update(read[1])
    return Counter(f"{key[0]}.{field}" for key, fields in rows.items() for field in fields)


def by_usual_stamps(messages: Sequence[Delivery]) -> Content:
    """What is left of them with stamps of whole microseconds, nothing kept apart, and the least of each response."""
    oracle = Oracle()
    values: set[tuple[str, str, object, int]] = set()
    for message in messages:
        if (read := oracle.read(message.routing_key, message.headers, message.body)) is not None:
            (measurement, charger, tags, _), fields = read
            stamp = (nanoseconds(orjson.loads(message.body)["Timestamp"]) or 0) // NS_PER_US
            kept = ("command_id", "accepted") if measurement == COMMAND_RESPONSE else fields
            values.update((f"{measurement}.{field}", charger, tags, stamp) for field in kept)
    return Counter(field for field, *_ in values)


def content_of_bucket(influxdb: InfluxDb, bucket: str) -> Content:
    """What a bucket holds of facts."""
    return {
        f"{record.measurement}.{name.removeprefix(COUNT_OF)}": int(str(count))
        for record in influxdb.query(bucket, "SELECT count(*) FROM /.*/")
        for name, count in record.values.items()
        if name.startswith(COUNT_OF) and record.measurement != PIPELINE and count
    }


def content_of_file(folder: Path) -> Content:
    """What a SQLite store in this folder holds of facts; nothing where there is none yet."""
    path = folder / STORE_FILE
    if not path.exists():
        return {}
    content: dict[str, int] = {}
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            columns = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
            fields = [name for _, name, _, _, _, in_key in columns if not in_key]
            if table != PIPELINE and fields:
                counts = ", ".join(f'count("{field}")' for field in fields)
                found = connection.execute(f'SELECT {counts} FROM "{table}"').fetchone()
                content |= {f"{table}.{field}": count for field, count in zip(fields, found, strict=True) if count}
    finally:
        connection.close()
    return content
