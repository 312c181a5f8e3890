"""Transformations: each as Grafana does it, and every one that a dashboard uses is known."""

import pytest

from tests.dashboards.boards import read_boards
from tests.dashboards.nodes import Json, items, text
from tests.pictures.frames import Column, Frame, Value
from tests.pictures.transformations import transform


def frame(**columns: list[Value]) -> Frame:
    return Frame(tuple(Column(name, values) for name, values in columns.items()))


def content(found: Frame) -> dict[str, list[Value]]:
    return {column.name: list(column.values) for column in found.columns}


def done(frames: list[Frame], kind: str, options: Json) -> dict[str, list[Value]]:
    (found,) = transform(frames, [{"id": kind, "options": options}])
    return content(found)


ONE = frame(charger=["a", "b"], sent=[1.0, 3.0])
OTHER = frame(charger=["b", "c"], late=[2.0, 4.0])


def test_frames_are_merged_by_what_they_share() -> None:
    assert done([ONE, OTHER], "merge", {}) == {
        "charger": ["a", "b", "c"],
        "sent": [1.0, 3.0, None],
        "late": [None, 2.0, 4.0],
    }
    assert transform([], [{"id": "merge", "options": {}}]) == []


def test_columns_are_left_out_ordered_and_renamed() -> None:
    assert done([ONE], "filterFieldsByName", {"exclude": {"names": ["sent"]}}) == {"charger": ["a", "b"]}
    options: Json = {"excludeByName": {"gone": True}, "indexByName": {"sent": 0}, "renameByName": {"sent": "Sent"}}
    assert list(done([frame(charger=["a"], gone=[1.0], sent=[2.0])], "organize", options)) == ["Sent", "charger"]


@pytest.mark.parametrize(("is_down", "order"), [(True, [3.0, 1.0, None]), (False, [None, 1.0, 3.0])])
def test_rows_are_sorted(is_down: bool, order: list[Value]) -> None:
    options: Json = {"fields": {}, "sort": [{"desc": is_down, "field": "n"}]}
    assert done([frame(n=[1.0, None, 3.0])], "sortBy", options) == {"n": order}


def test_the_first_rows_are_kept() -> None:
    assert done([ONE], "limit", {"limitField": 1}) == {"charger": ["a"], "sent": [1.0]}


def test_rows_are_grouped_and_counted() -> None:
    options: Json = {
        "fields": {
            "why": {"aggregations": [], "operation": "groupby"},
            "who": {"aggregations": ["count", "distinctCount"], "operation": "aggregate"},
        }
    }
    assert done([frame(why=["x", "y", "x"], who=["a", "b", "a"])], "groupBy", options) == {
        "why": ["x", "y"],
        "who (count)": [2.0, 1.0],
        "who (distinctCount)": [1.0, 1.0],
    }


def test_columns_are_added_up() -> None:
    options: Json = {"alias": "sum", "mode": "reduceRow", "reduce": {"include": ["a", "b"], "reducer": "sum"}}
    assert done([frame(a=[1.0, None], b=[2.0, 5.0], c=[9.0, 9.0])], "calculateField", options)["sum"] == [3.0, 5.0]


def test_texts_become_times() -> None:
    options: Json = {"conversions": [{"destinationType": "time", "targetField": "at"}]}
    texts: list[Value] = ["1970-01-01T00:00:02.500000000Z", "", None]
    assert done([frame(at=texts)], "convertFieldType", options) == {"at": [2.5e9, None, None]}


def test_one_that_is_not_known_is_no_picture() -> None:
    with pytest.raises(KeyError):
        transform([ONE], [{"id": "joinByField", "options": {}}])


def test_every_one_of_the_dashboards_is_known() -> None:
    for board in read_boards().values():
        for panel in board.panels:
            for each in items(panel, "transformations"):
                assert transform([], [each]) == [], text(each, "id")
