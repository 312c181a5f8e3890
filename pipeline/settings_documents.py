"""The settings as documents: `.env.example`, and the table of the README.

Owns their form. `python -m pipeline.settings_documents env-example` (or `table`) prints one; tests hold the files
equal to it.
"""

import sys
from textwrap import wrap

from pipeline.setting_specs import SPECS, Spec

_WIDTH = 100
_UNUSED = "Not used by this version yet."
_HEAD = """\
# Settings of chargeline. Copy this file to .env, remove the # before what you set, and name it:
#     chargeline config --env-file .env
# The environment wins over this file. Durations: 100ms 60s 20min 6h 30d; sizes: 512MiB 1GiB.
# Every secret can stand in a file of its own instead: CHARGELINE_<NAME>_FILE=/run/secrets/name
"""


def env_example() -> str:
    """The whole of `.env.example`: each setting described, with its default behind a #."""
    return "\n".join([_HEAD, *map(_example, SPECS.values())])


def settings_table() -> str:
    """The README's table, in Markdown."""
    rows = [f"| `{spec.variable}` | {_default(spec)} | {_meaning(spec)} |" for spec in SPECS.values()]
    return "\n".join(["| setting | default | meaning |", "|---|---|---|", *rows, ""])


def _example(spec: Spec) -> str:
    words = wrap(_meaning(spec).replace("`", ""), _WIDTH)
    return "\n".join([*(f"# {line}" for line in words), f"#{spec.variable}={spec.default or ''}", ""])


def _default(spec: Spec) -> str:
    return "none" if spec.default is None else f"`{spec.default}`"


def _meaning(spec: Spec) -> str:
    words = [spec.meaning]
    if spec.is_secret:
        words.append(f"Secret; or `{spec.variable}_FILE`.")
    if not spec.is_used:
        words.append(_UNUSED)
    return " ".join(words)


_DOCUMENTS = {"env-example": env_example, "table": settings_table}

if __name__ == "__main__":
    sys.stdout.write(_DOCUMENTS[sys.argv[1]]())
