"""The README's table of dashboards is made from their files."""

from pathlib import Path

from pipeline.marked_tables import replace_table
from tests.dashboards.boards import read_boards
from tests.dashboards.readme_table import MARK, dashboards_table

README = (Path(__file__).parents[2] / "README.md").read_text("utf-8")


def test_the_readme_has_what_the_files_say() -> None:
    assert replace_table(README, MARK, dashboards_table()) == README


def test_every_dashboard_has_a_row_with_a_question_and_panels() -> None:
    _, _, *rows = dashboards_table().splitlines()
    assert len(rows) == len(read_boards())
    assert rows[0].startswith("| `home` |")
    for row in rows:
        _, stem, question, panels, _ = row.split("|")
        assert question.strip().endswith((".", "?")), stem
        assert panels.count(",") > 4, stem
