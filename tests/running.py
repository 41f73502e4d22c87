"""The service over a real socket, as its callers meet it."""

import asyncio
import socket
import threading
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import uvicorn
from fastapi import FastAPI

from service.app import create_app
from service.settings import Settings
from service.web.protocol import EnvelopeProtocol

ADMIN_KEY = "sk-ais-tests-0123456789abcdefghijklmnopqrstuv"
START_SECONDS = 20


def make_settings(data_dir: Path, **overrides: Any) -> Settings:
    """Settings that owe nothing to the environment of the test run."""
    values: dict[str, Any] = {
        "_env_file": None,
        "data_dir": data_dir,
        "database_url": "",
        "admin_key": ADMIN_KEY,
        "anthropic_api_key": None,
        "openai_api_key": None,
        "retry_base_seconds": 0.01,
        "log_level": "warning",
    }
    return Settings(**(values | overrides))


class RunningService:
    """A context manager: the application under uvicorn, in a thread with its own event loop."""

    def __init__(self, settings: Settings, app: FastAPI | None = None) -> None:
        self.settings = settings
        self.app = app or create_app(settings)
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        started: Future[None] = Future()
        config = uvicorn.Config(
            self.app,
            loop="uvloop",
            http=EnvelopeProtocol,
            ws="none",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_graceful_shutdown=5,
        )
        self._server = _TellingServer(config, started)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True
        )
        self._thread.start()
        started.result(START_SECONDS)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    def client(self, *, key: str | None = ADMIN_KEY) -> httpx.AsyncClient:
        """A client of the service that sends `key`."""
        headers = {"X-API-Key": key} if key else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=30)


class _TellingServer(uvicorn.Server):
    """Says when it has started, or why it has not."""

    def __init__(self, config: uvicorn.Config, started: "Future[None]") -> None:
        super().__init__(config)
        self._told = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._told.set_result(None)
        else:
            self._told.set_exception(RuntimeError("the service did not start"))


async def gather_statuses(client: httpx.AsyncClient, path: str, bodies: list[Any]) -> list[int]:
    """The statuses of concurrent posts, in order."""
    answers = await asyncio.gather(*(client.post(path, json=body) for body in bodies))
    return [answer.status_code for answer in answers]
