"""Which processes make up each shell, and what each of them takes.

Owns the table. Another shell is another line: its processes are tortured as these are.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from tests.torture.plan import KAFKA_KINDS


class Part(NamedTuple):
    """One process: its name, its role, and the words after `chargeline`.

    `stores`            it writes to the store.
    `takes_partitions`  it works on the partitions that Kafka gives it, which may be none.
    """

    name: str
    role: str
    words: tuple[str, ...]
    stores: bool
    takes_partitions: bool


class Shell(NamedTuple):
    """What makes up a shell. `spares`: kinds of fault that cannot befall it, for it has nothing for them to befall."""

    parts: tuple[Part, ...]
    has_kafka: bool
    spares: frozenset[str]

    def roles(self, *, that_store: bool = False) -> tuple[str, ...]:
        """Each role once, in the order of the table."""
        return tuple(dict.fromkeys(part.role for part in self.parts if part.stores or not that_store))


def _roles(count: int) -> tuple[Part, ...]:
    return tuple(
        Part(f"{role}-{number}", role, ("run", "--role", role), role == "write", role != "bridge")
        for role in ("bridge", "track", "write")
        for number in range(count)
    )


SHELLS: Mapping[str, Shell] = MappingProxyType(
    {
        "single": Shell((Part("worker", "worker", ("run",), True, False),), has_kafka=False, spares=KAFKA_KINDS),
        "kafka": Shell(_roles(2), has_kafka=True, spares=frozenset({"disk_full"})),
    }
)
"""The roles keep nothing in DATA_DIR, so a full disk is nothing to them."""


def shell_of(name: str) -> Shell:
    """Raises ValueError, with words, for a shell that is not there."""
    if name in SHELLS:
        return SHELLS[name]
    raise ValueError(f"{name!r} is no shell; there is {', '.join(SHELLS)}")
