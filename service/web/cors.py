"""Cross-origin calls from the web pages that the settings name."""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from service.core.errors import InvalidRequest
from service.observability.logs import note
from service.observability.metrics import Metrics
from service.web.errors import error_response
from service.web.headers import IDEMPOTENCY_REPLAYED, NEXT_AFTER

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
_ALLOWED_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "Last-Event-ID",
    "X-API-Key",
    "X-Request-ID",
    "X-Signature",
    "X-Timestamp",
)
_EXPOSED_HEADERS = (
    IDEMPOTENCY_REPLAYED,
    NEXT_AFTER,
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Request-ID",
)
"""Browsers keep these from a page's script unless they are named."""
_PREFLIGHT_SECONDS = 600


class Cors(CORSMiddleware):
    """Starlette's own, but for a refused preflight: it gets the envelope that every error has."""

    def __init__(self, app: ASGIApp, *, origins: tuple[str, ...], metrics: Metrics) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_ALLOWED_HEADERS,
            expose_headers=_EXPOSED_HEADERS,
            max_age=_PREFLIGHT_SECONDS,
        )
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_preflight(scope):
            await super().__call__(scope, receive, send)
            return
        response = self.preflight_response(Headers(scope=scope))
        if response.status_code != 200:
            refusal = InvalidRequest(
                "This origin, this method or one of these headers is not allowed"
            )
            note(error_type=refusal.type)
            self._metrics.error(refusal.type)
            vary = {"Vary": response.headers["Vary"]}
            response = error_response(refusal, scope["state"]["request_id"], headers=vary)
        await response(scope, receive, send)


def _is_preflight(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return (
        scope["method"] == "OPTIONS"
        and "origin" in headers
        and "access-control-request-method" in headers
    )
