"""A keep-alive HTTP/1.1 connection that costs the load generator next to nothing."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Self, cast
from urllib.parse import urlsplit

import httptools

_CLOSED = "a server closed a connection that was still in use"


@dataclass(slots=True)
class Reply:
    """One answer and when it came, in seconds of `time.perf_counter`."""

    sent_at: float
    status: int = 0
    chunks: list[bytes] = field(default_factory=list)
    first_chunk_at: float = 0.0
    ended_at: float = 0.0

    @property
    def body(self) -> bytes:
        """The whole body."""
        return b"".join(self.chunks)


class Connection(asyncio.Protocol):
    """Carries one request at a time."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._reply = Reply(0.0)
        self._answered: asyncio.Future[Reply] | None = None

    @classmethod
    async def open(cls, url: str) -> Self:
        """Connect to the server at `url`."""
        host, _, port = urlsplit(url).netloc.partition(":")
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(cls, host, int(port))
        return connection

    def close(self) -> None:
        """Let go of the server."""
        self._transport.close()

    async def exchange(self, request: bytes) -> Reply:
        """Send a whole request and wait for the whole answer. Raises `ConnectionError`."""
        if self._transport.is_closing():
            raise ConnectionError(_CLOSED)
        self._answered = asyncio.get_running_loop().create_future()
        self._reply = Reply(time.perf_counter())
        self._transport.write(request)
        return await self._answered

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(ConnectionError(_CLOSED))

    def on_body(self, chunk: bytes) -> None:
        """Called by the parser."""
        if not self._reply.chunks:
            self._reply.first_chunk_at = time.perf_counter()
        self._reply.chunks.append(chunk)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._reply.status = self._parser.get_status_code()
        self._reply.ended_at = time.perf_counter()
        if self._answered is not None and not self._answered.done():
            self._answered.set_result(self._reply)
