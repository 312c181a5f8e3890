"""The profile: whose frame decides, and the table."""

import inspect

import orjson

from pipeline.core.decode import Decoder
from pipeline.core.redaction import Personal, Redaction
from schemas.catalogue import shipped_catalogue
from schemas.delivery import Delivery
from tests.bench.stage_profile import stage_of, stage_table


class Body(bytes):
    """A body that looks at the stack when somebody measures it."""

    def __len__(self) -> int:
        self.stage = stage_of(inspect.currentframe())
        return super().__len__()


def test_the_innermost_frame_that_has_a_stage_decides() -> None:
    body = Body(orjson.dumps({"Id": 48}))
    Decoder(shipped_catalogue(), Redaction(Personal.DROP)).decode([Delivery("EH000001.O.48", {}, body, 0)])
    assert body.stage == "decode"
    assert stage_of(None) == "rest"


def test_the_dearest_stage_comes_first() -> None:
    heading, first, second = stage_table({"rows": 1_000_000, "decode": 3_000_000}, 1_000).splitlines()
    assert heading.split() == ["µs", "share"]
    assert first.split() == ["decode", "3.00", "75.0%"]
    assert second.split() == ["rows", "1.00", "25.0%"]
