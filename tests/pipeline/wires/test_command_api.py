"""The document itself. That every answer is as it says is checked in test_command_requests, answer by answer."""

from collections.abc import Iterator

import orjson
import pytest

from pipeline.core.body import Json
from pipeline.wires.command_api import api_document
from pipeline.wires.command_body import MEMBERS
from tests.pipeline.wires.documented import faults_of, faults_of_answer, member

DOCUMENT = api_document()


def references(value: Json) -> Iterator[str]:
    if isinstance(value, dict):
        reference = value.get("$ref")
        if isinstance(reference, str):
            yield reference
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))

    assert found
    assert all(member(DOCUMENT, *reference.removeprefix("#/").split("/")) for reference in found)


def test_it_has_every_member_of_a_request() -> None:
    properties = member(DOCUMENT, "components", "schemas", "Request", "properties")
    assert isinstance(properties, dict)
    assert tuple(properties) == MEMBERS


def test_operations_have_names_of_their_own_and_need_a_token() -> None:
    paths = DOCUMENT["paths"]
    assert isinstance(paths, dict)
    operations = [
        operation for methods in paths.values() if isinstance(methods, dict) for operation in methods.values()
    ]

    assert len({str(member(operation, "operationId")) for operation in operations}) == len(operations) == 4
    assert [operation for operation in operations if member(operation, "security") is not None] == [
        member(paths, "/v1/openapi.json", "get")
    ]
    assert member(DOCUMENT, "components", "securitySchemes", "token") == {"type": "http", "scheme": "bearer"}


def test_it_can_be_sent_and_is_the_same_each_time() -> None:
    assert orjson.dumps(api_document()) == orjson.dumps(api_document())


@pytest.mark.parametrize(
    ("status", "document", "fault"),
    [
        (418, {}, "GET /v1/commands answers 418, which is not documented"),
        (200, [], "body is [], not object"),
        (200, {}, "body has no commands"),
        (200, {"commands": [], "x": 1}, "body has x, which is not documented"),
        (200, {"commands": [1]}, "body.commands[0] is 1, not object"),
        (401, {"error": {"code": 1, "message": ""}}, "body.error.code is 1, not string"),
    ],
)
def test_an_answer_that_is_not_as_documented_is_seen(status: int, document: Json, fault: str) -> None:
    assert faults_of_answer("/v1/commands?limit=1", "GET", status, document) == [fault]


def test_a_text_that_is_not_as_documented_is_seen() -> None:
    assert list(faults_of("x", {"type": "string", "enum": ["y"], "pattern": "^z"}, "it")) == [
        "it is 'x', none of ['y']",
        "it is 'x', not like ^z",
    ]
