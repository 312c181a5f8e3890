"""How far a rollup came, in a small file of DATA_DIR, so that one that was ended goes on.

Owns the file. Must not know what a rollup does.
"""

from pathlib import Path

import orjson

from pipeline.wires.private_file import replace_private

ROLLUP_FILE = "rollup.json"


def read_progress(folder: Path, first: int, until: int) -> int | None:
    """From when on a rollup of this span is to go on, nanoseconds; None where none was begun, or it has ended."""
    try:
        members = orjson.loads((folder / ROLLUP_FILE).read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    match members:
        case {"from": int(begun), "to": int(ends), "done": int(done)} if (begun, ends) == (first, until):
            return done if first <= done < until else None
    return None


def write_progress(folder: Path, first: int, until: int, done: int) -> None:
    """Rows before `done` are final. Raises OSError."""
    with replace_private(folder / ROLLUP_FILE) as file:
        file.write(orjson.dumps({"from": first, "to": until, "done": done}))


def clear_progress(folder: Path) -> None:
    """It has ended."""
    (folder / ROLLUP_FILE).unlink(missing_ok=True)
