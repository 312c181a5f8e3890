"""Pages of a small fleet's hours at a real InfluxDB: every panel of every dashboard is drawn, and none is empty."""

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from tests.campaigns.dashboard_day import DayPlan, fill
from tests.dashboards.boards import Board, read_boards
from tests.dashboards.filled import Range
from tests.dashboards.nodes import number, text
from tests.pictures.__main__ import PICTURES, README
from tests.pictures.answers import Shop
from tests.pictures.charts import CHARTS
from tests.pictures.page import height_of, page
from tests.services.influxdb import InfluxDb

pytestmark = pytest.mark.services

BOARDS = read_boards()
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shop(influxdb: InfluxDb) -> Iterator[Shop]:
    bucket = influxdb.add_bucket()
    lived = fill(influxdb, bucket, DayPlan(chargers=20, hours=12))
    yield Shop(influxdb, bucket, Range(lived.begin, lived.end))
    influxdb.delete_bucket(bucket)


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_every_panel_is_drawn_and_has_something_to_show(shop: Shop, board: Board) -> None:
    drawn = page(board, partial(shop.draw, board), "a test")
    for panel in board.panels:
        name = f"p{number(panel, 'id'):.0f}"
        (body,) = re.findall(rf'id="{name}">(.*?)</div></div>', drawn, re.DOTALL)
        is_chart = f"Plotly.newPlot('{name}'," in drawn
        assert is_chart == (text(panel, "type") in CHARTS), text(panel, "title")
        assert is_chart or body, text(panel, "title")
        assert 'class="none"' not in body, text(panel, "title")
    assert drawn.count('class="panel"') == len(board.panels)
    assert height_of(board) > 500


def test_words_of_a_device_are_no_markup(shop: Shop) -> None:
    board = BOARDS["charger"]
    row = f'charger_health,charger=EH000001 error_string="<script>x</script>" {shop.span.end - 1}'
    shop.influxdb.write(shop.bucket, row)
    drawn = page(board, partial(shop.draw, board), "a test")
    assert "&lt;script&gt;x" in drawn
    assert "<script>x" not in drawn


def test_the_readme_shows_pictures_and_says_what_they_are() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    for stem in README:
        path = PICTURES / f"{stem}.png"
        assert f"({path.relative_to(ROOT)})" in readme
        assert path.stat().st_size < 150_000
    assert "not Grafana itself" in readme


def test_without_a_browser_there_are_pages_and_words(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from tests.pictures.__main__ import find_browser; print(find_browser())"],
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "None\n"
