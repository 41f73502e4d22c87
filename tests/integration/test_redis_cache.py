"""The Redis cache while its server dies, freezes and comes back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from statistics import median
from time import monotonic

import pytest
from structlog.testing import capture_logs

from service.adapters.cache.redis import RedisCache
from service.adapters.redis.client import RedisClient
from service.core.clock import Clock, SystemClock
from tests.clock import ManualClock
from tests.contracts.time import MovableClock, until
from tests.loop_time import LoopTime, time
from tests.redis import RedisServer, redis_server

__all__ = ["redis_server", "time"]

KEY, VALUE = "tenant-1:5f2a", b"an answer"
CALLERS = 200
PAUSE_SECONDS = 0.05
"""What a caller spends on something else between two of its calls."""
ADDED_MS = 100
ADDED_MS_WHEN_OPEN = 5


def make_cache(server: RedisServer, *, clock: Clock | None = None) -> RedisCache:
    """A cache with its own limits, but quick to try again."""
    return RedisCache(
        RedisClient(server.url, clock=clock or SystemClock(), retry_seconds=0.05), ttl_seconds=300
    )


@pytest.fixture
async def cache(redis_server: RedisServer) -> AsyncIterator[RedisCache]:
    """A cache that has answered."""
    cache = make_cache(redis_server)
    await put_until_kept(cache)
    yield cache
    await cache.aclose()


async def put_until_kept(cache: RedisCache) -> None:
    """A cache that comes back, or a machine that is busy, may miss at first."""

    async def is_kept() -> bool:
        await cache.put(KEY, VALUE)
        return await cache.get(KEY) == VALUE

    await until(is_kept)


async def connect_all(cache: RedisCache) -> None:
    """Use every connection that the cache may have."""
    await put_until_kept(cache)

    async def are_connected() -> bool:
        return await asyncio.gather(*(cache.get(KEY) for _ in range(20))) == [VALUE] * 20

    await until(are_connected)


@dataclass
class Load:
    """Callers who get, each with a short pause between its calls, and how long each call took."""

    cache: RedisCache
    time: LoopTime
    calls: list[tuple[int, int, bytes | None]] = field(default_factory=list)
    """When it began, how many milliseconds it took, what it brought."""
    is_over: bool = False

    async def call(self) -> None:
        while not self.is_over:
            began = self.time.ms
            value = await self.cache.get(KEY)
            self.calls.append((began, self.time.ms - began, value))
            await asyncio.sleep(PAUSE_SECONDS)

    async def brings(self, value: bytes | None) -> None:
        """Return when the callers have got that many times from now on."""
        now = self.time.ms

        async def has_come() -> bool:
            got = [call for call in self.calls if call[0] > now and call[2] == value]
            return len(got) >= 3 * CALLERS

        await until(has_come, timeout_seconds=10)

    def durations_ms(self, *, begun_from: float, to: float) -> list[int]:
        """Of the calls that began in that time."""
        return [duration for began, duration, _ in self.calls if begun_from <= began < to]


@asynccontextmanager
async def under_load(cache: RedisCache, time: LoopTime) -> AsyncIterator[Load]:
    """A caller that meets an exception ends the test with it."""
    load = Load(cache, time)
    async with asyncio.TaskGroup() as callers:
        for _ in range(CALLERS):
            callers.create_task(load.call())
        try:
            yield load
        finally:
            load.is_over = True


class Network:
    """A way to the server that may be slow, and on which connections can be lost without a word."""

    def __init__(self, server: RedisServer, *, delay_seconds: float = 0) -> None:
        self._server = server
        self._delay_seconds = delay_seconds
        self._generation = 0
        self._connections = 0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        """The address of its near end."""
        async with await asyncio.start_server(self._carry, "127.0.0.1") as near_end:
            yield f"redis://127.0.0.1:{near_end.sockets[0].getsockname()[1]}"

        async def is_idle() -> bool:
            return self._connections == 0

        await until(is_idle)

    def lose_connections(self) -> None:
        """Carry nothing any more on what is open; new connections are well."""
        self._generation += 1

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        self._connections += 1
        async with asyncio.TaskGroup() as ways:
            ways.create_task(self._pump(reader, far_writer))
            ways.create_task(self._pump(far_reader, writer))
        self._connections -= 1

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        generation = self._generation
        while data := await reader.read(65536):
            if generation == self._generation:
                loop.call_later(self._delay_seconds / 2, writer.write, data)
        writer.close()


@asynccontextmanager
async def frozen(server: RedisServer) -> AsyncIterator[None]:
    with server.frozen():
        yield


@asynccontextmanager
async def dead(server: RedisServer) -> AsyncIterator[None]:
    await asyncio.to_thread(server.stop)
    try:
        yield
    finally:
        await asyncio.to_thread(server.start)


Outage = Callable[[RedisServer], AbstractAsyncContextManager[None]]
outages = pytest.mark.parametrize("away", [frozen, dead])


@outages
async def test_outage_under_load_costs_callers_little_and_is_survived(
    redis_server: RedisServer, cache: RedisCache, away: Outage, time: LoopTime
) -> None:
    async with under_load(cache, time) as load:
        await load.brings(VALUE)
        began = time.ms
        async with away(redis_server):
            await until_unhealthy(cache)
            opened = time.ms
            await load.brings(None)
            ended = time.ms
        await until_healthy(cache)
        await put_until_kept(cache)
        await load.brings(VALUE)
    assert max(load.durations_ms(begun_from=began - 1000, to=opened)) <= ADDED_MS
    assert median(load.durations_ms(begun_from=opened, to=ended)) <= ADDED_MS_WHEN_OPEN


@outages
async def test_breaker_opens_before_a_handful_of_callers_have_waited(
    redis_server: RedisServer, cache: RedisCache, away: Outage, time: LoopTime
) -> None:
    async with away(redis_server):
        for _ in range(3):
            began = time.ms
            assert await cache.get(KEY) is None
            assert time.ms - began <= ADDED_MS
        assert not cache.is_healthy


@outages
async def test_callers_who_wait_for_a_connection_leave_when_the_breaker_opens(
    redis_server: RedisServer, away: Outage, time: LoopTime
) -> None:
    cache = RedisCache(
        RedisClient(redis_server.url, clock=SystemClock(), wait_seconds=5), ttl_seconds=300
    )
    await put_until_kept(cache)
    async with away(redis_server):
        began = time.ms
        assert await asyncio.gather(*(cache.get(KEY) for _ in range(CALLERS))) == [None] * CALLERS
        assert time.ms - began <= ADDED_MS
    await cache.aclose()


async def test_no_caller_is_a_probe(redis_server: RedisServer, time: LoopTime) -> None:
    clock = MovableClock()
    cache = RedisCache(
        RedisClient(redis_server.url, clock=clock, retry_seconds=60), ttl_seconds=300
    )
    await put_until_kept(cache)
    with redis_server.frozen():
        await asyncio.gather(*(cache.get(KEY) for _ in range(10)))
        assert not cache.is_healthy
        clock.advance(60)  # and the cache's own probe does not know it yet
        began = time.ms
        assert [await cache.get(KEY) for _ in range(10)] == [None] * 10
        assert time.ms - began <= ADDED_MS_WHEN_OPEN
    await cache.aclose()


async def test_slow_server_keeps_nobody_waiting_for_a_connection_for_long(
    redis_server: RedisServer, time: LoopTime
) -> None:
    network = Network(redis_server, delay_seconds=0.02)
    async with network.open() as url:
        cache = RedisCache(RedisClient(url, clock=SystemClock()), ttl_seconds=300)
        async with under_load(cache, time) as load:
            await load.brings(VALUE)
        await cache.aclose()
    assert max(load.durations_ms(begun_from=0, to=inf)) <= ADDED_MS


@outages
async def test_request_that_gets_and_puts_waits_no_longer_than_allowed(
    redis_server: RedisServer, cache: RedisCache, away: Outage, time: LoopTime
) -> None:
    async with away(redis_server):
        began = time.ms
        assert await cache.get(KEY) is None
        await cache.put(KEY, VALUE)
        assert time.ms - began <= ADDED_MS


@outages
async def test_outage_is_one_line_at_its_begin_and_one_at_its_end(
    redis_server: RedisServer, away: Outage
) -> None:
    clock = ManualClock()  # so that the probes follow at once on each other
    cache = make_cache(redis_server, clock=clock)
    with capture_logs() as logs:
        await put_until_kept(cache)
        async with away(redis_server):
            await asyncio.gather(*(cache.get(KEY) for _ in range(100)))

            async def has_probed() -> bool:
                return len(clock.sleeps) > 3

            await until(has_probed)
            assert [line["event"] for line in logs] == ["redis_unavailable"]
        await until_healthy(cache)
        await put_until_kept(cache)
    await cache.aclose()
    assert [line["event"] for line in logs] == ["redis_unavailable", "redis_available_again"]
    assert logs[0]["log_level"] == "warning"
    assert logs[0]["server"] == f"127.0.0.1:{redis_server.port}"


async def test_starts_while_the_server_is_down_and_finds_it_later(
    redis_server: RedisServer,
) -> None:
    async with dead(redis_server):
        redis = RedisClient(redis_server.url, clock=SystemClock(), retry_seconds=0.05)
        cache = RedisCache(redis, ttl_seconds=300)
        await redis.start()
        assert not cache.is_healthy
        assert await cache.get(KEY) is None
        await cache.put(KEY, VALUE)
    await until_healthy(cache)
    await put_until_kept(cache)
    await cache.aclose()


async def test_server_that_restarts_between_two_calls_is_not_noticed(
    redis_server: RedisServer, cache: RedisCache
) -> None:
    async with dead(redis_server):
        pass
    with capture_logs() as logs:
        assert await cache.get(KEY) is None
        await put_until_kept(cache)
    assert logs == []


async def test_connections_that_were_lost_silently_are_replaced_within_one_probe(
    redis_server: RedisServer,
) -> None:
    clock = ManualClock()
    network = Network(redis_server)
    async with network.open() as url:
        cache = RedisCache(RedisClient(url, clock=clock), ttl_seconds=300)
        await connect_all(cache)
        clock.sleeps.clear()
        network.lose_connections()
        assert await asyncio.gather(*(cache.get(KEY) for _ in range(20))) == [None] * 20
        await until_healthy(cache)
        assert len(clock.sleeps) <= 1
        await connect_all(cache)
        await cache.aclose()


async def test_busy_event_loop_is_not_taken_for_a_frozen_server(cache: RedisCache) -> None:
    """Not even when the answer takes several reads."""
    loop = asyncio.get_running_loop()
    large = VALUE * 20_000
    await connect_all(cache)
    await cache.put(KEY, large)
    for _ in range(5):
        calls = [loop.create_task(cache.get(KEY)) for _ in range(20)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        busy_until = monotonic() + 0.2
        while monotonic() < busy_until:
            pass
        assert await asyncio.gather(*calls) == [large] * 20
    assert cache.is_healthy


async def test_closing_while_the_server_is_away_is_quick(
    redis_server: RedisServer, time: LoopTime
) -> None:
    cache = make_cache(redis_server)
    await put_until_kept(cache)
    with redis_server.frozen():
        calls = asyncio.gather(*(cache.get(KEY) for _ in range(100)))
        await until_unhealthy(cache)
        began = time.ms
        await cache.aclose()
        assert time.ms - began <= ADDED_MS
        assert await calls == [None] * 100


async def until_healthy(cache: RedisCache) -> None:
    async def is_healthy() -> bool:
        return cache.is_healthy

    await until(is_healthy)


async def until_unhealthy(cache: RedisCache) -> None:
    async def is_unhealthy() -> bool:
        return not cache.is_healthy

    await until(is_unhealthy)
