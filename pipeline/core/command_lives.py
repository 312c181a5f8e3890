"""Lives: what is known of every command of a cluster, put together from all that a charger's memory holds.

Owns readback families: which commands supersede each other. Pure. Must not know rows, the watermark, or when something
is written.
"""

from collections.abc import Iterator

from pipeline.core.charger_memory import ChargerMemory, place_of
from pipeline.core.command_life import Life
from pipeline.core.command_thread import Cluster, Sending
from pipeline.core.confirmation import Effect, confirm, targets_of
from schemas.catalogue import Catalogue
from schemas.command import CommandResponse


class Lives:
    """See above. `timeout_ns` is COMMAND_TIMEOUT."""

    def __init__(self, catalogue: Catalogue, timeout_ns: int) -> None:
        """Holds nothing but what the rules are."""
        self._catalogue = catalogue
        self._timeout_ns = timeout_ns

    def of(self, memory: ChargerMemory, cluster: Cluster) -> Iterator[Life]:
        """The life of each sending of a cluster, in order."""
        responses = {here: cluster.responses[there] for here, there in cluster.pairs}
        for place, sending in enumerate(cluster.sendings):
            yield self._life(memory, sending, responses.get(place))

    def deadline(self, sending: Sending) -> int:
        """When an answer would be late."""
        return Life(sending.command, self._timeout_ns).deadline

    def family(self, command_id: int) -> int:
        """The readback family of a command, named by the first observation id that it shows in, else by itself."""
        spec = self._catalogue.commands.get(command_id)
        return spec.readback[0] if spec and spec.readback else -command_id

    def _life(self, memory: ChargerMemory, sending: Sending, response: CommandResponse | None) -> Life:
        command = sending.command
        newer = memory.next_in_family(place_of(command), self.family(command.id))
        effect: Effect | None = None
        targets = targets_of(command, self._catalogue)
        if response is not None and response.accepted and targets:
            effect = confirm(targets, memory.sightings, response.created_at, newer.published_at if newer else None)
        arrived_at = effect.arrived_at if effect else None
        return Life(
            command,
            self._timeout_ns,
            attempt=sending.attempt,
            is_confirmed=sending.is_confirmed,
            response=response,
            is_superseded=newer is not None,
            is_effective=effect is not None,
            effect_ns=None if arrived_at is None or response is None else arrived_at - response.created_at,
        )
