"""JSON as the files hold it, and ways into it that need no casts.

Owns nothing of dashboards. What is missing, or is of another type, is empty: a rule that needs it says so itself.
"""

from collections.abc import Iterator
from typing import TypeAlias

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def at(node: Json, *path: str) -> Json:
    """What stands under these keys, one inside the other; None where nothing does."""
    for key in path:
        if not isinstance(node, dict):
            return None
        node = node.get(key)
    return node


def members(node: Json, *path: str) -> dict[str, Json]:
    """The object under these keys; empty where there is none."""
    found = at(node, *path)
    return found if isinstance(found, dict) else {}


def items(node: Json, *path: str) -> list[Json]:
    """The list under these keys; empty where there is none."""
    found = at(node, *path)
    return found if isinstance(found, list) else []


def text(node: Json, *path: str) -> str:
    """The text under these keys; empty where there is none."""
    found = at(node, *path)
    return found if isinstance(found, str) else ""


def number(node: Json, *path: str) -> float | None:
    """The number under these keys; None where there is none."""
    found = at(node, *path)
    return found if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def texts(node: Json) -> Iterator[str]:
    """Every text in it, at any depth, keys left out."""
    if isinstance(node, str):
        yield node
    elif isinstance(node, list):
        for item in node:
            yield from texts(item)
    elif isinstance(node, dict):
        for member in node.values():
            yield from texts(member)
