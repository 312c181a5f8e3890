"""The alert rules on a real InfluxDB 2: each fires on its fault, for whom it should, and on no other.

A bucket holds an hour in which all is well but for what is nearly a fault of each kind; then one true fault is added.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import pytest

from pipeline.core.alert_rows import alert_row
from pipeline.core.line_protocol import to_line
from schemas.alert import Alert, AlertKind
from schemas.command import Outcome
from schemas.measurement import COMMAND_OUTCOME, PIPELINE
from schemas.row import Row
from tests.dashboards.boards import Query, read_rules
from tests.dashboards.evaluation import NO_DATA, Ask, Labels, Series, firing
from tests.dashboards.filled import Range, fill_in
from tests.services.influxdb import InfluxDb

pytestmark = pytest.mark.services

S = 10**9
MINUTE = 60
NOW = 1_750_000_000 * S
HOUR_S = 60 * MINUTE
EVERY_S = 10
WORKER: Labels = frozenset({("worker", "w1")})
FLEET: Labels = frozenset()

TIMED_OUT = Outcome.TIMED_OUT

Gauge = Callable[[int], float]
"""A field of `pipeline`, by how many seconds ago."""


def pipeline_rows(until_s: int = 0, **others: Gauge) -> Iterator[Row]:
    """What a worker tells of itself, an hour up to `until_s` ago."""
    usual: dict[str, Gauge] = {
        "written": lambda _: 100.0,
        # For some minutes only; many, and not growing; for a moment.
        "rejected": lambda ago: float(ago < 5 * MINUTE),
        "backlog": lambda _: 2_000.0,
        "holding": lambda ago: float(ago < MINUTE),
    }
    for ago in range(until_s, HOUR_S, EVERY_S):
        fields = tuple((name, told(ago)) for name, told in {**usual, **others}.items())
        yield Row(PIPELINE, "-", "", (("worker", "w1"),), NOW - ago * S, fields)


def outcome(charger: str, ago_s: int, result: Outcome, *, is_refuted: bool = False) -> Row:
    """A decision about a command."""
    flags = {
        "ok": result is Outcome.ACCEPTED,
        "failed": result is not Outcome.ACCEPTED,
        "timed_out": result is Outcome.TIMED_OUT,
        "late": False,
    }
    fields = {name: float(flag and not is_refuted) for name, flag in flags.items()} | {"refuted": float(is_refuted)}
    tags = (("command", "Reboot"), ("firmware", "315"), ("outcome", result.value))
    return Row(COMMAND_OUTCOME, charger, "", tags, NOW - ago_s * S, tuple(fields.items()))


def silence(charger: str, ago_s: int, *, is_over: bool) -> Iterator[Row]:
    """A silence that began, and is over or not."""
    raised = NOW - ago_s * S
    kind = AlertKind.FLEET_SILENT if charger == "-" else AlertKind.CHARGER_SILENT
    yield alert_row(Alert(charger, kind, "-", raised, raised, True, 1_200.0, "not heard"))
    if is_over:
        yield alert_row(Alert(charger, kind, "-", raised + 90 * S, raised, False, 1_290.0, "heard again"))


def nearly_faults() -> Iterator[Row]:
    """All is well, if only just: two time-outs in a row, fewer than 5 % failures, a silence that is over."""
    for number in range(80):
        yield outcome(f"EH{number:02d}", 10 * number + 5, Outcome.ACCEPTED)
    for ago_s, result in ((400, TIMED_OUT), (300, Outcome.ACCEPTED), (200, TIMED_OUT), (100, TIMED_OUT)):
        yield outcome("EH99", ago_s, result)
    yield from silence("EH98", 3_000, is_over=True)


class Fault(NamedTuple):
    """One true fault: the rule that must see it, for whom, and what it leaves in the store."""

    rule: str
    labels: Labels
    pipeline: tuple[Row, ...] = tuple(pipeline_rows())
    others: tuple[Row, ...] = ()


def charger(serial: str, **others: str) -> Labels:
    return frozenset({"charger": serial, **others}.items())


FAULTS = [
    Fault(
        "charger-silent",
        charger("EH97", kind="charger_silent"),
        others=tuple(silence("EH97", 5 * HOUR_S, is_over=False)),
    ),
    Fault("charger-silent", charger("-", kind="fleet_silent"), others=tuple(silence("-", 600, is_over=False))),
    Fault(
        "command-failures",
        FLEET,
        others=tuple(outcome(f"EH{number}", 60 * number - 590, Outcome.REJECTED) for number in range(10, 16)),
    ),
    Fault(
        "three-time-outs",
        charger("EH97"),
        others=(
            outcome("EH97", 8 * HOUR_S, TIMED_OUT),
            outcome("EH97", 2 * HOUR_S, TIMED_OUT),
            outcome("EH97", HOUR_S, TIMED_OUT, is_refuted=True),
            outcome("EH97", 30, TIMED_OUT),
        ),
    ),
    Fault("no-ingestion", NO_DATA, tuple(pipeline_rows(6 * MINUTE))),
    Fault("no-ingestion", FLEET, tuple(pipeline_rows(written=lambda ago: float(ago > 6 * MINUTE)))),
    Fault("rejects", FLEET, tuple(pipeline_rows(rejected=lambda ago: float(ago % 120 < EVERY_S)))),
    Fault("backlog-growing", FLEET, tuple(pipeline_rows(backlog=lambda ago: 2.0 * (HOUR_S - ago)))),
    Fault("worker-holding", WORKER, tuple(pipeline_rows(holding=lambda ago: float(ago < 4 * MINUTE)))),
]


@pytest.fixture
def ask(influxdb: InfluxDb, bucket: str) -> Ask:
    def asked(query: Query, span: Range) -> Series:
        found: dict[Labels, list[float]] = {}
        for record in influxdb.query(bucket, fill_in(query, span, {})):
            values = [value for column, value in record.values.items() if column != "time"]
            numbers = [float(value) for value in values if isinstance(value, (int, float))]
            found.setdefault(frozenset(record.tags.items()), []).extend(numbers)
        return {labels: numbers for labels, numbers in found.items() if numbers}

    return asked


def fired(ask: Ask) -> dict[str, frozenset[Labels]]:
    """Who fires, by rule; rules that do not are left out."""
    all_rules = {rule.uid: firing(rule, ask, NOW) for rule in read_rules()}
    return {uid: labels for uid, labels in all_rules.items() if labels}


def write(influxdb: InfluxDb, bucket: str, rows: Iterable[Row]) -> None:
    influxdb.write(bucket, "\n".join(map(to_line, rows)))


@pytest.mark.parametrize(
    "backlog",
    [
        pytest.param(lambda _: 2_000.0, id="as it was"),
        pytest.param(lambda ago: 9_000.0 if ago < 4 * MINUTE else 500.0, id="grown only now"),
        pytest.param(lambda ago: 900.0 - ago / 4, id="growing, and short"),
    ],
)
def test_nothing_fires_while_all_is_well_if_only_just(
    influxdb: InfluxDb, bucket: str, ask: Ask, backlog: Gauge
) -> None:
    write(influxdb, bucket, [*nearly_faults(), *pipeline_rows(backlog=backlog)])
    assert fired(ask) == {}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.rule)
def test_a_fault_is_seen_by_its_rule_alone(influxdb: InfluxDb, bucket: str, ask: Ask, fault: Fault) -> None:
    write(influxdb, bucket, [*nearly_faults(), *fault.pipeline, *fault.others])
    assert fired(ask) == {fault.rule: {fault.labels}}


def test_every_rule_is_shown_its_fault() -> None:
    assert {fault.rule for fault in FAULTS} == {rule.uid for rule in read_rules()}
