"""The check of signed requests, after that of the key."""

from collections.abc import Collection

from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.access.middleware import presented_secret
from service.access.signatures import Signatures, Signed
from service.core.errors import NotAuthenticated, PayloadTooLarge
from service.observability.metrics import Metrics
from service.web.body import read_within
from service.web.disconnects import ClientGone
from service.web.errors import refuse
from service.web.headers import header


class SignatureCheck:
    """Lets requests under `prefix` pass that are signed well or, unless `required`, not at all.

    A signed body is read here, within `max_body_bytes`, and handed on; so this stands behind everything
    that may turn a request away without its body. The paths of `signed_by_sender` have signatures of another
    kind.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        prefix: str,
        signed_by_sender: Collection[str],
        required: bool,
        max_body_bytes: int,
        metrics: Metrics,
    ) -> None:
        self._app = app
        self._prefix = prefix
        self._signed_by_sender = signed_by_sender
        self._required = required
        self._max_body_bytes = max_body_bytes
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] != "http"
            or not scope["path"].startswith(self._prefix)
            or scope["path"] in self._signed_by_sender
        ):
            await self._app(scope, receive, send)
            return
        signature = header(scope, b"x-signature")
        if not signature and not self._required:
            await self._app(scope, receive, send)
            return
        try:
            body = await self._signed_body(signature, scope, receive)
        except (NotAuthenticated, PayloadTooLarge) as refusal:
            await refuse(refusal, scope, receive, send, metrics=self._metrics)
        else:
            await self._app(scope, _again(body, receive), send)

    async def _signed_body(self, signature: str, scope: Scope, receive: Receive) -> bytes:
        if not signature:
            raise NotAuthenticated("This request must be signed: send X-Timestamp and X-Signature")
        signatures: Signatures = scope["state"]["signatures"]
        signed = Signed(
            method=scope["method"], target=_target(scope), timestamp=header(scope, b"x-timestamp")
        )
        signatures.check_time(signed.timestamp)
        try:
            body = await read_within(Request(scope, receive), self._max_body_bytes)
        except ClientDisconnect:
            raise ClientGone from None
        await signatures.check(signature, secret=presented_secret(scope), signed=signed, body=body)
        return body


def _target(scope: Scope) -> bytes:
    path: bytes = scope["raw_path"]
    query: bytes = scope["query_string"]
    return b"%s?%s" % (path, query) if query else path


def _again(body: bytes, receive: Receive) -> Receive:
    """`receive` for whoever comes next: the body as if nobody had read it, then what really comes."""
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return unread.pop() if unread else await receive()

    return receive_again
