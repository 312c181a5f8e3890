"""The settings as documents: `.env.example`, and the table of the README.

Owns their form. `python -m pipeline.settings_documents` writes both into the tree it is run in; tests hold the files
equal to what it would write.
"""

import sys
from pathlib import Path
from textwrap import wrap

from pipeline.marked_tables import replace_table
from pipeline.setting_specs import SPECS, Spec

MARK = "settings"

_WIDTH = 100
_HEAD = """\
# Settings of chargeline. Copy this file to .env, for your eyes only (chmod 600 .env), remove the # before what you
# set, and name it:
#     chargeline config --env-file .env
# The environment wins over this file. Nothing in a value is replaced; put one with blanks, quotes or # in '…'.
# Durations: 100ms 60s 20min 6h 30d; sizes: 512MiB 1GiB.
# Every secret can stand in a file of its own instead: CHARGELINE_<NAME>_FILE=/run/secrets/name
"""


def env_example() -> str:
    """The whole of `.env.example`: each setting described, with its default behind a #."""
    return "\n".join([_HEAD, *map(_example, SPECS.values())])


def settings_table() -> str:
    """The README's table, in Markdown, its last line break included."""
    rows = [f"| `{spec.variable}` | {_default(spec)} | {_meaning(spec)} |" for spec in SPECS.values()]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows, ""])


def write_documents(tree: Path) -> None:
    """Write `.env.example` and the table of README.md in `tree`. Raises OSError, and ValueError without markers."""
    readme = tree / "README.md"
    readme.write_text(replace_table(readme.read_text("utf-8"), MARK, settings_table()), "utf-8")
    (tree / ".env.example").write_text(env_example(), "utf-8")


def _example(spec: Spec) -> str:
    words = wrap(_meaning(spec).replace("`", ""), _WIDTH)
    return "\n".join([*(f"# {line}" for line in words), f"#{spec.variable}={spec.default or ''}", ""])


def _default(spec: Spec) -> str:
    return "none" if spec.default is None else f"`{spec.default}`"


def _meaning(spec: Spec) -> str:
    words = [spec.meaning]
    if spec.is_secret:
        words.append(f"Secret; or `{spec.file_variable}`.")
    return " ".join(words)


if __name__ == "__main__":
    try:
        write_documents(Path())
    except (OSError, ValueError) as fault:
        sys.exit(f"{fault}; run this in the folder of README.md")
