"""The usual consumer's points are what `run_cost` expects of it, so the two cannot drift apart unseen."""

from collections import Counter

from tests.bench.core_cost import usual_messages
from tests.bench.store_content import by_the_oracle, by_usual_stamps
from tests.bench.usual_consumer import point_of
from tests.oracle.stores import rows_of_line_protocol

MESSAGES = usual_messages(3_000, seed=1)


def test_points_are_what_is_expected_of_them() -> None:
    lines = "\n".join(str(point_of(message.routing_key, message.body)) for message in MESSAGES)
    rows = rows_of_line_protocol(lines)
    assert Counter(f"{key[0]}.{field}" for key, fields in rows.items() for field in fields) == by_usual_stamps(MESSAGES)


def test_what_it_keeps_is_nearly_all_that_there_is() -> None:
    kept, there = by_usual_stamps(MESSAGES), by_the_oracle(MESSAGES)
    assert set(kept) <= set(there)
    assert sum(kept.values()) > 0.9 * sum(there.values())
