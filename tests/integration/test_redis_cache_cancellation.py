"""Callers of the Redis cache who leave in the middle of a call."""

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from service.adapters.cache.redis import RedisCache
from service.adapters.redis.client import RedisClient
from service.core.clock import SystemClock
from tests.redis import RedisServer, redis_server

__all__ = ["redis_server"]

CALLERS, CALLS, CONNECTIONS = 40, 50, 4
VALUES = {f"tenant-{n}:key": str(n).encode() * (1 + 5000 * (n % 7)) for n in range(100)}


@pytest.fixture
async def cache(redis_server: RedisServer) -> AsyncIterator[RedisCache]:
    """A cache of few connections that are never given up for being slow; it holds the values."""
    cache = RedisCache(
        RedisClient(
            redis_server.url,
            clock=SystemClock(),
            answer_seconds=10,
            wait_seconds=10,
            max_connections=CONNECTIONS,
        ),
        ttl_seconds=300,
    )
    for key, value in VALUES.items():
        await cache.put(key, value)
    yield cache
    await cache.aclose()


async def turns(number: int) -> None:
    """Let the event loop turn so many times."""
    for _ in range(number):
        await asyncio.sleep(0)


class Outcomes:
    """What became of calls, some of which are cancelled after a random number of turns."""

    def __init__(self, cache: RedisCache) -> None:
        self._cache = cache
        self._random = Random(20261123)
        self.answered = 0
        self.cancelled = 0

    async def caller(self) -> None:
        """Calls one after the other. Whoever stays gets the value of the key that was asked for."""
        for _ in range(CALLS):
            key = self._random.choice(list(VALUES))
            call = asyncio.get_running_loop().create_task(self._cache.get(key))
            if self._random.random() < 0.5:
                await turns(self._random.randrange(15))
                call.cancel()
            await asyncio.wait([call])
            if call.cancelled():
                self.cancelled += 1
            else:
                assert call.result() == VALUES[key]
                self.answered += 1


async def test_answer_to_a_caller_who_left_is_given_to_nobody_else(cache: RedisCache) -> None:
    outcomes = Outcomes(cache)
    async with asyncio.TaskGroup() as callers:
        for _ in range(CALLERS):
            callers.create_task(outcomes.caller())
    assert outcomes.cancelled > CALLERS * CALLS / 5
    assert outcomes.answered > CALLERS * CALLS / 5


async def test_callers_who_left_keep_no_connection(
    redis_server: RedisServer, cache: RedisCache
) -> None:
    for number in range(20):
        calls = [asyncio.get_running_loop().create_task(cache.get(key)) for key in VALUES]
        await turns(number)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
    got = await asyncio.gather(*(cache.get(key) for key in VALUES))
    assert got == list(VALUES.values())
    assert redis_server.command("INFO", "clients")["connected_clients"] <= CONNECTIONS + 1


async def test_cancellation_reaches_the_caller_wherever_it_strikes(cache: RedisCache) -> None:
    """`asyncio.wait_for` of Python 3.11, say, swallows one that strikes as its inner task ends."""

    async def get_and_wait() -> None:
        await cache.get(next(iter(VALUES)))
        await asyncio.Event().wait()

    for number in range(15):
        caller = asyncio.get_running_loop().create_task(get_and_wait())
        await turns(number)
        caller.cancel()
        await asyncio.wait([caller], timeout=5)
        assert caller.cancelled()


async def test_cancelled_callers_of_a_frozen_server_leave_at_once(
    redis_server: RedisServer, cache: RedisCache
) -> None:
    """Those who wait for the answer, and those who wait for a connection."""
    with redis_server.frozen():
        calls = [asyncio.get_running_loop().create_task(cache.get(key)) for key in VALUES]
        await turns(5)
        for call in calls:
            call.cancel()
        await turns(20)
        assert all(call.cancelled() for call in calls)
    assert cache.is_healthy
    assert await cache.get("tenant-1:key") == VALUES["tenant-1:key"]
