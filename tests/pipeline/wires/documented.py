"""Whether an answer is as the OpenAPI document says: the part of JSON Schema that the document uses, and no more."""

import re
from collections.abc import Iterator, Mapping

from pipeline.core.body import Json
from pipeline.wires.command_api import api_document

TYPES: Mapping[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "integer": (int,),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}


def member(value: Json, *names: str) -> Json:
    """What stands in nested objects; None where it does not."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def faults_of_answer(path: str, method: str, status: int, document: Json) -> list[str]:
    """What is not as documented; nothing for a path or a method that the document does not have."""
    route = re.sub(r"(?<=/v1/commands/)[^/?]+", "{ref}", path.partition("?")[0])
    operation = member(api_document(), "paths", route, method.lower())
    if operation is None:
        return []
    response = member(operation, "responses", str(status))
    if response is None:
        return [f"{method} {route} answers {status}, which is not documented"]
    return list(faults_of(document, member(response, "content", "application/json", "schema"), "body"))


def faults_of(value: Json, schema: Json, where: str) -> Iterator[str]:
    """Each place where `value` is not as `schema` says."""
    reference = member(schema, "$ref")
    if isinstance(reference, str):
        schema = member(api_document(), *reference.removeprefix("#/").split("/"))
    kinds = member(schema, "type")
    names = kinds if isinstance(kinds, list) else [kinds]
    allowed = {kind for name in names for kind in TYPES[str(name)]}
    if type(value) not in allowed:
        yield f"{where} is {value!r}, not {kinds}"
        return
    choices, pattern = member(schema, "enum"), member(schema, "pattern")
    if isinstance(choices, list) and value not in choices:
        yield f"{where} is {value!r}, none of {choices}"
    if isinstance(value, str) and isinstance(pattern, str) and not re.search(pattern, value):
        yield f"{where} is {value!r}, not like {pattern}"
    if isinstance(value, list):
        for place, item in enumerate(value):
            yield from faults_of(item, member(schema, "items"), f"{where}[{place}]")
    if isinstance(value, dict):
        yield from faults_of_members(value, schema, where)


def faults_of_members(value: dict[str, Json], schema: Json, where: str) -> Iterator[str]:
    """The same of an object."""
    properties, required = member(schema, "properties"), member(schema, "required")
    if not isinstance(properties, dict) or not isinstance(required, list):
        return
    for name in required:
        if name not in value:
            yield f"{where} has no {name}"
    for name, each in value.items():
        if name in properties:
            yield from faults_of(each, properties[name], f"{where}.{name}")
        elif member(schema, "additionalProperties") is False:
            yield f"{where} has {name}, which is not documented"
