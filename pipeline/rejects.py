"""Rejects: looking at what was refused, and trying it again.

Owns which rejects a request means, and what trying again did. Must not know how rejects are kept
(`pipeline.wires.state`) or shown.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import NamedTuple

from pipeline.core.timestamps import format_time
from pipeline.journey import Journey
from pipeline.wires.kept_reject import KeptReject
from schemas.command import CommandSent
from schemas.reject import Reject

_AT_ONCE = 200


class Retried(NamedTuple):
    """What trying again did, by key.

    `written`  became rows, and are to be removed from the rejects.
    `refused`  were refused again.
    `commands` can be read now, but a command is told to the worker alone, when it comes.
    `cut`      were not tried: their bodies were too long to be kept whole.
    """

    written: list[str]
    refused: list[str]
    commands: list[str]
    cut: list[str]


class UnclearKeyError(Exception):
    """A key, or its beginning, that does not name one reject. Says what to do."""


def only_one(key: str, found: Sequence[KeptReject]) -> KeptReject:
    """The reject that `key` names, of those whose keys begin with it. Raises UnclearKeyError.

    A beginning that fits several names none of them: what was not meant is never thrown away.
    """
    if key and len(found) == 1:
        return found[0]
    words = "several rejects have a key that begins so; give more of it" if found and key else "no reject has this key"
    message = f"{key!r}: {words}. chargeline rejects list shows them."
    raise UnclearKeyError(message)


def of_device(rejects: Iterable[KeptReject], serial: str) -> Iterator[KeptReject]:
    """The rejects whose routing key begins with this serial; all of them where it is empty."""
    return (kept for kept in rejects if not serial or kept.routing_key.split(".")[0] == serial)


def retry(rejects: Iterable[KeptReject], journey: Journey, now: int) -> Retried:
    """Take rejects through the journey once more, as this program reads them. None is removed here.

    `now`: our clock, nanoseconds. Raises what Journey.take raises; what was written until then stays written.
    """
    retried = Retried([], [], [], [])
    rest = iter(rejects)
    while batch := list(islice(rest, _AT_ONCE)):
        retried.cut.extend(kept.key for kept in batch if kept.is_cut)
        whole = [kept for kept in batch if not kept.is_cut]
        report = journey.take([kept.delivery for kept in whole], now)
        for kept, outcome in zip(whole, report.outcomes, strict=True):
            if isinstance(outcome, Reject):
                retried.refused.append(kept.key)
            elif isinstance(outcome, CommandSent):
                retried.commands.append(kept.key)
            else:
                retried.written.append(kept.key)
    return retried


def reject_entry(kept: KeptReject) -> Mapping[str, object]:
    """A reject as JSON can hold it; of the body its kept part, as text."""
    return {
        "key": kept.key,
        "reason": kept.reason.value,
        "detail": kept.detail,
        "routing_key": kept.routing_key,
        "headers": {name: str(value) for name, value in kept.headers.items()},
        "message_id": kept.message_id,
        "received_at": None if kept.received_at is None else format_time(kept.received_at),
        "body": kept.body.decode(errors="backslashreplace"),
        "body_length": kept.body_length,
        "body_sha256": kept.body_sha256,
    }
