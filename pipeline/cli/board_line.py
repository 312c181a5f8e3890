"""The board as one line of text, and how its figures are written.

Owns the words of a line and the units of a latency. Must not know colours, widths or clocks.
"""

from collections.abc import Mapping
from types import MappingProxyType

from pipeline.board_commands import CommandSummary
from pipeline.board_state import Snapshot
from pipeline.core.timestamps import format_time

_UNITS: Mapping[str, float] = MappingProxyType({"h": 3_600_000.0, "min": 60_000.0, "s": 1_000.0})
_DATE = slice(0, 10)
_CLOCK = slice(11, 19)
_MINUTES = slice(11, 16)


def board_line(snapshot: Snapshot) -> str:
    """One line: the data's present, messages, rate, modes, power, latency, rejects, commands, silence."""
    totals = snapshot.totals
    modes = ", ".join(f"{mode.chargers} {mode.name.lower()}" for mode in snapshot.modes if mode.chargers)
    p95 = "-" if snapshot.latency is None else format_latency(snapshot.latency.p95_ms)
    return (
        f"{format_moment(snapshot.now)}  {totals.delivered:,} messages, {snapshot.messages_a_second:,.0f}/s  "
        f"{modes or 'no chargers yet'}  {snapshot.power_kw:,.0f} kW  latency p95 {p95}  "
        f"{totals.rejected.total():,} rejected  {_commands(snapshot.commands)}  {snapshot.silent.devices:,} silent"
    )


def _commands(found: CommandSummary) -> str:
    p95 = "-" if found.response is None else format_latency(found.response.p95_ms)
    unanswered = found.timed_out + found.expired
    return f"commands {found.open:,} open, {unanswered:,} unanswered, p95 {p95}"


def format_moment(time: int) -> str:
    """Date and time of day of a time in nanoseconds, as people read it, UTC."""
    text = format_time(time)
    return f"{text[_DATE]} {text[_CLOCK]}"


def format_clock(time: int, *, with_seconds: bool) -> str:
    """The time of day alone."""
    return format_time(time)[_CLOCK if with_seconds else _MINUTES]


def format_latency(milliseconds: float) -> str:
    """A latency in the unit that suits it, signed: `870 ms`, `-1.5 s`, `6.7 min`, `3.0 h`."""
    for unit, length in _UNITS.items():
        if abs(milliseconds) >= length:
            return f"{milliseconds / length:.1f} {unit}"
    return f"{milliseconds:.0f} ms"
