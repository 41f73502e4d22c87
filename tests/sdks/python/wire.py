"""A server that answers as it is told, to the byte: for what a healthy service never sends."""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

EVENT_STREAM = "text/event-stream"
USAGE = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3, "cached_input_tokens": 0}
ANSWER = {
    "id": "req_1",
    "text": "Hello",
    "model": "haiku",
    "provider": "anthropic",
    "provider_model": "claude-haiku-5-5",
    "finish_reason": "stop",
    "usage": USAGE,
    "cost_usd": 0.01,
    "cache_hit": False,
}
TOKEN = {"type": "token", "content": "Hello"}
DONE = {name: value for name, value in ANSWER.items() if name != "text"} | {"type": "done"}


@dataclass(frozen=True)
class Reply:
    """One answer. `pieces` go out one by one; with `is_cut` the connection ends before the body does."""

    status: int = 200
    pieces: Sequence[bytes] = (json.dumps(ANSWER).encode(),)
    headers: Mapping[str, str] = field(default_factory=dict)
    is_cut: bool = False
    hangs_up: bool = False
    """The connection ends without any answer."""


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def error(status: int, kind: str, /, **headers: str) -> Reply:
    """An error with the service's envelope."""
    body = {"error": {"type": kind, "message": "No", "request_id": "r1"}}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, (json.dumps(body).encode(),), named)


def event(value: Mapping[str, Any]) -> bytes:
    """One event of a stream."""
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def stream(*pieces: bytes, is_cut: bool = False) -> Reply:
    """A stream of these pieces."""
    return Reply(pieces=pieces, headers={"Content-Type": EVENT_STREAM}, is_cut=is_cut)


class WireServer:
    """A context manager. Each request gets the next of `replies`, and the last one again and again."""

    def __init__(self) -> None:
        self.replies: list[Reply] = [Reply()]
        self.received: list[Received] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                reply = outer.replies[min(len(outer.received), len(outer.replies) - 1)]
                outer.received.append(Received(self.command, self.path, headers, body))
                if reply.hangs_up:
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in reply.pieces:
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()
                if reply.is_cut:
                    self.close_connection = True
                else:
                    self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{method}", Handler.answer)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
