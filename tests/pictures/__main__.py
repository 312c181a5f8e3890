"""`python -m tests.pictures FOLDER`: a simulated day, each dashboard drawn of it as HTML, and photographed by Chromium.

Without Chromium there are the pages alone, for any browser.
"""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

from tests.campaigns.dashboard_day import DayPlan, fill
from tests.dashboards.boards import DASHBOARDS, read_boards
from tests.dashboards.filled import Range
from tests.pictures.answers import Shop
from tests.pictures.page import height_of, page
from tests.services.influxdb import InfluxDb

PLAN = DayPlan(chargers=40, hours=24)
WORDS = "drawn from the dashboard's file and real answers of InfluxDB to a simulated day; not a picture of Grafana"
PICTURES = DASHBOARDS.parent / "pictures"
README: Mapping[str, int] = MappingProxyType({"home": 964, "fleet": 1_210})
"""The pictures that the README shows, and how much of their height."""
SCALE = 0.5
_BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def draw_all(shop: Shop, folder: Path) -> None:
    """A page for each dashboard."""
    folder.mkdir(parents=True, exist_ok=True)
    for stem, board in read_boards().items():
        path = folder / f"{stem}.html"
        path.write_text(page(board, partial(shop.draw, board), WORDS), "utf-8")


def find_browser() -> str | None:
    """A Chromium; None where there is none."""
    return next(filter(None, map(shutil.which, _BROWSERS)), None)


def photograph(browser: str, page: Path, target: Path, height: int, scale: float = 1.0) -> None:
    """The upper part of a page as PNG. Raises CalledProcessError."""
    subprocess.run(
        [
            browser,
            *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
            *(f"--window-size=1816,{height}", f"--force-device-scale-factor={scale}"),
            *("--virtual-time-budget=10000", f"--screenshot={target.absolute()}"),
            page.absolute().as_uri(),
        ],
        check=True,
        capture_output=True,
    )


def main(folder: Path) -> int:
    """Everything. 0, or 1 where there are no pictures for want of a browser."""
    with tempfile.TemporaryDirectory() as place:
        influxdb = InfluxDb.own(Path(place))
        try:
            bucket = influxdb.add_bucket()
            lived = fill(influxdb, bucket, PLAN)
            print(f"{PLAN.chargers} chargers lived for {PLAN.hours} h: {lived.rows:,} rows")
            draw_all(Shop(influxdb, bucket, Range(lived.begin, lived.end)), folder)
        finally:
            influxdb.close()
    browser = find_browser()
    if browser is None:
        print(f"no Chromium here (Debian: apt install chromium): open the pages in {folder} with any browser")
        return 1
    for stem, board in read_boards().items():
        photograph(browser, folder / f"{stem}.html", folder / f"{stem}.png", height_of(board))
        print(folder / f"{stem}.png")
    for stem, height in README.items():
        photograph(browser, folder / f"{stem}.html", PICTURES / f"{stem}.png", height, SCALE)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "pictures")))
