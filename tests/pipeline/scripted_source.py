"""A source for tests of the worker: it delivers what it is given, and keeps what the worker did with it.

The real one, at a real broker, is in tests/pipeline/wires/test_amqp.py and tests/campaigns.
"""

import asyncio
from collections import deque
from collections.abc import Sequence

from pipeline.wires.source import Piece, QueueAnswer, SourceState, SourceStatus, Token
from schemas.delivery import Delivery


class ScriptedSource:
    """See pipeline.wires.source.Source.

    `gate`  closed, it holds an acknowledgement up, as a slow broker does.
    """

    def __init__(self) -> None:
        self.acknowledged: list[Token] = []
        self.events: list[str] = []
        self.epoch = 1
        self.backlog = 0
        self.answer: QueueAnswer | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self._tag = 0
        self._pieces: deque[Piece] = deque()
        self._arrived = asyncio.Event()
        self._stopped = asyncio.Event()
        self._state = SourceState.CONSUMING
        self._words = ""

    def turn(self, state: SourceState, words: str) -> None:
        """It is so from now on."""
        self._state = state
        self._words = words

    @property
    def is_wanted(self) -> bool:
        """Whether it may consume."""
        return self._state is SourceState.CONSUMING

    @property
    def waiting(self) -> int:
        """Pieces that nobody has taken."""
        return len(self._pieces)

    def deliver(self, deliveries: Sequence[Delivery], redelivered: int = 0) -> Token:
        """The next piece; its token."""
        self._tag += len(deliveries)
        token = Token(self.epoch, self._tag)
        self._pieces.append(Piece(deliveries, token, redelivered))
        self._arrived.set()
        return token

    def lose_channel(self) -> None:
        """A new epoch begins; what was delivered before is not ours any more."""
        self.epoch += 1
        self._tag = 0
        self._pieces.clear()

    async def run(self) -> None:
        await self._stopped.wait()

    async def next_piece(self, most: int, wait_s: float) -> Piece | None:
        if not self._pieces:
            self._arrived.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._arrived.wait()
            except TimeoutError:
                return None
        await asyncio.sleep(0)
        if not self._pieces:
            return None
        piece = self._pieces.popleft()
        rest = piece.deliveries[most:]
        if not rest:
            return piece
        self._pieces.appendleft(piece._replace(deliveries=rest))
        token = piece.token._replace(tag=piece.token.tag - len(rest))
        return Piece(piece.deliveries[:most], token, 0)

    def is_current(self, token: Token) -> bool:
        return token.epoch == self.epoch and self._state is SourceState.CONSUMING

    async def acknowledge(self, token: Token) -> None:
        await self.gate.wait()
        self.acknowledged.append(token)

    def hand_back(self, why: str) -> None:
        self.events.append(f"hand back: {why}")
        self.lose_channel()
        self._state = SourceState.HANDED_BACK

    def resume(self) -> None:
        self.events.append("resume")
        self._state = SourceState.CONSUMING

    def reload(self) -> None:
        self.events.append("reload")

    async def cancel(self) -> None:
        self.events.append("cancel")
        self._pieces.clear()
        self._arrived.set()

    def stop(self) -> None:
        self.events.append("stop")
        self._stopped.set()

    @property
    def status(self) -> SourceStatus:
        return SourceStatus(self._state, self._words, self.backlog, 1, 0, 100, 1, 0, self.answer)
