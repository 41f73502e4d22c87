"""The check at the door: no key, no body is read."""

from collections.abc import Collection
from datetime import datetime

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access.authentication import Authenticator
from service.access.ports import KeyStoreUnavailable
from service.access.rotation import ROTATION_HEADER, RotationReminder
from service.core.errors import NotAuthenticated, ServiceError, Unavailable
from service.observability.metrics import Metrics
from service.web.errors import refuse
from service.web.headers import header

_RETRY_AFTER_SECONDS = 5.0


class KeyCheck:
    """Lets requests under `prefix` pass with a valid key only, and puts its holder on the request.

    The paths of `signed_by_sender` check a signature instead.
    """

    def __init__(
        self, app: ASGIApp, *, prefix: str, signed_by_sender: Collection[str], metrics: Metrics
    ) -> None:
        self._app = app
        self._prefix = prefix
        self._signed_by_sender = signed_by_sender
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or not scope["path"].startswith(self._prefix)
            or scope["path"] in self._signed_by_sender
        ):
            await self._app(scope, receive, send)
            return
        state = scope["state"]
        authenticator: Authenticator = state["authenticator"]
        try:
            principal = await authenticator.authenticate(presented_secret(scope))
        except NotAuthenticated as error:
            refusal: ServiceError = error
        except KeyStoreUnavailable:
            refusal = keys_unavailable()
        else:
            state["principal"] = principal
            if principal.rotation_due_at is not None:
                reminder: RotationReminder = state["rotation_reminder"]
                if (due := reminder.overdue(principal)) is not None:
                    send = _with_rotation_header(send, due)
            await self._app(scope, receive, send)
            return
        await refuse(refusal, scope, receive, send, metrics=self._metrics)


def keys_unavailable() -> Unavailable:
    """For whoever asks while the key store is away."""
    return Unavailable("Keys cannot be checked now", retry_after_seconds=_RETRY_AFTER_SECONDS)


def _with_rotation_header(send: Send, due: datetime) -> Send:
    header = (ROTATION_HEADER.lower().encode(), f"{due:%Y-%m-%dT%H:%M:%SZ}".encode())

    async def send_with_header(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], header]
        await send(message)

    return send_with_header


def presented_secret(scope: Scope) -> str:
    """The key that came with the request. Raises `NotAuthenticated` if none did."""
    if key := header(scope, b"x-api-key"):
        return key
    kind, _, token = header(scope, b"authorization").partition(" ")
    if kind.lower() == "bearer" and token.strip():
        return token.strip()
    raise NotAuthenticated
