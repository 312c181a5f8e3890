"""Mode seconds: how long a charger was in each mode within a span of time.

Owns the fields of the modes. Pure. Must not know rows, how modes are remembered, or when a charger is silent.

A mode holds from the moment of its OpMode until the next one; while a charger is silent, it is in the mode Offline.
What no OpMode is known for, and a mode that has no name, is unknown. All seconds together are the span.
"""

from collections.abc import Iterable, Sequence

from pipeline.core.timestamps import NS_PER_S
from schemas.enumerations import OP_MODE

OFFLINE = 0
"""The mode of a charger that is not heard; also what the cloud says of one."""

MODE_FIELDS = {code: f"{name.lower().replace(' ', '_').replace('-', '_')}_s" for code, name in OP_MODE.items()}
"""The field of each mode, in the order of their codes."""

UNKNOWN_FIELD = "unknown_mode_s"

Piece = tuple[int, int]
"""From a moment to another, nanoseconds."""


def silent_pieces(online: Sequence[Piece], first: int, end: int) -> list[Piece]:
    """What is left of [first, end) without these pieces of it, which are in order."""
    edges = [first, *(edge for piece in online for edge in piece), end]
    return [(begun, ended) for begun, ended in zip(edges[::2], edges[1::2], strict=True) if begun < ended]


def mode_seconds(
    before: float | None, changes: Iterable[tuple[int, float]], silent: Sequence[Piece], span: Piece
) -> list[tuple[str, float]]:
    """The fields with their seconds, all of them.

    `before` is the mode at the beginning of the span, None for unknown; `changes` are those within it, in order.
    """
    fields = dict.fromkeys((*MODE_FIELDS.values(), UNKNOWN_FIELD), 0)
    begun, end = span
    mode = before
    for at, changed_to in (*changes, (end, None)):
        offline = _within(silent, begun, at)
        fields[MODE_FIELDS[OFFLINE]] += offline
        fields[_field(mode)] += at - begun - offline
        begun, mode = at, changed_to
    return [(field, spent / NS_PER_S) for field, spent in fields.items()]


def _field(mode: float | None) -> str:
    return UNKNOWN_FIELD if mode is None else MODE_FIELDS.get(int(mode), UNKNOWN_FIELD)


def _within(pieces: Iterable[Piece], first: int, end: int) -> int:
    """How much of [first, end) these pieces are."""
    return sum(max(min(ended, end) - max(begun, first), 0) for begun, ended in pieces)
