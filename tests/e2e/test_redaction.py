"""Secrets go nowhere: canaries everywhere, failures of all kinds, then a search through all that came out."""

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.e2e.routes import BATCH, CHAT, EMBEDDINGS, GENERATE, GENERATE_STREAM, JSON_TYPE, MODELS
from tests.postgres import Postgres
from tests.process import ServiceProcess
from tests.simulator import Cut, Hangup, InBandError, Malformed, Reply, Simulator, Status

KEY = "sk-ais-canary-4b1d8e0f-of-a-caller"
ADMIN_KEY = "canary-admin-7c2f9a-Without-Prefix"
ANTHROPIC_KEY = "sk-ant-canary-9e3a5b7d1f"
OPENAI_KEY = "canary-openai-55d0c1-no-prefix"
LOCAL_KEY = "canary-local-0a1b2c"
SECRET_KEY = "canary-secret-key-8d7e6f5a4b"
REDIS_PASSWORD = "canary-redis-p@ss/wörd"
DATABASE_PASSWORD = "canary-database-p@ss"
CANARY = "canary"
"""Every secret holds it, and nothing else does."""
SECRETS = (KEY, ADMIN_KEY, ANTHROPIC_KEY, OPENAI_KEY, LOCAL_KEY, SECRET_KEY, REDIS_PASSWORD)
BODY: dict[str, Any] = {"prompt": "Hello", "cache": False}


def environment(simulator: Simulator, folder: Path, **more: str) -> dict[str, str]:
    """A service whose every secret is a canary, at the level that logs the most."""
    config = folder / "service.toml"
    config.write_text(
        f"[providers.local]\nbase_url = 'http://u:{LOCAL_KEY}@127.0.0.1:1/v1'\n"
        f"api_key = '{LOCAL_KEY}'\nmodels = ['llama']\n"
    )
    return {
        "ANTHROPIC_API_KEY": ANTHROPIC_KEY,
        "ANTHROPIC_BASE_URL": simulator.anthropic_base_url,
        "OPENAI_API_KEY": OPENAI_KEY,
        "OPENAI_BASE_URL": simulator.openai_base_url,
        "REDIS_URL": f"redis://:{quote(REDIS_PASSWORD, safe='')}@127.0.0.1:1/0",
        "AI_SERVICE_CONFIG_FILE": str(config),
        "AI_SERVICE_ADMIN_KEY": ADMIN_KEY,
        "AI_SERVICE_SECRET_KEY": SECRET_KEY,
        "AI_SERVICE_LOG_LEVEL": "debug",
        "AI_SERVICE_MAX_ATTEMPTS": "1",
        "AI_SERVICE_BREAKER_FAILURES": "1000",
        "AI_SERVICE_DRAIN_SECONDS": "0",
    } | more


class Heard:
    """Asks the service, and keeps all that it says."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client
        self.answers: list[str] = []

    async def ask(self, method: str, path: str, *, status: int, **request: Any) -> None:
        """One request, which ends with this status."""
        answer = await self._client.request(method, path, **request)
        assert answer.status_code == status, (path, request, answer.text)
        self.answers.append(f"{answer.headers.raw} {answer.text}")

    async def post(self, path: str = GENERATE, *, status: int, **request: Any) -> None:
        """One POST, which ends with this status."""
        await self.ask("POST", path, status=status, **request)

    async def raw(self, request: bytes) -> None:
        """Bytes that no client sends."""
        url = self._client.base_url
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(request)
        async with asyncio.timeout(10):
            self.answers.append(repr(await reader.read()))
        writer.close()


async def put_keys_where_they_do_not_belong(heard: Heard) -> None:
    """A caller's mistakes."""
    wrong = {"X-API-Key": KEY}
    await heard.post(status=401, headers=wrong, json=BODY)
    await heard.post(status=401, headers={"X-API-Key": "", "Authorization": KEY}, json=BODY)
    await heard.post(status=401, headers={"X-API-Key": "", "Authorization": f"Basic {KEY}"})
    await heard.post(status=401, headers={"X-API-Key": "", "Cookie": f"key={KEY}"}, json=BODY)
    await heard.ask("GET", MODELS, status=200, headers={"X-Request-ID": KEY})
    await heard.ask("GET", MODELS, status=200, headers={"X-Request-ID": f"Bearer:{KEY}"})
    await heard.post(status=200, json=BODY, headers={"X-Request-ID": KEY, "User-Agent": KEY})
    await heard.ask("GET", MODELS, status=400, headers={"Host": f"{KEY}:x"})
    for key in (KEY, ADMIN_KEY):
        await heard.ask("GET", f"{MODELS}?api_key={key}", status=200)
        await heard.ask("GET", f"/api/v1/{key}", status=404)
        await heard.ask("GET", f"/{quote(f'x {key}')}", status=404)
        await heard.ask("DELETE", f"/docs/assets/{key}", status=405)
        broken = f'{{"prompt": "{key}'.encode()
        await heard.post(status=400, content=broken, headers=JSON_TYPE)
        await heard.post(status=415, content=key.encode(), headers={"Content-Type": f"text/{key}"})
        await heard.post(status=400, json={"prompt": {"x": key}})
        for field in ("temperature", "max_tokens", "stop", "metadata", "reasoning_effort", "cache"):
            await heard.post(status=400, json=BODY | {field: key})
        await heard.post(status=400, json=BODY | {"model": key})
        message = {"role": key, "content": [{"type": key, "text": key}]}
        await heard.post(CHAT, status=400, json={"messages": [message]})
        await heard.post(BATCH, status=400, json={"prompts": [1, key]})
        await heard.raw(f"GET /{key} HTTP/1.1\r\nX-API-Key {key}\r\n\r\n".encode())
    await heard.post(status=400, json=BODY | {KEY: 1})
    await heard.post(status=400, json=BODY | {"metadata": {"key": KEY}})
    await heard.post(status=400, json=BODY | {"metadata": {KEY: "x"}})
    await heard.post(status=400, json=BODY | {"provider_options": {KEY: {}}})
    await heard.post(status=400, json=BODY | {"model": f"openai/{KEY}"})


def failures(key: str) -> list[tuple[Any, int]]:
    """What may go wrong at a vendor that has been called with `key`, and the status that it comes to."""
    echo = f"Incorrect API key provided: {key}"
    return [
        (Status(401, message=echo), 502),
        (Status(403, message=echo), 502),
        (Status(400, message=echo), 400),
        (Status(500, message=echo), 503),
        (Status(429, message=echo), 503),
        (Status(302, headers={"Location": f"http://{key}@127.0.0.1/{key}"}), 502),
        (Status(200, body=echo), 502),
        (Malformed("html"), 502),
        (Hangup(how="reset"), 503),
        (InBandError(after_words=1, message=echo), 200),
        (Cut(after_words=1, how="reset"), 200),
    ]


async def let_providers_fail(heard: Heard, simulator: Simulator) -> None:
    """Each failure at both vendors, so that none helps out."""
    for (at_anthropic, status), (at_openai, _) in zip(
        failures(ANTHROPIC_KEY), failures(OPENAI_KEY), strict=True
    ):
        simulator.always(at_anthropic, on="anthropic")
        simulator.always(at_openai, on="openai")
        for model in ("haiku", "gpt"):
            await heard.post(GENERATE_STREAM, status=status, json=BODY | {"model": model})
            if status != 200:
                await heard.post(status=status, json=BODY | {"model": model})
        if status != 200:
            await heard.post(EMBEDDINGS, status=status, json={"input": "Hello"})
        await heard.post(BATCH, status=200, json={"prompts": ["Hello"]})
    # Credentials in an address beside a key: a fault of ours, with a traceback in the log.
    await heard.post(status=500, json=BODY | {"model": "local/llama"})


@pytest.mark.parametrize("log_format", ["console", "json"])
@pytest.mark.parametrize("content_logging", ["false", "true"])
async def test_no_secret_is_in_any_log_answer_metric_or_file(
    log_format: str, content_logging: str, simulator: Simulator, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    variables = environment(
        simulator,
        tmp_path,
        AI_SERVICE_LOG_FORMAT=log_format,
        AI_SERVICE_CONTENT_LOGGING=content_logging,
    )
    with ServiceProcess(home, **variables) as process:
        async with process.client(ADMIN_KEY) as client:
            heard = Heard(client)
            simulator.always(Reply(text="Do not tell me."), on="anthropic")
            await heard.post(status=200, json=BODY | {"prompt": f"My key is {KEY}"})
            await put_keys_where_they_do_not_belong(heard)
            await let_providers_fail(heard, simulator)
            for path in ("/metrics", "/readyz", "/openapi.json", "/docs", MODELS):
                await heard.ask("GET", path, status=200)
            written_while_running = files(home)
        process.send(signal.SIGTERM)
        process.wait()
    assert len(heard.answers) > 80
    assert found(*heard.answers) == []
    assert len(process.output) > 80
    assert "Traceback" in "".join(process.output)
    assert found(*process.output) == []
    for contents in (written_while_running, files(home)):
        assert {"ai-service.db"} <= set(contents)
        assert b"key_admin" in b"".join(contents.values())
        assert [name for name, content in contents.items() if CANARY.encode() in content] == []


def found(*texts: str) -> list[str]:
    """The texts that hold a canary."""
    return [text for text in texts if CANARY in text or REDIS_PASSWORD[-6:] in text]


def files(folder: Path) -> dict[str, bytes]:
    """Every file under `folder`: the database and its log, too."""
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_a_database_that_goes_away_takes_no_password_into_the_log(
    postgres: Postgres, simulator: Simulator, tmp_path: Path
) -> None:
    password = quote(DATABASE_PASSWORD, safe="")
    url = postgres.create_database().replace("postgres@", f"postgres:{password}@")
    variables = environment(simulator, tmp_path, DATABASE_URL=url)
    try:
        with ServiceProcess(tmp_path, **variables) as process:
            async with process.client(ADMIN_KEY) as client:
                heard = Heard(client)
                await heard.post(status=200, json=BODY)
                postgres.stop()
                for path in (GENERATE, GENERATE_STREAM):
                    await heard.post(path, status=503, json=BODY)
                await heard.ask("GET", "/readyz", status=503)
                await heard.post(status=503, json=BODY, headers={"X-API-Key": KEY})
            process.send(signal.SIGTERM)
            process.wait()
    finally:
        postgres.start()
    assert found(*heard.answers) == found(*process.output) == []


@pytest.mark.parametrize(
    "setting",
    [
        {"DATABASE_URL": f"postgresql+asyncpg://u:{quote(DATABASE_PASSWORD)}@127.0.0.1:1/x"},
        {"DATABASE_URL": "postgresql+asyncpg://u:canary/database@127.0.0.1:1/x"},
        {"DATABASE_URL": "postgresql+asyncpg://u:x@127.0.0.1:canary/x"},
        {"DATABASE_URL": "postgres://u:canary@127.0.0.1:1/x"},
        {"REDIS_URL": "redis://:canary/redis@127.0.0.1:1/0"},
        {"REDIS_URL": "redis://:x@127.0.0.1:canary/0"},
        {"AI_SERVICE_ADMIN_KEY": "canary"},
    ],
)
async def test_a_start_that_fails_says_no_secret(
    setting: dict[str, str], simulator: Simulator, tmp_path: Path
) -> None:
    variables = environment(simulator, tmp_path, **setting)
    output = await run_until_it_fails(tmp_path, variables)
    assert output
    assert found(output) == []


async def run_until_it_fails(folder: Path, variables: dict[str, str]) -> str:
    """What `ai-service serve` prints until it gives up."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", "serve"),
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "AI_SERVICE_PORT": "0"} | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(30):
            output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode != 0
    return output.decode()
