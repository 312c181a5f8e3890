"""Which faults befall the site, and when: drawn from a seed, so that the same seed is the same schedule.

Owns the kinds of fault, by name, and how long each lasts. Pure. Must not know how a fault is inflicted.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from random import Random
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

BRIEF = (1.0, 6.0)
USUAL = (3.0, 12.0)
LONG = (10.0, 45.0)
BEYOND_SESSION = (15.0, 20.0)
"""Kafka throws a member out of its group once it is silent for ten seconds."""
NOTHING = (0.0, 0.0)


class Befalls(StrEnum):
    """What a fault falls on: all that there is, one of the ways, one process, or one that writes to the store."""

    SITE = "site"
    WAY = "way"
    PROCESS = "process"
    WRITER = "writer"


class Kind(NamedTuple):
    """`lasts` least and most seconds."""

    lasts: tuple[float, float]
    befalls: Befalls = Befalls.SITE


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "killed": Kind(BRIEF, Befalls.PROCESS),
        "paused": Kind(USUAL, Befalls.PROCESS),
        "ended": Kind(BRIEF, Befalls.PROCESS),
        "broker_stopped": Kind(USUAL),
        "broker_restarted": Kind(NOTHING),
        "broker_killed": Kind(USUAL),
        "broker_paused": Kind(USUAL),
        "store_stopped": Kind(USUAL),
        "store_restarted": Kind(NOTHING),
        "store_killed": Kind(USUAL),
        "store_paused": Kind(USUAL),
        "latency": Kind(USUAL, Befalls.WAY),
        "bandwidth": Kind(USUAL, Befalls.WAY),
        "slicer": Kind(USUAL, Befalls.WAY),
        "black_hole": Kind(LONG, Befalls.WAY),
        "half_open": Kind(LONG, Befalls.WAY),
        "reset": Kind(BRIEF, Befalls.WAY),
        "cut_in_the_middle": Kind(BRIEF, Befalls.WAY),
        "refused": Kind(USUAL, Befalls.WAY),
        "disk_full": Kind(USUAL),
        "clock_ahead": Kind(USUAL),
        "clock_behind": Kind(USUAL),
        "token_replaced": Kind(BRIEF),
        "consumer_cancelled": Kind(NOTHING),
        "connections_closed": Kind(NOTHING),
        "killed_without_store": Kind(BRIEF, Befalls.WRITER),
        "cut_off_without_store": Kind((3.0, 7.0), Befalls.WRITER),
        "kafka_stopped": Kind(USUAL),
        "kafka_restarted": Kind(NOTHING),
        "kafka_killed": Kind(USUAL),
        "kafka_paused": Kind(USUAL),
        "killed_without_kafka": Kind(BRIEF, Befalls.PROCESS),
        "paused_beyond_session": Kind(BEYOND_SESSION, Befalls.PROCESS),
    }
)
KAFKA_KINDS = frozenset({"paused_beyond_session", *(kind for kind in KINDS if "kafka" in kind)})
"""What needs a Kafka, beside the ways to it."""
CLOCK_STEPS = frozenset({"clock_ahead", "clock_behind"})
ONE_OF_EACH: Sequence[frozenset[str]] = (
    frozenset({"broker_stopped", "broker_restarted", "broker_killed"}),
    frozenset({"store_stopped", "store_killed", "store_paused"}),
    frozenset({"kafka_stopped", "kafka_killed", "kafka_paused"}),
    frozenset({"token_replaced"}),
    frozenset(kind for kind, each in KINDS.items() if each.befalls is Befalls.WAY),
    frozenset(kind for kind, each in KINDS.items() if each.befalls is Befalls.WRITER),
)
"""Of each of these one card comes early, as do all that befall a process: a run need not be long to have them."""

Targets: TypeAlias = Mapping[Befalls, Sequence[str]]
"""The names of all ways, and of the roles that processes have."""
SINGLE: Targets = MappingProxyType(
    {Befalls.WAY: ("broker", "store"), Befalls.PROCESS: ("worker",), Befalls.WRITER: ("worker",)}
)


class Card(NamedTuple):
    """A kind of fault, and the way or the role that it falls on; empty where it falls on the site."""

    kind: str
    on: str

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.on}" if self.on else self.kind


class Drawn(NamedTuple):
    """One fault to come: so long after the one before it has healed. `dice` is for what else it needs, 0 to 1."""

    after_s: float
    card: Card
    lasts_s: float
    dice: float

    @property
    def is_on_a_process(self) -> bool:
        return KINDS[self.card.kind].befalls in (Befalls.PROCESS, Befalls.WRITER)


def cards(kinds: Sequence[str] = tuple(KINDS), targets: Targets = SINGLE) -> list[Card]:
    """The deck, in no order that matters."""
    return [Card(kind, on) for kind in kinds for on in targets.get(KINDS[kind].befalls, ("",))]


def draw(seed: int, kinds: Sequence[str] = tuple(KINDS), targets: Targets = SINGLE) -> Iterator[Drawn]:
    """Faults without an end. Each card comes once before any comes again."""
    random = Random(seed)
    while True:
        deck = cards(kinds, targets)
        random.shuffle(deck)
        early = _early(deck)
        random.shuffle(early)
        for card in [*early, *(each for each in deck if each not in early)]:
            least, most = KINDS[card.kind].lasts
            # Most last for a short while, some long: the square prefers the lower end.
            lasts_s = least + (most - least) * random.random() ** 2
            yield Drawn(round(random.uniform(1.0, 8.0), 3), card, round(lasts_s, 3), round(random.random(), 3))


def _early(deck: Sequence[Card]) -> list[Card]:
    """What comes before all else."""
    early = [card for card in deck if KINDS[card.kind].befalls is Befalls.PROCESS]
    return early + [card for kinds in ONE_OF_EACH for card in [each for each in deck if each.kind in kinds][:1]]
