"""The Redis cache and what kind of server its address leads to."""

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import process_time

import pytest
from structlog.testing import capture_logs

from service.adapters.cache.redis import KEY_PREFIX, MAX_VALUE_BYTES, RedisCache
from service.adapters.redis.client import RedisClient
from service.core.clock import SystemClock
from tests.contracts.time import until
from tests.redis import RedisServer, redis_server

__all__ = ["redis_server"]

KEY, VALUE = "tenant-1:5f2a", b"an answer"
PASSWORD = "p@ss/wörd-7f3a"
ENCODED_PASSWORD = "p%40ss%2Fw%C3%B6rd-7f3a"


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[RedisCache]:
    """A cache that has time: these tests are not about speed."""
    cache = RedisCache(
        RedisClient(url, clock=SystemClock(), answer_seconds=5, wait_seconds=5, retry_seconds=0.05),
        ttl_seconds=300,
    )
    yield cache
    await cache.aclose()


async def is_kept(cache: RedisCache) -> bool:
    await cache.put(KEY, VALUE)
    return await cache.get(KEY) == VALUE


@asynccontextmanager
async def stranger(answer: Callable[[bytes], bytes]) -> AsyncIterator[int]:
    """A server that gives that answer to the first command of a connection, and closes it. Its port."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(await reader.read(1000)))
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(talk, "127.0.0.1") as server:
        yield server.sockets[0].getsockname()[1]


async def test_instances_share_their_entries(redis_server: RedisServer) -> None:
    async with opened(redis_server.url) as one, opened(redis_server.url) as other:
        await one.put(KEY, VALUE)
        assert await other.get(KEY) == VALUE


async def test_entries_have_the_prefix_of_the_cache_and_the_bytes_as_they_are(
    redis_server: RedisServer,
) -> None:
    redis_server.flush()
    async with opened(redis_server.url) as cache:
        await cache.put(KEY, VALUE)
    assert redis_server.command("KEYS", "*") == [f"ai-service:cache:1:{KEY}".encode()]
    assert redis_server.command("GET", f"{KEY_PREFIX}{KEY}") == VALUE


async def test_key_of_another_type_is_a_miss_until_it_is_replaced(
    redis_server: RedisServer,
) -> None:
    redis_server.flush()
    redis_server.command("LPUSH", f"{KEY_PREFIX}{KEY}", "a list")
    async with opened(redis_server.url) as cache:
        assert [await cache.get(KEY) for _ in range(10)] == [None] * 10
        assert cache.is_healthy
        assert await is_kept(cache)


async def test_server_that_refuses_values_is_read_on_and_reported_once() -> None:
    with RedisServer("--maxmemory", "1") as server, capture_logs() as logs:
        async with opened(server.url) as cache:
            for _ in range(10):
                await cache.put(KEY, VALUE)
                assert await cache.get(KEY) is None
            assert cache.is_healthy
    assert [(line["event"], line["command"], line["reason"]) for line in logs] == [
        ("redis_refused", "SET", "OutOfMemoryError")
    ]


async def test_value_that_is_too_large_is_not_sent(redis_server: RedisServer) -> None:
    redis_server.flush()
    async with opened(redis_server.url) as cache:
        await cache.put("largest", b"v" * MAX_VALUE_BYTES)
        await cache.put("too large", b"v" * (MAX_VALUE_BYTES + 1))
    assert redis_server.command("KEYS", "*") == [f"{KEY_PREFIX}largest".encode()]


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"", b"$9999\r\nhalf"])
async def test_server_that_does_not_speak_redis_is_a_server_that_is_away(answer: bytes) -> None:
    async with stranger(lambda _: answer) as port, opened(f"redis://127.0.0.1:{port}") as cache:
        assert [await cache.get(KEY) for _ in range(5)] == [None] * 5
        assert not cache.is_healthy


async def test_password_with_special_characters_opens_the_server() -> None:
    with RedisServer(password=PASSWORD) as server:
        for user in ("", "default"):
            async with opened(
                f"redis://{user}:{ENCODED_PASSWORD}@127.0.0.1:{server.port}/3"
            ) as cache:
                assert await is_kept(cache)


async def test_wrong_password_is_an_outage_whose_log_line_does_not_hold_it() -> None:
    with RedisServer(password="another") as server, capture_logs() as logs:
        async with opened(f"redis://:{ENCODED_PASSWORD}@127.0.0.1:{server.port}") as cache:
            assert [await cache.get(KEY) for _ in range(3)] == [None] * 3
            assert not cache.is_healthy
    [line] = logs
    assert line["reason"] == "AuthenticationError"
    assert "7f3a" not in repr(line)


async def test_password_for_a_server_that_echoes_commands_does_not_reach_the_log() -> None:
    def echo(command: bytes) -> bytes:
        words = b" ".join(command.split(b"\r\n"))
        return b"-ERR unknown command, with args beginning with: " + words + b"\r\n"

    async with stranger(echo) as port:
        with capture_logs() as logs:
            async with opened(f"redis://:{ENCODED_PASSWORD}@127.0.0.1:{port}") as cache:
                assert [await cache.get(KEY) for _ in range(3)] == [None] * 3
    assert logs
    assert "7f3a" not in repr(logs)


@pytest.mark.parametrize(
    "url",
    [
        f"http://:{ENCODED_PASSWORD}@localhost",
        "localhost:6379",
        "",
        "redis://:s3cret/7f3a@localhost:6379",
        "redis://:s3cret[7f3a@localhost:6379",
        f"redis://:{ENCODED_PASSWORD}@localhost:port",
        f"redis://:{ENCODED_PASSWORD}@localhost?decode_responses=true",
        f"redis://:{ENCODED_PASSWORD}@localhost?socket_timeout=60",
        f"redis://:{ENCODED_PASSWORD}@localhost?ssl_cert_reqs=none",
        f"rediss://:{ENCODED_PASSWORD}@localhost?ssl_cert_reqs=perhaps",
    ],
)
def test_unusable_address_is_refused_at_once_without_naming_the_password(url: str) -> None:
    with pytest.raises(ValueError, match="A Redis address is") as refusal:
        RedisCache(RedisClient(url, clock=SystemClock()), ttl_seconds=300)
    assert "7f3a" not in str(refusal.value)
    assert "s3cret" not in str(refusal.value)
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__


class TlsServer(RedisServer):
    """Speaks TLS on its port, with a certificate of its own making."""

    def __init__(self, folder: Path) -> None:
        self.certificate = folder / "certificate.pem"
        key = folder / "key.pem"
        command = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ]
        command += ["-nodes", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        command += ["-keyout", str(key), "-out", str(self.certificate)]
        subprocess.run(command, check=True, capture_output=True)
        options = ["--tls-cert-file", str(self.certificate), "--tls-key-file", str(key)]
        super().__init__(*options, "--tls-auth-clients", "no", password=PASSWORD, tls=True)


async def test_tls_opens_every_connection_and_survives_an_outage(tmp_path: Path) -> None:
    with TlsServer(tmp_path) as server:
        url = f"rediss://:{ENCODED_PASSWORD}@localhost:{server.port}?ssl_ca_certs={server.certificate}"
        async with opened(url) as cache:
            assert await is_kept(cache)
            assert await asyncio.gather(*(cache.get(KEY) for _ in range(50))) == [VALUE] * 50
            server.stop()
            assert [await cache.get(KEY) for _ in range(5)] == [None] * 5
            assert not cache.is_healthy
            server.start()
            await until(lambda: is_kept(cache))


async def test_connections_do_not_read_the_certificates_again(tmp_path: Path) -> None:
    """The system's take longer to read than an answer may take."""
    with TlsServer(tmp_path) as server:
        url = f"rediss://:{ENCODED_PASSWORD}@localhost:{server.port}?ssl_ca_certs={server.certificate}"
        async with opened(url) as cache:
            began = process_time()
            await asyncio.gather(*(cache.get(KEY) for _ in range(50)))
            assert process_time() - began < 0.2


async def test_certificate_that_nobody_vouches_for_is_not_trusted(tmp_path: Path) -> None:
    with TlsServer(tmp_path) as server, capture_logs() as logs:
        async with opened(f"rediss://:{ENCODED_PASSWORD}@localhost:{server.port}") as cache:
            assert [await cache.get(KEY) for _ in range(3)] == [None] * 3
            assert not cache.is_healthy
    assert [line["event"] for line in logs] == ["redis_unavailable"]


def test_certificates_that_cannot_be_read_are_found_missing_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        RedisCache(
            RedisClient(
                f"rediss://localhost?ssl_ca_certs={tmp_path}/none.pem", clock=SystemClock()
            ),
            ttl_seconds=300,
        )
