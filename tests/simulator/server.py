"""uvicorn with what the simulator needs of it: its transport, a start and a stop that are told."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tests.simulator.exchange import TRANSPORT

IDLE_SECONDS = 75
"""How long an idle connection stays open; the vendors' edges keep them at least that long."""


class SimulatorProtocol(HttpToolsProtocol):
    """Hands the transport to the app, which must be able to reset a connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.access_log = False

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: self.transport}  # type: ignore[dict-item] # ours


def server_config(app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> uvicorn.Config:
    """uvloop and httptools, no access log, no headers but ours; logging is left as it is."""
    return uvicorn.Config(
        app,
        host=host,
        port=port,
        http=SimulatorProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        log_level=None,
        server_header=False,
        date_header=False,
        timeout_keep_alive=IDLE_SECONDS,
    )


class BackgroundServer(uvicorn.Server):
    """Tells when it listens, and stops when told rather than at the next tick."""

    def __init__(self, config: uvicorn.Config, *, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._stopping = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()

    async def main_loop(self) -> None:
        await self._stopping.wait()

    def stop(self) -> None:
        """Close the listeners and every connection at once. Called on the server's own loop."""
        for listener in self.servers:
            listener.close()
        for connection in tuple(self.server_state.connections):
            connection.transport.abort()
        self._stopping.set()
