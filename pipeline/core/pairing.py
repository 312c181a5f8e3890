"""Pairing: which response answers which command, of one charger and one command id.

Owns the window and the assignment. Pure, and a function of the sorted times and of what is late alone. Must not know
what else is in a command or a response.

A response may answer a command whose publication lies within the window of its Timestamp. Of the assignments that keep
the order and use each once, the one with the most pairs wins; of these the one with the fewest late answers, since a
response of somebody else's command to the same charger must not make a time-out of ours that was answered in time; of
these the one with the least difference of time in all. So a lost command is not answered by its successor's response,
and of two in a row each gets its own. Of equal ones, earlier responses stay unpaired rather than later ones, and so do
earlier commands.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

EARLIEST_NS = -2 * 10**9
"""How far before the publication the Timestamp of its response may lie: clocks differ."""
LATEST_NS = 5 * 10**9
"""How far behind it."""

_SKIP_COMMAND, _SKIP_RESPONSE, _PAIR = range(3)

_Score = tuple[int, int, int]
"""Pairs, then late ones and the differences of their times, both taken off: the greater, the better."""

IsLate = Callable[[int, int], bool]
"""Whether a response, by its place, came after the deadline of a command, by its place."""


def _never(_: int, __: int) -> bool:
    return False


def pair(published: Sequence[int], created: Sequence[int], is_late: IsLate = _never) -> tuple[tuple[int, int], ...]:
    """Places in `published` and `created` that belong together, ascending; both are sorted, nanoseconds.

    Takes time and memory by the number of pairs that are within the window, not by the product of all.
    """
    # best[j]: the score with the commands so far and the first j responses; constant from `front` on.
    best: list[_Score] = [(0, 0, 0)] * (len(created) + 1)
    front = 0
    choices: list[tuple[int, list[int]]] = []
    for command, moment in enumerate(published):
        first = bisect_left(created, moment + EARLIEST_NS)
        end = bisect_right(created, moment + LATEST_NS)
        if front < end:
            best[front + 1 : end + 1] = [best[front]] * (end - front)
            front = end
        row: list[int] = []
        diagonal = best[first]
        for place in range(first, end):
            above, left = best[place + 1], best[place]
            count, in_time, saved = diagonal
            in_time -= is_late(command, place)
            together = (count + 1, in_time, saved - abs(created[place] - moment))
            choice, score = max((_SKIP_COMMAND, above), (_SKIP_RESPONSE, left), (_PAIR, together), key=_by_score)
            row.append(choice)
            diagonal = above
            best[place + 1] = score
        choices.append((first, row))
    return tuple(_trace(choices))


def _by_score(option: tuple[int, _Score]) -> tuple[_Score, int]:
    return option[1], option[0]


def _trace(choices: Sequence[tuple[int, Sequence[int]]]) -> list[tuple[int, int]]:
    """Follow the choices back from the end."""
    pairs: list[tuple[int, int]] = []
    last: int | None = None
    for command in range(len(choices) - 1, -1, -1):
        first, row = choices[command]
        place = first + len(row) if last is None else min(last, first + len(row))
        while place > first and row[place - 1 - first] == _SKIP_RESPONSE:
            place -= 1
        if place > first and row[place - 1 - first] == _PAIR:
            pairs.append((command, place - 1))
            place -= 1
        last = place
    pairs.reverse()
    return pairs
