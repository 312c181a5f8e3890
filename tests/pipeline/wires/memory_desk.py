"""A desk that keeps commands in memory and publishes nothing, and a server in front of it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from pipeline.core.command_entry import SentCommand
from pipeline.core.command_life import Life
from pipeline.core.command_ref import command_ref
from pipeline.core.encode_command import sent_command
from pipeline.core.redaction import Personal, Redaction
from pipeline.meters import Meters
from pipeline.wires.command_desk import CommandRequest, ConflictError, ForgottenError, NotPublishedError
from pipeline.wires.command_publisher import MEANING, PublishEnd
from pipeline.wires.command_requests import CommandRequests
from pipeline.wires.http import HttpInterface
from pipeline.wires.source import SourceState, SourceStatus
from schemas.catalogue import shipped_catalogue
from schemas.command import CommandResponse

HOST = "127.0.0.1"
TOKEN = "the-token"
S = 10**9
NOW = 1_683_219_323 * S
TIMEOUT_NS = 60 * S


@dataclass
class MemoryDesk:
    """`end` is how the next publishing ends; `published` counts those that may have arrived.

    `source_state` is how the queue of its worker is read.
    """

    end: PublishEnd = PublishEnd.CONFIRMED
    watermark: int = NOW
    source_state: SourceState = SourceState.CONSUMING
    published: int = 0
    lives: dict[str, Life] = field(default_factory=dict)
    fingerprints: dict[str, str] = field(default_factory=dict)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self, request: CommandRequest) -> SentCommand:
        async with self.lock:
            await asyncio.sleep(0)
            ref = ref_of(request)
            if ref in self.lives:
                if self.fingerprints[request.message_id] != request.fingerprint:
                    raise ConflictError
                return SentCommand(self.lives[ref], self.watermark)
            if request.message_id in self.fingerprints:
                raise ForgottenError
            if not self.end.may_have_arrived:
                raise NotPublishedError(self.end, MEANING[self.end])
            command = sent_command(request.command, NOW + self.published * S, ref, Redaction(Personal.DROP))
            self.published += 1
            self.fingerprints[request.message_id] = request.fingerprint
            self.lives[ref] = Life(command, TIMEOUT_NS, is_confirmed=self.end is PublishEnd.CONFIRMED)
            return SentCommand(self.lives[ref], self.watermark)

    def is_known(self, message_id: str) -> bool:
        return message_id in self.fingerprints

    async def find(self, ref: str) -> SentCommand | None:
        life = self.lives.get(ref)
        return SentCommand(life, self.watermark) if life else None

    async def list(self, *, open_only: bool, limit: int) -> Sequence[SentCommand]:
        known = [SentCommand(life, self.watermark) for life in reversed(self.lives.values())]
        return [sent for sent in known if sent.is_open or not open_only][:limit]

    def forget(self, ref: str) -> None:
        """The command, but not that it was sent."""
        del self.lives[ref]

    def answer(self, ref: str, *, accepted: bool = True, after_s: float = 1) -> None:
        """The charger answers."""
        life = self.lives[ref]
        created = life.command.published_at
        arrived = created + int(after_s * S)
        self.lives[ref] = life._replace(
            response=CommandResponse(
                serial=life.command.serial,
                id=life.command.id,
                accepted=accepted,
                ticks=None,
                created_at=created,
                delivered_at=created + S // 8,
                arrived_at=arrived,
                result_code=None if accepted else 7.0,
                comment=None if accepted else "busy",
                received_at=arrived,
            )
        )

    def take_effect(self, ref: str, after_s: float = 2) -> None:
        """The readbacks show it."""
        self.lives[ref] = self.lives[ref]._replace(is_effective=True, effect_ns=int(after_s * S))


def ref_of(request: CommandRequest) -> str:
    return command_ref(request.command.serial, request.command.spec.id, request.message_id.encode())


@asynccontextmanager
async def serving(desk: MemoryDesk, token: str | None = TOKEN) -> AsyncIterator[str]:
    """The base URL of a server in front of the desk, whose worker consumes as the desk says."""
    requests = CommandRequests(desk, shipped_catalogue(), lambda: token, lambda: NOW)
    meters = Meters()
    meters.look(SourceStatus(desk.source_state, "nobody listens there", 0, 1, 0, 100, 1, 0))
    async with HttpInterface((HOST, 0), meters, commands=requests) as http:
        yield f"http://{HOST}:{http.port}"
