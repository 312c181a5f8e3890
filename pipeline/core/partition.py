"""Partitions: in which partition of every topic a device is.

Owns the rule, which every producer of ours follows by naming the partition itself: the client libraries have rules of
their own, which differ. Pure. Must not know topics, or a client library.

The rule is that of Kafka's own Java clients for a key (murmur2 of the serial's UTF-8, its sign bit cleared, modulo the
number of partitions), so that what others key by the serial lies beside it.
"""

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_SHIFT = 24
_WORD = 4
_BITS_32 = 0xFFFFFFFF
_POSITIVE = 0x7FFFFFFF
_MOST_REMEMBERED = 262_144

FLEET_PARTITION = 0
"""Where the whole fleet is judged: many silences at once are one outage, wherever their devices are."""


class Partitions:
    """The partitions of topics that all have `count` of them. Remembers the place of serials it met (bounded)."""

    __slots__ = ("_known", "count")

    def __init__(self, count: int) -> None:
        """Raises ValueError for a count below 1."""
        if count < 1:
            raise ValueError("topics have at least one partition")
        self.count = count
        self._known: dict[str, int] = {}

    def of(self, serial: str) -> int:
        """The partition of a device: 0 up to `count` - 1."""
        partition = self._known.get(serial)
        if partition is None:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            key = serial.encode(errors="backslashreplace")
            partition = self._known[serial] = (murmur2(key) & _POSITIVE) % self.count
        return partition


def murmur2(key: bytes) -> int:
    """Murmur2 as Kafka's Java clients have it, as an unsigned number of 32 bits."""
    whole = len(key) - len(key) % _WORD
    mixed = (_SEED ^ len(key)) & _BITS_32
    for place in range(0, whole, _WORD):
        word = int.from_bytes(key[place : place + _WORD], "little") * _MULTIPLIER & _BITS_32
        word = (word ^ word >> _SHIFT) * _MULTIPLIER & _BITS_32
        mixed = mixed * _MULTIPLIER & _BITS_32 ^ word
    if whole < len(key):
        mixed = (mixed ^ int.from_bytes(key[whole:], "little")) * _MULTIPLIER & _BITS_32
    mixed = (mixed ^ mixed >> 13) * _MULTIPLIER & _BITS_32
    return mixed ^ mixed >> 15
