"""Spans of time in words, for people: `20 min`, `1 h 5 min`, `12 days`.

Owns how exact they are: two units at most, nothing below a second. Must not know what lasted.
"""

from pipeline.core.timestamps import NS_PER_S

_UNITS = (("day", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
_WITH_PLURAL = frozenset({"day"})


def span_in_words(span: int) -> str:
    """Nanoseconds, not negative, cut off to the two greatest units; whole units only."""
    rest = span // NS_PER_S
    words: list[str] = []
    for unit, seconds in _UNITS:
        count, rest = divmod(rest, seconds)
        if count:
            words.append(f"{count} {unit}{'s' if unit in _WITH_PLURAL and count > 1 else ''}")
        if words and (not count or len(words) > 1):
            break
    return " ".join(words) or "0 s"
