"""What a panel shows: its queries asked at a real InfluxDB, their answers as frames, transformed.

Owns who asks. Must not know how anything is drawn.
"""

from typing import NamedTuple

from tests.campaigns.test_dashboards_live import EVERYTHING, ONE_CHARGER
from tests.dashboards.boards import Board, Query
from tests.dashboards.filled import Range, fill_in
from tests.dashboards.nodes import Json, items, text
from tests.pictures.axes import Drawn
from tests.pictures.frames import Frame, table, time_series
from tests.pictures.transformations import transform
from tests.services.influxdb import InfluxDb


class Shop(NamedTuple):
    """A bucket with something to see in it."""

    influxdb: InfluxDb
    bucket: str
    span: Range

    def draw(self, board: Board, panel: Json) -> Drawn:
        """What a panel of a board shows."""
        variables = {**EVERYTHING, "charger": ONE_CHARGER} if board.stem == "charger" else EVERYTHING
        frames: list[Frame] = []
        for target in items(panel, "targets"):
            kind = text(target, "resultFormat")
            query = Query(text(panel, "title"), "panel", text(target, "query"), kind, text(panel, "interval"))
            records = self.influxdb.query(self.bucket, fill_in(query, self.span, variables))
            frames += table(records) if kind == "table" else time_series(records, text(target, "alias"))
        shown = transform(frames, items(panel, "transformations"))
        return Drawn(panel, shown, float(self.span.begin), float(self.span.end))
