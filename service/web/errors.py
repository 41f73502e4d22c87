"""Errors as HTTP: the one place that gives a type its status, and the one envelope.

{"error": {"type": "validation_error", "message": "…", "request_id": "…", "field": "prompt"}}
"""

import math
from collections.abc import Mapping

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.core.errors import (
    BudgetExceeded,
    Conflict,
    DeadlineExceeded,
    InternalError,
    InvalidRequest,
    MethodNotAllowed,
    NotAuthenticated,
    NotAuthorized,
    NotFound,
    PayloadTooLarge,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
    UnsupportedMediaType,
)
from service.observability.logs import note
from service.observability.metrics import Metrics
from service.observability.redaction import without_keys

STATUS: Mapping[type[ServiceError], int] = {
    InvalidRequest: 400,
    NotAuthenticated: 401,
    BudgetExceeded: 402,
    NotAuthorized: 403,
    NotFound: 404,
    MethodNotAllowed: 405,
    Conflict: 409,
    PayloadTooLarge: 413,
    UnsupportedMediaType: 415,
    RateLimited: 429,
    InternalError: 500,
    ProviderError: 502,
    Unavailable: 503,
    DeadlineExceeded: 504,
}


def error_body(error: ServiceError, request_id: str) -> dict[str, object]:
    """The envelope's inner object."""
    return {
        "type": error.type,
        "message": without_keys(error.message),
        "request_id": request_id,
        **error.details(),
    }


def status_of(error: ServiceError) -> int:
    """Its own, or that of what it is a case of."""
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def error_response(
    error: ServiceError, request_id: str, *, headers: Mapping[str, str] | None = None
) -> Response:
    """The envelope with its status and, where the error says when to come back, Retry-After."""
    all_headers = dict(headers or {})
    if isinstance(error, Unavailable | RateLimited):
        # The header takes whole seconds (RFC 9110); rounding down would invite callers too early.
        all_headers["Retry-After"] = str(max(1, math.ceil(error.retry_after_seconds)))
    if isinstance(error, NotAuthenticated):
        all_headers["WWW-Authenticate"] = "Bearer"
    return Response(
        msgspec.json.encode({"error": error_body(error, request_id)}),
        status_code=status_of(error),
        media_type="application/json",
        headers=all_headers,
    )


async def refuse(
    error: ServiceError, scope: Scope, receive: Receive, send: Send, *, metrics: Metrics
) -> None:
    """What a middleware does with a request that goes no further: the envelope, a log field, a metric."""
    note(error_type=error.type)
    metrics.error(error.type)
    await error_response(error, scope["state"]["request_id"])(scope, receive, send)
