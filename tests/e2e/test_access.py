"""The key check: one refusal for everything, before a byte of the body is read."""

import asyncio
import json
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from service.core.clock import SystemClock
from tests.e2e.keys import KEYS, add_key, make_key
from tests.e2e.routes import BATCH, EMBEDDINGS, GENERATE, GOOD_BODIES, MODELS, POST_ROUTES, error_of
from tests.ledger import ledger_rows
from tests.process import ServiceProcess
from tests.running import ADMIN_KEY, RunningService, make_settings
from tests.simulator import Simulator

UNKNOWN = ("/api/v1/", "/api/v1/nothing", "/api/v1/keys", "/api/v1/generate/", "/api/v1//")
PATHS = (*POST_ROUTES, MODELS, *UNKNOWN)
OPEN_PATHS = ("/healthz", "/readyz", "/metrics", "/docs", "/openapi.json")
WRONG: dict[str, dict[str, str]] = {
    "none": {},
    "empty": {"X-API-Key": ""},
    "wrong": {"X-API-Key": "sk-ais-wrong"},
    "cut": {"X-API-Key": ADMIN_KEY[:-1]},
    "longer": {"X-API-Key": ADMIN_KEY + "x"},
    "upper case": {"X-API-Key": ADMIN_KEY.upper()},
    "huge": {"X-API-Key": "k" * 10_000},
    "garbled": {"X-API-Key": "\xff\xfe \x80"},
    "sql": {"X-API-Key": "' OR 1=1 --"},
    "bearer wrong": {"Authorization": "Bearer sk-ais-wrong"},
    "bearer empty": {"Authorization": "Bearer"},
    "no scheme": {"Authorization": ADMIN_KEY},
    "basic": {"Authorization": f"Basic {ADMIN_KEY}"},
    "two keys": {"X-API-Key": f"{ADMIN_KEY}, {ADMIN_KEY}"},
    "in a cookie": {"Cookie": f"X-API-Key={ADMIN_KEY}"},
    "wrong beside a right bearer": {
        "X-API-Key": "sk-ais-wrong",
        "Authorization": f"Bearer {ADMIN_KEY}",
    },
}


def raw_headers(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    """Headers with the bytes that their characters stand for."""
    return [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]


@pytest.mark.parametrize("headers", WRONG.values(), ids=WRONG)
async def test_without_a_valid_key_every_path_of_the_api_is_the_same_401(
    headers: dict[str, str], shared_service: RunningService, simulator: Simulator
) -> None:
    bodies = set()
    async with shared_service.client(key=None) as client:
        for path in PATHS:
            for method in ("GET", "POST", "DELETE", "OPTIONS"):
                answer = await client.request(
                    method,
                    f"{shared_service.url}{path}",
                    headers=raw_headers(headers),
                    content=b"{",
                )
                error = error_of(answer, 401, "authentication_error")
                assert answer.headers["www-authenticate"] == "Bearer"
                bodies.add(json.dumps(error | {"request_id": ""}))
    assert len(bodies) == 1
    assert simulator.calls == []
    assert ledger_rows(shared_service.settings.data_dir) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": ADMIN_KEY},
        {"x-api-key": ADMIN_KEY},
        {"Authorization": f"Bearer {ADMIN_KEY}"},
        {"Authorization": f"bearer   {ADMIN_KEY}"},
        {"X-API-Key": "", "Authorization": f"Bearer {ADMIN_KEY}"},
    ],
)
async def test_a_valid_key_works_in_either_header(
    headers: dict[str, str], shared_service: RunningService
) -> None:
    async with shared_service.client(key=None) as client:
        assert (await client.get(MODELS, headers=headers)).status_code == 200


@pytest.mark.parametrize("path", OPEN_PATHS)
async def test_the_operators_routes_need_no_key_and_mind_no_wrong_one(
    path: str, shared_service: RunningService
) -> None:
    async with shared_service.client(key=None) as client:
        assert (await client.get(path)).status_code == 200
        assert (await client.get(path, headers={"X-API-Key": "wrong"})).status_code == 200


@pytest.mark.parametrize("path", [GENERATE, EMBEDDINGS, BATCH, "/api/v1/nothing"])
@pytest.mark.parametrize("length", ["Content-Length: 10000000000", "Transfer-Encoding: chunked"])
async def test_a_bad_key_is_refused_before_the_body_is_sent(
    path: str, length: str, shared_service: RunningService
) -> None:
    """No byte of the body ever comes: a service that waited for one would never answer."""
    host, port = shared_service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nX-API-Key: wrong\r\n"
        f"Content-Type: application/json\r\n{length}\r\n\r\n".encode()
    )
    async with asyncio.timeout(5):
        head = await reader.readuntil(b"}}")
    writer.close()
    assert head.startswith(b"HTTP/1.1 401 ")


async def test_a_caller_who_waits_for_100_continue_with_a_bad_key_never_gets_it(
    shared_service: RunningService,
) -> None:
    host, port = shared_service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST {GENERATE} HTTP/1.1\r\nHost: {host}\r\nX-API-Key: wrong\r\n"
        "Content-Length: 10000000\r\nExpect: 100-continue\r\n\r\n".encode()
    )
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 401 ")
    writer.close()


async def test_expired_and_revoked_keys_are_the_same_401(shared_service: RunningService) -> None:
    now = SystemClock().now()
    hour = timedelta(hours=1)
    refused = [
        await add_key(shared_service, expires_at=now - hour),
        await add_key(shared_service, revoked_at=now - hour),
        await add_key(shared_service, revoked_at=now - hour, expires_at=now + hour),
    ]
    messages = set()
    for key in refused:
        async with shared_service.client(key=key) as client:
            answer = await client.post(GENERATE, json=GOOD_BODIES[GENERATE])
            messages.add(error_of(answer, 401, "authentication_error")["message"])
    assert messages == {"Invalid or missing API key"}
    async with shared_service.client(key=await add_key(shared_service, expires_at=now + hour)) as c:
        assert (await c.get(MODELS)).status_code == 200


async def test_a_scope_opens_its_own_routes_and_no_other(
    shared_service: RunningService, simulator: Simulator
) -> None:
    key = await add_key(shared_service, scopes=("embed",))
    async with shared_service.client(key=key) as client:
        assert (await client.post(EMBEDDINGS, json={"input": "mine"})).status_code == 200
        for path in set(POST_ROUTES) - {EMBEDDINGS}:
            error_of(await client.post(path, json=GOOD_BODIES[path]), 403, "authorization_error")
        error_of(await client.get(MODELS), 403, "authorization_error")
        error_of(await client.get("/api/v1/nothing"), 404, "not_found")
    assert [call.path for call in simulator.calls] == ["/v1/embeddings"]


async def test_another_admin_key_on_the_next_start_ends_the_old_one(tmp_path: Path) -> None:
    second = "sk-ais-second-0123456789abcdefghijklmnop"
    for good, ended in ((ADMIN_KEY, second), (second, ADMIN_KEY), (ADMIN_KEY, second)):
        with RunningService(make_settings(tmp_path, admin_key=good)) as service:
            async with service.client(key=good) as client:
                assert (await client.get(MODELS)).status_code == 200
            async with service.client(key=ended) as client:
                error_of(await client.get(MODELS), 401, "authentication_error")


async def test_the_database_has_digests_of_keys_and_no_key(shared_service: RunningService) -> None:
    keys = [ADMIN_KEY, await add_key(shared_service)]
    folder = shared_service.settings.data_dir
    assert found_in_files(folder, *keys) == []
    with sqlite3.connect(folder / "ai-service.db") as database:
        rows = database.execute("SELECT digest, prefix FROM api_keys").fetchall()
    database.close()
    assert len(rows) >= 2
    for digest, prefix in rows:
        assert len(digest) == 64
        assert int(digest, 16)
        assert len(prefix) < 20


async def test_secrets_that_are_made_over_the_api_are_kept_nowhere(
    service: RunningService, capfd: pytest.CaptureFixture[str]
) -> None:
    async with service.client() as admin:
        made = await make_key(admin, "generate")
        answers = [
            await admin.post(f"{KEYS}/{made['id']}/{what}", json={})
            for what in ("rotate", "tokens")
        ]
    secrets = [made["key"], *(answer.json()["key"] for answer in answers)]
    for secret in secrets:
        async with service.client(key=secret) as client:
            assert (await client.get(MODELS)).status_code == 200
    assert found_in_files(service.settings.data_dir, *secrets) == []
    written = "".join(capfd.readouterr())
    assert not any(secret in written for secret in secrets)


def found_in_files(folder: Path, *texts: str) -> list[tuple[str, str]]:
    """The files that hold any of the texts."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return [(f.name, text) for f in files for text in texts if text.encode() in f.read_bytes()]


async def test_the_key_of_the_first_start_works_and_is_kept_nowhere_but_with_its_reader(
    tmp_path: Path,
) -> None:
    with ServiceProcess(tmp_path) as process:
        key = process.printed_key
        assert key is not None
        assert len(key) >= 43
        async with process.client(key) as client:
            assert (await client.get(MODELS)).status_code == 200
            answer = await client.post(GENERATE, json={"prompt": "Hello"})
            assert answer.json()["provider"] == "sandbox"
        async with process.client(key[:-1]) as client:
            error_of(await client.get(MODELS), 401, "authentication_error")
        assert found_in_files(tmp_path, key) == []
