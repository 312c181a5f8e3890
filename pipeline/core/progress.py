"""Progress: what must be kept of a round of the derivation, so that a restart goes on from there.

Owns the record. Must not know how it is kept, or what a fact means.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pipeline.core.kept_facts import KeptKey


class Progress(NamedTuple):
    """What must be kept of a round, so that the next life of this program goes on from there.

    `facts`      what the tracker remembers since the round before, None for what it forgot.
    `heard`      when each device was heard last, nanoseconds: of those heard since then, or with `is_all` of all.
    `watermark`  up to when everything is known; None where nothing moved it yet.
    """

    facts: Mapping[KeptKey, bytes | None]
    heard: Mapping[str, int]
    is_all: bool
    watermark: int | None
