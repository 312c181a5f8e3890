"""What is said of silence: the alerts `charger_silent` and `fleet_silent`.

Owns their words and values. Must not know when a device is silent, or who is told.
"""

from pipeline.core.silences import Edge, EdgeKind
from pipeline.core.spans import span_in_words
from pipeline.core.timestamps import NS_PER_S, format_time
from schemas.alert import Alert, AlertKind

_FLEET = "-"
_NO_COMMAND = "-"


def charger_silent(edge: Edge, silent_after: int) -> Alert:
    """The alert of a silence at one of its edges. `value` is for how long the device was not heard, seconds."""
    silence = edge.at - edge.deadline + silent_after
    return Alert(
        edge.serial,
        AlertKind.CHARGER_SILENT,
        _NO_COMMAND,
        edge.at,
        edge.deadline,
        active=edge.kind is EdgeKind.RAISED,
        value=silence / NS_PER_S,
        message=f"{edge.serial} {_words(edge, silence)}",
    )


def _words(edge: Edge, silence: int) -> str:
    match edge.kind:
        case EdgeKind.RAISED:
            # To the second: people read it, and the row has it exactly.
            return f"has not been heard for {span_in_words(silence)}, since {format_time(edge.at - silence)[:19]}Z"
        case EdgeKind.ENDED:
            return f"is heard again after {span_in_words(silence)}"
        case EdgeKind.FORGOTTEN:
            return f"has not been heard for {span_in_words(silence)} and is forgotten"
        case _:
            return "was heard in time, which became known later: the alert is taken back"


def fleet_silent(at: int, silent: int, known: int, window: int) -> Alert:
    """Many fell silent at once: `silent` of `known` devices, the last of them at `at`. `value` is how many."""
    words = f"{silent} of {known} devices fell silent within {span_in_words(window)}"
    return _fleet(at, at, silent, words, active=True)


def fleet_heard(at: int, raised_at: int, silent: int) -> Alert:
    """Most of them are heard again. `value` is how many are not."""
    words = f"Most devices are heard again after {span_in_words(at - raised_at)}; {silent} of them are still silent"
    return _fleet(at, raised_at, silent, words, active=False)


def fleet_still_silent(raised_at: int, silent: int) -> Alert:
    """An outage that was raised in an earlier life of this program. `value` is how many are silent now."""
    return _fleet(raised_at, raised_at, silent, f"{silent} devices that fell silent together are silent", active=True)


def _fleet(at: int, raised_at: int, silent: int, words: str, *, active: bool) -> Alert:
    return Alert(_FLEET, AlertKind.FLEET_SILENT, _NO_COMMAND, at, raised_at, active, float(silent), words)
