"""Truth: what really happened in a simulated fleet, for tests to ask.

Owns the records and the counts. Must not know how anything is told to the queue.
"""

from collections import Counter
from dataclasses import dataclass, field

from pipeline.simulator.quirks import Quirk
from schemas.reject import RejectReason


@dataclass(slots=True)
class ChargingSession:
    """One car's charging, from plug to unplug; `ended_at` None while it goes on. Times in nanoseconds."""

    serial: str
    id: int
    started_at: int
    energy_kwh: float = 0.0
    ended_at: int | None = None


@dataclass(slots=True)
class CommandTruth:
    """One command and what came of it.

    `is_ours`       sent by the operator, not by another controller; `ref` then names the sending, if somebody said so.
    `published_at`  by the clock of the operator's host, which may be wrong; `expires_at` likewise.
    `created_at`    by the cloud's clock, like `answered_at` (the charger's answer left it) and `arrived_at` (it reached
                    the cloud, in a form that can be read; None where it never did).
    `is_applied`    the charger does as it was told; `shown_at` is when it said a value because of that, None where
                    nothing was new to say; `is_legible` that all it said can be read, and was told at once.
    Times are nanoseconds since the epoch, UTC.
    """

    serial: str
    id: int
    is_ours: bool
    published_at: int
    created_at: int
    answered_at: int | None = None
    accepted: bool | None = None
    is_applied: bool = False
    arrived_at: int | None = None
    shown_at: int | None = None
    is_legible: bool = True
    ref: str = ""
    expires_at: int | None = None


@dataclass(slots=True)
class Truth:
    """What was handed out, and what happened. `keeps_history` False leaves the two lists empty.

    Deliveries, rejects and quirks of form are counted as they are handed out, redelivered ones again; all other quirks
    as they happen.

    `kinds` counts by the second segment of a good key (`O`, `CR`), and everything else under `other`.
    """

    keeps_history: bool = True
    quirks: Counter[Quirk] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    rejects: Counter[RejectReason] = field(default_factory=Counter)
    sessions: list[ChargingSession] = field(default_factory=list)
    commands: list[CommandTruth] = field(default_factory=list)

    @property
    def deliveries(self) -> int:
        """All of them."""
        return sum(self.kinds.values())

    def add_session(self, session: ChargingSession) -> None:
        """Remember a session that has begun; it is completed in place."""
        if self.keeps_history:
            self.sessions.append(session)

    def add_command(self, command: CommandTruth) -> None:
        """Remember a command that was sent; it is completed in place."""
        if self.keeps_history:
            self.commands.append(command)
