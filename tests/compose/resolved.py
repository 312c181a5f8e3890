"""docker-compose.yml as docker-compose resolves it: variables filled in, anchors merged, every default said.

Owns the call of docker-compose. Must not know what is right or wrong in the file.
"""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).parents[2]

Node: TypeAlias = Mapping[str, "Node"] | Sequence["Node"] | str | int | float | bool | None


class ComposeError(Exception):
    """docker-compose refuses the file, or is not there: its words."""


def resolve(file: Path, folder: Path, profiles: Sequence[str] = (), **given: str) -> Mapping[str, Node]:
    """The file with these variables set and no others, as if its project were `folder`.

    Raises ComposeError.
    """
    words = [
        str(_program()),
        *("--project-directory", str(folder), "--file", str(file)),
        *(word for profile in profiles for word in ("--profile", profile)),
        *("config", "--format", "json"),
    ]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), **given}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ComposeError(done.stderr)
    found: Mapping[str, Node] = json.loads(done.stdout)
    return found


def node_of(node: Node, *path: str) -> Node:
    """What stands there; None where nothing does."""
    for name in path:
        node = node.get(name) if isinstance(node, Mapping) else None
    return node


def _program() -> Path:
    done = subprocess.run([ROOT / ".ci/services/compose"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise ComposeError(done.stderr)
    return Path(done.stdout.strip())
