"""Requests and tokens per minute, as callers meet them."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from service.access.ports import RateLimits
from tests.conftest import ServiceFactory
from tests.e2e.keys import add_key
from tests.e2e.routes import (
    BATCH,
    CHAT,
    EMBEDDINGS,
    GENERATE,
    GENERATE_STREAM,
    GOOD_BODIES,
    MODELS,
    POST_ROUTES,
    error_of,
)
from tests.ledger import settled_rows
from tests.redis import RedisServer, redis_server
from tests.running import RunningService
from tests.simulator import Reply, Simulator, Stall, Usage
from tests.sse import read_stream, terminal_events

__all__ = ["redis_server"]

MANY = 10_000


def using(tokens: int) -> Reply:
    """An answer that has used so many."""
    return Reply(text="Hello", usage=Usage(input_tokens=tokens - 1, output_tokens=1))


@asynccontextmanager
async def limited(
    service: RunningService, *, requests: int | None = None, tokens: int | None = None
) -> AsyncIterator[httpx.AsyncClient]:
    """A client whose key has these limits per minute."""
    limits = RateLimits(requests_per_minute=requests, tokens_per_minute=tokens)
    async with service.client(key=await add_key(service, limits=limits)) as client:
        yield client


def left(answer: httpx.Response) -> dict[str, int]:
    """What `RateLimit` says is left, by policy."""
    items = re.findall(r'"([a-z-]+)";r=(\d+);t=\d+', answer.headers["ratelimit"])
    return {name: int(units) for name, units in items}


async def test_limits_are_told_on_every_answer_to_a_key_that_has_some(
    service: RunningService,
) -> None:
    async with limited(service, requests=MANY, tokens=1_000_000) as client:
        answers = [await client.post(path, json=GOOD_BODIES[path]) for path in POST_ROUTES]
        answers.append(await client.post(GENERATE, json={"prompt": ""}))
        answers.append(await client.get(MODELS))
        answers.append(await client.get("/api/v1/nothing"))
        for answer in answers:
            assert answer.headers["ratelimit-policy"] == (
                '"requests";q=10000;w=60, "tokens";q=1000000;w=60;qu="tokens"'
            )
            assert set(left(answer)) == {"requests", "tokens"}
        health = await client.get("/healthz")
    async with service.client() as unlimited, service.client(key=None) as stranger:
        answers = [await unlimited.get(MODELS), await stranger.get(MODELS), health]
        assert all("ratelimit" not in answer.headers for answer in answers)


async def test_request_over_the_limit_is_refused_before_a_model_is_asked(
    service: RunningService, simulator: Simulator
) -> None:
    async with limited(service, requests=2) as client:
        for prompt in ("one", "two"):
            assert (await client.post(GENERATE, json={"prompt": prompt})).status_code == 200
        for path in POST_ROUTES:
            if path == BATCH:
                continue
            refused = await client.post(path, json=GOOD_BODIES[path])
            error = error_of(refused, 429, "rate_limit_error")
            assert error["message"] == "The limit of 2 requests per minute is used up"
            assert 1 <= error["retry_after"] <= 30
            assert refused.headers["retry-after"] == str(error["retry_after"])
            assert left(refused) == {"requests": 0}
        assert (await client.get(MODELS)).status_code == 200
    assert len(simulator.calls) == 2


async def test_refused_request_leaves_no_row(
    service: RunningService, client: httpx.AsyncClient
) -> None:
    async with limited(service, requests=1) as poor:
        await poor.post(GENERATE, json={"prompt": "one"})
        await poor.post(GENERATE, json={"prompt": "two"})
    await client.post(GENERATE, json={"prompt": "three"})
    await settled_rows(service.settings.data_dir, 2)


async def test_hits_count_as_requests_and_spend_no_tokens(
    service: RunningService, simulator: Simulator
) -> None:
    simulator.script(using(400), on="anthropic")
    async with limited(service, requests=3, tokens=600) as client:
        first = await client.post(GENERATE, json={"prompt": "Hello"})
        assert 200 <= left(first)["tokens"] < 400
        again = await client.post(GENERATE, json={"prompt": "Hello"})
        assert again.json()["cache_hit"]
        assert left(again)["tokens"] >= left(first)["tokens"]
        assert left(again)["requests"] == 1
        await client.post(GENERATE, json={"prompt": "Hello"})
        error_of(await client.post(GENERATE, json={"prompt": "Hello"}), 429, "rate_limit_error")


async def test_followers_of_a_call_spend_no_tokens(
    service: RunningService, simulator: Simulator
) -> None:
    simulator.script(using(1500), on="anthropic")
    async with limited(service, requests=MANY, tokens=2000) as poor:
        body = {"prompt": "the same", "max_tokens": 1990}
        answers = await asyncio.gather(*(poor.post(GENERATE, json=body) for _ in range(5)))
        assert [answer.status_code for answer in answers] == [200] * 5
        assert len(simulator.calls) == 1
        assert 400 <= left(await poor.get(MODELS))["tokens"] < 1000


async def test_tokens_are_reserved_and_then_corrected_by_what_was_used(
    service: RunningService, simulator: Simulator
) -> None:
    simulator.script(Stall(before_headers=True), Reply(text="Hello there"), on="anthropic")
    async with limited(service, tokens=2000) as client:
        first = asyncio.create_task(client.post(GENERATE, json={"prompt": "a", "max_tokens": 1900}))
        await simulator.wait_for(lambda s: s.calls)
        refused = await client.post(GENERATE, json={"prompt": "b", "max_tokens": 1900})
        error_of(refused, 429, "rate_limit_error")
        first.cancel()
        await asyncio.wait([first])
        await simulator.wait_for(lambda s: s.calls[0].client_left_at is not None)
        await settled_rows(service.settings.data_dir, 1)
        answer = await client.post(GENERATE, json={"prompt": "c", "max_tokens": 1900})
        assert answer.status_code == 200, answer.text
        assert left(answer)["tokens"] > 1900


async def test_streams_tell_the_limits_and_give_back_what_a_hang_up_leaves(
    service: RunningService, simulator: Simulator
) -> None:
    simulator.script(Reply(text="Hello there"), Stall(after_words=1), on="anthropic")
    async with limited(service, requests=MANY, tokens=2000) as client:
        (done,) = terminal_events(await read_stream(client, GENERATE_STREAM, {"prompt": "a"}))
        assert done["type"] == "done"
        body = {"prompt": "b", "max_tokens": 1500}
        async with client.stream("POST", GENERATE_STREAM, json=body) as answer:
            assert answer.status_code == 200
            assert left(answer)["tokens"] < 600
            await anext(answer.aiter_lines())
        await settled_rows(service.settings.data_dir, 2)
        assert left(await client.get(MODELS))["tokens"] > 1900


async def test_batch_counts_item_by_item(service: RunningService) -> None:
    async with limited(service, requests=3) as client:
        body = {"prompts": ["a", "b", "c", "d", "e"], "max_concurrency": 1}
        answer = await client.post(BATCH, json=body)
        assert answer.status_code == 200
        results = answer.json()["results"]
        assert ["response" in result and bool(result["response"]) for result in results] == [
            True, True, True, False, False,
        ]  # fmt: skip
        for result in results[3:]:
            assert result["error"]["type"] == "rate_limit_error"
            assert 1 <= result["error"]["retry_after"] <= 20


async def test_embeddings_and_chats_count_by_their_tokens(
    service: RunningService, simulator: Simulator
) -> None:
    simulator.script(using(500), on="anthropic")
    async with limited(service, tokens=2000) as client:
        vectors = await client.post(EMBEDDINGS, json={"input": ["word " * 200] * 4})
        spent = vectors.json()["usage"]["total_tokens"]
        assert 500 < spent < 1500
        assert 2000 - spent <= left(vectors)["tokens"] < 2000 - spent / 2
        turn = await client.post(CHAT, json=GOOD_BODIES[CHAT] | {"max_tokens": 100})
        assert turn.status_code == 200
        assert left(turn)["tokens"] < left(vectors)["tokens"]


async def test_replicas_over_one_redis_share_a_limit(
    start_service: ServiceFactory, redis_server: RedisServer
) -> None:
    redis_server.flush()
    one, two = (start_service(redis_url=redis_server.url, cache_ttl_seconds=0) for _ in range(2))
    limits = RateLimits(requests_per_minute=4)
    key = await add_key(one, limits=limits)
    statuses = []
    for service in (one, two) * 3:
        async with service.client(key=key) as client:
            statuses.append((await client.post(GENERATE, json={"prompt": "a"})).status_code)
    assert statuses == [200] * 4 + [429] * 2


async def test_frozen_redis_under_load_leaves_local_limits_in_force(
    start_service: ServiceFactory, redis_server: RedisServer
) -> None:
    redis_server.flush()
    service = start_service(redis_url=redis_server.url)
    async with limited(service, requests=30) as client:
        await client.post(GENERATE, json={"prompt": "a"})
        with redis_server.frozen():
            answers = await asyncio.gather(
                *(client.post(GENERATE, json={"prompt": f"{n}"}) for n in range(60))
            )
            statuses = [answer.status_code for answer in answers]
            assert set(statuses) == {200, 429}
            assert 29 <= statuses.count(200) <= 35  # one comes back in 2 s
            assert (await client.get("/readyz")).json()["checks"]["cache"] == "degraded"
