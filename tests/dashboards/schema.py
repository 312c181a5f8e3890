"""The classic schema of dashboards, as `grafana-foundation-sdk` knows it.

Owns the comparison: what is read into its types and written again must be what was read, and each value of the type
that it declares. Must not know what Chargeline's dashboards are for.
"""

import json
from collections.abc import Iterator
from enum import Enum
from functools import cache
from types import NoneType, UnionType
from typing import Literal, Union, get_args, get_origin, get_type_hints

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.cog.runtime import panelcfg_config
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.dashboards.nodes import Json, items, members, text

SCHEMA_VERSION = 42
NEWER = frozenset(
    {
        # Paging of a state timeline: Grafana 12.
        ".options.perPage",
        # Marks the annotations of Grafana itself.
        ".annotations.list[].builtIn",
        # What a data source of InfluxQL reads of an annotation; the package knows Grafana's own data source alone.
        *(
            f".annotations.list[].target.{key}"
            for key in (
                *("fromAnnotations", "name", "query", "queryType", "rawQuery", "refId", "resultFormat"),
                *("tagsColumn", "textColumn", "timeEndColumn", "titleColumn"),
            )
        ),
    }
)
"""What Grafana 13 reads and the package leaves out, by the end of its path."""
UNITS = frozenset(value for name, value in vars(units).items() if isinstance(value, str) and not name.startswith("_"))
UNTYPED = frozenset({"links", "transformations", "targets", "options", "custom"})
"""What the package hands on as it is, or reads into types of one panel kind, which the comparison covers."""


@cache
def _with_plugins() -> type[Dashboard]:
    register_default_plugins()
    return Dashboard


def faults_of_schema(content: Json) -> list[str]:
    """Where a dashboard leaves the schema, by path."""
    try:
        dashboard = _with_plugins().from_json(members(content))
        written: Json = json.loads(json.dumps(dashboard, cls=JSONEncoder))
    except (AttributeError, KeyError, TypeError, ValueError) as fault:
        return [f"cannot be read as a dashboard: {fault!r}"]
    return [*_differences(content, written, ""), *_faults_of_types(dashboard, ""), *_unknown_words(content)]


def _differences(given: Json, written: Json, path: str) -> Iterator[str]:
    if isinstance(given, dict) and isinstance(written, dict):
        for key, value in given.items():
            where = f"{path}.{key}"
            if key in written:
                yield from _differences(value, written[key], where)
            elif value is not None and not any(where.endswith(newer) for newer in NEWER):
                yield f"{where}: the schema has no such key"
    elif isinstance(given, list) and isinstance(written, list) and len(given) == len(written):
        for one, other in zip(given, written, strict=True):
            yield from _differences(one, other, f"{path}[]")
    elif given != written:
        yield f"{path}: {given!r} is read as {written!r}"


def _faults_of_types(node: object, path: str) -> Iterator[str]:
    for name, hint in get_type_hints(type(node)).items():
        if name in UNTYPED:
            continue
        value = getattr(node, name, None)
        where = f"{path}.{name}"
        if not _fits(value, hint):
            yield f"{where}: {value!r} is no {hint}"
        for part in value if isinstance(value, list) else value.values() if isinstance(value, dict) else [value]:
            if type(part).__module__.startswith("grafana_foundation_sdk.models") and not isinstance(part, Enum):
                yield from _faults_of_types(part, where)


def _unknown_words(content: Json) -> Iterator[str]:
    """Kinds of panels and units that Grafana does not have: it draws an error, or the number alone."""
    for panel in items(content, "panels"):
        title, kind = text(panel, "title"), text(panel, "type")
        if kind != "row" and panelcfg_config(kind) is None:
            yield f"{title}: there is no panel of type {kind}"
        config = members(panel, "fieldConfig")
        given = [text(config, "defaults", "unit")]
        for override in items(config, "overrides"):
            given += [text(each, "value") for each in items(override, "properties") if text(each, "id") == "unit"]
        yield from (f"{title}: there is no unit {unit}" for unit in given if unit and unit not in UNITS)


def _fits(value: object, hint: object) -> bool:
    origin, parts = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return any(_fits(value, part) for part in parts)
    if origin is Literal:
        return value in parts
    if origin is list:
        return isinstance(value, list) and all(_fits(item, parts[0]) for item in value)
    if origin is dict:
        return isinstance(value, dict) and all(_fits(item, parts[1]) for item in value.values())
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return value in {member.value for member in hint}
    return value is None if hint is NoneType else not isinstance(hint, type) or isinstance(value, hint)
