"""Stopping without cutting anything in silence.

On SIGTERM the service is unready but still listens for `drain_seconds`, so that a load balancer can turn
away first. Then the server's own handler runs: no new connections, and time for what is under way.
Streams that still run `finish_seconds` later get their `error` event. SIGINT skips the first part.
"""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from service.web.sse import RunningStreams

Handler = Callable[[int, FrameType | None], object]


class Draining:
    """Whether the service is on its way out, and the way itself."""

    def __init__(
        self, running: RunningStreams, *, drain_seconds: float, finish_seconds: float
    ) -> None:
        self._running = running
        self._drain_seconds = drain_seconds
        self._finish_seconds = finish_seconds
        self.has_begun = False

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """Stand before the server's signal handlers. Only a main thread gets signals at all."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        servers = {sig: signal.getsignal(sig) for sig in (signal.SIGTERM, signal.SIGINT)}

        def on_signal(sig: int, frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(self._begin, loop, sig, servers[signal.Signals(sig)])

        for sig in servers:
            signal.signal(sig, on_signal)
        try:
            yield
        finally:
            for sig, handler in servers.items():
                signal.signal(sig, handler)

    def _begin(self, loop: asyncio.AbstractEventLoop, sig: int, server_handler: object) -> None:
        wait = self._drain_seconds if sig == signal.SIGTERM and not self.has_begun else 0.0
        self.has_begun = True
        if callable(server_handler):
            loop.call_later(wait, server_handler, sig, None)
        loop.call_later(wait + self._finish_seconds, self._running.interrupt_all)
