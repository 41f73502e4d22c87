"""Rate limits counted in Redis, for every process behind one address.

pyrate-limiter's own store for Redis keeps one key: a request refused by the tenant's quota would have to
be given back to the key's, and what is left would take another round trip. The script below is its GCRA
over all quotas at once, in Redis's time, so that clocks of replicas need not agree.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

from service.access.ports import Quota, RateLimiter, Refusal, Remaining
from service.adapters.limits.memory import MICROSECONDS, MemoryLimiter, terms
from service.adapters.redis.client import RedisClient

KEY_PREFIX = "ai-service:limit:1:"

_TAKE = b"""\
-- KEYS: one for each quota. ARGV: the amount, 1 if it must fit, then for each quota the microseconds that
-- a unit takes to come back and the units in stock at rest.
-- Kept is when a quota is whole again; a key goes when that is now. Numbers stay below 2^53: exact.
-- Returns the time, the number of the quota that refuses (0: none) and its wait, then the time to whole of
-- each, all in microseconds.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local amount, must_fit = tonumber(ARGV[1]), ARGV[2] == '1'
local before, after = {}, {}
for i, key in ipairs(KEYS) do
  before[i] = math.max(tonumber(redis.call('GET', key) or 0), now)
  after[i] = before[i] + amount * tonumber(ARGV[2 * i + 1])
end
local function answer(refused, wait, whole_at)
  local reply = {now, refused, wait}
  for i, at in ipairs(whole_at) do reply[i + 3] = math.max(at - now, 0) end
  return reply
end
for i = 1, #KEYS do
  local unit, stock = tonumber(ARGV[2 * i + 1]), tonumber(ARGV[2 * i + 2])
  local wait = after[i] - stock * unit - now
  if must_fit and wait > 0 then return answer(i, wait, before) end
end
for i, key in ipairs(KEYS) do
  if after[i] > now then
    redis.call('SET', key, string.format('%.0f', after[i]), 'PX', math.ceil((after[i] - now) / 1000))
  else
    redis.call('DEL', key)
  end
end
return answer(0, 0, after)
"""


class RedisLimiter:
    """A RateLimiter over `redis`: one round trip a question.

    Every answer is noted in a limiter of this process's own, which goes on from there while Redis is away:
    each process then counts for itself. A correction that Redis does not hear is forgotten with what it
    corrects, a minute later.
    """

    def __init__(self, redis: RedisClient, *, local: MemoryLimiter) -> None:
        """`redis` is closed by others, after this."""
        self._redis = redis
        self._local = local
        self._under_way: set[asyncio.Task[Any]] = set()

    async def take(self, quotas: Sequence[Quota], amount: int) -> Refusal | None:
        # A task, so that the answer is heard when the caller has gone, and what was taken given back.
        taking = self._start(self._take(quotas, amount))
        try:
            return await asyncio.shield(taking)
        except asyncio.CancelledError:
            taking.add_done_callback(lambda task: self._give_back(task, quotas, amount))
            raise

    def correct(self, quotas: Sequence[Quota], amount: int) -> None:
        self._local.correct(quotas, amount)
        self._start(self._ask(quotas, amount, must_fit=False))

    def remaining(self, quota: Quota) -> Remaining:
        return self._local.remaining(quota)

    async def aclose(self) -> None:
        while self._under_way:  # what is given back comes on top
            await asyncio.wait(self._under_way)

    async def _take(self, quotas: Sequence[Quota], amount: int) -> Refusal | None:
        answer = await self._ask(quotas, amount, must_fit=True)
        if answer is None:
            return self._local.take_now(quotas, amount)
        refused, wait_us = answer
        return Refusal(quotas[refused - 1], wait_us / MICROSECONDS) if refused else None

    async def _ask(
        self, quotas: Sequence[Quota], amount: int, *, must_fit: bool
    ) -> tuple[int, int] | None:
        """The number of the quota that refuses, from 1, and its wait; None if Redis does not answer."""
        keys = [f"{KEY_PREFIX}{quota.owner}:{quota.unit}" for quota in quotas]
        numbers = [number for quota in quotas for number in terms(quota)]
        reply = await self._redis.ask(
            "EVAL", _TAKE, len(keys), *keys, amount, int(must_fit), *numbers
        )
        if reply is None:
            return None
        now_us, refused, wait_us, *us_to_whole = reply
        self._local.learn(quotas, us_to_whole, as_of=now_us)
        return refused, wait_us

    def _give_back(
        self, taken: asyncio.Task[Refusal | None], quotas: Sequence[Quota], amount: int
    ) -> None:
        if not taken.cancelled() and taken.result() is None:
            self.correct(quotas, -amount)

    def _start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(work)  # awaited by aclose
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return task


_: type[RateLimiter] = RedisLimiter
