"""A tenant's own server, which takes webhooks."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple, Self

WAIT_SECONDS = 20


class Received(NamedTuple):
    """One request: its body as it came, its headers by their names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """A context manager: a server on loopback that keeps what it gets, and answers `status`.

    While `may_answer` is clear, its answers wait.
    """

    def __init__(self) -> None:
        self.status = 204
        self.answer_headers: dict[str, str] = {}
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.received: list[Received] = []
        self._changed = threading.Condition()
        self._server = _Server(self)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}/hooks"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.may_answer.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, received: Received) -> None:
        """Keep a request."""
        with self._changed:
            self.received.append(received)
            self._changed.notify_all()

    def wait_for(self, count: int) -> list[Received]:
        """What has come, as soon as there is so much. Blocks: for a thread."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.received) >= count, WAIT_SECONDS)
        assert came, f"{len(self.received)} of {count} came"
        return self.received


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, receiver: Receiver) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.receiver = receiver

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asks may hang up."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        receiver.take(Received(self.path, headers, body))
        receiver.may_answer.wait()
        self.send_response(receiver.status)
        for name, value in ({"content-length": "0"} | receiver.answer_headers).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nobody reads it."""
