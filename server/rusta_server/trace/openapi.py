"""The trace server's interface as an OpenAPI 3.1 document; the shapes come from the types."""

from collections.abc import Sequence
from typing import Any

import msgspec

from .. import __version__
from .foreign import Secret
from .jobs import Job
from .record import Step

_ID = {"type": "string", "pattern": "^[0-9]{8}T[0-9]{6}-[0-9a-f]{8}$"}
_SHA = {"type": "string", "pattern": "^[0-9a-f]{64}$"}
GREATEST = 10**9
_COUNT = {"type": "integer", "minimum": 0, "maximum": GREATEST}


def document(kinds: Sequence[str]) -> dict[str, Any]:
    """The document for a server that does jobs of these kinds."""
    _, shapes = msgspec.json.schema_components(
        (Step, Job, Secret), ref_template="#/components/schemas/{name}"
    )
    for shape in shapes.values():
        shape.pop("description", None)
    shapes["Problem"] = {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "secrets": {**_list(_ref("Secret")), "description": "Of a trace refused for them."},
        },
        "required": ["title", "status", "detail"],
    }
    shapes["NewJob"] = {
        "type": "object",
        "properties": {"kind": {"enum": list(kinds)}, "arguments": {"type": "object"}},
        "required": ["kind"],
    }
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Rusta's trace server",
            "version": __version__,
            "description": "For programs of this user on this machine. Every path but / and /openapi.json "
            "needs the token.",
        },
        "security": [{"token": []}],
        "paths": _paths(),
        "components": {
            "schemas": shapes,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _paths() -> dict[str, Any]:
    job, trace = _in_path("id", {"type": "string"}), _in_path("id", _ID)
    start = _in_query("from", _COUNT, "The first step to send.")
    return {
        "/job": {
            "post": _operation(
                "addJob",
                "Ask for work.",
                {202: _ref("Job")},
                body=_json(_ref("NewJob")),
                errors=(400, 413, 415, 422, 429),
            )
        },
        "/jobs": {
            "get": _operation(
                "listJobs", "All jobs, the newest first.", {200: _object(jobs=_list(_ref("Job")))}
            )
        },
        "/job/{id}": {
            "get": _operation(
                "getJob", "A job as it is now.", {200: _ref("Job")}, parameters=[job], errors=(404,)
            ),
            "delete": _operation(
                "cancelJob", "Stop a job.", {200: _ref("Job")}, parameters=[job], errors=(404,)
            ),
        },
        "/traces": {
            "get": _operation(
                "listTraces",
                "Traces, the newest first.",
                {
                    200: _object(
                        traces=_list(_object(id=_ID, what=_maybe_text(), outcome=_maybe_text())),
                        next={"anyOf": [_ID, {"type": "null"}]},
                    )
                },
                parameters=[
                    _in_query("limit", {"type": "integer", "minimum": 1, "maximum": 200}, "How many."),
                    _in_query("before", _ID, "`next` of the page before."),
                ],
                errors=(422,),
            ),
            "post": _operation(
                "ingestTrace",
                "Hand in a trace; it is kept only if its chain and its order hold, every claim is cited, and "
                "no secret is in it.",
                {201: _object(id=_ID, n_steps=_COUNT, head=_SHA)},
                parameters=[
                    _in_query("keep_secrets", {"type": "boolean"}, "Take it with what looks like a secret.")
                ],
                body={"application/x-ndjson": {"schema": {"type": "string"}}},
                errors=(413, 415, 422),
            ),
        },
        "/traces/{id}": {
            "get": _operation(
                "getTrace",
                "The steps of a trace.",
                {200: _object(id=_ID, steps=_list(_ref("Step")), next={"anyOf": [_COUNT, {"type": "null"}]})},
                parameters=[
                    trace,
                    start,
                    _in_query("limit", {"type": "integer", "minimum": 1, "maximum": 1000}, "How many."),
                ],
                errors=(404, 422),
            )
        },
        "/payloads/{sha}": {
            "get": _operation(
                "getPayload",
                "A long payload of a step.",
                {200: {}},
                parameters=[_in_path("sha", _SHA)],
                errors=(404, 422),
            )
        },
        "/anchors/{id}": {
            "get": _operation(
                "getAnchor",
                "The span an anchor points to, today. Slashes in the id are sent as they are or as %2F.",
                {200: {"type": "object"}},
                parameters=[_in_path("id", {"type": "string", "minLength": 1})],
                errors=(404, 409),
            )
        },
        "/replay/{id}": {
            "post": _operation(
                "replayTrace",
                "Decide again from what the trace recorded, and compare.",
                {
                    200: _object(
                        n_same=_COUNT,
                        n_recorded=_COUNT,
                        difference=_maybe_text(),
                        breaks_off={"type": "boolean"},
                    )
                },
                parameters=[trace],
                errors=(404, 409, 422),
            )
        },
        "/stream": {
            "get": {
                **_operation(
                    "streamTrace",
                    "The steps of a trace as server-sent events, those to come too. A WebSocket at the same "
                    "address sends a step a message.",
                    {},
                    parameters=[
                        _in_query("trace", _ID, "Which trace.", required=True),
                        start,
                        {"name": "Last-Event-ID", "in": "header", "schema": _COUNT},
                    ],
                    errors=(404, 422),
                    stream=True,
                )
            }
        },
    }


def _operation(
    name: str,
    summary: str,
    answers: dict[int, Any],
    *,
    parameters: Sequence[Any] = (),
    body: dict[str, Any] | None = None,
    errors: Sequence[int] = (),
    stream: bool = False,
) -> dict[str, Any]:
    responses: dict[str, Any] = {
        str(status): {"description": summary, "content": _json(schema)} for status, schema in answers.items()
    }
    if stream:
        responses["200"] = {
            "description": summary,
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    for status in sorted({400, 401, *errors}):
        responses[str(status)] = {
            "description": "Refused.",
            "content": {"application/problem+json": {"schema": _ref("Problem")}},
        }
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": summary,
        "parameters": list(parameters),
        "responses": responses,
    }
    if body is not None:
        operation["requestBody"] = {"required": True, "content": body}
    return operation


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/components/schemas/{name}"}


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


def _list(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _object(**properties: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    return {"type": "object", "properties": properties, "required": list(properties)}


def _maybe_text() -> dict[str, Any]:
    return {"type": ["string", "null"]}


def _in_path(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _in_query(name: str, schema: dict[str, Any], text: str, *, required: bool = False) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": schema, "description": text}
