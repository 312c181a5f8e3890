"""Asking a server about commands over a real socket, every answer held against the document."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeVar

import aiohttp
import orjson

from pipeline.core.body import Json
from tests.pipeline.wires.documented import faults_of_answer
from tests.pipeline.wires.memory_desk import TOKEN, MemoryDesk, serving

COMMANDS = "/v1/commands"
BODY: dict[str, Json] = {
    "serial": "EH123456",
    "command": "SetDynamicChargerCurrent",
    "arguments": ["13"],
    "ttl": 5,
    "expires_in_s": 60,
}
BEARER = {"Authorization": f"Bearer {TOKEN}"}
JSON = {"Content-Type": "application/json"}
PATIENCE_S = 60.0
T = TypeVar("T")


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    document: dict[str, Json]

    @property
    def code(self) -> Json:
        """Of an error."""
        error = self.document["error"]
        return error["code"] if isinstance(error, dict) and error.keys() == {"code", "message"} else None

    @property
    def message(self) -> str:
        error = self.document["error"]
        return str(error["message"]) if isinstance(error, dict) else ""


Ask = Callable[..., Awaitable[Answer]]


def converse(desk: MemoryDesk, conversation: Callable[[Ask], Awaitable[T]], token: str | None = TOKEN) -> T:
    """Ask a server that stands before this desk."""

    async def within() -> T:
        async with serving(desk, token) as base, aiohttp.ClientSession() as session:

            async def ask(
                path: str = COMMANDS,
                data: bytes | dict[str, Json] | None = None,
                *,
                method: str = "",
                headers: Mapping[str, str] = BEARER | JSON,
            ) -> Answer:
                body = orjson.dumps(data) if isinstance(data, dict) else data
                method = method or ("GET" if data is None else "POST")
                async with session.request(method, base + path, data=body, headers=headers) as response:
                    assert response.headers["Content-Type"] == "application/json"
                    assert response.headers["Cache-Control"] == "no-store"
                    document = orjson.loads(await response.read())
                    assert faults_of_answer(path, method, response.status, document) == []
                    return Answer(response.status, dict(response.headers), document)

            return await asyncio.wait_for(conversation(ask), PATIENCE_S)

    return asyncio.run(within())


def ask_once(path: str = COMMANDS, data: bytes | dict[str, Json] | None = None, **options: object) -> Answer:
    return converse(MemoryDesk(), lambda ask: ask(path, data, **options))


def post(desk: MemoryDesk, **members: Json) -> Answer:
    return converse(desk, lambda ask: ask(data=BODY | members))
