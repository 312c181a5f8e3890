"""The document about the HTTP interface for commands: OpenAPI 3.1.

Owns its words and the limits it names. Must not know how requests are answered (`pipeline.wires.command_requests`); a
test holds the two together.
"""

from collections.abc import Mapping
from importlib.metadata import version

from pipeline.core.body import MAX_DEPTH, Json
from pipeline.core.command_entry import FLAGS, LATENCIES
from pipeline.core.command_life import CommandState
from pipeline.wires.command_body import LONGEST_EXPIRY_S

MOST_BODY_BYTES = 64 * 1024
MOST_LISTED = 1_000
USUALLY_LISTED = 50

_REF: dict[str, Json] = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_TEXT: dict[str, Json] = {"type": "string"}
_TIME: dict[str, Json] = {"type": "string", "format": "date-time"}
_MAYBE_TIME: dict[str, Json] = {"type": ["string", "null"], "format": "date-time"}
_WHOLE: dict[str, Json] = {"type": "integer"}
_ARGUMENT: dict[str, Json] = {"type": ["string", "number", "boolean"]}

_REQUEST: dict[str, Json] = {
    "serial": {**_TEXT, "pattern": "^[A-Za-z0-9_-]{1,64}$", "examples": ["EH123456"]},
    "command": {
        "type": ["string", "integer"],
        "description": "Name in any letter case, or id.",
        "examples": ["SetDynamicChargerCurrent"],
    },
    "arguments": {
        "type": "array",
        "items": _ARGUMENT,
        "description": "In the order of Easee's table.",
        "examples": [["13"]],
    },
    "ttl": {"type": ["string", "integer", "null"], "description": "Minutes; the argument TTL.", "examples": [5]},
    "expires_in_s": {"type": ["number", "null"], "exclusiveMinimum": 0, "maximum": LONGEST_EXPIRY_S, "examples": [60]},
    "expires_at": {**_MAYBE_TIME, "description": "Instead of expires_in_s; with its zone."},
}
_SENDING: dict[str, Json] = {
    "ref": _REF,
    "serial": _TEXT,
    "command": _TEXT,
    "command_id": _WHOLE,
    "arguments": {"type": "array", "items": _TEXT, "description": "As sent; personal ones redacted."},
    "published_at": _TIME,
    "expires_at": _MAYBE_TIME,
    "deadline": {**_TIME, "description": "An answer after this is late."},
    "attempt": {**_WHOLE, "description": "0; of a retry by the worker 1 and more."},
}
_COMMAND: dict[str, Json] = {
    **_SENDING,
    "state": {"type": "string", "enum": [state.value for state in CommandState]},
    **{flag: {"type": "boolean"} for flag in FLAGS},
    **{latency: {"type": ["number", "null"], "description": "Milliseconds."} for latency in LATENCIES},
    "readback": {"type": "array", "items": _WHOLE, "description": "Observation ids that show the effect."},
    "result_code": {"type": ["number", "string", "null"]},
    "comment": {"type": ["string", "null"]},
}
_ERROR: dict[str, Json] = {
    "error": {
        "type": "object",
        "required": ["code", "message"],
        "properties": {"code": _TEXT, "message": _TEXT},
    }
}

_ANY: Mapping[int, str] = {
    401: "No token, or a wrong one.",
    403: "Commands are off: the worker has no token.",
    405: "Another method.",
    500: "A fault of the worker.",
}
_SENDING_REFUSED: Mapping[int, str] = {
    400: f"The body is no JSON object, is nested deeper than {MAX_DEPTH}, or has wrong members; or a wrong "
    "Idempotency-Key.",
    408: "The body did not come in time.",
    409: "The Idempotency-Key came with another request before (`idempotency_key`), or with one whose command is "
    "forgotten (`forgotten`).",
    413: f"The body has more than {MOST_BODY_BYTES} bytes.",
    415: "Another content type than application/json.",
    422: "The command cannot be sent: unknown, or wrong arguments. The message names each.",
    502: "The broker gave the command back (`unroutable`) or did not take it (`refused`). Nothing is kept.",
    503: "The broker cannot be reached, or this worker would not see the answer, since another one consumes or it has "
    "not consumed for a minute (`unreachable`). Nothing was sent, and nothing is kept.",
}


def api_document() -> dict[str, Json]:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Chargeline: commands",
            "version": version("chargeline"),
            "description": "Sends commands to chargers through the operator's exchange, and tells what became of them.",
        },
        "security": [{"token": []}],
        "paths": {
            "/v1/commands": {"post": _post(), "get": _list()},
            "/v1/commands/{ref}": {"get": _show()},
            "/v1/openapi.json": {
                "get": {
                    "operationId": "describe",
                    "summary": "This document.",
                    "security": [],
                    "responses": {
                        "200": {"description": "It.", "content": {"application/json": {"schema": {"type": "object"}}}},
                        **_errors({code: _ANY[code] for code in (405, 500)}),
                    },
                }
            },
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Request": _object(_REQUEST, required=["serial", "command"]),
                "Sending": _object(_SENDING),
                "Command": _object(_COMMAND),
                "Commands": _object({"commands": {"type": "array", "items": _schema("Command")}}),
                "Error": _object(_ERROR),
            },
        },
    }


def _post() -> dict[str, Json]:
    return {
        "operationId": "send",
        "summary": "Send a command.",
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same key with the same body is one command, however often it is sent. A request "
                "that was answered with an error counts as never sent.",
                "schema": {**_TEXT, "pattern": "^[!-~]{1,255}$"},
            }
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _schema("Request")}}},
        "responses": {
            "201": _sent("The broker has taken it."),
            "202": _sent("Sent, and the broker's confirm never came: it may arrive or not. Its state is unconfirmed."),
            **_errors({**_SENDING_REFUSED, **_ANY}),
        },
    }


def _list() -> dict[str, Json]:
    limit: dict[str, Json] = {**_WHOLE, "minimum": 1, "maximum": MOST_LISTED, "default": USUALLY_LISTED}
    return {
        "operationId": "list",
        "summary": "Commands, the newest first.",
        "parameters": [
            {
                "name": "open",
                "in": "query",
                "description": "Only those that wait for an answer.",
                "schema": {"type": "boolean", "default": False},
            },
            {"name": "limit", "in": "query", "schema": limit},
        ],
        "responses": {
            "200": _content("They.", "Commands"),
            **_errors({400: "A wrong query.", **_ANY}),
        },
    }


def _show() -> dict[str, Json]:
    return {
        "operationId": "show",
        "summary": "What became of one command.",
        "parameters": [{"name": "ref", "in": "path", "required": True, "schema": _REF}],
        "responses": {
            "200": _content("It.", "Command"),
            **_errors({404: "No such command is known (any more).", **_ANY}),
        },
    }


def _sent(description: str) -> dict[str, Json]:
    location: dict[str, Json] = {"description": "Where to ask what became of it.", "schema": _TEXT}
    return {**_content(description, "Sending"), "headers": {"Location": location}}


def _errors(meanings: Mapping[int, str]) -> dict[str, Json]:
    return {f"{status}": _content(meaning, "Error") for status, meaning in sorted(meanings.items())}


def _content(description: str, schema: str) -> dict[str, Json]:
    return {"description": description, "content": {"application/json": {"schema": _schema(schema)}}}


def _schema(name: str) -> dict[str, Json]:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: dict[str, Json], required: list[Json] | None = None) -> dict[str, Json]:
    names: list[Json] = list(properties) if required is None else required
    return {"type": "object", "additionalProperties": False, "required": names, "properties": properties}
