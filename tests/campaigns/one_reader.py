"""One reader of a stream: what follows where one derivation reads it message by message, in the order of the queue.

Owns that reading. Nobody who reads in order knows of an end sooner, so that what he took back, nobody else may have
waited for. Must not know which shell is held against it.
"""

from collections.abc import Sequence

from pipeline.core.decode import Decoder
from pipeline.core.derivation import Derivation, Spans
from pipeline.core.redaction import Personal, Redaction
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from tests.oracle.stores import Rows


def read_one_by_one(deliveries: Sequence[Delivery], copies: Sequence[Delivery], spans: Spans, watermark: int) -> Rows:
    """All rows as they stand in the end, when everything before `watermark` is known; copies are known from the first.

    Rows that were taken back are among them.
    """
    catalogue = shipped_catalogue()
    decoder, derivation = Decoder(catalogue, Redaction(Personal.DROP)), Derivation(catalogue, spans)
    rows: Rows = {}
    derivation.take_copies(decoder.decode(copies).outcomes)
    for delivery in deliveries:
        derivation.take(decoder.decode([delivery]).outcomes)
        _finish(derivation, rows)
    derivation.queue_was_empty(watermark)
    _finish(derivation, rows)
    return rows


def _finish(derivation: Derivation, rows: Rows) -> None:
    is_whole = False
    while not is_whole:
        told = derivation.advance()
        for row in told.rows:
            tags = tuple(sorted((name, value) for name, value in row.tags if value))
            rows.setdefault((row.measurement, row.charger, tags, row.time), {}).update(row.fields)
        derivation.kept()
        is_whole = told.is_whole
