"""Admission: how much is worked on at once. What is over that waits for a moment or is shed.

Shed requests get their 503 before their body is read, for a fraction of what serving them would cost.
Outermost but for the key check: callers without a key take nobody's place. Streams have places of their
own: a running one mostly waits for its model, and must not keep short calls out. Each worker process
counts for itself.
"""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from service.core.errors import Unavailable
from service.observability.logs import note
from service.observability.metrics import Metrics
from service.web.errors import error_response

STREAM_SUFFIX = "/stream"
"""Every path that answers with a stream ends in it, and no other."""
_RETRY_AFTER_SECONDS = 1.0


class Gate:
    """`places` that are free or taken, and a bounded queue of those who wait for one."""

    def __init__(self, *, places: int, queue_size: int, queue_seconds: float) -> None:
        self._free = asyncio.Semaphore(places)
        self._queue_size = queue_size
        self._queue_seconds = queue_seconds
        self._waiting = 0

    async def enter(self) -> bool:
        """Whether there was a place in time; who got one must `leave`."""
        if not self._free.locked():
            return await self._free.acquire()
        if self._waiting >= self._queue_size:
            return False
        self._waiting += 1
        try:
            async with asyncio.timeout(self._queue_seconds):
                return await self._free.acquire()
        except TimeoutError:
            return False
        finally:
            self._waiting -= 1

    def leave(self) -> None:
        """Give the place to whoever has waited longest."""
        self._free.release()


class Admission:
    """Lets requests under `prefix` pass while there is a place for them."""

    def __init__(
        self, app: ASGIApp, *, prefix: str, requests: Gate, streams: Gate, metrics: Metrics
    ) -> None:
        self._app = app
        self._prefix = prefix
        self._requests = requests
        self._streams = streams
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._prefix):
            await self._app(scope, receive, send)
            return
        is_stream = scope["path"].endswith(STREAM_SUFFIX)
        gate = self._streams if is_stream else self._requests
        if not await gate.enter():
            await self._shed(scope, receive, send, is_stream=is_stream)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            gate.leave()

    async def _shed(self, scope: Scope, receive: Receive, send: Send, *, is_stream: bool) -> None:
        refusal = Unavailable(
            "The service has as much to do as it can", retry_after_seconds=_RETRY_AFTER_SECONDS
        )
        self._metrics.shed(is_stream=is_stream)
        self._metrics.error(refusal.type)
        note(error_type=refusal.type)
        await error_response(refusal, scope["state"]["request_id"])(scope, receive, send)
