"""The scope of a derivation: what it sees, and so what it may say.

Owns the four there are. Must not know what says it (`pipeline.core.derivation`).
"""

from typing import NamedTuple


class Scope(NamedTuple):
    """What may be said.

    `passes_time`    whether the watermark moves, so that something can time out, be nobody's, or fall silent.
    `tells_silence`  whether silences are said, and not only followed.
    `has_chronicle`  whether there are sessions, hours and snapshots.
    """

    passes_time: bool
    tells_silence: bool
    has_chronicle: bool


WHOLE = Scope(passes_time=True, tells_silence=True, has_chronicle=True)
"""All of the operator's queue comes here."""

SHARE = Scope(passes_time=False, tells_silence=False, has_chronicle=False)
"""Somebody else takes a part of the operator's queue: nobody here can say that a response did not come, or that a
charger is silent. What the other part may still refute is not said."""

DEVICES = Scope(passes_time=True, tells_silence=False, has_chronicle=True)
"""All that comes of some devices comes here. Whether many are silent at once is for who sees all of them."""

FLEET = Scope(passes_time=True, tells_silence=True, has_chronicle=False)
"""When each device of the operator's was heard comes here, and nothing else."""
