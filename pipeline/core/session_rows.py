"""Sessions as rows.

Owns the fields of measurement `session`. Pure: a session in, a row out. Must not know how a session becomes known, or
when it is written.

A row stands at the start of its session. Every field is always written, for a store cannot take one back:
    energy_kwh    0 where nothing is said of it
    duration_s    from the start to the end; while it goes on, to the last that was said of it
    charging_s    of these, in mode Charging
    stopped_at    text, UTC; empty while it goes on
    session_id    text, Easee's number; empty where no document names one
    source        `json` (a document), `op_mode` (modes alone), or `none`

A row cannot be taken back either. One that was written, and is at the start of no session any more because of what
became known later, has the source `none` and ends where it begins, with nothing: it counts in no sum, and queries that
count sessions skip it.
"""

from enum import StrEnum

from pipeline.core.session_reading import Session
from pipeline.core.timestamps import NS_PER_S, format_time
from schemas.measurement import SESSION
from schemas.row import Field, Row

_SAID = 7
"""How many members of a session, the first, its row is made of."""


class Source(StrEnum):
    """What a row rests on."""

    JSON = "json"
    OP_MODE = "op_mode"
    NONE = "none"


def session_row(serial: str, session: Session) -> Row:
    """The row of a session as it is known now."""
    start, stop, last, kwh, charging_ns, identity, is_told, *_ = session
    fields: tuple[Field, ...] = (
        ("energy_kwh", kwh),
        ("duration_s", (last - start) / NS_PER_S),
        ("charging_s", charging_ns / NS_PER_S),
        ("stopped_at", "" if stop is None else format_time(stop)),
        ("session_id", identity),
        ("source", Source.JSON.value if is_told else Source.OP_MODE.value),
    )
    return Row(SESSION, serial, "", (), start, fields)


def digest_of(session: Session | None) -> int:
    """A number that tells rows of one place apart by their content, within this process; None for no session."""
    return hash(None if session is None else session[:_SAID])


def no_session_row(serial: str, start: int) -> Row:
    """What stands where there was a session, as it seemed, and is none."""
    fields: tuple[Field, ...] = (
        ("energy_kwh", 0.0),
        ("duration_s", 0.0),
        ("charging_s", 0.0),
        ("stopped_at", format_time(start)),
        ("session_id", ""),
        ("source", Source.NONE.value),
    )
    return Row(SESSION, serial, "", (), start, fields)
