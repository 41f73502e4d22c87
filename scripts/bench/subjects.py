"""The servers of a run: the service, what it is compared with, and what it needs."""

import json
import shutil
import socket
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2

from scripts.bench.servers import LOAD_CORE, Command, Server, free_port, python_module, running

KEY = "sk-ais-bench-0123456789abcdefghijklmnopqrst"


@contextmanager
def service(
    *,
    core: str | None,
    vendors: str | None = None,
    environment: Mapping[str, str] | None = None,
    module: str = "service",
) -> Iterator[Server]:
    """The service with everything on; `vendors` is where both vendors are, None: the sandbox answers.

    `module` is what is run to serve: the service itself, or what stands for it.
    """
    port = free_port()
    settings = {
        "AI_SERVICE_PORT": str(port),
        "AI_SERVICE_ADMIN_KEY": KEY,
        "AI_SERVICE_LOG_FORMAT": "json",
        "AI_SERVICE_DRAIN_SECONDS": "0",
    }
    if vendors is not None:
        settings |= {
            "ANTHROPIC_API_KEY": "sk-ant-bench",
            "ANTHROPIC_BASE_URL": vendors,
            "OPENAI_API_KEY": "sk-bench",
            "OPENAI_BASE_URL": f"{vendors}/v1",
        }
    arguments = python_module(module, "serve")
    with running(Command(arguments, port, core, settings | dict(environment or {}))) as server:
        yield server


def bounded_key(service: Server) -> str:
    """The secret of a new key whose limits and budgets, its tenant's too, are on but out of reach."""
    bounds = {
        "limits": {"requests_per_minute": 1_000_000_000, "tokens_per_minute": 1_000_000_000},
        "budget": {"limit_usd": 1_000_000, "period": "month"},
    }
    admin = {"X-API-Key": KEY}
    with httpx2.Client(base_url=f"{service.url}/api/v1", headers=admin) as client:
        client.put("/tenants/default", json=bounds).raise_for_status()
        made = client.post("/keys", json={"name": "bench", "scopes": ["generate"]} | bounds)
    secret: str = made.raise_for_status().json()["key"]
    return secret


@contextmanager
def bare(*, core: str | None) -> Iterator[Server]:
    """The bare endpoint, on the same HTTP server and event loop as the service."""
    port = free_port()
    arguments = python_module("uvicorn", "scripts.bench.bare:app", "--port", str(port))
    arguments += ["--no-access-log", "--log-level", "warning", "--loop", "uvloop"]
    with running(Command(arguments, port, core)) as server:
        yield server


@contextmanager
def simulator(behaviour: Mapping[str, object], *, core: str | None) -> Iterator[Server]:
    """Both vendors; every call gets the same `behaviour`."""
    port = free_port()
    arguments = python_module("tests.simulator", "--port", str(port))
    arguments += ["--behaviour", json.dumps(behaviour)]
    with running(Command(arguments, port, core, up_path="/health")) as server:
        yield server


class Redis:
    """A redis-server that keeps nothing on disk."""

    def __init__(self, port: int) -> None:
        self.url = f"redis://127.0.0.1:{port}/0"
        self._address = ("127.0.0.1", port)

    def hits(self) -> int:
        """How many look-ups have found something so far."""
        with socket.create_connection(self._address) as connection:
            connection.sendall(b"INFO stats\r\nQUIT\r\n")
            with connection.makefile("r") as lines:
                return next(
                    int(line.partition(":")[2])
                    for line in lines
                    if line.startswith("keyspace_hits:")
                )


@contextmanager
def redis(*, core: str | None = LOAD_CORE) -> Iterator[Redis | None]:
    """None where there is no redis-server on this machine."""
    if shutil.which("redis-server") is None:
        yield None
        return
    port = free_port()
    arguments = ["redis-server", "--port", str(port), "--bind", "127.0.0.1"]
    arguments += ["--save", "", "--appendonly", "no"]
    with running(Command(arguments, port, core, up_path=None)):
        yield Redis(port)


@contextmanager
def postgres() -> Iterator[tuple[str, str] | str]:
    """The addresses of two empty databases, or why there are none."""
    try:
        from tests.postgres import Postgres
    except ImportError as missing:
        yield f"PostgreSQL: {missing.name} is not installed"
        return
    # The server's own user must be able to enter, and a socket's path is short.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        server = Postgres(folder / "data")
        try:
            yield server.create_database(), server.create_database()
        finally:
            server.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
