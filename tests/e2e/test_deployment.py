"""`deploy/` as it is written, without containers: the image's installation and start command, with the
environment of compose.yaml, behind a real Caddy, over a real PostgreSQL and Redis."""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import redis

from tests.caddy import Caddy
from tests.deployment import (
    COMPOSE,
    SECRETS,
    build_natively,
    compose_environment,
    health_command,
    image_environment,
    start_command,
)
from tests.e2e.routes import GENERATE, GENERATE_STREAM
from tests.ports import free_port
from tests.postgres import Postgres
from tests.process import Program, ServiceProcess
from tests.simulator import Simulator, Stall, Words
from tests.sse import events_of, text_of

DOTENV = {name: f"{name}-0123456789abcdef".lower() for name in SECRETS} | {
    "SITE_ADDRESS": "localhost",
    "TLS": "internal",
    "ANTHROPIC_API_KEY": "sk-ant-simulated",
}
KEY = DOTENV["AI_SERVICE_ADMIN_KEY"]


@dataclass(frozen=True)
class Deployment:
    """All of it, running."""

    caddy: Caddy
    service: ServiceProcess
    environment: dict[str, str]
    redis: redis.Redis

    def is_healthy(self) -> bool:
        """What the image's health check finds."""
        return (
            subprocess.run(
                health_command(), env=self.environment, capture_output=True, check=False, timeout=30
            ).returncode
            == 0
        )


@contextmanager
def redis_of_compose(port: int, folder: Path) -> Iterator[redis.Redis]:
    """Redis as compose.yaml starts it, but for where it listens."""
    *shell, script = COMPOSE["services"]["redis"]["command"]
    here = f"redis-server - --port {port} --bind 127.0.0.1 --dir {folder}"
    command = [*shell, script.replace("$$", "$").replace("redis-server -", here)]
    environment = {"PATH": os.environ["PATH"]} | compose_environment("redis", DOTENV)
    with Program(command, folder, environment) as program:
        program.wait_for_line("Ready to accept connections")
        with redis.Redis(port=port, password=DOTENV["REDIS_PASSWORD"]) as client:
            yield client
            client.shutdown(nosave=True)  # the shell is not its only process
        program.wait()


@pytest.fixture(scope="module")
def environment(
    _simulator: Simulator, postgres: Postgres, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """The variables of the service's container; what names another container names this machine."""
    installed = build_natively(tmp_path_factory.mktemp("build"))
    given = image_environment(installed) | DOTENV | compose_environment("service", DOTENV)
    return given | {
        "ANTHROPIC_BASE_URL": _simulator.anthropic_base_url,
        "AI_SERVICE_DATA_DIR": str(tmp_path_factory.mktemp("data")),
        "AI_SERVICE_PORT": "0",
        "AI_SERVICE_DRAIN_SECONDS": "0",
        "AI_SERVICE_TRUSTED_PROXIES": "127.0.0.1",
        "DATABASE_URL": postgres.create_database(),
    }


@pytest.fixture(scope="module")
def deployment(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """The service, installed and started as in its container, behind Caddy."""
    redis_port = free_port()
    with redis_of_compose(redis_port, tmp_path_factory.mktemp("redis")) as redis_client:
        address = environment["REDIS_URL"].replace("redis:6379", f"127.0.0.1:{redis_port}")
        environment = environment | {"REDIS_URL": address}
        program, *arguments = start_command()
        installed = Path(environment["PATH"].partition(":")[0])
        with ServiceProcess(
            tmp_path_factory.mktemp("elsewhere"),  # so that only what is installed can be imported
            command=[str(installed / program), *arguments],
            **environment,
        ) as service:
            port = urlsplit(service.url).port
            assert port is not None
            environment["AI_SERVICE_PORT"] = str(port)
            with Caddy(tmp_path_factory.mktemp("caddy"), upstream_port=port) as caddy:
                yield Deployment(caddy, service, environment, redis_client)


@pytest.fixture
async def client(deployment: Deployment) -> Any:
    """A client with the admin key, over TLS."""
    async with deployment.caddy.client(KEY) as ready:
        yield ready


async def test_a_call_with_a_key_is_answered_over_tls(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    answer = await client.post(GENERATE, json={"prompt": "over TLS"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["text"] == "Echo: over TLS"
    assert len(simulator.calls) == 1


async def test_a_call_without_a_key_is_refused(deployment: Deployment) -> None:
    async with deployment.caddy.client() as client:
        answer = await client.post(GENERATE, json={"prompt": "x"})
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "authentication_error"


async def test_everything_that_is_needed_is_there(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    answer = await client.get("/readyz")
    assert answer.json() == {
        "status": "ready",
        "checks": {"database": "ok", "cache": "ok", "providers": {"anthropic": "ok"}},
    }
    deployment.redis.flushall()
    await client.post(GENERATE, json={"prompt": "kept in Redis"})
    assert deployment.redis.dbsize() >= 1
    assert (await client.get("/docs")).status_code == 200


async def test_redis_asks_for_a_password_and_forgets_rather_than_refuses(
    deployment: Deployment,
) -> None:
    port = deployment.redis.connection_pool.connection_kwargs["port"]
    with redis.Redis(port=port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    told = deployment.redis.config_get("maxmemory*")
    assert told["maxmemory-policy"] == "allkeys-lru"
    assert int(told["maxmemory"] or 0) == 192 * 1024 * 1024
    assert deployment.redis.config_get("save") == {"save": ""}


async def test_a_browser_that_comes_without_tls_is_sent_to_https(deployment: Deployment) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://localhost:{deployment.caddy.http_port}/docs")
        assert answer.status_code == 301
        assert answer.headers["location"] == "https://localhost/docs"


async def test_a_program_that_calls_without_tls_is_told_so_and_not_sent_on(
    deployment: Deployment,
) -> None:
    headers = {"X-API-Key": KEY}
    async with httpx.AsyncClient(headers=headers) as client:
        url = f"http://localhost:{deployment.caddy.http_port}{GENERATE}"
        answer = await client.post(url, json={"prompt": "x"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert error["type"] == "validation_error"
    assert "https" in error["message"]
    assert error["request_id"]


async def test_a_stream_arrives_event_by_event(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Stall(after_words=2, reply=Words(count=4)), on="anthropic")
    body = {"prompt": "event by event"}
    async with client.stream("POST", GENERATE_STREAM, json=body) as response:
        stream = events_of(response)
        events = [await anext(stream)]
        while text_of(events).split() != ["w0", "w1"]:  # nothing more comes before the release
            events.append(await anext(stream))
        simulator.release()
        events += [event async for event in stream]
    assert text_of(events).split() == ["w0", "w1", "w2", "w3"]
    assert events[-1]["type"] == "done"


@pytest.mark.parametrize("path", [GENERATE, GENERATE_STREAM])
async def test_a_caller_who_hangs_up_stops_the_provider(
    path: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Stall(after_words=1), on="anthropic")
    call = asyncio.create_task(client.post(path, json={"prompt": f"hang up on {path}"}))
    await simulator.wait_for(lambda s: s.calls)
    call.cancel()
    await asyncio.wait([call])
    await simulator.wait_for(lambda s: s.calls[0].client_left_at is not None)


async def test_what_goes_around_the_proxy_is_refused_and_what_comes_through_it_is_https(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    assert "strict-transport-security" in (await client.get("/api/v1/models")).headers
    async with deployment.service.client(KEY) as around:
        answer = await around.get("/api/v1/models")
        assert answer.status_code == 400
        assert "https" in answer.json()["error"]["message"]


async def test_metrics_are_not_for_the_world(client: httpx.AsyncClient) -> None:
    answer = await client.get("/metrics")
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert set(error) == {"type", "message", "request_id"}
    assert error["type"] == "not_found"


async def test_no_key_is_in_the_log_of_the_proxy(
    deployment: Deployment, client: httpx.AsyncClient
) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "Cookie": f"key={KEY}", "X-Odd": KEY}
    await client.get("/api/v1/models?logged", headers=headers)
    assert deployment.caddy.wait_for_line("/api/v1/models?logged")
    assert KEY not in "\n".join(deployment.caddy.output)


async def test_the_health_check_of_the_image_tells_a_service_that_is_up_from_one_that_is_not(
    deployment: Deployment,
) -> None:
    assert await asyncio.to_thread(deployment.is_healthy)
    nobody = Deployment(
        deployment.caddy,
        deployment.service,
        deployment.environment | {"AI_SERVICE_PORT": "1"},
        deployment.redis,
    )
    assert not await asyncio.to_thread(nobody.is_healthy)


async def test_what_is_installed_can_do_without_what_built_it(environment: dict[str, str]) -> None:
    """The catalog, the migrations and the assets of /docs are in the wheel, and pip is not."""
    installed = Path(environment["PATH"].partition(":")[0]).parent
    packages = next(installed.glob("lib/python3*/site-packages"))
    assert {path.name for path in packages.iterdir() if path.suffix != ".dist-info"} == {
        "locked.pth",
        "service",
    }
    assert (packages / "service" / "catalog.toml").is_file()


class _Echo(BaseHTTPRequestHandler):
    """Answers with the headers that it was sent."""

    def do_GET(self) -> None:
        body = json.dumps({name.lower(): text for name, text in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def echo() -> Iterator[ThreadingHTTPServer]:
    """An upstream that shows what Caddy sends to it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def test_the_proxy_says_where_a_call_comes_from_and_believes_nobody_who_says_otherwise(
    echo: ThreadingHTTPServer, tmp_path: Path
) -> None:
    lies = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Host": "evil.example",
        "X-Request-ID": "mine",
    }
    with Caddy(tmp_path, upstream_port=echo.server_port) as caddy:
        async with caddy.client("a key") as client:
            seen = (await client.get("/", headers=lies)).json()
    assert seen["x-forwarded-proto"] == "https"
    assert seen["x-forwarded-for"] in ("127.0.0.1", "::1")
    assert seen["x-forwarded-host"] == seen["host"] == f"localhost:{caddy.port}"
    assert (seen["x-request-id"], seen["x-api-key"]) == ("mine", "a key")


async def test_a_service_that_is_away_is_an_error_in_the_services_own_envelope(
    tmp_path: Path,
) -> None:
    with Caddy(tmp_path, upstream_port=1) as caddy:
        async with caddy.client(KEY) as client:
            answer = await client.post(GENERATE, json={"prompt": "x"})
        assert caddy.wait_for_line(GENERATE)
        assert KEY not in "\n".join(caddy.output)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert error["type"] == "service_unavailable"
    assert error["estimated_time_seconds"] == int(answer.headers["retry-after"])
    assert error["message"]
    assert error["request_id"]
