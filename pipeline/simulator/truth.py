"""Truth: what really happened in a simulated fleet, for tests to ask.

Owns the records and the counts. Must not know how anything is told to the queue, nor what anybody asks
(`pipeline.simulator.questions`).
"""

from collections import Counter
from dataclasses import dataclass, field

from pipeline.simulator.messages import NS_PER_S
from pipeline.simulator.quirks import Quirk
from schemas.reject import RejectReason

HOUR_NS = 3_600 * NS_PER_S


@dataclass(slots=True)
class ChargingSession:
    """One car's charging, from plug to unplug; `ended_at` None while it goes on. Times in nanoseconds."""

    serial: str
    id: int
    started_at: int
    energy_kwh: float = 0.0
    ended_at: int | None = None


@dataclass(slots=True)
class Disconnection:
    """A device out of contact with the cloud; `ended_at` None while it is. Times in nanoseconds, the cloud's clock."""

    serial: str
    began_at: int
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
    """What was handed out, and what happened. `keeps_history` False leaves the lists and `energies` empty.

    Deliveries, rejects and quirks of form are counted as they are handed out, redelivered ones again; all other quirks
    as they happen.

    `kinds`     counts by the second segment of a good key (`O`, `CR`), and everything else under `other`.
    `energies`  what flowed, in kWh, by charger and by the beginning of an hour (nanoseconds, UTC), up to when it was
                measured last: at the end of every hour, and of every session.
    """

    keeps_history: bool = True
    quirks: Counter[Quirk] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    rejects: Counter[RejectReason] = field(default_factory=Counter)
    sessions: list[ChargingSession] = field(default_factory=list)
    commands: list[CommandTruth] = field(default_factory=list)
    disconnections: list[Disconnection] = field(default_factory=list)
    energies: dict[tuple[str, int], float] = field(default_factory=dict)

    @property
    def deliveries(self) -> int:
        """All of them."""
        return sum(self.kinds.values())

    def add_session(self, session: ChargingSession) -> None:
        """Remember a session that has begun; it is completed in place."""
        if self.keeps_history:
            self.sessions.append(session)

    def add_disconnection(self, disconnection: Disconnection) -> None:
        """Remember that a device lost contact; it is completed in place."""
        if self.keeps_history:
            self.disconnections.append(disconnection)

    def add_energy(self, serial: str, began_at: int, ended_at: int, kwh: float) -> None:
        """Energy flowed, at one power, between two moments."""
        if not self.keeps_history or not kwh:
            return
        at = began_at
        while at < ended_at:
            hour = at - at % HOUR_NS
            until = min(hour + HOUR_NS, ended_at)
            part = kwh * (until - at) / (ended_at - began_at)
            self.energies[serial, hour] = self.energies.get((serial, hour), 0.0) + part
            at = until

    def add_command(self, command: CommandTruth) -> None:
        """Remember a command that was sent; it is completed in place."""
        if self.keeps_history:
            self.commands.append(command)
