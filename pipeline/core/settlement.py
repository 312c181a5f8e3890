"""Settlement: which rows of a batch a store refuses, found out by sending parts of it again.

Owns what is sent next, and when a row counts as refused. Must not know how rows are sent: it says what to send and is
told the verdict. Writing a row again changes nothing, so asking twice is harmless.

A row is refused only on proof: the store quoted its line as one it cannot parse, or it was in a group of which the
store says that all were dropped, or it was refused alone. A batch is settled only by an accepted request that holds
all rows but the refused ones, in their order, so what the parts did meanwhile is of no account.
"""

from collections.abc import Generator, Sequence

from pipeline.core.verdict import Action, Verdict, words_about
from schemas.reject import RejectReason
from schemas.row import Row

Group = Sequence[int]
"""Places in the batch, ascending."""

Refusals = dict[int, tuple[RejectReason, str]]
"""The rows that the store will never take, by place: why, and the store's words."""

_LONGEST_WORDS = 1_000
_FRUITLESS_ROUNDS = 2


class UnsettledError(Exception):
    """The store refuses writes for a reason that is in no row, or contradicts itself. Says what it said."""


def settle(rows: Sequence[Row], lines: Sequence[str]) -> Generator[Group, Verdict, Refusals]:
    """Say what to send until the batch is settled; returns what is refused, all else is written.

    `lines[i]` is the line of `rows[i]`. Yields the places to send together; none at all asks whether the store takes
    an empty request. Expects the verdict, which must be one of ACCEPT, SPLIT and EXAMINE. Raises UnsettledError.
    """
    refusals: Refusals = {}
    waiting = [list(range(len(rows)))]
    fruitless = 0
    while waiting:
        group = waiting.pop()
        if not group:
            continue
        verdict = yield group
        if verdict.action is Action.ACCEPT:
            continue
        if verdict.action is Action.SPLIT:
            found = yield from _refuse_alone(group, verdict)
            if not found:
                waiting += reversed(_halves(group))
        else:
            found = yield from _find_refused(rows, lines, group, verdict)
            fruitless = 0 if found else fruitless + 1
            if fruitless >= _FRUITLESS_ROUNDS:
                message = f"it refuses rows together that it takes alone: {_short(verdict.words)}"
                raise UnsettledError(message)
            waiting.append([place for place in group if place not in found])
        refusals |= found
    return refusals


def _find_refused(
    rows: Sequence[Row], lines: Sequence[str], group: Group, verdict: Verdict
) -> Generator[Group, Verdict, Refusals]:
    """What is refused of a group, as far as this verdict leads."""
    if not verdict.is_about_lines:
        yield from _see_that_it_takes_any(verdict)
    if len(group) == verdict.dropped or len(group) == 1:
        return _refuse(group, verdict)
    quoted = {place: words for place in group if (words := words_about(verdict, lines[place]))}
    if quoted:
        return {place: (RejectReason.STORE, _short(words)) for place, words in quoted.items()}
    suspects = _suspects(rows, group, verdict)
    parts = [suspects] if suspects and len(suspects) < len(group) else _halves(group)
    refusals: Refusals = {}
    for part in parts:
        answer = yield part
        if answer.action is Action.EXAMINE:
            refusals |= yield from _find_refused(rows, lines, part, answer)
    return refusals


def _suspects(rows: Sequence[Row], group: Group, verdict: Verdict) -> list[int]:
    """The rows that the words point to: those with the field of the type in question, or the oldest."""
    if verdict.conflict:
        measurement, field, is_text = verdict.conflict
        return [
            place
            for place in group
            if rows[place].measurement == measurement
            and any(name == field and isinstance(value, str) is is_text for name, value in rows[place].fields)
        ]
    if verdict.is_retention and verdict.dropped:
        return sorted(sorted(group, key=lambda place: rows[place].time)[: verdict.dropped])
    return []


def _see_that_it_takes_any(verdict: Verdict) -> Generator[Group, Verdict, None]:
    """An answer that speaks of no line may be about the request, and then no row is to blame."""
    probe = yield ()
    if probe.action is not Action.ACCEPT:
        raise UnsettledError(_short(verdict.words))


def _refuse_alone(group: Group, verdict: Verdict) -> Generator[Group, Verdict, Refusals]:
    """A single row that is too big for a request can never be sent."""
    if len(group) > 1:
        return {}
    yield from _see_that_it_takes_any(verdict)
    return _refuse(group, verdict)


def _refuse(group: Group, verdict: Verdict) -> Refusals:
    reason = RejectReason.RETENTION if verdict.is_retention else RejectReason.STORE
    return {place: (reason, _short(verdict.words)) for place in group}


def _halves(group: Group) -> list[list[int]]:
    middle = len(group) // 2
    return [list(group[:middle]), list(group[middle:])]


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST_WORDS else f"{words[:_LONGEST_WORDS]}…"
