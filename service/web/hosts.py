"""The Host header is what the grammar allows, or the request is refused.

An odd one (`][`, `a b`, two of them) is a mistake or an attack on whatever reads it next: a proxy's cache,
a link in a page.
"""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from service.core.errors import InvalidRequest
from service.observability.metrics import Metrics
from service.web.errors import refuse

_WELL_FORMED = re.compile(rb"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{0,5}))?")
_MAX_PORT = 65_535


class HostCheck:
    """Lets requests pass that name one well-formed host; those of HTTP/1.0 need not name any."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _names_its_host(scope):
            await self._app(scope, receive, send)
            return
        refusal = InvalidRequest("The Host header is missing or malformed")
        await refuse(refusal, scope, receive, send, metrics=self._metrics)


def _names_its_host(scope: Scope) -> bool:
    hosts = [value for name, value in scope["headers"] if name == b"host"]
    if not hosts:
        return scope.get("http_version") == "1.0"
    match = _WELL_FORMED.fullmatch(hosts[0])
    return len(hosts) == 1 and match is not None and int(match["port"] or 0) <= _MAX_PORT
