"""How commands ended: what truly happened to each, what the rows say of it, and how the two compare.

Owns the two readings and the tables. A true end is told from the simulator's truth alone, with the deadline of
design: published_at + 60 s, or ExpiresAt where earlier; a stored one from rows alone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from pipeline.simulator.truth import CommandTruth
from schemas.measurement import COMMAND, COMMAND_OUTCOME
from schemas.row import Row
from tests.oracle.stores import Rows

S = 10**9
TIMEOUT_NS = 60 * S
READBACK_NS = 300 * S


class End(StrEnum):
    """How a command ended. `OPEN` and `CONTRADICTION` (rows that do not fit together) are only ever stored."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"
    EXPIRED = "expired"
    LATE_ACCEPTED = "late accepted"
    LATE_REJECTED = "late rejected"
    OPEN = "open"
    CONTRADICTION = "contradiction"


class Shown(StrEnum):
    """Whether the effect of a command could be seen. Only the first is to be confirmed."""

    IN_TIME = "shown"
    TOO_LATE = "shown too late"
    NOTHING = "nothing to show"
    NOT_APPLIED = "not applied"


_ANSWERS: Mapping[tuple[bool, bool], End] = MappingProxyType(
    {
        (True, False): End.ACCEPTED,
        (False, False): End.REJECTED,
        (True, True): End.LATE_ACCEPTED,
        (False, True): End.LATE_REJECTED,
    }
)
_SILENT = frozenset({End.TIMED_OUT, End.EXPIRED})


def deadline_of(command: CommandTruth) -> int:
    """Until when an answer is in time."""
    timed_out = command.published_at + TIMEOUT_NS
    return timed_out if command.expires_at is None else min(timed_out, command.expires_at)


def is_answered_in_time(command: CommandTruth) -> bool:
    """Whether an answer that can be read reached the cloud by the deadline."""
    return command.arrived_at is not None and command.arrived_at <= deadline_of(command)


def true_end(command: CommandTruth) -> End:
    """What became of a command."""
    if command.arrived_at is None:
        return End.EXPIRED if deadline_of(command) == command.expires_at else End.TIMED_OUT
    return _ANSWERS[command.accepted is True, not is_answered_in_time(command)]


def true_outcomes(command: CommandTruth) -> list[str]:
    """The decisions that must stand in `command_outcome`, sorted."""
    end = true_end(command)
    if end in _SILENT:
        return [end.value]
    answer = "accepted" if command.accepted else "rejected"
    silence = "expired" if deadline_of(command) == command.expires_at else "timed_out"
    return sorted([answer] if is_answered_in_time(command) else [answer, silence])


def true_effect(command: CommandTruth, next_published_at: int) -> Shown:
    """Whether its effect could be seen: before the next command of the same id of ours, and within five minutes."""
    if not command.is_applied or command.arrived_at is None:
        return Shown.NOT_APPLIED
    if command.shown_at is None:
        return Shown.NOTHING
    until = min(next_published_at, command.created_at + READBACK_NS)
    return Shown.IN_TIME if command.shown_at < until else Shown.TOO_LATE


@dataclass(slots=True)
class StoredEnd:
    """What the rows of one command say: its last row, and each decision with whether it was taken back."""

    state: str = ""
    is_late: bool = False
    is_confirmed: bool = False
    outcomes: dict[tuple[str, int], bool] = field(default_factory=dict)

    @property
    def standing(self) -> list[str]:
        """The decisions that count, sorted."""
        return sorted(outcome for (outcome, _), is_refuted in self.outcomes.items() if not is_refuted)

    def end(self) -> End:
        """What a reader of the store takes it for."""
        is_answer = self.state in ("accepted", "rejected")
        if not is_answer and self.state not in _SILENT:
            return End.OPEN
        silences = {"timed_out", "expired"} & set(self.standing)
        answers = {"accepted", "rejected"} & set(self.standing)
        wanted = ({self.state} if is_answer else set(), self.is_late or not is_answer)
        if len(self.standing) > len(silences | answers) or (answers, bool(silences)) != wanted:
            return End.CONTRADICTION
        return _ANSWERS[self.state == "accepted", self.is_late] if is_answer else End(self.state)


def taken_back(rows: Rows) -> set[tuple[str, str, int]]:
    """Time-outs and expiries that were written and are none: the charger, the command's ref, and the deadline."""
    return {
        (key[1], str(fields["ref"]), _moment(key[3]))
        for key, fields in rows.items()
        if key[0] == COMMAND_OUTCOME and dict(key[2])["outcome"] in _SILENT and fields["refuted"]
    }


def false_time_outs(rows: Rows, told: Rows, came: Mapping[tuple[str, int], int]) -> list[str]:
    """Those of a shell that nothing excuses: they were written while their answers, which came in time, lay there.

    `told` is what one reader told (`one_reader`), who may have taken some back himself: the stream was not in order.
    `came` says when the queue had each answer, by its charger and its ArrivalTime: where that was after the deadline,
    the cloud was late.
    """
    answered = {
        (key[1], str(fields["ref"])): _moment(key[3])
        for key, fields in rows.items()
        if key[0] == COMMAND_OUTCOME and dict(key[2])["outcome"] not in _SILENT and not fields["refuted"]
    }
    found: list[str] = []
    for charger, ref, deadline in sorted(taken_back(rows) - taken_back(told)):
        arrived_at = answered.get((charger, ref), 0)
        if came.get((charger, arrived_at), 0) <= deadline:
            found.append(f"false time-out of {ref} of {charger} at {deadline}, answered at {arrived_at}")
    return found


def _moment(at: int) -> int:
    """Without what sets the rows of one moment apart, below the resolution of the wire."""
    return at // 100 * 100


class StoredEnds:
    """The rows of commands as a store holds them, until they are taken out. `hasty` counts time-outs taken back."""

    def __init__(self) -> None:
        self._by_ref: dict[str, StoredEnd] = {}
        self.hasty = 0

    def write(self, rows: Iterable[Row]) -> None:
        """Store rows; those of other measurements are passed over."""
        for row in rows:
            if row.measurement == COMMAND:
                fields = dict(row.fields)
                stored = self._by_ref.setdefault(str(fields["ref"]), StoredEnd())
                stored.state = str(fields["state"])
                stored.is_late, stored.is_confirmed = fields["late"] == 1.0, fields["confirmed"] == 1.0
            elif row.measurement == COMMAND_OUTCOME:
                fields, tags = dict(row.fields), dict(row.tags)
                stored = self._by_ref.setdefault(str(fields["ref"]), StoredEnd())
                stored.outcomes[tags["outcome"], row.time] = fields["refuted"] == 1.0

    def read(self, ref: str) -> StoredEnd:
        """What is stored of one sending."""
        return self._by_ref.get(ref, StoredEnd())

    def take(self, ref: str) -> StoredEnd:
        """What is stored of one sending, which is forgotten."""
        stored = self._by_ref.pop(ref, StoredEnd())
        self.hasty += sum(is_refuted for (outcome, _), is_refuted in stored.outcomes.items() if outcome in _SILENT)
        return stored

    def __len__(self) -> int:
        return len(self._by_ref)


@dataclass(slots=True)
class Confusion:
    """True against stored, and what the wrong ones have in common.

    `changed` tells of commands whose rows said something else later, once nothing new had been heard for long.
    """

    ends: Counter[tuple[End, End]] = field(default_factory=Counter)
    effects: Counter[tuple[Shown, bool]] = field(default_factory=Counter)
    crowds: Counter[tuple[str, bool]] = field(default_factory=Counter)
    causes: Counter[tuple[str, str]] = field(default_factory=Counter)
    false_timeouts: list[CommandTruth] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    samples: list[str] = field(default_factory=list)

    @property
    def judged(self) -> int:
        """How many commands."""
        return sum(self.ends.values())

    @property
    def share_of_right_ends(self) -> float:
        """0 to 1."""
        return sum(count for (true, stored), count in self.ends.items() if true is stored) / max(self.judged, 1)

    @property
    def share_of_right_effects(self) -> float:
        """0 to 1."""
        right = sum(count for (shown, stored), count in self.effects.items() if (shown is Shown.IN_TIME) is stored)
        return right / max(self.judged, 1)

    def tables(self) -> str:
        """All of it, to be read by people."""
        ends, effects = self.share_of_right_ends, self.share_of_right_effects
        lines = [f"{self.judged} commands: {ends:.4%} ends right, {effects:.4%} effects right"]
        lines.append(f"{len(self.false_timeouts)} false time-outs, {len(self.changed)} rows changed after all was over")
        lines.append("true end \\ stored".ljust(20) + "".join(end.value.rjust(15) for end in End))
        for true in End:
            row = [self.ends[true, stored] for stored in End]
            if any(row):
                lines.append(true.value.ljust(20) + "".join(f"{count:15d}" for count in row))
        lines.append("true effect \\ stored".ljust(20) + "confirmed".rjust(15) + "not".rjust(15))
        lines += [
            shown.value.ljust(20) + f"{self.effects[shown, True]:15d}{self.effects[shown, False]:15d}"
            for shown in Shown
        ]
        lines.append("who else sent the same id to the charger within seconds: commands, of these wrong ends")
        for crowd in sorted({crowd for crowd, _ in self.crowds}):
            wrong = self.crowds[crowd, True]
            lines.append(f"  {crowd}: {wrong + self.crowds[crowd, False]}, {wrong}")
        lines.append("wrong ones, by what they have in common:")
        lines += [f"  {count:5d}  {what}: {cause}" for (what, cause), count in sorted(self.causes.items())]
        return "\n".join([*lines, *self.samples, *self.changed])
