"""The derivation over crashes: a great many time-outs at once are neither lost nor told twice, and no silence is."""

from pipeline.core.decode import Outcome
from schemas.alert import Alert, AlertKind
from schemas.measurement import COMMAND
from tests.pipeline.core.derivation_samples import Disk, S, T, answered, seen, sent, told, true_rows


def crowd() -> list[Outcome]:
    """Commands that nobody answers, and responses that are nobody's."""
    return [each for n in range(12) for each in (sent(f"{n}", n, f"EH{n}"), answered(n + 9, serial=f"EH{n}"))]


def test_of_many_that_time_out_at_once_none_is_lost_in_a_crash_between_and_none_is_told_twice() -> None:
    at_once, disk, alerts = Disk(), Disk(), list[str]()
    whole = at_once.load()
    for round_of in ([*crowd(), seen(0, serial="X")], [seen(900, serial="X")]):
        at_once.write(told(whole, *round_of))
    derivation = disk.load()
    derivation.take([*crowd(), seen(0, serial="X")])
    disk.write(derivation.advance().rows)
    disk.keep(derivation.progress())
    derivation.kept()
    derivation.take([seen(900, serial="X")])
    while rows := derivation.advance(most_due=5).rows:
        assert len({row.charger for row in rows if row.measurement == COMMAND}) <= 5
        disk.write(rows)
        disk.keep(derivation.progress())
        alerts += [alert.ref for alert in derivation.kept() if alert.kind is AlertKind.COMMAND_TIMEOUT]
        watermark = derivation.watermark
        derivation = disk.load()
        derivation.queue_was_empty(watermark)
    assert true_rows(disk.rows) == true_rows(at_once.rows)
    assert sorted(alerts) == sorted(f"{n}" for n in range(12))


def test_a_silence_that_an_empty_queue_showed_is_told_once_though_a_crash_follows() -> None:
    disk, told_of = Disk(), list[Alert]()
    derivation = disk.load()
    derivation.take([seen(0)])
    # Who is silent is told of five minutes later, since it may be one of many.
    for at in (1_210, 1_490, 1_506):
        derivation.queue_was_empty(T + at * S)
        derivation.advance()
        disk.keep(derivation.progress())
        told_of += derivation.kept()
    assert [alert.kind for alert in told_of] == [AlertKind.CHARGER_SILENT]
    after = disk.load()
    after.queue_was_empty(T + 1_507 * S)
    after.advance()
    assert after.kept() == []
