"""Forgetting: how long the tracker remembers what, and what of a charger is past it.

Owns the horizons, by the watermark. Pure. Must not know rows, or what is kept of a fact elsewhere.

A cluster in which every command is answered is closed: nothing more is expected of it but redeliveries. It is forgotten
when none can come any more. One with a command that nobody answered is remembered until its time-out is given up
(`given_up_at`), since a device that was offline answers late, and for as long again as a closed one. The newest of its
readback family is remembered for LATE_DATA, since the next one supersedes it: later than that, it is not noted.

What comes when what it belongs to may be forgotten already is passed over (`is_past`): half known, a command would seem
to be unanswered, and a response nobody's.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pipeline.core.charger_memory import ChargerMemory
from pipeline.core.command_life import arrival_of
from pipeline.core.command_lives import SEEN_BEFORE_NS, Lives
from pipeline.core.command_thread import Cluster, Sending
from pipeline.core.pairing import LATEST_NS
from pipeline.core.sightings import Sighting
from schemas.command import CommandResponse, CommandSent

_MINUTE_NS = 60 * 10**9

PAST_NS = 60 * _MINUTE_NS
"""A fact this far behind the watermark, of which nothing is known, comes too late. Redeliveries come sooner: RabbitMQ
takes back what is unacknowledged after 30 minutes, and we hand back after 20."""

CLOSED_NS = 70 * _MINUTE_NS
"""How long a closed cluster is remembered: longer than PAST_NS by more than the width of a cluster, so that what comes
in time finds all that it belongs to; and longer than an hour, so that hours are whole a while after they end."""

EVERY_NS = 10 * _MINUTE_NS
"""How often a charger is looked at."""


class Forgotten(NamedTuple):
    """What is remembered no longer, and `noted`: of what is, what is known now because of that."""

    sendings: Sequence[Sending]
    responses: Sequence[CommandResponse]
    sightings: Sequence[Sighting]
    noted: Sequence[Sending]


def given_up_at(command: CommandSent, deadline: int, kept_ns: int) -> int:
    """When the time-out of a command that nobody answered is given up: no answer counts that is created later."""
    return max(deadline, command.published_at + LATEST_NS) + kept_ns


def forget(memory: ChargerMemory, watermark: int, lives: Lives, kept_ns: int) -> Forgotten:
    """Drop what is past at this watermark, but for the last value seen of each observation id; what was dropped.

    That it was superseded by something forgotten is noted of a sending.
    """
    sendings: list[Sending] = []
    responses: list[CommandResponse] = []
    for command_id, thread in list(memory.threads.items()):
        old = [
            cluster
            for cluster in thread.clusters(watermark - CLOSED_NS)
            if _end(memory, cluster, lives, kept_ns) + CLOSED_NS < watermark
        ]
        for cluster in old:
            sendings += cluster.sendings
            responses += cluster.responses
            thread.drop(cluster)
        if not len(thread):
            del memory.threads[command_id]
    noted = [sending for gone in sendings if (sending := _note_superseded(memory, gone.command, lives)) is not None]
    first = memory.first_published()
    before = watermark - CLOSED_NS if first is None else min(watermark - CLOSED_NS, first - SEEN_BEFORE_NS)
    return Forgotten(sendings, responses, memory.sightings.prune(before), noted)


def _note_superseded(memory: ChargerMemory, gone: CommandSent, lives: Lives) -> Sending | None:
    """Note of the one before a sending that is gone that it is superseded; None where there is nothing to note."""
    before = memory.before_of(lives.family(gone.id), gone)
    thread = memory.threads[before.command_id] if before else None
    sending = thread.sending(before.ref) if before and thread else None
    if thread is None or sending is None:
        return None
    if sending.superseded_at is not None and sending.superseded_at <= gone.published_at:
        return None
    noted = sending._replace(superseded_at=gone.published_at)
    thread.note(noted)
    return noted


def _end(memory: ChargerMemory, cluster: Cluster, lives: Lives, kept_ns: int) -> int:
    """When nothing more was expected of a cluster. A response cannot make it longer than `kept_ns`."""
    ends = [cluster.last]
    ends += [min(arrival_of(each) or 0, each.created_at + kept_ns) for each in cluster.responses]
    if len(cluster.pairs) < len(cluster.sendings):
        answered = {here for here, _ in cluster.pairs}
        commands = [each.command for place, each in enumerate(cluster.sendings) if place not in answered]
        ends += [given_up_at(command, lives.deadline(command), kept_ns) for command in commands]
    if cluster.sendings:
        newest, *_, superseded_at = cluster.sendings[-1]
        if superseded_at is None and memory.next_of(lives.family(newest.id), newest) is None:
            ends.append(newest.published_at + kept_ns)
    return max(ends)
