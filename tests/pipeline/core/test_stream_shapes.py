"""Stream shapes: each has the members of its record, in their order, and every record has a shape."""

from typing import get_args

import pytest

from pipeline.core.stream_shapes import KINDS, SHAPES, StreamRecord


def test_every_record_has_a_kind_and_every_kind_a_shape() -> None:
    assert set(KINDS) == set(get_args(StreamRecord))
    assert sorted(KINDS.values()) == sorted(SHAPES)


@pytest.mark.parametrize("record", KINDS, ids=KINDS.get)
def test_a_shape_has_the_fields_of_its_record(record: type[StreamRecord]) -> None:
    members = [name.removesuffix("_base64") for name in SHAPES[KINDS[record]].members]
    assert members == list(record._fields)
