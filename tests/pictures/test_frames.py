"""Frames of answers: names by alias or by Grafana's own rule, one table of all series."""

from tests.pictures.frames import TIME, Column, Frame, table, time_series
from tests.services.influxdb import Record


def record(charger: str, time: int, **values: float | str | None) -> Record:
    return Record("charger_power", {"charger": charger}, {"time": time, **values})


TWO = [record("EH1", 1, kw=2), record("EH1", 2, kw=None), record("EH2", 1, kw=7.5)]


def test_each_series_and_field_is_a_frame_named_by_its_alias() -> None:
    first, second = time_series(TWO, "$tag_charger: $col of [[m]]")
    assert first == Frame(
        (Column(TIME, [1.0, 2.0]), Column("EH1: kw of charger_power", [2.0, None], {"charger": "EH1"}))
    )
    assert second.columns[1].name == "EH2: kw of charger_power"


def test_without_an_alias_it_has_its_measurement_field_and_tags() -> None:
    assert [frame.columns[1].name for frame in time_series(TWO, "")] == [
        "charger_power.kw {charger: EH1}",
        "charger_power.kw {charger: EH2}",
    ]


def test_a_table_has_all_rows_with_their_tags() -> None:
    (frame,) = table(TWO)
    assert [(column.name, list(column.values)) for column in frame.columns] == [
        (TIME, [1.0, 2.0, 1.0]),
        ("charger", ["EH1", "EH1", "EH2"]),
        ("kw", [2.0, None, 7.5]),
    ]
    assert table([]) == []
