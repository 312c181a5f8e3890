"""Rows into the store, whatever is wrong with one of them.

Owns that a fault of ours costs the row it is about, and no other. Must not know topics, or what a row is of.
"""

import logging
from collections.abc import Sequence

from pipeline.log import place_of_fault
from pipeline.wires.store import Refusal, Store, StoreUnavailableError
from schemas.reject import RejectReason
from schemas.row import Row

_LOG = logging.getLogger(__name__)


def write_rows(store: Store, rows: Sequence[Row]) -> Sequence[Refusal]:
    """See Store.write. A row that makes the program fail is refused as internal; all others are written in order."""
    try:
        return store.write(rows)
    except StoreUnavailableError:
        raise
    except Exception as fault:
        if len(rows) == 1:
            _LOG.error("%s: a row of %s is rejected as internal; please report this", place_of_fault(fault), rows[0][0])
            return (Refusal(0, RejectReason.INTERNAL, place_of_fault(fault)),)
    middle = len(rows) // 2
    before = write_rows(store, rows[:middle])
    behind = write_rows(store, rows[middle:])
    return (*before, *(refusal._replace(row=middle + refusal.row) for refusal in behind))
