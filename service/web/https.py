"""Plain HTTP is refused, where the operator says so.

Never by a redirect: the key has gone over the wire by then, and the caller would not learn of it.
"""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.core.errors import InvalidRequest
from service.observability.metrics import Metrics
from service.web.errors import refuse

_PROBED = frozenset({"/healthz", "/readyz", "/metrics"})
"""Probes and scrapers come from inside, past the proxy, and carry no key."""
_TWO_YEARS_SECONDS = 63_072_000
_HSTS = (
    b"strict-transport-security",
    f"max-age={_TWO_YEARS_SECONDS}; includeSubDomains".encode(),
)


class HttpsOnly:
    """Lets requests pass that came over https, and tells browsers to use nothing else (RFC 6797)."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["scheme"] == "https":
            await self._app(scope, receive, _with_hsts(send))
        elif scope["path"] in _PROBED:
            await self._app(scope, receive, send)
        else:
            refusal = InvalidRequest(
                "Use https. Replace a key that was sent over plain http: others may have read it"
            )
            await refuse(refusal, scope, receive, send, metrics=self._metrics)


def _with_hsts(send: Send) -> Send:
    async def send_with_hsts(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], _HSTS]
        await send(message)

    return send_with_hsts
