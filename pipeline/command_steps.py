"""Commands as they go on: the steps of one to its end, and the changes of many.

Owns which steps there are, their words, and when a command has come to its end. Must not know how a worker is asked,
or how time passes: it is told how to do both.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from pipeline.core.command_life import CommandState
from pipeline.wires.command_client import CommandView

EFFECT_LOOKS = 60
"""How often an accepted command is asked for until its effect shows; it follows after about a second, or never."""

_OPEN = (CommandState.UNCONFIRMED, CommandState.PUBLISHED)
_CLOCKS: Mapping[str, str] = MappingProxyType(
    {
        "response_ms": "response {} ms (the cloud's clock)",
        "delivery_ms": "delivery {} ms (the charger's clock against the cloud's)",
        "round_trip_ms": "round trip {} ms (the worker's clock)",
        "lateness_ms": "late by {} ms",
    }
)


class Step(NamedTuple):
    """One thing that happened to a command. `is_failure` where it is its end, and a bad one."""

    name: str
    words: str
    view: CommandView
    is_failure: bool = False


def follow(
    first: CommandView, look: Callable[[], CommandView], pause: Callable[[], None], effect_looks: int = EFFECT_LOOKS
) -> Iterator[Step]:
    """The steps of a command, from `first` to its end: rejected, without an answer, in effect, or accepted without.

    `look` tells what is known now, `pause` lets a moment pass in between.
    """
    view = first
    yield _step(view)
    while view.state in _OPEN:
        pause()
        before, view = view.state, look()
        if view.state is not before:
            yield _step(view)
    if view.state is not CommandState.ACCEPTED or not view.readback:
        return
    for _ in range(effect_looks):
        if "confirmed" in view.flags or "superseded" in view.flags:
            break
        pause()
        view = look()
    yield _effect(view)


def changes(look: Callable[[], Sequence[CommandView]], pause: Callable[[], None]) -> Iterator[CommandView]:
    """Every command that is known, the oldest first, and from then on each that is new or has changed. Never ends."""
    known: dict[str, CommandView] = {}
    while True:
        found = look()
        for view in reversed(found):
            if known.get(view.ref) != view:
                yield view
        known = {view.ref: view for view in found}
        pause()


def _step(view: CommandView) -> Step:
    words = _WORDS[view.state](view)
    return Step(view.state.value, words, view, is_failure=view.state in _FAILURES)


def _effect(view: CommandView) -> Step:
    if "confirmed" in view.flags:
        effect_ms = view.latencies.get("effect_ms")
        after = "" if effect_ms is None else f", {_shown(effect_ms)} ms after it was created (the cloud's clock)"
        return Step("confirmed", f"the charger shows it{after}", view)
    if "superseded" in view.flags:
        return Step("superseded", "a newer command took its place before the charger showed it", view)
    words = "the charger has not shown it so far; it may have been so before, which is no change and shows nothing"
    return Step("not shown", words, view)


def _published(view: CommandView) -> str:
    return f"the broker has taken it; an answer is expected until {view.deadline[:19]}Z (ref {view.ref})"


def _unconfirmed(view: CommandView) -> str:
    return f"sent, but the broker's confirm never came: it may arrive or not (ref {view.ref})"


def _accepted(view: CommandView) -> str:
    return ", ".join(_latencies(view)) or "the charger accepts it"


def _rejected(view: CommandView) -> str:
    code = f"result code {view.result_code}" if view.result_code else "no result code"
    return ", ".join([code, *([view.comment] if view.comment else []), *_latencies(view)])


def _timed_out(view: CommandView) -> str:
    return f"no answer until {view.deadline[:19]}Z; the charger may be offline, and one may still come"


def _expired(view: CommandView) -> str:
    return f"no answer until it expired at {view.deadline[:19]}Z; the charger may be offline"


_WORDS: Mapping[CommandState, Callable[[CommandView], str]] = MappingProxyType(
    {
        CommandState.PUBLISHED: _published,
        CommandState.UNCONFIRMED: _unconfirmed,
        CommandState.ACCEPTED: _accepted,
        CommandState.REJECTED: _rejected,
        CommandState.TIMED_OUT: _timed_out,
        CommandState.EXPIRED: _expired,
    }
)
_FAILURES = (CommandState.REJECTED, CommandState.TIMED_OUT, CommandState.EXPIRED)


def _latencies(view: CommandView) -> list[str]:
    return [words.format(_shown(view.latencies[name])) for name, words in _CLOCKS.items() if name in view.latencies]


def _shown(milliseconds: float) -> str:
    return f"{milliseconds:,.0f}"
