"""What is left of the limits, told on every answer to a key that has some."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access.limits import Limits
from service.access.principal import Principal


class LimitHeaders:
    """Adds `RateLimit` and `RateLimit-Policy` to answers, as things stand when the answer begins.

    Inside of the key check: only who has been let in is told.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        principal: Principal | None = scope.get("state", {}).get("principal")
        if principal is None or not principal.limits:
            await self._app(scope, receive, send)
            return
        limits: Limits = scope["state"]["limits"]

        async def send_with_limits(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *limits.headers(principal)]
            await send(message)

        await self._app(scope, receive, send_with_limits)
