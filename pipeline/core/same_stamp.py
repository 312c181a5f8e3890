"""Same stamp: where in a store's time a value goes, so that two different values never share a row silently.

Owns the rule. Devices stamp whole seconds, and one charger does send the same id twice within one (the last power
value and 0 at the end of a session). Where the catalogue says `keep`, such a value is moved inside its own
second, by what the message alone says:

    stamp + (ArrivalTime in whole milliseconds, modulo 1,000,000) x 1,000 ns + crc32 of the value modulo 1,000 ns

so that rows of one second are in the order of arrival, and a replay gives the same rows.
Limits: the order turns over once in 1,000 s of arrival; two different values of one arrival millisecond fall
together once in 1,000.
"""

from zlib import crc32

import orjson

from pipeline.core.body import Json
from pipeline.core.timestamps import NS_PER_MS, NS_PER_S

ARRIVALS = 1_000_000
ARRIVAL_STEP_NS = 1_000
VALUE_STEPS = 1_000


def value_crc(value: Json) -> int:
    """The part of the rule that tells values apart: crc32 of the compact JSON of a value after redaction."""
    return crc32(orjson.dumps(value))


def spread_stamp(observed_at: int, arrived_at: int | None, crc: int) -> int:
    """The row's time, nanoseconds, of a value to be kept apart. A stamp finer than a second stays as it is.

    Without an ArrivalTime only the value's part is added.
    """
    if observed_at % NS_PER_S:
        return observed_at
    arrival = 0 if arrived_at is None else arrived_at // NS_PER_MS % ARRIVALS
    return observed_at + arrival * ARRIVAL_STEP_NS + crc % VALUE_STEPS
