"""Durable batches through the providers' own, over HTTP."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.core.clock import SystemClock
from service.usage.prices import PriceList
from tests.conftest import ServiceFactory
from tests.e2e.durable_batches import create, finished, results, status
from tests.e2e.routes import BATCHES
from tests.e2e.webhook_signatures import SECRET, encoded, plain
from tests.postgres import Postgres
from tests.process import ServiceProcess
from tests.running import ADMIN_KEY, RunningService, make_settings
from tests.simulator import Simulator, bad_request

POLLS_FAST = {
    "provider_batch_poll_seconds": 0.05,
    "provider_batch_poll_cap_seconds": 0.1,
    "cache_ttl_seconds": 0,
}
INBOUND = "/api/v1/webhooks/llm-provider"
POLL = "GET /v1/messages/batches/{id}"


async def total(client: httpx.AsyncClient) -> dict[str, Any]:
    totals: dict[str, Any] = (await client.get("/api/v1/usage")).json()["totals"]
    return totals


@asynccontextmanager
async def running(
    folder: Path, environment: dict[str, str]
) -> AsyncIterator[tuple[ServiceProcess, httpx.AsyncClient]]:
    """The service as a process, and a client of it."""
    with ServiceProcess(folder, **environment) as service:
        async with service.client(ADMIN_KEY) as client:
            yield service, client


@pytest.fixture
def service(start_service: ServiceFactory) -> RunningService:
    """One that asks the providers often, and caches nothing."""
    return start_service(**POLLS_FAST)


@pytest.mark.parametrize("model", ["haiku", "gpt"])
async def test_a_batch_costs_half_of_the_same_requests_asked_live(
    client: httpx.AsyncClient, simulator: Simulator, model: str
) -> None:
    simulator.batches_end_at_once({"bad": bad_request("too odd")})
    live = [
        (await client.post("/api/v1/generate", json={"prompt": prompt, "model": model})).json()
        for prompt in ("one", "two")
    ]
    live_total = await total(client)

    prompts = ["one", "bad", "two"]
    made = await create(client, prompts=prompts, model=model, mode="provider")
    batch = await finished(client, made)

    one, bad, two = await results(client, batch)
    assert (batch["status"], batch["mode"]) == ("completed", "provider")
    assert batch["counts"] == {"total": 3, "completed": 2, "failed": 1, "cancelled": 0}
    for asked, result in zip(live, (one, two), strict=True):
        response = result["response"]
        assert response.pop("cost_usd") == pytest.approx(asked.pop("cost_usd") / 2)
        assert response.pop("id") != asked.pop("id")
        assert response == asked
    assert (bad["error"]["type"], bad["error"]["message"]) == ("validation_error", "too odd")
    all_total = await total(client)
    assert all_total["cost_usd"] == pytest.approx(1.5 * live_total["cost_usd"])
    assert batch["cost_usd"] == pytest.approx(0.5 * live_total["cost_usd"])
    assert (all_total["requests"], all_total["errors"]) == (5, 1)


async def test_a_cancelled_batch_is_cancelled_at_the_provider(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    made = await create(client, prompts=["quick", "slow"], model="haiku", mode="provider")
    await simulator.wait_for(lambda vendors: vendors.calls_to("anthropic", POLL))

    assert (await client.post(f"{BATCHES}/{made['id']}/cancel")).status_code == 200
    await simulator.wait_for(lambda vendors: vendors.batches[0].state == "cancelling")
    simulator.end_batches({"quick": bad_request("too odd")})

    batch = await finished(client, made)
    assert batch["status"] == "cancelled"
    assert batch["counts"] == {"total": 2, "completed": 0, "failed": 1, "cancelled": 1}
    assert (await total(client))["cost_usd"] == 0


async def test_a_revoked_key_ends_its_batch_at_the_provider(
    client: httpx.AsyncClient, service: RunningService, simulator: Simulator
) -> None:
    made_key = (
        await client.post("/api/v1/keys", json={"name": "short-lived", "scopes": ["batch"]})
    ).json()
    async with service.client(key=made_key["key"]) as owner:
        made = await create(owner, prompts=["one"], model="haiku", mode="provider")
    await simulator.wait_for(lambda vendors: vendors.calls_to("anthropic", POLL))

    await client.delete(f"/api/v1/keys/{made_key['id']}")
    await simulator.wait_for(lambda vendors: vendors.batches[0].state == "cancelling", timeout=10)
    simulator.end_batches()

    batch = await finished(client, made)
    assert batch["status"] == "failed"
    assert [line["error"]["type"] for line in await results(client, batch)] == [
        "authentication_error"
    ]


async def test_a_budget_that_bears_a_batch_at_half_price_only_bears_it(
    client: httpx.AsyncClient, service: RunningService, simulator: Simulator
) -> None:
    simulator.batches_end_at_once()
    rates = PriceList({}, clock=SystemClock()).rates("anthropic", "claude-haiku-5-5")
    assert rates is not None
    asked = {"prompt": "one", "model": "anthropic/claude-haiku-5-5", "max_tokens": 10_000}
    budget = {"limit_usd": float(rates.base.output * 10_000 / 1_000_000) * 0.75, "period": "total"}
    made_key = await client.post(
        "/api/v1/keys", json={"name": "poor", "scopes": ["generate", "batch"], "budget": budget}
    )
    async with service.client(key=made_key.json()["key"]) as owner:
        assert (await owner.post("/api/v1/generate", json=asked)).status_code == 402
        batch = await finished(owner, await create(owner, requests=[asked], mode="provider"))
    assert batch["counts"]["completed"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {"prompts": ["one"], "model": "local/llama"},
        {
            "requests": [
                {"prompt": "one", "model": "haiku"},
                {"prompt": "two", "model": "local/llama"},
            ]
        },
    ],
)
async def test_what_has_no_batches_of_its_own_is_refused_before_anything_is_kept(
    start_service: ServiceFactory, simulator: Simulator, body: dict[str, Any]
) -> None:
    local = {"dialect": "openai", "base_url": simulator.openai_base_url_at("local")}
    async with start_service(providers={"local": local}).client() as client:
        refused = await client.post(BATCHES, json={**body, "mode": "provider"})
        assert refused.status_code == 400
        assert refused.json()["error"]["field"] == "mode"
        assert (await client.get(BATCHES)).json()["data"] == []


async def test_a_batch_ends_when_it_is_cancelled_though_its_provider_is_configured_no_more(
    start_service: ServiceFactory, simulator: Simulator, tmp_path: Path
) -> None:
    before = make_settings(
        tmp_path,
        anthropic_api_key="sk-ant-simulated",
        anthropic_base_url=simulator.anthropic_base_url,
    )
    with RunningService(before) as service:
        async with service.client() as client:
            made = await create(client, prompts=["one"], mode="provider")
            await simulator.wait_for(lambda vendors: vendors.batches)
    async with start_service(anthropic_api_key=None, openai_api_key=None).client() as client:
        assert (await client.post(f"{BATCHES}/{made['id']}/cancel")).status_code == 200
        batch = await finished(client, made)
    assert batch["status"] == "cancelled"
    assert batch["counts"]["cancelled"] == 1


async def test_the_sandbox_has_no_batches_of_its_own(start_service: ServiceFactory) -> None:
    async with start_service(anthropic_api_key=None, openai_api_key=None).client() as client:
        refused = await client.post(BATCHES, json={"prompts": ["one"], "mode": "provider"})
    assert refused.status_code == 400
    assert refused.json()["error"]["field"] == "mode"


async def test_a_providers_webhook_is_acted_upon_long_before_the_next_poll(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    simulator.batches_end_at_once()
    service = start_service(provider_batch_poll_seconds=3600, webhook_secret=SECRET)
    async with service.client() as owner, service.client(key=None) as provider:
        made = await create(owner, prompts=["one"], model="gpt", mode="provider")
        await simulator.wait_for(lambda vendors: vendors.batches)
        about = {"type": "batch.completed", "data": {"id": simulator.batches[0].id}}
        events = ({"id": f"evt_{number}", **about} for number in count())
        async with asyncio.timeout(20):
            # Again and again, as the service may not know yet under which id it was taken.
            while (await status(owner, made))["status"] != "completed":
                body = encoded(next(events))
                told = await provider.post(INBOUND, content=body, headers=plain(body))
                assert told.status_code == 200, told.text


async def test_kills_neither_send_nor_bill_anything_twice_on_sqlite(
    simulator: Simulator, tmp_path: Path
) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'ai-service.db'}"
    await run_through_two_kills(tmp_path, url, simulator)


async def test_kills_neither_send_nor_bill_anything_twice_on_postgresql(
    simulator: Simulator, tmp_path: Path, postgres: Postgres
) -> None:
    await run_through_two_kills(tmp_path, postgres.create_database(), simulator)


async def run_through_two_kills(folder: Path, database_url: str, simulator: Simulator) -> None:
    """Kill the service while it waits for the provider, and while it takes the results down."""
    environment = {
        "DATABASE_URL": database_url,
        "AI_SERVICE_SECRET_KEY": "a secret that every start knows",
        "ANTHROPIC_API_KEY": "sk-ant-simulated",
        "ANTHROPIC_BASE_URL": simulator.anthropic_base_url,
        "AI_SERVICE_ADMIN_KEY": ADMIN_KEY,
        "AI_SERVICE_LEASE_SECONDS": "1",
        "AI_SERVICE_PROVIDER_BATCH_POLL_SECONDS": "0.05",
        "AI_SERVICE_PROVIDER_BATCH_POLL_CAP_SECONDS": "0.1",
    }
    prompts = [f"number {at}" for at in range(400)]
    async with running(folder, environment) as (service, client):
        made = await create(client, prompts=prompts, mode="provider")
        await simulator.wait_for(lambda vendors: vendors.calls_to("anthropic", POLL), timeout=20)
        service.send(signal.SIGKILL)
        service.wait()
    simulator.end_batches()
    fetches = f"{POLL}/results"
    with ServiceProcess(folder, **environment) as service:
        await simulator.wait_for(lambda vendors: vendors.calls_to("anthropic", fetches), timeout=20)
        service.send(signal.SIGKILL)
        service.wait()
    async with running(folder, environment) as (service, client):
        batch = await finished(client, made)
        lines = await results(client, batch)
        billed = await total(client)

    assert len(simulator.batches) == 1
    assert batch["counts"]["completed"] == 400
    assert [line["response"]["text"] for line in lines] == [f"Echo: {each}" for each in prompts]
    assert len({line["response"]["id"] for line in lines}) == 400
    assert billed["requests"] == 400
    assert billed["cost_usd"] == pytest.approx(sum(line["response"]["cost_usd"] for line in lines))
