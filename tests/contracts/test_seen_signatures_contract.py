"""What everything does that remembers signatures."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

import pytest

from service.access.ports import SIGNATURE_MEMORY_SECONDS, SeenSignatures
from service.adapters.redis.client import RedisClient
from service.adapters.replays.memory import MemorySeenSignatures
from service.adapters.replays.redis import KEY_PREFIX, RedisSeenSignatures
from service.core.clock import SystemClock
from tests.clock import ManualClock
from tests.contracts.time import until
from tests.redis import RedisServer, redis_server

__all__ = ["redis_server"]

ONE, OTHER = "1" * 64, "2" * 64


def link(server: RedisServer) -> RedisClient:
    """A connection that has time: these tests are not about speed."""
    return RedisClient(server.url, clock=SystemClock(), answer_seconds=5, wait_seconds=5)


class Case(Protocol):
    """A memory under test, and how it forgets."""

    seen: SeenSignatures

    async def age(self, signature: str) -> None:
        """Return when the signature's time is over."""
        ...


class MemoryCase:
    """Time is the test's."""

    def __init__(self) -> None:
        self._clock = ManualClock()
        self.seen: SeenSignatures = MemorySeenSignatures(clock=self._clock)

    async def age(self, signature: str) -> None:
        self._clock.advance(SIGNATURE_MEMORY_SECONDS)
        assert not await self.seen.add(signature)
        self._clock.advance(0.001)


class RedisCase:
    """The process's own memory ages by the test's clock, the server's by the server's."""

    def __init__(self, server: RedisServer, redis: RedisClient) -> None:
        self._server = server
        self._clock = ManualClock()
        self.seen: SeenSignatures = RedisSeenSignatures(redis, clock=self._clock)

    async def age(self, signature: str) -> None:
        stored = f"{KEY_PREFIX}{signature}"
        left_seconds = self._server.command("TTL", stored)
        assert SIGNATURE_MEMORY_SECONDS - 30 < left_seconds <= SIGNATURE_MEMORY_SECONDS
        self._clock.advance(SIGNATURE_MEMORY_SECONDS + 1)
        assert not await self.seen.add(signature), "the server still has it"
        self._clock.advance(SIGNATURE_MEMORY_SECONDS + 1)
        self._server.command("PEXPIRE", stored, 1)

        async def is_gone() -> bool:
            return bool(self._server.command("EXISTS", stored) == 0)

        await until(is_gone)


@pytest.fixture(params=["memory", "redis"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    """Each of them in turn."""
    if request.param == "memory":
        yield MemoryCase()
        return
    server: RedisServer = request.getfixturevalue("redis_server")
    server.flush()
    redis = link(server)
    yield RedisCase(server, redis)
    await redis.aclose()


async def test_a_signature_is_new_once(case: Case) -> None:
    assert [await case.seen.add(ONE) for _ in range(3)] == [True, False, False]
    assert await case.seen.add(OTHER)


async def test_of_many_at_once_one_is_new(case: Case) -> None:
    assert sum(await asyncio.gather(*(case.seen.add(ONE) for _ in range(50)))) == 1


async def test_a_signature_is_forgotten_when_its_time_is_over(case: Case) -> None:
    assert await case.seen.add(ONE)
    await case.age(ONE)
    assert await case.seen.add(ONE)
    assert not await case.seen.add(ONE)


async def test_replicas_over_one_redis_share_what_they_have_seen(redis_server: RedisServer) -> None:
    redis_server.flush()
    links = [link(redis_server), link(redis_server)]
    one, other = (RedisSeenSignatures(redis, clock=ManualClock()) for redis in links)
    assert await one.add(ONE)
    assert not await other.add(ONE)
    at_once = await asyncio.gather(*(seen.add(OTHER) for seen in (one, other) for _ in range(20)))
    assert sum(at_once) == 1
    for redis in links:
        await redis.aclose()


async def test_without_its_redis_a_replica_still_knows_what_it_has_seen_itself() -> None:
    with RedisServer() as server:
        redis = link(server)
        seen = RedisSeenSignatures(redis, clock=ManualClock())
        assert await seen.add(ONE)
        server.stop()
        assert not await seen.add(ONE)
        assert await seen.add(OTHER)
        assert not await seen.add(OTHER)
        await redis.aclose()
