"""PostgreSQL is shut down for ten seconds under load."""

import asyncio
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from time import monotonic

import httpx
import pytest

from tests.contracts.time import until
from tests.e2e.load import Load, assert_ledger_keeps, configuration, has_settled
from tests.e2e.routes import GENERATE, error_of
from tests.postgres import Postgres
from tests.running import RunningService, make_settings
from tests.simulator import Simulator

OUTAGE_SECONDS = 10
RECOVERY_SECONDS = 5
CALLERS = 8
STREAMS = 5


@pytest.fixture
def database_url(postgres: Postgres) -> str:
    """An empty database."""
    return postgres.create_database()


@pytest.fixture
async def service(
    tmp_path: Path, simulator: Simulator, database_url: str
) -> AsyncIterator[RunningService]:
    """A service over PostgreSQL."""
    settings = make_settings(
        tmp_path,
        database_url=database_url,
        secret_key="a secret of the test",
        max_attempts=1,
        **tomllib.loads(configuration(simulator)),
    )
    with RunningService(settings) as running:
        yield running


@asynccontextmanager
async def callers(load: Load, client: httpx.AsyncClient) -> AsyncIterator[None]:
    """Concurrent callers for as long as the block lasts."""
    over = False

    async def keep_calling() -> None:
        while not over:
            await load.call(client)
            await asyncio.sleep(0.02)  # who is refused at once does not ask again at once

    calling = asyncio.gather(*(keep_calling() for _ in range(CALLERS)))
    try:
        yield
    finally:
        over = True
        await calling


async def test_an_outage_costs_no_settlement_and_no_key_and_is_over_when_it_is_over(
    service: RunningService, simulator: Simulator, postgres: Postgres, database_url: str
) -> None:
    load = Load(Random(20261123))
    async with service.client() as client, callers(load, client):
        await until(lambda: has_promises(load, 50))
        streams = [asyncio.create_task(load.stream(client, model="slow")) for _ in range(STREAMS)]
        await simulator.wait_for(lambda s: len(s.calls_to("slow")) == STREAMS)
        await asyncio.to_thread(postgres.stop)
        try:
            await the_outage(load, client)
            await asyncio.gather(*streams)
        finally:
            await asyncio.to_thread(postgres.start)
        await until(lambda: answers(load, client), timeout_seconds=RECOVERY_SECONDS)
        promised = len(load.promises)
        await until(lambda: has_promises(load, promised + 50), timeout_seconds=30)
    slow = [promise for promise in load.promises if promise.answer["model"] == "slow"]
    assert len(slow) == STREAMS
    assert set(load.statuses) == {200, 503}
    await until(lambda: has_settled(database_url))
    outcomes = await assert_ledger_keeps(load, database_url)
    assert "unknown" not in outcomes


async def the_outage(load: Load, client: httpx.AsyncClient) -> None:
    """Ten seconds in which nothing new is taken, what runs goes on, and no key is called wrong."""
    end = monotonic() + OUTAGE_SECONDS
    while monotonic() < end:
        refused = await client.post(GENERATE, json=load.body(prompt=f"{monotonic()}"))
        error = error_of(refused, 503, "service_unavailable")
        assert int(refused.headers["retry-after"]) >= 1
        assert error["estimated_time_seconds"] > 0
        assert (await client.get("/api/v1/usage")).status_code == 503
        assert (await client.get("/readyz")).json()["status"] == "unavailable"
        assert (await client.get("/healthz")).status_code == 200


async def answers(load: Load, client: httpx.AsyncClient) -> bool:
    """Whether new work is taken."""
    answer = await client.post(GENERATE, json=load.body(prompt=f"{monotonic()}"))
    assert answer.status_code in (200, 503)
    return answer.status_code == 200


async def has_promises(load: Load, count: int) -> bool:
    """Whether so many answers have come."""
    return len(load.promises) >= count
