"""Rows about commands: the documented example, flags that are always there, and the clocks of latencies."""

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.command_life import Decided, Life, standing
from pipeline.core.command_rows import command_row, outcome_row, paired_row, row_time
from pipeline.core.timestamps import parse_time
from schemas.command import Argument, CommandResponse, CommandSent, Outcome
from schemas.row import Row

S = 10**9
SENT = 1_700_000_000 * S
TIMEOUT = 60 * S
NAME = "SetDynamicChargerCurrent"


def sent(expires_in: int | None = None) -> CommandSent:
    expires_at = None if expires_in is None else SENT + expires_in
    return CommandSent("EH000281", 48, (Argument(1, "13"), Argument(2, "5")), expires_at, SENT, "ab" * 16, SENT)


def answered(after: int, accepted: bool = True) -> CommandResponse:
    return CommandResponse(
        "EH000281", 48, accepted, None, SENT + S // 10, SENT, SENT + after, None, None, SENT + after + 1_000_000
    )


def time(text: str) -> int:
    parsed = parse_time(text)
    assert parsed is not None
    return parsed


def row_of(life: Life, watermark: int) -> Row:
    return command_row(life, standing(life, watermark), NAME)


def fields_of(life: Life, watermark: int) -> dict[str, float | str]:
    return dict(row_of(life, watermark).fields)


def test_the_documented_example() -> None:
    command = CommandSent(
        "EH000281",
        48,
        (Argument(1, "13"), Argument(2, "5")),
        None,
        time("2023-06-08T06:59:16.6468930Z"),
        "ab" * 16,
        None,
    )
    response = CommandResponse(
        serial="EH000281",
        id=48,
        accepted=True,
        ticks="638218043566469000",
        created_at=time("2023-06-08T06:59:16.6468930Z"),
        delivered_at=time("2023-06-08T06:59:16.7660000Z"),
        arrived_at=time("2023-06-08T06:59:17.0130000Z"),
        result_code=None,
        comment=None,
        received_at=time("2023-06-08T06:59:17.1000000Z"),
    )
    row = row_of(Life(command, TIMEOUT, response=response), command.published_at)
    assert row.time == row_time(command)
    assert row.tags == (("command", NAME),)
    assert dict(row.fields) == {
        "state": "accepted",
        "command_id": 48.0,
        "ref": "ab" * 16,
        "arguments": '[{"Id":1,"Value":"13"},{"Id":2,"Value":"5"}]',
        "expires_at": "",
        "attempt": 0.0,
        "accepted": 1.0,
        "delivery_ms": 119.107,
        "response_ms": 366.107,
        "round_trip_ms": 453.107,
        "answered": 1.0,
        "ok": 1.0,
        "failed": 0.0,
        "timed_out": 0.0,
        "expired": 0.0,
        "late": 0.0,
        "superseded": 0.0,
        "confirmed": 0.0,
    }


def test_flags_are_always_written() -> None:
    flags = {"answered", "ok", "failed", "timed_out", "expired", "late", "superseded", "confirmed"}
    for watermark in (SENT, SENT + 2 * TIMEOUT):
        assert flags <= fields_of(Life(sent(), TIMEOUT), watermark).keys()


def test_a_refuted_decision_keeps_its_place_and_has_no_flags() -> None:
    life = Life(sent(), TIMEOUT)
    decided = Decided(Outcome.TIMED_OUT, SENT + TIMEOUT, "-")
    kept, refuted = (outcome_row(life, decided, NAME, is_refuted=is_refuted) for is_refuted in (False, True))
    assert (kept.time, kept.tags) == (refuted.time, refuted.tags)
    assert {name: value for name, value in refuted.fields if name != "ref"} == {
        "ok": 0.0,
        "failed": 0.0,
        "timed_out": 0.0,
        "expired": 0.0,
        "late": 0.0,
        "refuted": 1.0,
    }
    assert {name for name, _ in kept.fields} == {name for name, _ in refuted.fields}


@given(st.integers(-(10**12), 10**12))
def test_negative_latencies_keep_their_sign(delivered: int) -> None:
    response = answered(S)._replace(delivered_at=SENT + S // 10 + delivered)
    assert fields_of(Life(sent(), TIMEOUT, response=response), SENT)["delivery_ms"] == delivered / 1_000_000


def test_two_commands_of_one_moment_have_rows_of_their_own() -> None:
    assert row_time(sent()) != row_time(sent()._replace(ref="cd" * 16))
    assert 0 <= row_time(sent()) - SENT < 100


def test_a_late_answer_has_a_row_beside_that_of_the_timeout() -> None:
    life = Life(sent(), TIMEOUT, response=answered(90 * S))
    late = dict(outcome_row(life, Decided(Outcome.ACCEPTED, SENT + 90 * S, "300"), NAME).fields)
    assert (late["late"], late["ok"], late["failed"], late["lateness_ms"]) == (1.0, 1.0, 0.0, 30_000.0)
    timed_out = outcome_row(life, Decided(Outcome.TIMED_OUT, SENT + TIMEOUT, "300"), NAME)
    assert timed_out.tags == (("command", NAME), ("firmware", "300"), ("outcome", "timed_out"))
    assert dict(timed_out.fields)["timed_out"] == 1.0
    assert "response_ms" not in dict(timed_out.fields)


def test_without_an_arrival_there_is_no_latency_of_the_cloud() -> None:
    fields = fields_of(Life(sent(), TIMEOUT, response=answered(90 * S)._replace(arrived_at=None)), SENT)
    assert fields["late"] == 1.0
    assert "response_ms" not in fields
    assert "lateness_ms" not in fields


def test_whose_response_it_is() -> None:
    ours, theirs = (dict(paired_row(answered(S), ref, NAME).fields) for ref in ("ab", None))
    assert (ours, theirs) == ({"paired": 1.0, "ref": "ab"}, {"paired": 0.0, "ref": ""})
