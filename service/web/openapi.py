"""The OpenAPI document as a product: everything that FastAPI's own lacks is mended here, once.

Swagger UI, both SDKs and their users read nothing else.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from service.web.headers import IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED
from service.web.schemas import ErrorResponse

API_PREFIX = "/api/v1"
"""Every router of the API has it for its own prefix: a metric's route label is the router's own path."""

_SECURITY_SCHEMES = {
    "ApiKey": {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "The key that `make run` printed, or one made for you. Answers to a key that is"
        " overdue for rotation carry `X-Key-Rotation-Due`.",
    },
    "Bearer": {
        "type": "http",
        "scheme": "bearer",
        "description": "The same key as a bearer token.",
    },
}
_ERRORS: dict[int, tuple[str, dict[str, Any]]] = {
    400: (
        "The request cannot be used; `field` names what is to blame.",
        {"type": "validation_error", "message": "This field is required", "field": "prompt"},
    ),
    401: (
        "No key, or not a valid one; where a signature is needed, no valid one.",
        {"type": "authentication_error", "message": "Invalid or missing API key"},
    ),
    402: (
        "A budget has less left than the request may cost at worst.",
        {
            "type": "budget_exceeded",
            "message": "The key's budget has too little left: 4.98 of 5 USD are spent, and the rest"
            " does not bear what this request may cost beside those under way",
            "budget": {"owner": "key", "period": "month", "limit_usd": 5, "spent_usd": 4.98},
            "resets_at": "2026-12-01T00:00:00Z",
        },
    ),
    403: (
        "The key lacks a scope.",
        {
            "type": "authorization_error",
            "message": "This key lacks the scope 'generate'",
            "required_scope": "generate",
        },
    ),
    404: (
        "There is no such thing, or it is another tenant's.",
        {"type": "not_found", "message": "There is no such key"},
    ),
    409: (
        "The request goes against the state that things are in: an `Idempotency-Key` that was used for"
        " another request, a key that is revoked, a conversation with a turn under way, a collection with"
        " documents. The message says which.",
        {"type": "conflict", "message": "This Idempotency-Key was used for another request"},
    ),
    413: (
        "The body is too large, or would make what it is added to too large.",
        {
            "type": "payload_too_large",
            "message": "The request body is larger than 20971520 bytes",
            "limit_bytes": 20971520,
        },
    ),
    415: (
        "The body is of a type that is not taken here.",
        {"type": "unsupported_media_type", "message": "Send the body as application/json"},
    ),
    429: (
        "A limit per minute of the key or its tenant is used up; see `Retry-After`.",
        {
            "type": "rate_limit_error",
            "message": "The limit of 10000 tokens per minute is used up",
            "retry_after": 12,
        },
    ),
    500: (
        "A fault of the service.",
        {"type": "server_error", "message": "An internal error occurred"},
    ),
    502: (
        "Every provider answered badly, or refused for a reason that another try would not change.",
        {
            "type": "provider_error",
            "message": "Every provider of this model answered badly or refused the service",
        },
    ),
    503: (
        "Nothing can take the request now; see `Retry-After`.",
        {
            "type": "service_unavailable",
            "message": "Every provider of this model is overloaded, rate limited or unreachable",
            "estimated_time_seconds": 5,
        },
    ),
    504: (
        "The deadline was spent.",
        {
            "type": "timeout",
            "message": "The request's deadline was spent before the answer was complete",
        },
    ),
}
_REQUEST_ID_HEADER = {
    "X-Request-ID": {
        "description": "The id of this request: as it was given, or made.",
        "schema": {"type": "string"},
    }
}
_RETRY_AFTER_HEADER = {
    "Retry-After": {
        "description": "Seconds after which it is worth asking again.",
        "schema": {"type": "integer"},
    }
}
_REPLAYED_HEADER = {
    IDEMPOTENCY_REPLAYED: {
        "description": "`true` where this is the recorded answer to an earlier request with the same"
        f" `{IDEMPOTENCY_KEY}`.",
        "schema": {"type": "string", "const": "true"},
    }
}
TAKES_IDEMPOTENCY_KEY: dict[str, Any] = {
    "parameters": [
        {
            "name": IDEMPOTENCY_KEY,
            "in": "header",
            "required": False,
            "description": "Makes a retry safe: the same request with the same key gets the recorded answer,"
            " byte for byte, at no cost. One that is still being answered is waited for. A failure or a"
            " hang-up frees the key. Another request with the same key is a 409. Name what the request is"
            " for: `order-4711-summary`.",
            # No example: Swagger UI would send it with every request that somebody tries out.
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        }
    ]
}
"""FastAPI's `openapi_extra` for an operation that answers by `service.idempotency.responses`."""
NOT_FOR_SDKS = {"x-sdk-ignore": True}
"""A part of FastAPI's `openapi_extra` for an operation that our SDKs' users have no use for."""
_RATE_LIMIT_HEADERS = {
    "RateLimit": {
        "description": "Sent if the key or its tenant has limits: what is left of each (`r`), and in how"
        " many seconds it is whole again or, of one that is used up, has room again (`t`).",
        "schema": {"type": "string"},
        "example": '"requests";r=50;t=30',
    },
    "RateLimit-Policy": {
        "description": "Sent if the key or its tenant has limits: how much of each (`q`) may be used up in"
        " so many seconds (`w`).",
        "schema": {"type": "string"},
        "example": '"requests";q=100;w=60',
    },
}
"""As draft-ietf-httpapi-ratelimit-headers has them."""
READS = (401, 403, 500, 503)
"""The errors of an operation that only reads."""
READS_A_BODY = (400, 401, 403, 413, 415, 500, 503)
"""The errors of an operation with a body, whose models fail one by one or not at all."""
INFERS = (400, 401, 402, 403, 409, 413, 415, 429, 500, 502, 503, 504)
"""The errors of an operation that asks a model."""


def error_responses(statuses: tuple[int, ...]) -> dict[int | str, dict[str, Any]]:
    """FastAPI's `responses` for these statuses, with a type, a description and an example each."""
    return {status: _error_response(status) for status in statuses}


def answer_response(
    description: str, example: dict[str, Any], *, status: int = 200
) -> dict[int | str, dict[str, Any]]:
    """FastAPI's `responses` for the answer that an operation gives when all is well."""
    return {
        status: {
            "description": description,
            "content": {"application/json": {"example": example}},
        }
    }


def event_stream_response(
    event_type: str, examples: dict[str, Any]
) -> dict[int | str, dict[str, Any]]:
    """FastAPI's `responses` for a stream whose events are the component `event_type`."""
    return {
        200: {
            "description": "Server-Sent Events: one JSON object on a `data:` line each. Exactly one"
            " `done` or `error` event ends the stream; a stream without one was cut.",
            "content": {
                "text/event-stream": {
                    "schema": {"$ref": f"#/components/schemas/{event_type}"},
                    "examples": examples,
                }
            },
        }
    }


def operation_id(route: APIRoute) -> str:
    """An operation is called what its function is called; the SDKs' methods are, too."""
    return route.name


def install(
    app: FastAPI,
    *,
    schemas: dict[str, dict[str, Any]],
    scopes: Mapping[str, Sequence[str]],
    paths_without_key: Collection[str],
) -> None:
    """Make `app` emit the mended document, in which an operation says which of the `scopes` it needs.

    `schemas` are JSON Schemas of what no route takes or returns as its body, so that FastAPI does not find
    them by itself: events of streams, bodies that are read by hand.
    """

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, schemas, scopes, paths_without_key)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's own documented way


def _error_response(status: int) -> dict[str, Any]:
    description, example = _ERRORS[status]
    return {
        "model": ErrorResponse,
        "description": description,
        "headers": _RETRY_AFTER_HEADER if status in (429, 503) else {},
        "content": {
            "application/json": {
                "example": {"error": {**example, "request_id": "0193a1b2c3d4e5f60718293a4b5c6d7e"}}
            }
        },
    }


def _document(
    app: FastAPI,
    more_schemas: dict[str, dict[str, Any]],
    scopes: Mapping[str, Sequence[str]],
    paths_without_key: Collection[str],
) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.1.0",
        summary=app.summary,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    components = document.setdefault("components", {})
    components["securitySchemes"] = _SECURITY_SCHEMES
    schemas = components.setdefault("schemas", {})
    for name, schema in more_schemas.items():
        definitions = schema.pop("$defs", {})
        schemas.update({key: value for key, value in definitions.items() if key not in schemas})
        schemas.setdefault(name, schema)
    for schema in schemas.values():
        _mend_files(schema)
    for path, operations in document["paths"].items():
        needs_key = path.startswith(API_PREFIX) and path not in paths_without_key
        for operation in operations.values():
            _mend_operation(operation, needs_key=needs_key)
            if needed := scopes.get(operation["operationId"]):
                names = " or ".join(f"`{scope}`" for scope in needed)
                operation["description"] += f"\n\nNeeds the scope {names}."
    for leftover in ("HTTPValidationError", "ValidationError"):
        schemas.pop(leftover, None)
    components["schemas"] = dict(sorted(schemas.items()))
    return document


def _mend_files(schema: dict[str, Any]) -> None:
    # FastAPI's `contentMediaType` is the newer way to say it; generators know a file by its format.
    for field in schema.get("properties", {}).values():
        content = field.get("items", field)
        if "contentMediaType" in content:
            content["format"] = "binary"


def _mend_operation(operation: dict[str, Any], *, needs_key: bool) -> None:
    # FastAPI documents its own 422, which this service never sends.
    operation["responses"].pop("422", None)
    # FastAPI makes the summary from the function's name; the docstring's first sentence says more.
    first_line = operation["description"].partition("\n")[0]
    operation["summary"] = first_line.partition(". ")[0].removesuffix(".")
    for status, response in operation["responses"].items():
        is_known = needs_key and status != "401"
        shared = _REQUEST_ID_HEADER | (_RATE_LIMIT_HEADERS if is_known else {})
        response["headers"] = shared | response.get("headers", {})
    if TAKES_IDEMPOTENCY_KEY["parameters"][0] in operation.get("parameters", ()):
        success = next(status for status in operation["responses"] if status.startswith("2"))
        operation["responses"][success]["headers"] |= _REPLAYED_HEADER
    if needs_key:
        operation["security"] = [{name: []} for name in _SECURITY_SCHEMES]
