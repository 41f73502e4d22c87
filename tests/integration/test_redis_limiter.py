"""Rate limits that replicas share, and what they are while Redis is away."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    contextmanager,
)

import pytest
from structlog.testing import capture_logs

from service.access.ports import Quota
from service.adapters.cache.redis import RedisCache
from service.adapters.limits.memory import MemoryLimiter
from service.adapters.limits.redis import KEY_PREFIX, RedisLimiter
from service.adapters.redis.client import RedisClient
from service.core.clock import SystemClock
from tests.clock import ManualClock
from tests.contracts.time import until
from tests.loop_time import LoopTime, time
from tests.redis import RedisServer, redis_server

__all__ = ["redis_server", "time"]

QUOTA = Quota("key_1", "requests", 10)
"""One comes back in 6 s: more than these tests take."""
UNIT_US = 6_000_000
ADDED_MS = 100
ADDED_MS_WHEN_OPEN = 5


class Replica:
    """One process's limiter and its way to Redis."""

    def __init__(self, redis: RedisClient) -> None:
        self.redis = redis
        self.limiter = RedisLimiter(redis, local=MemoryLimiter(clock=ManualClock()))

    async def take(self, attempts: int) -> int:
        """How many of so many attempts at once find room."""
        answers = await asyncio.gather(*(self.limiter.take([QUOTA], 1) for _ in range(attempts)))
        return answers.count(None)


@asynccontextmanager
async def replica(server: RedisServer, *, answer_seconds: float = 5) -> AsyncIterator[Replica]:
    """A replica that has asked once. It gives Redis more time than one in use does: most of these tests are
    not about speed."""
    redis = RedisClient(
        server.url,
        clock=SystemClock(),
        answer_seconds=answer_seconds,
        wait_seconds=answer_seconds,
        retry_seconds=0.05,
    )
    await redis.start()
    running = Replica(redis)
    try:
        yield running
    finally:
        await running.limiter.aclose()
        await redis.aclose()


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[RedisServer]:
    redis_server.start()
    redis_server.flush()
    yield redis_server
    redis_server.start()


@contextmanager
def dead(server: RedisServer) -> Iterator[None]:
    server.stop()
    try:
        yield
    finally:
        server.start()


def frozen(server: RedisServer) -> AbstractContextManager[None]:
    return server.frozen()


def impatient(server: RedisServer) -> AbstractAsyncContextManager[Replica]:
    """A replica for tests in which Redis is away, but not so impatient that a busy machine seems away."""
    return replica(server, answer_seconds=2)


Outage = Callable[[RedisServer], AbstractContextManager[None]]
outages = pytest.mark.parametrize("away", [dead, frozen])


async def until_healthy(replica: Replica) -> None:
    async def is_healthy() -> bool:
        return replica.redis.is_healthy

    await until(is_healthy)


async def test_replicas_share_one_limit(redis: RedisServer) -> None:
    async with replica(redis) as one, replica(redis) as other:
        assert await one.take(7) == 7
        assert await other.take(7) == 3
        assert await one.take(1) == 0


async def test_replicas_at_once_get_no_more_than_there_is(redis: RedisServer) -> None:
    async with replica(redis) as one, replica(redis) as other:
        assert sum(await asyncio.gather(one.take(50), other.take(50))) == 10


async def test_what_one_gives_back_the_other_may_take(redis: RedisServer) -> None:
    async with replica(redis) as one, replica(redis) as other:
        assert await one.take(10) == 10
        one.limiter.correct([QUOTA], -4)
        await one.limiter.aclose()
        assert await other.take(10) == 4


async def test_what_is_left_is_known_without_asking(redis: RedisServer) -> None:
    async with replica(redis) as one, replica(redis) as other:
        await other.take(6)
        assert one.limiter.remaining(QUOTA).units == 10
        await one.take(1)
        assert one.limiter.remaining(QUOTA).units == 3


def test_of_answers_that_are_heard_in_another_order_the_last_given_stands() -> None:
    limiter = MemoryLimiter(clock=ManualClock())
    for taken in (2, 4, 1, 3):
        limiter.learn([QUOTA], [taken * UNIT_US], as_of=taken)
    assert limiter.remaining(QUOTA).units == 6


async def test_nothing_is_kept_of_a_quota_that_is_whole(redis: RedisServer) -> None:
    async with replica(redis) as one:
        await one.take(5)
        [key] = redis.command("KEYS", "*")
        assert key.decode() == f"{KEY_PREFIX}key_1:requests"
        assert 25_000 < redis.command("PTTL", key) <= 30_000
        one.limiter.correct([QUOTA], -10)
        await one.limiter.aclose()
        assert redis.command("KEYS", "*") == []


@outages
async def test_without_redis_each_replica_counts_for_itself_from_what_it_knew(
    redis: RedisServer, away: Outage
) -> None:
    async with impatient(redis) as one, impatient(redis) as other:
        assert await one.take(4) == 4
        with away(redis):
            assert await one.take(20) == 6
            assert await other.take(20) == 10


@outages
async def test_nobody_waits_long_for_a_redis_that_is_away(
    redis: RedisServer, away: Outage, time: LoopTime
) -> None:
    client = RedisClient(redis.url, clock=SystemClock())
    one = Replica(client)
    cache = RedisCache(client, ttl_seconds=60)
    tokens = Quota("key_1", "tokens", 10)

    async def request() -> int:
        began = time.ms
        await one.limiter.take([QUOTA], 1)
        await cache.get("key")
        await one.limiter.take([tokens], 1)
        one.limiter.correct([tokens], -1)
        return time.ms - began

    with away(redis):
        alone = await request()
        assert not client.is_healthy
        crowd = await asyncio.gather(*(request() for _ in range(100)))
    await one.limiter.aclose()
    await client.aclose()
    assert alone <= ADDED_MS
    assert max(crowd) <= ADDED_MS_WHEN_OPEN


async def test_outage_is_one_line_for_everything_that_is_kept_there(redis: RedisServer) -> None:
    with capture_logs() as logs:
        async with impatient(redis) as one:
            cache = RedisCache(one.redis, ttl_seconds=60)
            with frozen(redis):
                await asyncio.gather(
                    *(one.limiter.take([QUOTA], 1) for _ in range(50)),
                    *(cache.get("key") for _ in range(50)),
                )
            await until_healthy(one)
            assert await one.limiter.take([QUOTA], 0) is None
    assert [line["event"] for line in logs] == ["redis_unavailable", "redis_available_again"]


@outages
async def test_shared_limit_holds_again_when_redis_is_back(
    redis: RedisServer, away: Outage
) -> None:
    async with impatient(redis) as one, impatient(redis) as other:
        with away(redis):
            await asyncio.gather(one.take(2), other.take(2))
        redis.flush()
        await asyncio.gather(until_healthy(one), until_healthy(other))
        assert await one.take(7) + await other.take(7) == 10


async def test_caller_who_is_cancelled_has_taken_nothing(redis: RedisServer) -> None:
    loop = asyncio.get_running_loop()
    async with replica(redis) as one:
        await one.take(1)
        with frozen(redis):
            takers = [loop.create_task(one.limiter.take([QUOTA], 1)) for _ in range(3)]
            await asyncio.sleep(0.01)  # they have asked
            for taker in takers:
                taker.cancel()
            await asyncio.wait(takers)
            assert all(taker.cancelled() for taker in takers)
        await one.limiter.aclose()
        assert await one.take(20) == 9


async def test_redis_that_refuses_scripts_is_done_without(redis: RedisServer) -> None:
    with RedisServer("--rename-command", "EVAL", "") as server, capture_logs() as logs:
        async with replica(server) as one:
            assert await one.take(20) == 10
            assert one.redis.is_healthy
    assert [line["event"] for line in logs] == ["redis_refused"]
