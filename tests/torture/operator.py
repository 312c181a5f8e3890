"""The operator of the generator: commands sent through the worker, and copies of commands that others sent.

Owns what is asked of the worker, and the log of it. Whoever is not answered asks again under the same key, as a backend
would. Imports nothing of the program under test.
"""

import asyncio
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import Random
from time import time_ns
from typing import NamedTuple
from urllib.parse import urlsplit

import aio_pika
import orjson

from tests.torture.folder import COMMANDS, COPIES, append
from tests.torture.messages import S, stamp

ASK_S = 30
AGAIN_S = 0.5
COMMANDS_SENT = ((48, 6), (47, 3), (1, 1))
TOLD = (201, 202)


class Asked(NamedTuple):
    """One command: `key` names it for ever; `expires_s` after it was sent, None where it does not expire."""

    key: str
    serial: str
    command_id: int
    amperes: int | None
    expires_s: int | None


class Operator:
    """See above. `take` is told of each command that others sent, which reached the cloud without the worker."""

    def __init__(
        self, folder: Path, url: str, token: str, serials: list[str], seed: int, take: Callable[[str, str, bytes], None]
    ) -> None:
        self._log = folder / COMMANDS
        self._url = url
        self._token = token
        self._serials = serials
        self._random = Random(seed)
        self._take = take
        self._count = 0

    def draw(self) -> Asked:
        """The next command. Some chargers get one shortly after another."""
        self._count += 1
        command_id = self._random.choices([each for each, _ in COMMANDS_SENT], [each for _, each in COMMANDS_SENT])[0]
        serial = self._serials[int(self._random.random() ** 2 * len(self._serials))]
        amperes = self._random.randint(6, 32) if command_id > 1 else None
        expires_s = 4 if self._random.random() < 0.15 else None
        return Asked(f"torture-{self._count}", serial, command_id, amperes, expires_s)

    async def send(self, asked: Asked) -> None:
        """Through the worker, until it says what became of it."""
        body: dict[str, object] = {"serial": asked.serial, "command": asked.command_id}
        if asked.amperes is not None:
            body["arguments"] = [asked.amperes]
        if asked.command_id == 48:
            body["ttl"] = 5
        if asked.expires_s is not None:
            body["expires_in_s"] = asked.expires_s
        append(
            self._log,
            {"is": "asked", "key": asked.key, "at": time_ns(), "serial": asked.serial, "id": asked.command_id},
        )
        while True:
            status, answer = await asyncio.to_thread(self._post, asked.key, orjson.dumps(body))
            if status in TOLD:
                append(self._log, {"is": "told", "key": asked.key, "at": time_ns(), "status": status, "as": answer})
                return
            if 400 <= status < 500:
                append(self._log, {"is": "refused", "key": asked.key, "at": time_ns(), "status": status, "as": answer})
                return
            await asyncio.sleep(AGAIN_S)

    async def send_as_others(self, asked: Asked, url: str) -> None:
        """Past the worker: the cloud has it at once, and the copy comes to the worker's other queue."""
        now = time_ns() // 100 * 100
        values = [] if asked.amperes is None else [asked.amperes, *([5] if asked.command_id == 48 else [])]
        document: dict[str, object] = {
            "Id": asked.command_id,
            "Arguments": [{"Id": place, "Value": f"{value}"} for place, value in enumerate(values, 1)],
        }
        if asked.expires_s is not None:
            document["ExpiresAt"] = stamp(now + asked.expires_s * S)
        key, body = f"{asked.serial}.C.{asked.command_id}", orjson.dumps(document)
        entry = {"key": asked.key, "serial": asked.serial, "id": asked.command_id, "published_at": now}
        append(self._log, {"is": "copy", "at": now, "expires_at": expires_at(asked, now), **entry, "b": body.decode()})
        self._take(asked.key, key, body)
        message = aio_pika.Message(
            body,
            headers={"PublishedAt": stamp(now)},
            message_id=asked.key,
            delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        )
        while True:
            try:
                async with await asyncio.wait_for(aio_pika.connect(url), ASK_S) as connection:
                    channel = await connection.channel(on_return_raises=True)
                    await asyncio.wait_for((await channel.get_exchange(COPIES)).publish(message, key), ASK_S)
                append(self._log, {"is": "copied", "at": time_ns(), "key": asked.key})
                return
            except (aio_pika.exceptions.AMQPError, OSError, RuntimeError, TimeoutError):
                await asyncio.sleep(AGAIN_S)

    def _post(self, key: str, body: bytes) -> tuple[int, object]:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        try:
            with closing(HTTPConnection(urlsplit(self._url).netloc, timeout=ASK_S)) as connection:
                connection.request("POST", "/v1/commands", body, headers)
                answer = connection.getresponse()
                return answer.status, orjson.loads(answer.read())
        except (OSError, HTTPException, ValueError):
            return 0, None


def expires_at(asked: Asked, now: int) -> int | None:
    return None if asked.expires_s is None else now + asked.expires_s * S
