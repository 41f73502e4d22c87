"""Answering once: what the endpoints that cost money answer with.

Without an `Idempotency-Key` this is the plain way from a use case to a response. With one, a request that was
answered before gets the very same bytes again: nothing is called, charged or counted for it.
"""

import hashlib
import json
import math
import re
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing, closing
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from service.access.principal import Principal
from service.core.errors import InvalidRequest
from service.idempotency.ports import KeyedRequest, RecordedAnswer
from service.idempotency.usecases import Execution, Idempotency
from service.observability.logs import note
from service.web.context import json_response, request_id
from service.web.disconnects import while_connected
from service.web.headers import IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED
from service.web.schemas import ResponseModel
from service.web.sse import DoneFrame, event_stream

T = TypeVar("T")

_HEADER = IDEMPOTENCY_KEY.lower().encode()
_VISIBLE_ASCII = re.compile(rb"[!-~]{1,255}")
_REPLAYED = {IDEMPOTENCY_REPLAYED: "true"}


async def answer_once(
    request: Request,
    work: Coroutine[Any, Any, T],
    to_body: Callable[[T], ResponseModel],
    *,
    is_success: Callable[[T], bool] = lambda _: True,
    status: int = 200,
) -> Response:
    """The result of `work`, which is not even started if a recorded answer can be replayed.

    `work` is cancelled if the caller hangs up. What `is_success` denies is sent, but not recorded. Raises
    what `work` and `Idempotency.begin` raise, and `InvalidRequest` for a key that cannot be one.
    """
    with closing(work):
        key = _key_of(request)
        if key is None:
            result = await while_connected(request, work)
            return json_response(to_body(result), status=status)
        idempotency, keyed, asked_seconds = await _read(request, key)

        async def answer() -> Response:
            wait_seconds = min(asked_seconds, idempotency.plain_wait_seconds)
            begun = await idempotency.begin(keyed, wait_seconds=wait_seconds)
            if isinstance(begun, RecordedAnswer):
                note(replayed=True)
                return Response(begun.body, begun.status, _REPLAYED, begun.media_type)
            with begun:
                result = await work
                response = json_response(to_body(result), status=status)
                if is_success(result):
                    await begun.complete(
                        RecordedAnswer(
                            status=status,
                            media_type="application/json",
                            body=bytes(response.body),
                        )
                    )
                return response

        return await while_connected(request, answer())


async def stream_once(request: Request, frames: AsyncGenerator[bytes]) -> Response:
    """A stream of `frames`, the last of which is a `DoneFrame`; see `event_stream` for how it may fail.

    A replay is the recorded stream in one piece; `frames` is not even started then. It is told in a header
    unless the response had to begin while the attempt in flight was still waited for.
    """
    key = _key_of(request)
    if key is None:
        return await while_connected(request, _event_stream(request, frames))
    idempotency, keyed, asked_seconds = await _read(request, key)
    is_replay = False

    async def once() -> AsyncGenerator[bytes]:
        nonlocal is_replay
        async with aclosing(frames):
            wait_seconds = min(asked_seconds, idempotency.stream_wait_seconds)
            begun = await idempotency.begin(keyed, wait_seconds=wait_seconds)
            if isinstance(begun, RecordedAnswer):
                is_replay = True
                note(replayed=True)
                yield begun.body
                return
            recorded = _recorded(frames, begun, idempotency.max_answer_bytes)
            with begun:
                async with aclosing(recorded):
                    async for frame in recorded:
                        yield frame

    response = await while_connected(request, _event_stream(request, once()))
    if is_replay:
        response.headers.update(_REPLAYED)
    return response


async def _recorded(
    frames: AsyncGenerator[bytes], execution: Execution, max_bytes: int
) -> AsyncGenerator[bytes]:
    """`frames`, recorded just before the last is handed on: who has seen it can count on the replay."""
    body = bytearray()
    async for frame in frames:
        if len(body) <= max_bytes:
            body += frame
        if isinstance(frame, DoneFrame) and len(body) <= max_bytes:
            await execution.complete(
                RecordedAnswer(media_type="text/event-stream", body=bytes(body))
            )
        yield frame


async def _event_stream(request: Request, frames: AsyncGenerator[bytes]) -> Response:
    state = request.state
    return await event_stream(
        frames,
        request_id=request_id(request),
        heartbeat_seconds=state.heartbeat_seconds,
        running=state.running_streams,
        metrics=state.metrics,
    )


def _key_of(request: Request) -> str | None:
    """The key that came with the request, if one did. Raises `InvalidRequest`."""
    given = [value for name, value in request.scope["headers"] if name == _HEADER]
    if not given:
        return None
    if len(given) > 1 or not _VISIBLE_ASCII.fullmatch(given[0]):
        raise InvalidRequest(
            "This must be one key of 1 to 255 visible ASCII characters", field=IDEMPOTENCY_KEY
        )
    key: str = given[0].decode()
    return key


async def _read(request: Request, key: str) -> tuple[Idempotency, KeyedRequest, float]:
    """What is asked and where, in a digest that the layout of the JSON does not change; and how many
    seconds the caller would wait for it."""
    body = await request.json()
    caller: Principal = request.state.principal
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"))
    asked = "\n".join((request.method, request.scope["path"], caller.tenant, canonical))
    keyed = KeyedRequest(
        tenant=caller.tenant, key=key, fingerprint=hashlib.sha256(asked.encode()).digest()
    )
    return request.state.idempotency, keyed, body.get("timeout_seconds") or math.inf
