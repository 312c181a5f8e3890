"""What the chargers say: legal messages that bear a number of their own, and such as nobody should send.

Owns the mixture. Pure but for the dice and the numbers it counts: the moment is given. Imports nothing of the program
under test.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

import orjson

S = 10**9
MS = 10**6
IN_2099 = "2099-01-01T00:00:00.0000000Z"
CONFLICT_ID = 65_001
"""An observation that no catalogue has; the bucket holds text in its numbers' field before anything is sent."""
OLD = "EH0OLD"
"""Whose text that is."""
TEXT_ID = 60_001
FOREIGN_ID = 2
"""A command that others send: PollSingle."""
FRAME = 131_072 - 8
"""What RabbitMQ lets one frame carry of a body."""
KEPT = 64 * 1024
MOST = 256 * 1024
SIZES = (*(edge + off for edge in (FRAME, 2 * FRAME, KEPT, MOST) for off in (-1, 0, 1)), MOST + 200_000)
BUNDLE = 250_000
"""What the parts of one message to those who derive rows may take together."""
TEXTS = (KEPT - 1, KEPT, KEPT + 1, BUNDLE - 1_000, BUNDLE)
DERIVED_FROM = 120
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


class Said(NamedTuple):
    """One message, as it goes onto the wire."""

    routing_key: str
    arrival: str | None
    body: bytes


def stamp(time: int) -> str:
    """As it stands on the wire: seven digits."""
    seconds, rest = divmod(time, S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 100:07d}Z"


class Chargers:
    """Every charger counts what it says, so that each message is one of a kind."""

    def __init__(self, seed: int, count: int) -> None:
        self._random = Random(seed)
        self.serials = [f"EH9{number:05d}" for number in range(count)]
        self._counts = dict.fromkeys(self.serials, 0)
        self._ways = [way for way, weight in _MIXTURE for _ in range(weight)]
        self._sizes = self._texts = 0

    def say(self, now: int, count: int) -> list[Said]:
        """About so many messages of this moment, nanoseconds."""
        said: list[Said] = []
        while len(said) < count:
            serial = self._random.choice(self.serials)
            said += self._random.choice(self._ways)(self, serial, now)
        return said

    def next(self, serial: str) -> int:
        self._counts[serial] += 1
        return self._counts[serial]

    def observe(self, serial: str, number: int, value: object, now: int, *, name: str = "", **others: object) -> Said:
        """An observation; the device stamped it in whole seconds, the cloud had it a moment ago."""
        body = {"Id": number, "Name": name, "Timestamp": stamp(now // S * S), "Value": value, **others}
        arrival = now - self._random.randrange(200) * MS
        return Said(f"{serial}.O.{number}", stamp(max(arrival, now // S * S)), orjson.dumps(body))

    def counter(self, serial: str, now: int) -> Iterator[Said]:
        yield self.observe(serial, 120, float(self.next(serial)), now, name="TotalPower")

    def text(self, serial: str, now: int) -> Iterator[Said]:
        yield self.observe(serial, TEXT_ID, f'n {self.next(serial)}, "\\', now, Description="[String]")

    def mode(self, serial: str, now: int) -> Iterator[Said]:
        yield self.observe(serial, 109, self.next(serial) % 7, now, name="ChargerOpMode")

    def energy(self, serial: str, now: int) -> Iterator[Said]:
        yield self.observe(serial, 124, self.next(serial) / 1000, now, name="LifetimeEnergy")

    def phases(self, serial: str, now: int) -> Iterator[Said]:
        """Three values that align in one row."""
        for number in (182, 183, 184):
            yield self.observe(serial, number, float(self.next(serial)), now)

    def twice(self, serial: str, now: int) -> Iterator[Said]:
        """The same id in the same second, and both must stay."""
        yield self.observe(serial, 120, float(self.next(serial)), now, name="TotalPower")
        yield self.observe(serial, 120, 0, now, name="TotalPower")
        self.next(serial)

    def replaced(self, serial: str, now: int) -> Iterator[Said]:
        """The same id in the same second, and the last one counts."""
        for _ in range(2):
            yield self.observe(serial, 190, float(self.next(serial)), now)

    def odd(self, serial: str, now: int) -> Iterator[Said]:
        """Values that do not fit, forms that are rare."""
        count = self.next(serial)
        way = self._random.randrange(8)
        if way == 0:
            yield self.observe(serial, 120, None, now)
        elif way == 1:
            yield self.observe(serial, 31, self._random.choice(("True", "0", False)), now, name="IsEnabled")
        elif way == 2:
            yield self.observe(serial, 120, f"not {count}", now)
        elif way == 3:
            yield self.observe(serial, 120, f" {count} ", now)._replace(arrival=None)
        elif way == 4:
            said = self.observe(serial, 115, float(count), now)
            yield said._replace(routing_key=f"{said.routing_key}.{count}")
        elif way == 5:
            said = self.observe(serial, 115, float(count), now)
            yield said._replace(
                body=orjson.dumps({"Observation": orjson.loads(said.body), "RoutingKey": said.routing_key})
            )
        elif way == 6:
            yield self.observe(serial, 60_002 + count % 5, {"n": [count]}, now)
        else:
            yield self.observe(serial, 115, count, now)._replace(arrival=IN_2099)

    def flushed(self, serial: str, now: int) -> Iterator[Said]:
        """What a charger kept while it was offline."""
        for back in sorted((self._random.randrange(7_000) for _ in range(5)), reverse=True):
            said = self.observe(serial, 120, float(self.next(serial)), now - back * S)
            yield said._replace(arrival=stamp(now))

    def foreign(self, serial: str, now: int) -> Iterator[Said]:
        """An answer to what somebody else sent."""
        body = {
            "Comment": None,
            "DeliveredAt": stamp(now - 300 * MS),
            "Id": FOREIGN_ID,
            "SerialNumber": serial,
            "Ticks": self.next(serial),
            "Timestamp": stamp(now - 400 * MS + self._random.randrange(MS)),
            "WasAccepted": True,
        }
        yield Said(f"{serial}.CR.{FOREIGN_ID}", stamp(now), orjson.dumps(body))

    def conflict(self, serial: str, now: int) -> Iterator[Said]:
        """A number where the bucket has text."""
        yield self.observe(serial, CONFLICT_ID, self.next(serial), now)

    def size(self, serial: str, now: int) -> Iterator[Said]:
        """A body of just such a length; every other one is no JSON besides."""
        self._sizes += 1
        length, count = SIZES[self._sizes % len(SIZES)], float(self.next(serial))
        bare = self.observe(serial, 115, count, now, Description="")
        said = self.observe(serial, 115, count, now, Description="x" * (length - len(bare.body)))
        yield said if self._sizes % 2 else said._replace(body=said.body[:-1] + b",")

    def long_text(self, serial: str, now: int) -> Iterator[Said]:
        """A text that is stored whole: of an unknown id, or in place of a number that rows follow from."""
        self._texts += 1
        beginning = f'n {self.next(serial)}, "\\'
        text = beginning + "x" * (TEXTS[self._texts % len(TEXTS)] - len(beginning))
        yield self.observe(serial, (TEXT_ID, DERIVED_FROM)[self._texts % 2], text, now)

    def broken(self, serial: str, now: int) -> Iterator[Said]:
        """What must end as a reject, each for its own reason."""
        count = self.next(serial)
        said = self.observe(serial, 120, float(count), now)
        body = said.body
        ways: Sequence[Callable[[], Said]] = (
            lambda: said._replace(body=body[:-3]),
            lambda: said._replace(body=b"\xff\xfe" + body),
            lambda: said._replace(body=f"[{count}]".encode()),
            lambda: said._replace(body=b"[" * 40 + str(count).encode()),
            lambda: said._replace(routing_key=f"{serial}.O.121"),
            lambda: said._replace(routing_key=f"{serial}.O"),
            lambda: said._replace(routing_key=f"{serial}.OP.120"),
            lambda: said._replace(routing_key=f"{serial}.SYS"),
            lambda: said._replace(routing_key=f"{serial} {count}.O.120"),
            lambda: said._replace(body=body.replace(b'"Value"', b'"Worth"')),
            lambda: said._replace(body=_stamped(body, f"soon {count}")),
            lambda: said._replace(body=_stamped(body, stamp(count * S))),
            lambda: said._replace(body=_stamped(body, stamp(now + 90_000 * S))),
            lambda: said._replace(body=body + b"\x00" * (count % 50 + 1)),
        )
        yield self._random.choice(ways)()


def _stamped(body: bytes, text: str) -> bytes:
    return orjson.dumps({**orjson.loads(body), "Timestamp": text})


_MIXTURE: Sequence[tuple[Callable[[Chargers, str, int], Iterator[Said]], int]] = (
    (Chargers.counter, 500),
    (Chargers.text, 150),
    (Chargers.mode, 40),
    (Chargers.energy, 60),
    (Chargers.phases, 40),
    (Chargers.twice, 50),
    (Chargers.replaced, 20),
    (Chargers.odd, 60),
    (Chargers.flushed, 10),
    (Chargers.foreign, 20),
    (Chargers.conflict, 5),
    (Chargers.size, 1),
    (Chargers.long_text, 1),
    (Chargers.broken, 25),
)
