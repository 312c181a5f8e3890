"""Which processes make up each shell, and what each of them takes.

Owns the table. Another shell is another line: its processes are tortured as these are.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from tests.torture.plan import KAFKA_KINDS


class Part(NamedTuple):
    """One process: its name, and the words after `chargeline`. `stores`: it says what is durable in the store."""

    name: str
    words: tuple[str, ...]
    stores: bool


class Shell(NamedTuple):
    """What makes up a shell. `spares`: kinds of fault that cannot befall it, for it has nothing for them to befall."""

    parts: tuple[Part, ...]
    has_kafka: bool
    spares: frozenset[str]


def _roles(count: int) -> tuple[Part, ...]:
    return tuple(
        Part(f"{role}-{number}", ("run", "--role", role), role == "write")
        for role in ("bridge", "track", "write")
        for number in range(count)
    )


SHELLS: Mapping[str, Shell] = MappingProxyType(
    {
        "single": Shell((Part("worker", ("run",), True),), has_kafka=False, spares=KAFKA_KINDS),
        "kafka": Shell(_roles(2), has_kafka=True, spares=frozenset({"disk_full"})),
    }
)
"""The roles keep nothing in DATA_DIR, so a full disk is nothing to them."""


def shell_of(name: str) -> Shell:
    """Raises ValueError, with words, for a shell that is not there."""
    if name in SHELLS:
        return SHELLS[name]
    raise ValueError(f"{name!r} is no shell; there is {', '.join(SHELLS)}")
