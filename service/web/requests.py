"""The outermost layer: a request id, one log line and one metric for every request; and the last resort
for what nothing else has caught. Pure ASGI, as all middleware here."""

import re
import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.core.errors import InternalError
from service.core.ids import new_id
from service.observability.logs import request_line
from service.observability.metrics import Metrics
from service.observability.redaction import holds_key
from service.web.disconnects import ClientGone
from service.web.errors import refuse
from service.web.headers import header
from service.web.security_headers import security_headers

log = structlog.get_logger("service.requests")

_WELL_FORMED_ID = re.compile(r"[A-Za-z0-9._:\-]{1,128}")
CLIENT_GONE_STATUS = 499
"""nginx's word for a client that did not wait. It is logged, never sent."""


class RequestEnvelope:
    """Wraps every HTTP request."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        id_header = (b"x-request-id", request_id.encode())
        status: int | None = None

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = message["headers"]
                message["headers"] = [*own, id_header, *security_headers(scope["path"], own)]
            await send(message)

        started = time.perf_counter()
        self._metrics.in_flight(1)
        with request_line() as line:
            try:
                await self._app(scope, receive, send_with_id)
            except ClientGone:
                status = CLIENT_GONE_STATUS
            finally:
                duration = time.perf_counter() - started
                self._metrics.in_flight(-1)
                self._metrics.http(
                    method=scope["method"] if scope["method"] in _METHODS else "other",
                    route=_route_template(scope),
                    status=status or CLIENT_GONE_STATUS,
                    duration_seconds=duration,
                )
                facts = {
                    "request_id": request_id,
                    "method": scope["method"],
                    "path": scope["path"],
                    "status": status or CLIENT_GONE_STATUS,
                    "duration_ms": round(duration * 1000, 3),
                }
                line.write_with(lambda: log.info("request", **facts, **line))


class LastResort:
    """Answers what nothing else has caught with a 500 that says nothing. Inside of CORS: a web page must
    be able to read it, too."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def watched_send(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched_send)
        except ClientGone:
            raise
        except Exception:
            if scope["type"] != "http":
                raise
            log.exception("unhandled error", request_id=scope["state"]["request_id"])
            if not has_begun:
                await refuse(InternalError(), scope, receive, send, metrics=self._metrics)


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _request_id(scope: Scope) -> str:
    given = header(scope, b"x-request-id")
    # A key that was put into the wrong header must not go where ids go: logs, answers, the ledger.
    return given if _WELL_FORMED_ID.fullmatch(given) and not holds_key(given) else new_id("")


def _route_template(scope: Scope) -> str:
    route = scope.get("route")
    return getattr(route, "path", "unmatched")
