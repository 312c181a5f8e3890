"""The README's table of dashboards: which question each answers, and by which panels.

Owns its form. `python -m tests.dashboards.readme_table` writes it into the README of the tree it is run in.
"""

import sys
from pathlib import Path

from pipeline.marked_tables import replace_table
from tests.dashboards.boards import read_boards
from tests.dashboards.nodes import text

MARK = "dashboards"


def dashboards_table() -> str:
    """In Markdown, a row for each dashboard, `home` first; its last line break included."""
    boards = sorted(read_boards().values(), key=lambda board: (board.stem != "home", board.stem))
    rows = []
    for board in boards:
        titles = dict.fromkeys(text(panel, "title") for panel in board.panels if text(panel, "type") != "text")
        rows.append(f"| `{board.stem}` | {text(board.content, 'description')} | {', '.join(titles)} |")
    return "\n".join(["| dashboard | question | panels |", "|---|---|---|", *rows, ""])


if __name__ == "__main__":
    readme = Path("README.md")
    try:
        readme.write_text(replace_table(readme.read_text("utf-8"), MARK, dashboards_table()), "utf-8")
    except (OSError, ValueError) as fault:
        sys.exit(f"{fault}; run this in the folder of README.md")
