"""What every rate limiter does."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

import pytest

from service.access.ports import Quota, RateLimiter, Refusal, Remaining
from service.adapters.limits.memory import MemoryLimiter
from service.adapters.limits.redis import KEY_PREFIX, RedisLimiter
from service.adapters.redis.client import RedisClient
from service.core.clock import SystemClock
from tests.clock import ManualClock
from tests.redis import RedisServer, redis_server

__all__ = ["redis_server"]

KEY = Quota("key_1", "tokens", 600)
TENANT = Quota("tenant:acme", "tokens", 1200)
SLACK_SECONDS = 30
"""Real time that a test may take; quotas of Redis refill meanwhile."""


class Case(Protocol):
    """A limiter under test, and how time passes for it."""

    limiter: RateLimiter

    async def settle(self) -> None:
        """Return when its corrections are done."""
        ...

    async def advance(self, seconds: int) -> None:
        """Let so many seconds pass."""
        ...

    async def aclose(self) -> None:
        """The limiter and what is under it."""
        ...


class MemoryCase:
    """Time is the test's."""

    def __init__(self) -> None:
        self._clock = ManualClock()
        self.limiter: RateLimiter = MemoryLimiter(clock=self._clock)

    async def settle(self) -> None:
        """Nothing is ever under way."""

    async def advance(self, seconds: int) -> None:
        self._clock.advance(seconds)

    async def aclose(self) -> None:
        await self.limiter.aclose()


class RedisCase:
    """Time is the server's: what is kept is made older, and the time to live with it."""

    def __init__(self, server: RedisServer) -> None:
        self._server = server
        self._clock = ManualClock()
        self._redis = RedisClient(server.url, clock=SystemClock(), answer_seconds=5, wait_seconds=5)
        self.limiter: RateLimiter = RedisLimiter(
            self._redis, local=MemoryLimiter(clock=self._clock)
        )

    async def settle(self) -> None:
        await self.limiter.aclose()

    async def advance(self, seconds: int) -> None:
        self._clock.advance(seconds)
        for key in self._server.command("KEYS", f"{KEY_PREFIX}*"):
            whole_at, left_ms = self._server.command("GET", key), self._server.command("PTTL", key)
            if left_ms > seconds * 1000:
                older = int(whole_at) - seconds * 1_000_000
                self._server.command("SET", key, older, "PX", left_ms - seconds * 1000)
            else:
                self._server.command("DEL", key)

    async def aclose(self) -> None:
        await self.limiter.aclose()
        await self._redis.aclose()


@pytest.fixture(params=["memory", "redis"])
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    """Each kind of limiter, with nothing counted."""
    if request.param == "memory":
        case: Case = MemoryCase()
    else:
        server: RedisServer = request.getfixturevalue("redis_server")
        server.flush()
        case = RedisCase(server)
    yield case
    await case.aclose()


@pytest.fixture
def limiter(case: Case) -> RateLimiter:
    """The limiter under test."""
    return case.limiter


async def refusal(limiter: RateLimiter, amount: int, *quotas: Quota) -> Refusal:
    refused = await limiter.take(quotas, amount)
    assert refused is not None
    return refused


async def test_whole_minute_may_be_taken_at_once_and_no_more(limiter: RateLimiter) -> None:
    assert limiter.remaining(KEY) == Remaining(600, 0)
    for amount in (1, 99, 500):
        assert await limiter.take([KEY], amount) is None
    refused = await refusal(limiter, 100, KEY)
    assert refused.quota == KEY
    assert 10 - SLACK_SECONDS < refused.retry_after_seconds <= 10
    remaining = limiter.remaining(KEY)
    assert remaining.units == 0
    assert remaining.seconds <= 0.1


async def test_what_is_taken_comes_back_steadily(case: Case) -> None:
    await case.limiter.take([KEY], 600)
    assert (await refusal(case.limiter, 600, KEY)).retry_after_seconds > 30
    await case.advance(30)
    assert await case.limiter.take([KEY], 300) is None
    assert (await refusal(case.limiter, 300, KEY)).retry_after_seconds > 0
    await case.advance(60)
    assert await case.limiter.take([KEY], 600) is None


async def test_wait_that_a_refusal_names_is_enough(case: Case) -> None:
    await case.limiter.take([KEY], 600)
    refused = await refusal(case.limiter, 300, KEY)
    await case.advance(-int(-refused.retry_after_seconds // 1))
    assert await case.limiter.take([KEY], 300) is None


async def test_refused_by_one_quota_takes_from_none(limiter: RateLimiter) -> None:
    assert await limiter.take([KEY, TENANT], 500) is None
    assert await limiter.take([TENANT], 500) is None
    for _ in range(3):
        refused = await refusal(limiter, 550, TENANT, KEY)
        assert refused.quota == TENANT
    refused = await refusal(limiter, 150, TENANT, KEY)
    assert refused.quota == KEY
    assert await limiter.take([KEY, TENANT], 100) is None


async def test_quotas_of_the_same_size_are_told_apart(limiter: RateLimiter) -> None:
    twin = Quota("tenant:twin", "tokens", KEY.per_minute)
    assert await limiter.take([twin], 600) is None
    assert (await refusal(limiter, 600, KEY, twin)).quota == twin


async def test_more_than_a_quota_holds_never_fits(case: Case) -> None:
    assert (await refusal(case.limiter, 601, KEY)).retry_after_seconds > 0
    await case.advance(120)
    assert (await refusal(case.limiter, 601, KEY)).quota == KEY


async def test_what_is_given_back_can_be_taken_again(case: Case) -> None:
    await case.limiter.take([KEY, TENANT], 600)
    case.limiter.correct([KEY, TENANT], -400)
    await case.settle()
    assert 400 <= case.limiter.remaining(KEY).units < 600
    assert 1000 <= case.limiter.remaining(TENANT).units < 1200
    assert await case.limiter.take([KEY], 400) is None


async def test_more_than_was_taken_cannot_be_given_back(case: Case) -> None:
    await case.limiter.take([KEY], 10)
    case.limiter.correct([KEY], -500)
    await case.settle()
    assert case.limiter.remaining(KEY) == Remaining(600, 0)
    assert await case.limiter.take([KEY], 600) is None
    assert await case.limiter.take([KEY], 600) is not None


async def test_correction_is_counted_without_room_and_is_a_debt(case: Case) -> None:
    await case.limiter.take([KEY], 600)
    case.limiter.correct([KEY], 600)
    await case.settle()
    assert case.limiter.remaining(KEY).units == 0
    await case.advance(30)
    refused = await refusal(case.limiter, 1, KEY)
    assert refused.retry_after_seconds > 30 - SLACK_SECONDS
    case.limiter.correct([KEY], -600)
    await case.settle()
    assert await case.limiter.take([KEY], 200) is None


async def test_units_and_owners_are_counted_apart(limiter: RateLimiter) -> None:
    for quota in (KEY, Quota("key_1", "requests", 600), Quota("key_2", "tokens", 600)):
        assert await limiter.take([quota], 600) is None


async def test_takers_at_once_get_no_more_than_there_is(limiter: RateLimiter) -> None:
    slow = Quota("key_slow", "requests", 2)  # one comes back in half a minute
    answers = await asyncio.gather(*(limiter.take([slow], 1) for _ in range(200)))
    assert answers.count(None) == 2


async def test_closed_limiter_can_be_closed_again(limiter: RateLimiter) -> None:
    limiter.correct([KEY], 10)
    await limiter.aclose()
    await limiter.aclose()
