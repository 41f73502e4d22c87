"""The ASGI app: finds the endpoint, the behaviour asked for, and plays it."""

import time
from collections.abc import Callable
from itertools import count
from typing import Any
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from tests.simulator import anthropic_batches, openai_batches
from tests.simulator.anthropic_wire import AnthropicMessages
from tests.simulator.batches import Batches
from tests.simulator.behaviours import Behaviour, Status, behaviour_from_json
from tests.simulator.exchange import ClientLeft, Exchange, Header
from tests.simulator.openai_embeddings import OpenAIEmbeddings
from tests.simulator.openai_wire import OpenAIChat
from tests.simulator.playing import JSON, CallInHand, play
from tests.simulator.records import Call, Recorder
from tests.simulator.scripts import Scripts
from tests.simulator.wire import NO_ASK, Refused, Wire

_MESSAGES = AnthropicMessages()
_EMBEDDINGS = OpenAIEmbeddings()
_ENDPOINTS: dict[str, tuple[str, Wire]] = {
    "/v1/messages": ("anthropic", _MESSAGES),
    "/v1/chat/completions": ("openai", OpenAIChat()),
    "/v1/embeddings": ("openai", _EMBEDDINGS),
}
_NAMED_ENDPOINTS: dict[str, Wire] = {
    "/v1/messages": _MESSAGES,
    "/v1/chat/completions": OpenAIChat(compatible=True),
    "/v1/embeddings": _EMBEDDINGS,
}
_BATCH_ENDPOINTS: dict[str, Callable[..., tuple[str, Wire] | None]] = {
    "anthropic": anthropic_batches.find,
    "openai": openai_batches.find,
}
_PREFIX = "/at/"


class SimulatorApp:
    """A plain ASGI callable; `/health` answers 200 for whoever waits for it to start."""

    def __init__(self, *, scripts: Scripts, recorder: Recorder) -> None:
        self.batches = Batches()
        self._scripts = scripts
        self._recorder = recorder
        self._numbers = count(1)
        self._in_hand: set[Exchange] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived_at = time.monotonic()
        path: str = scope["path"]
        endpoint = _find(path)
        if endpoint is not None and scope["method"] != "POST":
            await _plain_status(send, 405)
            return
        endpoint = endpoint or self._find_batches(scope)
        if endpoint is None:
            await _plain_status(send, 200 if path == "/health" else 404)
            return
        body = await _read_body(receive)
        if body is None:
            return
        server, path, wire = endpoint
        call = Call(
            server=server,
            path=path,
            raw_headers=scope["headers"],
            raw_body=body,
            body=None,
            arrived_at=arrived_at,
            client_port=scope["client"][1],
            concurrency=0,
        )
        exchange = Exchange(scope, receive, send, call=call, recorder=self._recorder)
        self._in_hand.add(exchange)
        try:
            await self._answer(exchange, wire, dict(scope["headers"]), body)
        except ClientLeft:
            pass  # recorded where it was noticed
        finally:
            self._in_hand.discard(exchange)
            self._recorder.ended(call)
            await exchange.close()

    async def _answer(
        self, exchange: Exchange, wire: Wire, headers: dict[bytes, bytes], body: bytes
    ) -> None:
        call = exchange.call
        request: dict[str, Any] = {}
        ask = NO_ASK
        behaviour: Behaviour | None
        try:
            request, ask = wire.read(headers, body)
            call.body = request
            behaviour = self._asked_for(call, headers.get(b"x-simulator"))
        except Refused as refused:
            behaviour, call.body = refused.status, refused.request
        except (LookupError, AttributeError, TypeError, ValueError, RecursionError) as error:
            # the request has another shape than the vendor's API, or asks for no known behaviour
            behaviour = Status(400, message=f"{type(error).__name__}: {error}")
        call.behaviour = behaviour
        self._recorder.arrived(call)
        await play(behaviour, CallInHand(exchange, wire, request, ask, next(self._numbers)))

    def _find_batches(self, scope: Scope) -> tuple[str, str, Wire] | None:
        """The same for the endpoints of batches, whose paths hold ids."""
        method = scope["method"]
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        for vendor, find in _BATCH_ENDPOINTS.items():
            if found := find(self.batches, method, scope["path"], query):
                name, wire = found
                return vendor, name if method == "POST" else f"{method} {name}", wire
        return None

    def _asked_for(self, call: Call, header: bytes | None) -> Behaviour | None:
        if header is not None:
            return behaviour_from_json(header)
        return self._scripts.take(call.server, call.path)

    def release_all(self) -> None:
        for exchange in self._in_hand:
            exchange.release()

    def abort_all(self) -> None:
        for exchange in tuple(self._in_hand):
            exchange.abort()


def _find(path: str) -> tuple[str, str, Wire] | None:
    """The server, its own path, and the format spoken there."""
    known = _ENDPOINTS.get(path)
    if known is not None:
        return known[0], path, known[1]
    if not path.startswith(_PREFIX):
        return None
    name, slash, rest = path.removeprefix(_PREFIX).partition("/")
    wire = _NAMED_ENDPOINTS.get(slash + rest)
    return None if wire is None else (name, slash + rest, wire)


async def _read_body(receive: Receive) -> bytes | None:
    """The whole body; None if the client leaves before its end."""
    message = await receive()
    if message["type"] == "http.disconnect":
        return None
    body: bytes = message["body"]
    while message["more_body"]:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message["body"]
    return body


async def _plain_status(send: Send, status: int) -> None:
    body = b"{}"
    headers: list[Header] = [JSON, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
