"""A desk with everything around it; the publisher is scripted, so that each end comes at its moment."""

import asyncio
from collections.abc import Callable

from pipeline.core.derivation import Derivation, Spans
from pipeline.core.encode_command import CommandMessage, check_command
from pipeline.core.redaction import Personal, Redaction
from pipeline.desk import WorkerDesk
from pipeline.retrying import SendingRules
from pipeline.tracking import Tracking
from pipeline.wires.command_desk import CommandRequest
from pipeline.wires.command_publisher import Published, PublishEnd
from pipeline.wires.state import RejectLimits, StateFile, WhenFull
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandResponse, CommandSent
from schemas.delivery import Delivery
from schemas.observation import Observation, Product

S = 10**9
NOW = 1_750_000_000 * S
TIMEOUT = 60 * S
HANGS_S = 20
CATALOGUE = shipped_catalogue()
LIMITS = RejectLimits(most_bytes=10**9, keep_ns=10**18, when_full=WhenFull.STOP)
RULES = SendingRules("Acme", 0, TIMEOUT, 6 * 3_600 * S)
DROP = Redaction(Personal.DROP)


class ScriptedPublisher:
    """Ends as it is told; looks into the state file while it publishes."""

    def __init__(self, look: Callable[[], object] = lambda: None) -> None:
        self.end = PublishEnd.CONFIRMED
        self.published: list[tuple[CommandMessage, str]] = []
        self.seen: list[object] = []
        self.refusal: Published | None = None
        self.connecting = 0
        self.line = asyncio.Event()
        self.line.set()
        self.gate = asyncio.Event()
        self.gate.set()
        self.began = asyncio.Event()
        self._look = look

    async def connect(self) -> Published | None:
        self.connecting += 1
        await self.line.wait()
        return self.refusal

    async def publish(self, message: CommandMessage, message_id: str) -> Published:
        self.published.append((message, message_id))
        self.seen.append(self._look())
        self.began.set()
        await self.gate.wait()
        return Published(self.end, f"it ended {self.end}")


class Bench:
    """A desk with everything around it; made again from the same file, it is the desk after a restart."""

    def __init__(self, state: StateFile, rules: SendingRules = RULES) -> None:
        self.state = state
        self.now = NOW
        self.why_not = ""
        self.copies: list[Delivery] = []
        self.derivation = Derivation(CATALOGUE, Spans(TIMEOUT, 1_200 * S, 6 * 3_600 * S))
        self.tracking = Tracking(self.derivation, state)
        self.tracking.restore()
        self.publisher = ScriptedPublisher(lambda: [request.message_id for request in state.requests()])
        self.desk = WorkerDesk(
            self.tracking,
            self.publisher,
            CATALOGUE,
            DROP,
            rules,
            lambda: self.now,
            self.copies.append,
            lambda: self.why_not,
        )

    def commit(self, *outcomes: Observation | CommandResponse | CommandSent) -> None:
        self.tracking.begin(outcomes, self.now)
        _, told = self.tracking.keep((), self.now)
        self.desk.told(told)

    def time_passes(self, seconds: float) -> None:
        """And another charger is heard, which shows it."""
        self.now += int(seconds * S)
        self.commit(Observation("EH9", Product.CHARGER, 120, "x", 1.0, 0, self.now, self.now, self.now))


def asked(message_id: str = "m", fingerprint: str = "f", *words: str) -> CommandRequest:
    serial, command, *arguments = words or ("EH1", "48", "13", "5")
    return CommandRequest(check_command(CATALOGUE, serial, command, arguments, now=NOW), message_id, fingerprint)
