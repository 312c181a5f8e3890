"""Replaying: every line is counted once under one name, and a preview says what a replay would do."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.assembly import make_decoder, make_derivation, open_journey
from pipeline.core.rows import RowMaker
from pipeline.journey import Journey
from pipeline.replay import NOTHING, RefusedLine, Summary, preview_batches, read_deliveries, take_batches
from pipeline.replay_lines import to_line
from pipeline.wires.replay_file import NumberedLine
from pipeline.wires.state import RejectsFullError
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from schemas.reject import Reject, RejectReason
from schemas.surprise import Surprise
from tests.pipeline.settings_for_tests import settings_in

NOW = 1_700_000_000 * 10**9
STAMP = "2023-06-08T06:59:16Z"
HEADERS = {"ArrivalTime": STAMP}
POWER = Delivery("EH1.O.120", HEADERS, b'{"Id": 120, "Timestamp": "2023-06-08T06:59:16Z", "Value": "7.4"}', None)
COMMAND = Delivery("EH1.C.48", {"PublishedAt": STAMP, **HEADERS}, b'{"Id": 48, "Arguments": []}', None)
BROKEN = Delivery("EH1.O.120", HEADERS, b"{", None)
LINES = [to_line(POWER), b"", to_line(COMMAND), b"  \r", to_line(BROKEN), b"no line of ours", to_line(POWER)]


def in_batches(lines: list[bytes], size: int) -> list[list[NumberedLine]]:
    numbered = [NumberedLine(number, text) for number, text in enumerate(lines, start=1)]
    return [numbered[start : start + size] for start in range(0, len(numbered), size)]


def preview(lines: list[bytes], size: int) -> list[str | RefusedLine]:
    decoder = make_decoder(settings_in(Path("unused")))
    derivation = make_derivation(settings_in(Path("unused")))
    return list(preview_batches(in_batches(lines, size), decoder, RowMaker(shipped_catalogue()), derivation))


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Journey]:
    with open_journey(settings_in(tmp_path_factory.mktemp("replay")), now=NOW) as opened:
        yield opened


def test_blank_lines_are_no_deliveries_and_keep_the_numbers_right() -> None:
    [batch] = in_batches(LINES, 100)
    recorded = read_deliveries(batch)

    assert recorded.numbers == [1, 3, 5, 6, 7]
    assert [delivery.routing_key for delivery in recorded.deliveries] == [
        "EH1.O.120",
        "EH1.C.48",
        "EH1.O.120",
        "",
        "EH1.O.120",
    ]


def test_a_line_that_is_no_delivery_is_kept_as_a_body() -> None:
    assert read_deliveries([NumberedLine(1, b"no line of ours")]).deliveries[0].body == b"no line of ours"


@pytest.mark.parametrize("size", [1, 2, 100])
def test_a_replay_counts_every_line_under_one_name(journey: Journey, size: int) -> None:
    *_, summary = take_batches(in_batches(LINES, size), journey, lambda: NOW)

    assert summary == Summary(
        lines=7,
        blank=2,
        written=2,
        commands=1,
        rejected=Counter({RejectReason.JSON: 1, RejectReason.ROUTING_KEY: 1}),
        surprises=Counter({Surprise.COERCED: 2}),
        dropped=0,
    )


@given(st.lists(st.sampled_from(LINES), max_size=20), st.integers(1, 7))
def test_the_summary_adds_up_after_every_batch(journey: Journey, lines: list[bytes], size: int) -> None:
    summary, taken = NOTHING, 0
    for summary, batch in zip(
        take_batches(in_batches(lines, size), journey, lambda: NOW), in_batches(lines, size), strict=True
    ):
        taken += len(batch)
        assert summary.lines == taken
        assert summary.lines == summary.blank + summary.written + summary.commands + summary.rejected.total()
    assert summary.lines == len(lines)


def test_the_summary_holds_what_was_durable_when_trouble_came(tmp_path: Path) -> None:
    settings = settings_in(tmp_path, REJECTS_MAX="1KiB")
    seen: list[Summary] = []
    with open_journey(settings, now=NOW) as journey:
        summaries = take_batches(in_batches([to_line(POWER), b"x" * 2_000], 1), journey, lambda: NOW)
        with pytest.raises(RejectsFullError):
            seen.extend(summaries)

    assert [summary.lines for summary in seen] == [1]


def test_nothing_to_replay_is_nothing(journey: Journey) -> None:
    assert list(take_batches([], journey, lambda: NOW)) == []


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_preview_is_line_protocol_or_why_there_is_none_in_order(size: int) -> None:
    row, command, broken, alien, again = preview(LINES, size)

    # 1686207556000 ms modulo 1,000,000 is 207556000 modulo 1,000,000 = 556000; crc32 of "7.4" gives the rest.
    assert isinstance(row, str)
    assert row.startswith("charger_power,charger=EH1 total_power_kw=7.4 1686207556556000")
    assert isinstance(command, str)
    assert command.startswith("command,charger=EH1,command=SetDynamicChargerCurrent state=")
    assert isinstance(broken, RefusedLine)
    assert (broken.line, broken.reason, broken.routing_key) == (5, RejectReason.JSON, "EH1.O.120")
    assert isinstance(alien, RefusedLine)
    assert (alien.line, alien.reason, alien.routing_key) == (6, RejectReason.ROUTING_KEY, "")
    assert again == row


def test_a_preview_names_rejects_as_a_replay_keeps_them(journey: Journey) -> None:
    report = journey.take(read_deliveries(in_batches(LINES, 100)[0]).deliveries, NOW)
    kept = [outcome.key for outcome in report.outcomes if isinstance(outcome, Reject)]

    assert [shown.key for shown in preview(LINES, 100) if isinstance(shown, RefusedLine)] == kept
