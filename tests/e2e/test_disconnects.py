"""A caller who hangs up stops the provider, and pays for what was delivered."""

import asyncio
import json
import time
from pathlib import Path

import httpx
import pytest

from tests.conftest import ServiceFactory
from tests.ledger import settled_rows
from tests.process import ServiceProcess
from tests.running import ADMIN_KEY, RunningService
from tests.simulator import Simulator, Stall, Words
from tests.sse import events_of

MODELS = {"anthropic": "anthropic/claude-haiku-5-5", "openai": "openai/gpt-6-luna"}
VENDORS = pytest.mark.parametrize("vendor", list(MODELS))
NOTICED_WITHIN_SECONDS = 0.1


async def hang_up_during(
    service: RunningService, simulator: Simulator, path: str, body: dict[str, object]
) -> float:
    """Post, wait until the provider has the call, hang up; returns the seconds until it was stopped."""
    async with service.client() as client:
        call = asyncio.create_task(client.post(path, json=body))
        await simulator.wait_for(lambda s: s.calls)
        hung_up_at = time.monotonic()
        call.cancel()
        await asyncio.wait([call])
    await simulator.wait_for(lambda s: s.calls[0].client_left_at is not None)
    left_at = simulator.calls[0].client_left_at
    assert left_at is not None
    return left_at - hung_up_at


@VENDORS
async def test_hanging_up_on_a_plain_call_stops_the_provider(
    vendor: str, service: RunningService, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script(Stall(before_headers=True), on=vendor)
    seconds = await hang_up_during(
        service, simulator, "/api/v1/generate", {"prompt": "wait " * 50, "model": MODELS[vendor]}
    )
    assert seconds < NOTICED_WITHIN_SECONDS
    (row,) = await settled_rows(tmp_path, 1)
    assert row["outcome"] == "cancelled"
    assert row["usage_source"] == "estimated"
    assert row["input_tokens"] > 0
    assert row["cost_usd"] > 0


@VENDORS
async def test_hanging_up_before_the_first_token_stops_the_provider(
    vendor: str, service: RunningService, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script(Stall(before_headers=True), on=vendor)
    seconds = await hang_up_during(
        service, simulator, "/api/v1/generate/stream", {"prompt": "wait", "model": MODELS[vendor]}
    )
    assert seconds < NOTICED_WITHIN_SECONDS
    (row,) = await settled_rows(tmp_path, 1)
    assert row["outcome"] == "cancelled"


async def test_hanging_up_while_heartbeats_go_out_stops_the_provider(
    start_service: ServiceFactory, simulator: Simulator, tmp_path: Path
) -> None:
    service = start_service(stream_heartbeat_seconds=0.05)
    simulator.script(Stall(before_headers=True), on="anthropic")
    async with service.client() as client:
        async with client.stream(
            "POST", "/api/v1/generate/stream", json={"prompt": "x"}
        ) as response:
            assert (await anext(response.aiter_raw())).startswith(b": heartbeat")
        hung_up_at = time.monotonic()
    await simulator.wait_for(lambda s: s.calls[0].client_left_at is not None)
    assert (simulator.calls[0].client_left_at or 0) - hung_up_at < NOTICED_WITHIN_SECONDS
    (row,) = await settled_rows(tmp_path, 1)
    assert row["outcome"] == "cancelled"


@VENDORS
async def test_hanging_up_in_mid_stream_stops_the_provider_and_meters_what_came(
    vendor: str, service: RunningService, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.always(Words(count=10_000, interval_seconds=0.005), on=vendor)
    delays = []
    async with service.client() as client:
        for n in range(3):
            body = {"prompt": f"Count {n}", "model": MODELS[vendor]}
            async with client.stream("POST", "/api/v1/generate/stream", json=body) as response:
                seen = 0
                async for _ in events_of(response):
                    seen += 1
                    if seen == 20:
                        break
            hung_up_at = time.monotonic()
            await simulator.wait_for(lambda s: s.calls[-1].client_left_at is not None)
            delays.append((simulator.calls[-1].client_left_at or 0) - hung_up_at)
    # The least of three is the service's own: a busy machine may delay any of them.
    assert min(delays) < NOTICED_WITHIN_SECONDS
    for row in await settled_rows(tmp_path, 3):
        assert row["outcome"] == "cancelled"
        assert row["usage_source"] == "estimated"
        assert 10 <= row["output_tokens"] <= 1000
        assert row["cost_usd"] > 0


async def test_hanging_up_on_a_batch_stops_every_call_of_it(
    service: RunningService, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.always(Stall(before_headers=True), on="anthropic")
    async with service.client() as client:
        call = asyncio.create_task(
            client.post("/api/v1/batch", json={"prompts": ["a", "b", "c"], "max_concurrency": 3})
        )
        await simulator.wait_for(lambda s: s.in_flight == 3)
        call.cancel()
        await asyncio.wait([call])
    await simulator.wait_for(lambda s: s.in_flight == 0)
    rows = await settled_rows(tmp_path, 3)
    assert [row["outcome"] for row in rows] == ["cancelled"] * 3


async def test_fifty_streams_that_are_dropped_leave_nothing_open(
    service: RunningService, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.always(Words(count=10_000, interval_seconds=0.01), on="anthropic")

    async def take_three(client: httpx.AsyncClient) -> None:
        async with client.stream(
            "POST", "/api/v1/generate/stream", json={"prompt": "x"}
        ) as response:
            seen = 0
            async for _ in events_of(response):
                seen += 1
                if seen == 3:
                    return

    async with service.client() as client:
        await asyncio.gather(*(take_three(client) for _ in range(50)))
    await simulator.wait_for(lambda s: s.in_flight == 0)
    rows = await settled_rows(tmp_path, 50)
    assert {row["outcome"] for row in rows} == {"cancelled"}


async def test_the_log_line_of_a_hang_up_says_what_it_cost(
    simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script(Stall(before_headers=True), on="anthropic")
    environment = {
        "ANTHROPIC_API_KEY": "sk-ant-simulated",
        "ANTHROPIC_BASE_URL": simulator.anthropic_base_url,
        "AI_SERVICE_ADMIN_KEY": ADMIN_KEY,
    }
    with ServiceProcess(tmp_path, **environment) as service:
        async with service.client(ADMIN_KEY) as client:
            call = asyncio.create_task(client.post("/api/v1/generate", json={"prompt": "wait"}))
            await simulator.wait_for(lambda s: s.in_flight == 1)
            call.cancel()
            await asyncio.wait([call])
        line = json.loads(service.wait_for_line('"request"'))
    assert (line["status"], line["outcome"], line["usage_source"]) == (
        499,
        "cancelled",
        "estimated",
    )
    assert line["id"].startswith("req_")
    assert line["cost_usd"] > 0
