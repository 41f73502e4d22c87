"""One call on its connection: sending, waiting, and noticing that the client has left."""

import asyncio
import socket
import struct
import time
from collections.abc import Sequence
from typing import Any, Literal

from starlette.types import Receive, Scope, Send

from tests.simulator.records import Call, Recorder

Header = tuple[bytes, bytes]

TRANSPORT = "simulator.transport"
"""The ASGI extension under which the simulator's HTTP protocol hands over its transport."""


class ClientLeft(Exception):
    """The client closed the connection (or the simulator was told to) before the end."""


class Exchange:
    """What a behaviour does to the client: whole writes, pauses, silence, an end of its kind.

    Every waiting method raises `ClientLeft` as soon as the client has gone.
    """

    def __init__(
        self, scope: Scope, receive: Receive, send: Send, *, call: Call, recorder: Recorder
    ) -> None:
        self.call = call
        self._transport: asyncio.Transport = scope["extensions"][TRANSPORT]
        self._receive = receive
        self._send = send
        self._recorder = recorder
        self._waiter: asyncio.Future[None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._gone = False  # the connection is closed, by whichever side
        self._over = False  # nothing more is meant to be sent, so leaving is no event any more
        self._released = False

    def watch(self) -> None:
        """Notice the client's leaving while something else goes on."""
        if self._watch is None:
            loop = asyncio.get_running_loop()
            self._watch = loop.create_task(self._watch_client())  # kept here, awaited in `close`

    async def _watch_client(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left()

    def _left(self) -> None:
        if not self._over:
            self.call.client_left_at = time.monotonic()
            self._recorder.changed()
        self._over = self._gone = True
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def close(self) -> None:
        """The end of the call: returns when the server, too, knows that it is over."""
        if self._watch is None:
            if self._gone:
                await self._watch_client()
            return
        if not self._over:
            self._watch.cancel()
        await asyncio.wait([self._watch])

    async def answer(self, status: int, headers: Sequence[Header], body: bytes) -> None:
        """A whole answer with its length."""
        await self.start(status, [*headers, (b"content-length", b"%d" % len(body))])
        await self.write(body, last=True)

    async def start(self, status: int, headers: Sequence[Header]) -> None:
        self.call.status = status
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, data: bytes, *, events: int = 0, last: bool = False) -> None:
        """Hand bytes to the socket, waiting only while its buffer is full."""
        if not self._gone and self._transport.is_closing():
            self._left()
        if not self._gone:
            await self._send({"type": "http.response.body", "body": data, "more_body": not last})
        if self._gone:
            raise ClientLeft
        if last:
            self._over = self.call.finished = True
        if events:
            self.call.first_event_at = self.call.first_event_at or time.monotonic()
            self.call.events_sent += events
            self._recorder.changed()

    async def end(self, *, finished: bool = True) -> None:
        """The end of the body in good order; not `finished` where the answer lacks its own."""
        await self.write(b"", last=True)
        self.call.finished = finished

    async def flush(self) -> None:
        """Wait until what was written has left this process."""
        while self._transport.get_write_buffer_size() and not self._gone:  # noqa: ASYNC110 - the
            # protocol's own write events belong to the server, and tell of the high mark only
            await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def pause(self, seconds: float) -> None:
        await self.pause_until(asyncio.get_running_loop().time() + seconds)

    async def pause_until(self, deadline: float) -> None:
        """Wait for a time of the loop's clock."""
        handle = asyncio.get_running_loop().call_at(deadline, self._wake)
        try:
            await self._wait()
        finally:
            handle.cancel()

    async def silence(self, *, keep_alive: bytes = b"", every_seconds: float | None = None) -> None:
        """Wait for `release`, sending `keep_alive` now and then if asked."""
        while not self._released:
            if every_seconds is None:
                await self._wait()
            else:
                await self.pause(every_seconds)
                if not self._released:
                    await self.write(keep_alive)

    async def _wait(self) -> None:
        if not self._gone:
            self._waiter = asyncio.get_running_loop().create_future()
            await self._waiter
        if self._gone:
            raise ClientLeft

    def release(self) -> None:
        """End a silence: the answer goes on."""
        self._released = True
        self._wake()

    def abort(self) -> None:
        """Close the connection from this side, whatever is going on."""
        self._over = self._gone = True
        self._transport.abort()
        self._wake()

    async def hang_up(self, how: Literal["close", "reset"]) -> None:
        """Send what is buffered, then FIN or RST."""
        await self.flush()
        if self._gone:
            raise ClientLeft
        self._over = self._gone = True
        if how == "reset":
            _linger_zero(self._transport)
            self._transport.abort()
        else:
            self._transport.close()


def _linger_zero(transport: asyncio.Transport) -> None:
    """Have the kernel send RST instead of FIN when the socket closes."""
    connection: Any = transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
