"""Which faults befall the site, and when: drawn from a seed, so that the same seed is the same schedule.

Owns the kinds of fault, by name, and how long each lasts. Pure. Must not know how a fault is inflicted.
"""

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import NamedTuple

WAYS = ("broker", "store")
"""What lies at the far end of a way that a fault can be on, in every shell."""

BRIEF = (1.0, 6.0)
USUAL = (3.0, 12.0)
LONG = (10.0, 45.0)
NOTHING = (0.0, 0.0)


class Kind(NamedTuple):
    """`lasts` least and most seconds; `is_on_a_way` where it befalls the way to the broker or to the store."""

    lasts: tuple[float, float]
    is_on_a_way: bool = False


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "killed": Kind(BRIEF),
        "paused": Kind(USUAL),
        "ended": Kind(BRIEF),
        "broker_stopped": Kind(USUAL),
        "broker_restarted": Kind(NOTHING),
        "broker_killed": Kind(USUAL),
        "broker_paused": Kind(USUAL),
        "store_stopped": Kind(USUAL),
        "store_restarted": Kind(NOTHING),
        "store_killed": Kind(USUAL),
        "store_paused": Kind(USUAL),
        "latency": Kind(USUAL, is_on_a_way=True),
        "bandwidth": Kind(USUAL, is_on_a_way=True),
        "slicer": Kind(USUAL, is_on_a_way=True),
        "black_hole": Kind(LONG, is_on_a_way=True),
        "half_open": Kind(LONG, is_on_a_way=True),
        "reset": Kind(BRIEF, is_on_a_way=True),
        "cut_in_the_middle": Kind(BRIEF, is_on_a_way=True),
        "refused": Kind(USUAL, is_on_a_way=True),
        "disk_full": Kind(USUAL),
        "clock_ahead": Kind(USUAL),
        "clock_behind": Kind(USUAL),
        "token_replaced": Kind(BRIEF),
        "consumer_cancelled": Kind(NOTHING),
        "connections_closed": Kind(NOTHING),
        "killed_without_store": Kind(BRIEF),
        "cut_off_without_store": Kind((3.0, 7.0)),
        "kafka_stopped": Kind(USUAL),
        "kafka_restarted": Kind(NOTHING),
        "kafka_killed": Kind(USUAL),
        "kafka_paused": Kind(USUAL),
    }
)
KAFKA_KINDS = frozenset(kind for kind in KINDS if kind.startswith("kafka_"))
"""What befalls Kafka, and the ways to it beside the others."""
CLOCK_STEPS = frozenset({"clock_ahead", "clock_behind"})


class Drawn(NamedTuple):
    """One fault to come: so long after the one before it has healed. `dice` is for what else it needs, 0 to 1."""

    after_s: float
    kind: str
    way: str
    lasts_s: float
    dice: float

    @property
    def name(self) -> str:
        return f"{self.kind}:{self.way}" if self.way else self.kind


def draw(seed: int, kinds: Sequence[str] = tuple(KINDS), ways: Sequence[str] = WAYS) -> Iterator[Drawn]:
    """Faults without an end. Each kind comes once before any comes again."""
    random = Random(seed)
    deck: list[tuple[str, str]] = []
    while True:
        if not deck:
            deck = [(kind, way) for kind in kinds for way in (ways if KINDS[kind].is_on_a_way else ("",))]
            random.shuffle(deck)
        kind, way = deck.pop()
        least, most = KINDS[kind].lasts
        # Most last for a short while, some long: the square prefers the lower end.
        lasts_s = least + (most - least) * random.random() ** 2
        yield Drawn(round(random.uniform(1.0, 8.0), 3), kind, way, round(lasts_s, 3), round(random.random(), 3))
