"""Lives: what is known of every command of a cluster, put together from all that a charger's memory holds.

Owns readback families: which commands supersede each other, and which show in an observation. Pure. Must not know rows,
the watermark, or when something is written.
"""

from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache, partial

from pipeline.core.charger_memory import ChargerMemory
from pipeline.core.command_life import Life
from pipeline.core.command_thread import Cluster, Sending
from pipeline.core.confirmation import AFTER_NS, BEFORE_NS, Effect, confirm, targets_of
from pipeline.core.pairing import EARLIEST_NS, LATEST_NS
from pipeline.core.sightings import Sighting
from schemas.catalogue import Catalogue
from schemas.command import CommandResponse, CommandSent

SEEN_BEFORE_NS = BEFORE_NS + 10**9 - EARLIEST_NS
"""How far before its publication a command may be confirmed by an observation, by its stamp."""

_MOST_TARGETS = 4_096


class Lives:
    """See above. `timeout_ns` is COMMAND_TIMEOUT."""

    def __init__(self, catalogue: Catalogue, timeout_ns: int, kept_ns: int) -> None:
        """Holds nothing but what the rules are. A command is superseded by one that comes within `kept_ns`, LATE_DATA.

        For so long each is surely remembered: by what comes later nothing is changed, remembered or not.
        """
        self.timeout_ns = timeout_ns
        self._kept_ns = kept_ns
        # The same few over and over again.
        self._targets_of = lru_cache(_MOST_TARGETS)(partial(targets_of, catalogue))
        self._shown_in: dict[int, list[int]] = {}
        for spec in catalogue.commands.values():
            for observation_id in spec.readback:
                self._shown_in.setdefault(observation_id, []).append(spec.id)
        self._families = {
            spec.id: tuple(sorted({each for shown in spec.readback for each in self._shown_in[shown]}))
            for spec in catalogue.commands.values()
            if spec.readback
        }

    def of(self, memory: ChargerMemory, cluster: Cluster) -> Iterator[Life]:
        """The life of each sending of a cluster, in order."""
        answers = {here: cluster.responses[there] for here, there in cluster.pairs}
        for place, sending in enumerate(cluster.sendings):
            yield self._life(memory, sending, answers.get(place))

    def deadline(self, command: CommandSent) -> int:
        """When an answer would be late."""
        return Life(command, self.timeout_ns).deadline

    def family(self, command_id: int) -> tuple[int, ...]:
        """The commands that share a readback with this one, itself included: each supersedes those before it."""
        return self._families.get(command_id) or (command_id,)

    @property
    def readbacks(self) -> frozenset[int]:
        """Ids of the observations that show the effect of some command."""
        return frozenset(self._shown_in)

    def shown_in(self, observation_id: int) -> list[int]:
        """The commands whose effect an observation id shows; empty for one that is no readback."""
        return self._shown_in.get(observation_id, [])

    def concerned(self, memory: ChargerMemory, seen: Sighting) -> Iterator[tuple[int, int]]:
        """Command ids and moments of the sendings that a sighting can make a difference to.

        They are the last before it, which it may confirm, and those behind it for which it is a value from before:
        until the next sighting, no matter how many.
        """
        following = memory.sightings.next_stamp(seen.observation_id, seen.observed_at)
        last = None if following is None else following + SEEN_BEFORE_NS
        for command_id in self.shown_in(seen.observation_id):
            thread = memory.threads.get(command_id)
            if thread is None:
                continue
            moments = thread.moments_sent(seen.observed_at - AFTER_NS - LATEST_NS, last)
            behind = bisect_right(moments, seen.observed_at)
            yield from ((command_id, moment) for moment in moments[max(behind - 1, 0) :])

    def _life(self, memory: ChargerMemory, sending: Sending, response: CommandResponse | None) -> Life:
        command, attempt, is_confirmed, _, superseded_at = sending
        if superseded_at is None:
            newer = memory.next_of(self.family(command.id), command)
            superseded_at = None if newer is None else newer.published_at
        effect: Effect | None = None
        if response is not None and response.accepted:
            effect = confirm(
                self._targets_of(command.id, command.arguments), memory.sightings, response.created_at, superseded_at
            )
        arrived_at = effect.arrived_at if effect else None
        return Life(
            command,
            self.timeout_ns,
            attempt,
            is_confirmed,
            response,
            is_superseded=superseded_at is not None and superseded_at - command.published_at <= self._kept_ns,
            is_effective=effect is not None,
            effect_ns=None if arrived_at is None or response is None else arrived_at - response.created_at,
        )
