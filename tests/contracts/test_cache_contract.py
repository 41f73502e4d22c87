"""What every response cache does."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

import pytest

from service.adapters.cache.memory import MemoryCache
from service.adapters.cache.redis import KEY_PREFIX, RedisCache
from service.adapters.redis.client import RedisClient
from service.core.clock import SystemClock
from service.inference.ports import ResponseCache
from tests.clock import ManualClock
from tests.contracts.time import until
from tests.redis import RedisServer, redis_server

__all__ = ["redis_server"]

TTL_SECONDS = 300
KEY = "tenant-1:5f2a"


class Case(Protocol):
    """A cache under test, and how its entries grow old."""

    cache: ResponseCache

    async def age(self, key: str) -> None:
        """Return when the entry's time is over."""
        ...


class MemoryCase:
    """Time is the test's."""

    def __init__(self) -> None:
        self._clock = ManualClock()
        self.cache: ResponseCache = MemoryCache(ttl_seconds=TTL_SECONDS, clock=self._clock)

    async def age(self, key: str) -> None:
        self._clock.advance(TTL_SECONDS)


class RedisCase:
    """Time is the server's: an entry that has the right time to live is given a shorter one."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self.cache: ResponseCache = RedisCache(
            RedisClient(server.url, clock=SystemClock(), answer_seconds=5, wait_seconds=5),
            ttl_seconds=TTL_SECONDS,
        )

    async def age(self, key: str) -> None:
        stored = f"{KEY_PREFIX}{key}"
        left_ms = self._server.command("PTTL", stored)
        assert (TTL_SECONDS - 30) * 1000 < left_ms <= TTL_SECONDS * 1000
        self._server.command("PEXPIRE", stored, 1)

        async def is_gone() -> bool:
            return bool(self._server.command("EXISTS", stored) == 0)

        await until(is_gone)


@pytest.fixture(params=["memory", "redis"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    """Each kind of cache, empty."""
    if request.param == "memory":
        case: Case = MemoryCase()
    else:
        server: RedisServer = request.getfixturevalue("redis_server")
        server.flush()
        case = RedisCase(server)
    yield case
    await case.cache.aclose()


@pytest.fixture
def cache(case: Case) -> ResponseCache:
    """The cache under test."""
    return case.cache


async def test_unknown_key_is_a_miss(cache: ResponseCache) -> None:
    assert await cache.get(KEY) is None
    assert cache.is_healthy


async def test_value_is_got_as_it_was_put_and_as_often_as_asked(cache: ResponseCache) -> None:
    await cache.put(KEY, b"an answer")
    assert [await cache.get(KEY) for _ in range(3)] == [b"an answer"] * 3


async def test_later_value_replaces_the_earlier(cache: ResponseCache) -> None:
    await cache.put(KEY, b"an answer that is long")
    await cache.put(KEY, b"a better one")
    assert await cache.get(KEY) == b"a better one"


async def test_value_is_gone_when_its_time_is_over(case: Case) -> None:
    await case.cache.put(KEY, b"an answer")
    await case.cache.put("tenant-1:other", b"another answer")
    await case.age(KEY)
    assert await case.cache.get(KEY) is None


async def test_replacing_a_value_gives_it_the_whole_time_again(case: Case) -> None:
    await case.cache.put(KEY, b"an answer")
    await case.age(KEY)
    await case.cache.put(KEY, b"a new answer")
    assert await case.cache.get(KEY) == b"a new answer"
    await case.age(KEY)
    assert await case.cache.get(KEY) is None


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(b"", id="empty"),
        pytest.param(bytes(range(256)), id="every byte"),
        pytest.param(b"$-1\r\n+OK\r\n:1\r\n*0\r\n", id="the wire's own words"),
        pytest.param("Zoë 🔑".encode(), id="UTF-8"),
        pytest.param(b"\xff\xfe\x80", id="no UTF-8"),
        pytest.param(bytes(range(256)) * 4000, id="a megabyte"),
    ],
)
async def test_any_bytes_come_back(cache: ResponseCache, value: bytes) -> None:
    await cache.put(KEY, value)
    assert await cache.get(KEY) == value


@pytest.mark.parametrize(
    "key",
    ["", " ", "two words\r\n", "Zoë 🔑", "\x00", "lone \ud800 surrogate", "k" * 10_000],
    ids=ascii,
)
async def test_any_text_is_a_key(cache: ResponseCache, key: str) -> None:
    await cache.put(key, b"an answer")
    assert await cache.get(key) == b"an answer"
    assert await cache.get(f"{key}.") is None


async def test_keys_of_two_tenants_do_not_mix(cache: ResponseCache) -> None:
    await cache.put("acme:5f2a", b"for acme")
    assert await cache.get("globex:5f2a") is None
    await cache.put("globex:5f2a", b"for globex")
    assert await cache.get("acme:5f2a") == b"for acme"
    assert await cache.get("globex:5f2a") == b"for globex"


async def test_callers_at_once_each_get_their_own(cache: ResponseCache) -> None:
    async def put_and_get(number: int) -> None:
        value = f"answer {number}".encode()
        await cache.put(f"tenant-1:{number}", value)
        for _ in range(5):
            assert await cache.get(f"tenant-1:{number}") == value

    async with asyncio.TaskGroup() as callers:
        for number in range(100):
            callers.create_task(put_and_get(number))


async def test_closed_cache_can_be_closed_again(cache: ResponseCache) -> None:
    await cache.put(KEY, b"an answer")
    await cache.aclose()
    assert await cache.get(KEY) is None
    await cache.aclose()
