"""Overload: what there is no place for is shed before it costs anything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.conftest import ServiceFactory
from tests.e2e.routes import GENERATE, GENERATE_STREAM, MODELS, error_of, raw_exchange
from tests.running import ADMIN_KEY
from tests.simulator import Simulator, Stall
from tests.sse import events_of

FULL = {"max_concurrent_requests": 2, "max_concurrent_streams": 1, "admission_queue_size": 0}


@asynccontextmanager
async def under_way(
    client: httpx.AsyncClient, simulator: Simulator, path: str, count: int
) -> AsyncIterator[None]:
    """So many calls that the provider never answers."""
    simulator.script(*[Stall(before_headers=True)] * count, on="anthropic")
    before = len(simulator.calls)
    async with asyncio.TaskGroup() as tasks:
        calls = [
            tasks.create_task(client.post(path, json={"prompt": f"{path} {number}"}))
            for number in range(count)
        ]
        await simulator.wait_for(lambda s: len(s.calls) == before + count)
        yield
        for call in calls:
            call.cancel()


def assert_shed(answer: httpx.Response) -> None:
    error = error_of(answer, 503, "service_unavailable")
    assert error["estimated_time_seconds"] == 1
    assert answer.headers["retry-after"] == "1"


async def in_flight(client: httpx.AsyncClient, count: int) -> None:
    """Wait until so many requests are being served, beside the one that asks."""
    async with asyncio.timeout(5):
        while f"requests_in_flight {count + 1}.0" not in (await client.get("/metrics")).text:
            pass


async def until_admitted(client: httpx.AsyncClient, path: str) -> None:
    """A hang-up frees its place just after its caller has gone."""
    async with asyncio.timeout(5):
        while (await client.post(path, json={"prompt": "Hello"})).status_code == 503:
            pass


async def test_request_without_a_place_is_shed_and_places_are_freed(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(**FULL)
    async with service.client() as client:
        async with under_way(client, simulator, GENERATE, 2):
            for _ in range(3):
                assert_shed(await client.post(GENERATE, json={"prompt": "Hello"}))
                assert_shed(await client.get(MODELS))
            assert (await client.get("/healthz")).status_code == 200
            assert (await client.get("/readyz")).status_code == 200
            metrics = (await client.get("/metrics")).text
            assert 'ai_service_shed_requests_total{kind="plain"} 6.0' in metrics
            assert 'ai_service_errors_total{type="service_unavailable"} 6.0' in metrics
        await until_admitted(client, GENERATE)
        for n in range(10):
            answer = await client.post(GENERATE, json={"prompt": f"{n}"})
            assert answer.status_code == 200
    assert len(simulator.calls) == 2 + 1 + 10


async def test_shed_request_is_answered_before_its_body_has_come(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(**FULL)
    head = (
        f"POST {GENERATE} HTTP/1.1\r\nHost: x\r\nX-API-Key: {ADMIN_KEY}\r\n"
        "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
    )
    async with service.client() as client, under_way(client, simulator, GENERATE, 2):
        assert_shed(await raw_exchange(service, head.encode()))


async def test_streams_have_places_of_their_own_and_keep_them_while_they_run(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(**FULL)
    simulator.script(Stall(after_words=1), on="anthropic")
    async with service.client() as client:
        body = {"prompt": "one"}
        async with client.stream("POST", GENERATE_STREAM, json=body) as running:
            events = events_of(running)  # kept: a generator that is dropped hangs up
            await anext(events)
            assert_shed(await client.post(GENERATE_STREAM, json={"prompt": "two"}))
            assert (await client.post(GENERATE, json={"prompt": "a"})).status_code == 200
            metrics = (await client.get("/metrics")).text
            assert 'ai_service_shed_requests_total{kind="stream"} 1.0' in metrics
        await until_admitted(client, GENERATE_STREAM)


async def test_caller_without_a_key_takes_no_place(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(**FULL)
    async with (
        service.client() as client,
        service.client(key=None) as stranger,
        under_way(client, simulator, GENERATE, 2),
    ):
        error_of(await stranger.post(GENERATE, json={}), 401, "authentication_error")
        assert_shed(await client.post(GENERATE, json={}))


async def test_queued_request_is_served_when_a_place_is_freed(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(
        max_concurrent_requests=1, admission_queue_size=1, admission_queue_seconds=20
    )
    async with service.client() as client, asyncio.TaskGroup() as tasks:
        async with under_way(client, simulator, GENERATE, 1):
            queued = tasks.create_task(client.post(GENERATE, json={"prompt": "queued"}))
            await in_flight(client, 2)
            assert len(simulator.calls) == 1
        assert (await queued).status_code == 200
