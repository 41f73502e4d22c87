"""Two replicas over one Redis, and what a Redis that dies or freezes does to callers: nothing."""

import asyncio
import time
from collections.abc import Iterator

import pytest

from tests.conftest import ServiceFactory
from tests.redis import RedisServer, redis_server
from tests.running import RunningService
from tests.simulator import Simulator

__all__ = ["redis_server"]

PLAIN = "/api/v1/generate"
BODY = {"prompt": "What is the capital of France?", "model": "haiku"}


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[RedisServer]:
    redis_server.start()
    redis_server.flush()
    yield redis_server
    redis_server.start()


async def ask(service: RunningService, prompt: str) -> tuple[bool, float]:
    """Whether the answer was shared, and the seconds that it took."""
    async with service.client() as client:
        began = time.monotonic()
        answer = await client.post(PLAIN, json=BODY | {"prompt": prompt})
        assert answer.status_code == 200, answer.text
        return bool(answer.json()["cache_hit"]), time.monotonic() - began


async def cache_state(service: RunningService) -> str:
    async with service.client() as client:
        return str((await client.get("/readyz")).json()["checks"]["cache"])


async def test_two_replicas_share_entries(
    start_service: ServiceFactory, simulator: Simulator, redis: RedisServer
) -> None:
    one = start_service(redis_url=redis.url)
    two = start_service(redis_url=redis.url)
    assert (await ask(one, "shared"))[0] is False
    assert (await ask(two, "shared"))[0] is True
    assert len(simulator.calls) == 1


async def test_a_damaged_entry_is_a_miss(
    start_service: ServiceFactory, simulator: Simulator, redis: RedisServer
) -> None:
    service = start_service(redis_url=redis.url)
    await ask(service, "x")
    (key,) = redis.command("KEYS", "*")
    assert redis.command("TTL", key) > 3500
    redis.command("SET", key, b"\xff\x00 not an answer")
    assert (await ask(service, "x"))[0] is False
    assert (await ask(service, "x"))[0] is True
    assert len(simulator.calls) == 2


async def test_a_service_starts_without_its_redis_and_takes_it_up_when_it_comes(
    start_service: ServiceFactory, redis: RedisServer
) -> None:
    redis.stop()
    service = start_service(redis_url=redis.url)
    for n in range(5):
        assert (await ask(service, f"down {n}"))[0] is False
    assert await cache_state(service) == "degraded"
    redis.start()
    async with asyncio.timeout(10):
        while await cache_state(service) != "ok":
            pass
    await ask(service, "up")
    assert (await ask(service, "up"))[0] is True


@pytest.mark.parametrize("fate", ["frozen", "killed"])
async def test_a_redis_that_goes_away_under_load_costs_no_request(
    fate: str, start_service: ServiceFactory, redis: RedisServer
) -> None:
    service = start_service(redis_url=redis.url)
    await ask(service, "known")

    async def load() -> list[float]:
        answers = [await ask(service, f"{fate} {n % 7}") for n in range(10)]
        return [seconds for _, seconds in answers]

    if fate == "frozen":
        with redis.frozen():
            rounds = await asyncio.gather(*(load() for _ in range(8)))
            assert await cache_state(service) == "degraded"
    else:
        redis.stop()
        rounds = await asyncio.gather(*(load() for _ in range(8)))
    assert len([seconds for seconds_of_one in rounds for seconds in seconds_of_one]) == 80


async def test_no_password_of_redis_reaches_a_log_or_the_readiness(
    start_service: ServiceFactory, redis: RedisServer, capfd: pytest.CaptureFixture[str]
) -> None:
    url = redis.url.replace("redis://", "redis://:canary-password@")
    service = start_service(redis_url=url)
    await ask(service, "x")
    async with service.client() as client:
        ready = (await client.get("/readyz")).text
    output = capfd.readouterr()
    assert "canary-password" not in output.out + output.err + ready
