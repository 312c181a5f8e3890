"""Session rows: every field, always."""

from pipeline.core.session_reading import Session
from pipeline.core.session_rows import Source, digest_of, no_session_row, session_row
from pipeline.core.timestamps import NS_PER_S, parse_time
from schemas.row import Row

START = parse_time("2025-06-01T10:00:00Z") or 0
OPEN = Session(START, None, START + 90 * NS_PER_S, 1.5, 60 * NS_PER_S, "", False, (), START)


def test_a_session_that_goes_on() -> None:
    assert session_row("EH1", OPEN) == Row(
        "session",
        "EH1",
        "",
        (),
        START,
        (
            ("energy_kwh", 1.5),
            ("duration_s", 90.0),
            ("charging_s", 60.0),
            ("stopped_at", ""),
            ("session_id", ""),
            ("source", "op_mode"),
        ),
    )


def test_one_that_ended_as_a_document_tells() -> None:
    told = OPEN._replace(stop=START + 90 * NS_PER_S, id="816", is_told=True)
    fields = dict(session_row("EH1", told).fields)
    assert (fields["stopped_at"], fields["session_id"], fields["source"]) == (
        "2025-06-01T10:01:30.000000000Z",
        "816",
        "json",
    )


def test_a_digest_tells_contents_apart_and_nothing_else() -> None:
    others = [None, OPEN._replace(kwh=1.6), OPEN._replace(stop=OPEN.last), OPEN._replace(is_told=True)]
    assert digest_of(OPEN) not in map(digest_of, others)
    assert digest_of(OPEN._replace(over_at=7)) == digest_of(OPEN)


def test_one_that_is_none_after_all_counts_in_no_sum() -> None:
    row = no_session_row("EH1", START)
    assert row.time == START
    assert [name for name, _ in row.fields] == [name for name, _ in session_row("EH1", OPEN).fields]
    assert dict(row.fields) == {
        "energy_kwh": 0.0,
        "duration_s": 0.0,
        "charging_s": 0.0,
        "stopped_at": "2025-06-01T10:00:00.000000000Z",
        "session_id": "",
        "source": Source.NONE,
    }
