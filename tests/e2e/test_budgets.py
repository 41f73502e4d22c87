"""Budgets, as callers meet them: nothing is overshot, nobody is locked out."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ServiceFactory
from tests.e2e.routes import CHAT_STREAM, EMBEDDINGS, GENERATE, GENERATE_STREAM, error_of
from tests.postgres import Postgres
from tests.process import ServiceProcess
from tests.running import ADMIN_KEY, RunningService
from tests.simulator import Reply, Simulator, Stall, Usage, Words
from tests.sse import read_stream

PRICES = {"*": {"input_usd_per_million": 1, "output_usd_per_million": 10}}
ALL_THAT_IT_MAY = Reply(text="x", usage=Usage(input_tokens=20, output_tokens=1_000))
COST = Decimal("0.01002")  # of that answer
WORST = Decimal("0.0105")  # no less than what is held for BODY, and hardly more
BODY = {"prompt": "Hi", "max_tokens": 1_000, "cache": False}

Budget = dict[str, Any]


@pytest.fixture
def service(start_service: ServiceFactory, simulator: Simulator) -> RunningService:
    simulator.always(ALL_THAT_IT_MAY, on="anthropic")
    return start_service(prices=PRICES, openai_api_key=None)


@asynccontextmanager
async def on_a_budget(url: str, limit_usd: float, period: str = "month") -> AsyncIterator[Any]:
    """A client whose key has a budget."""
    headers = {"X-API-Key": ADMIN_KEY}
    async with httpx.AsyncClient(base_url=url, headers=headers) as admin:
        wanted = {
            "name": "test",
            "scopes": ["generate", "embed", "usage:read"],
            "budget": {"limit_usd": limit_usd, "period": period},
        }
        made = await admin.post("/api/v1/keys", json=wanted)
        assert made.status_code == 201, made.text
    headers = {"X-API-Key": made.json()["key"]}
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(
        base_url=url, headers=headers, limits=limits, timeout=60
    ) as client:
        yield client


async def spend(client: httpx.AsyncClient, times: int) -> list[Decimal]:
    """Ask so many times at once; what the answers cost. The others must be told about the budget."""
    answers = await asyncio.gather(*(client.post(GENERATE, json=BODY) for _ in range(times)))
    for answer in answers:
        if answer.status_code != 200:
            error_of(answer, 402, "budget_exceeded")
    return [Decimal(str(a.json()["cost_usd"])) for a in answers if a.status_code == 200]


async def spends_all_and_no_more(client: httpx.AsyncClient, limit_usd: Decimal) -> None:
    costs = await spend(client, 200)
    assert costs
    assert sum(costs) <= limit_usd
    while more := await spend(client, 1):  # what was held beside them is free again
        costs += more
    assert limit_usd - WORST < sum(costs) <= limit_usd


async def test_two_hundred_concurrent_calls_spend_the_budget_and_no_more(
    service: RunningService, simulator: Simulator
) -> None:
    async with on_a_budget(service.url, 0.5) as client:
        await spends_all_and_no_more(client, Decimal("0.5"))
    assert len(simulator.calls_to("anthropic")) == 49  # 0.5 / 0.01002


async def test_two_workers_over_postgresql_spend_the_budget_and_no_more(
    tmp_path: Path, simulator: Simulator, postgres: Postgres
) -> None:
    simulator.always(ALL_THAT_IT_MAY, on="anthropic")
    with ServiceProcess(
        tmp_path,
        ANTHROPIC_API_KEY="sk-ant-simulated",
        ANTHROPIC_BASE_URL=simulator.anthropic_base_url,
        DATABASE_URL=postgres.create_database(),
        AI_SERVICE_ADMIN_KEY=ADMIN_KEY,
        AI_SERVICE_SECRET_KEY="a secret that every replica knows",
        AI_SERVICE_WORKERS="2",
        AI_SERVICE_DRAIN_SECONDS="0",
        AI_SERVICE_PRICES=json.dumps(PRICES),
    ) as service:
        service.wait_for_line("Application startup complete")
        async with on_a_budget(service.url, 0.5) as client:
            await spends_all_and_no_more(client, Decimal("0.5"))
    assert len(simulator.calls_to("anthropic")) == 49


@pytest.mark.parametrize("path", [GENERATE, GENERATE_STREAM, CHAT_STREAM])
async def test_refusal_says_which_budget_and_when_it_begins_anew(
    path: str, service: RunningService, simulator: Simulator
) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}]} if "chat" in path else BODY
    async with on_a_budget(service.url, 0.001, "day") as client:
        error = error_of(await client.post(path, json=body), 402, "budget_exceeded")
    assert error["budget"] == {
        "owner": "key",
        "period": "day",
        "limit_usd": 0.001,
        "spent_usd": 0.0,
    }
    assert error["resets_at"].endswith("T00:00:00Z")
    assert simulator.calls == []


async def test_total_budget_never_begins_anew(service: RunningService) -> None:
    async with on_a_budget(service.url, 0.001, "total") as client:
        error = error_of(await client.post(GENERATE, json=BODY), 402, "budget_exceeded")
    assert error["resets_at"] is None


async def test_budget_of_the_tenant_holds_for_all_of_its_keys(service: RunningService) -> None:
    async with service.client() as admin:
        bounds = {"budget": {"limit_usd": 0.025, "period": "month"}}
        put = await admin.put("/api/v1/tenants/default", json=bounds)
        assert put.status_code == 200, put.text
    async with on_a_budget(service.url, 1) as one, on_a_budget(service.url, 1) as other:
        assert (await one.post(GENERATE, json=BODY)).status_code == 200
        assert (await other.post(GENERATE, json=BODY)).status_code == 200
        error = error_of(await one.post(GENERATE, json=BODY), 402, "budget_exceeded")
    assert error["budget"]["owner"] == "tenant"


async def test_budget_of_a_browser_token_is_its_own(service: RunningService) -> None:
    async with on_a_budget(service.url, 1) as client, service.client() as admin:
        keys = (await admin.get("/api/v1/keys")).json()["data"]
        key_id = next(key["id"] for key in keys if key["name"] == "test")
        wanted = {"budget": {"limit_usd": 0.011, "period": "total"}}
        token = (await client.post(f"/api/v1/keys/{key_id}/tokens", json=wanted)).json()["key"]
        by_token = {"X-API-Key": token}
        assert (await client.post(GENERATE, json=BODY, headers=by_token)).status_code == 200
        refused = await client.post(GENERATE, json=BODY, headers=by_token)
        error = error_of(refused, 402, "budget_exceeded")
        assert error["budget"]["owner"] == "token"
        assert (await client.post(GENERATE, json=BODY)).status_code == 200


async def test_cache_hit_spends_no_budget(service: RunningService) -> None:
    async with on_a_budget(service.url, 0.011) as client:
        body = BODY | {"cache": True}
        assert (await client.post(GENERATE, json=body)).json()["cost_usd"] > 0
        for path in (GENERATE, GENERATE_STREAM):
            assert (await client.post(path, json=body)).status_code == 200
        error_of(await client.post(GENERATE, json=BODY), 402, "budget_exceeded")


async def test_stream_that_is_hung_up_gives_back_what_it_did_not_use(
    service: RunningService, simulator: Simulator
) -> None:
    simulator.script(Stall(after_words=3, reply=Words(count=100)), on="anthropic")
    async with on_a_budget(service.url, 0.0122) as client:
        async with client.stream("POST", GENERATE_STREAM, json=BODY) as stream:
            pieces = stream.aiter_bytes()
            await anext(pieces)
            error_of(await client.post(GENERATE, json=BODY), 402, "budget_exceeded")
        async with asyncio.timeout(5):
            while (await client.post(GENERATE, json=BODY)).status_code != 200:  # noqa: ASYNC110 - a database has no event
                await asyncio.sleep(0.01)


async def test_stream_and_embeddings_are_charged(
    service: RunningService, simulator: Simulator
) -> None:
    async with on_a_budget(service.url, 0.0123) as client:
        (*_, done) = await read_stream(client, GENERATE_STREAM, BODY)
        assert Decimal(str(done["cost_usd"])) == COST
        error_of(await client.post(GENERATE, json=BODY), 402, "budget_exceeded")


async def test_embeddings_are_held_by_their_size(start_service: ServiceFactory) -> None:
    service = start_service(prices=PRICES)
    async with on_a_budget(service.url, 0.001) as client:
        small = {"input": "x" * 100}
        large = {"input": "x" * 5_000}
        assert (await client.post(EMBEDDINGS, json=small)).status_code == 200
        error_of(await client.post(EMBEDDINGS, json=large), 402, "budget_exceeded")


async def test_model_without_a_price_is_refused_on_a_budget(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(
        providers={
            "local": {
                "base_url": simulator.openai_base_url_at("local"),
                "api_key": "sk-local",
                "models": ["llama"],
            }
        }
    )
    async with on_a_budget(service.url, 1) as client:
        refused = await client.post(GENERATE, json=BODY | {"model": "local/llama"})
        error_of(refused, 400, "validation_error", field="model")
