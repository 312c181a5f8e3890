"""What is to be said of a cluster of commands and responses, as it is known now: rows, time-outs, what is due later.

Owns what is written of a cluster, and when there will be more to say of it. Pure: the moment is the watermark, and what
it says is all it does. Must not know what other clusters there are, or what is kept.
"""

from typing import NamedTuple

from pipeline.core.charger_memory import ChargerMemory
from pipeline.core.command_life import SILENCE, Decided, Life, Standing, arrival_of, decisions, standing
from pipeline.core.command_lives import Lives
from pipeline.core.command_rows import command_row, outcome_row, paired_row
from pipeline.core.command_thread import Cluster, Sending
from pipeline.core.forgetting import given_up_at
from pipeline.core.pairing import LATEST_NS
from pipeline.core.tracked import TimeOut
from schemas.catalogue import Catalogue
from schemas.row import Row

_NO_FIRMWARE = "-"


class Told(NamedTuple):
    """All that is to be said of one cluster.

    `noted`  sendings with a decision that was not written before.
    `dues`   a moment and a fact's: once the watermark passes the first there is more to say of the second.
    """

    rows: list[Row]
    time_outs: list[TimeOut]
    noted: list[Sending]
    dues: list[tuple[int, int]]


class Teller:
    """See above. `kept_ns` is how long a late answer is waited for."""

    def __init__(self, catalogue: Catalogue, lives: Lives, kept_ns: int) -> None:
        """Holds nothing but what the rules are."""
        self._catalogue = catalogue
        self._lives = lives
        self._kept_ns = kept_ns

    def tell(self, memory: ChargerMemory, command_id: int, cluster: Cluster, watermark: int) -> Told:
        """Everything about a cluster, as it stands when everything up to `watermark` is known."""
        name = self._catalogue.command_name(command_id)
        told = Told([], [], [], [])
        for sending, life in zip(cluster.sendings, self._lives.of(memory, cluster), strict=True):
            found = standing(life, watermark)
            told.rows.append(command_row(life, found, name))
            if found.decided or sending.decided:
                firmware = memory.firmware.release if memory.firmware else _NO_FIRMWARE
                self._tell_decided(told, sending, life, found, watermark, firmware)
        refs = {there: cluster.sendings[here].command.ref for here, there in cluster.pairs}
        for place, response in enumerate(cluster.responses):
            ref, decided_at = refs.get(place), response.created_at + LATEST_NS
            if ref is None and watermark <= decided_at:
                told.dues.append((decided_at, response.created_at))
            else:
                told.rows.append(paired_row(response, ref, name))
        return told

    def tell_states(self, memory: ChargerMemory, command_id: int, cluster: Cluster, watermark: int) -> list[Row]:
        """What is known of the commands of a cluster, where neither a response nor a decision is new."""
        name = self._catalogue.command_name(command_id)
        return [command_row(life, standing(life, watermark), name) for life in self._lives.of(memory, cluster)]

    def time_out(self, life: Life, deadline: int, watermark: int) -> TimeOut:
        """A command that was not answered at a deadline, and what became of that."""
        name = self._catalogue.command_name(life.command.id)
        answered_at = arrival_of(life.response) if life.response else None
        given_up = given_up_at(life.command, life.deadline, self._kept_ns)
        is_given_up = life.response is None and given_up < watermark
        return TimeOut(life.command, name, deadline, answered_at, False, given_up if is_given_up else None)

    def _tell_decided(
        self, told: Told, sending: Sending, life: Life, found: Standing, watermark: int, firmware: str
    ) -> None:
        """Every decision about a command, those taken back that no longer hold."""
        name = self._catalogue.command_name(life.command.id)
        held = decisions(life, found)
        known = [each.decision for each in sending.decided]
        new = tuple(Decided(*each, firmware) for each in held if each not in known)
        if new:
            told.noted.append(sending._replace(decided=sending.decided + new))
            if life.response is None:
                told.dues.append((given_up_at(life.command, life.deadline, self._kept_ns), life.command.published_at))
        answered_at = {each.at for each in held if each.outcome not in SILENCE}
        late = [each.at for each in known if each.outcome not in SILENCE and each.at > life.deadline]
        not_ended_at = tuple(at for at in late if at not in answered_at)
        for each in sending.decided + new:
            is_refuted = each.decision not in held
            told.rows.append(outcome_row(life, each, name, is_refuted=is_refuted))
            if each.outcome in SILENCE:
                time_out = self.time_out(life, each.at, watermark)
                told.time_outs.append(time_out._replace(is_refuted=is_refuted, not_ended_at=not_ended_at))
