"""Where what happens to commands stands in time: two commands of one moment never share a row.

Owns the distance. Must not know what the moment is of.
"""

from zlib import crc32

_SPREAD_NS = 100
"""The resolution of times on the wire."""


def apart(moment: int, ref: str) -> int:
    """A moment of a command, moved within the resolution of the wire by the ref of its sending; nanoseconds."""
    return moment + crc32(ref.encode()) % _SPREAD_NS
