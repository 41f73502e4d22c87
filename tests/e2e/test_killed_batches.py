"""A batch outlives the processes that run it: nothing lost, nothing doubled, in results and in the bill."""

import signal
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from service.adapters.storage.engine import create_engine
from service.adapters.storage.tables import requests
from tests.e2e.durable_batches import Json, create, finished, results
from tests.postgres import Postgres
from tests.process import ServiceProcess
from tests.running import ADMIN_KEY
from tests.simulator import Reply, Simulator

ITEMS = 500
KILLS = 3


async def test_sqlite_batch_is_answered_through_three_kills(
    tmp_path: Path, simulator: Simulator
) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'ai-service.db'}"
    await run_through_kills(tmp_path, url, simulator)


async def test_postgresql_batch_is_answered_through_three_kills(
    tmp_path: Path, simulator: Simulator, postgres: Postgres
) -> None:
    await run_through_kills(tmp_path, postgres.create_database(), simulator)


async def run_through_kills(folder: Path, database_url: str, simulator: Simulator) -> None:
    simulator.always(Reply(delay_seconds=0.02), on="anthropic")
    environment = {
        "ANTHROPIC_API_KEY": "sk-ant-simulated",
        "ANTHROPIC_BASE_URL": simulator.anthropic_base_url,
        "DATABASE_URL": database_url,
        "AI_SERVICE_ADMIN_KEY": ADMIN_KEY,
        "AI_SERVICE_SECRET_KEY": "a secret that every start knows",
        "AI_SERVICE_LEASE_SECONDS": "1",
        "AI_SERVICE_DRAIN_SECONDS": "0",
        # What was answered is asked for again under its id, and not from memory.
        "AI_SERVICE_CACHE_TTL_SECONDS": "0",
    }
    points = sorted(Random(20261123).sample(range(20, ITEMS - 20), KILLS))
    batch: Json | None = None
    for calls in points:
        with ServiceProcess(folder, **environment) as service:
            if batch is None:
                async with service.client(ADMIN_KEY) as client:
                    batch = await create(client, prompts=[f"p {n}" for n in range(ITEMS)])
            await has_asked(simulator, calls)
            service.send(signal.SIGKILL)
            service.wait()
    assert batch is not None
    with ServiceProcess(folder, **environment) as service:
        async with service.client(ADMIN_KEY) as client:
            done = await finished(client, batch, timeout_seconds=60)
            lines = await results(client, batch)
    assert (done["status"], done["counts"]["completed"]) == ("completed", ITEMS)
    assert [line["index"] for line in lines] == list(range(ITEMS))
    assert [line["response"]["text"] for line in lines] == [f"Echo: p {n}" for n in range(ITEMS)]
    rows = await ledger(database_url)
    assert {row.id for row in rows} == {line["response"]["id"] for line in lines}
    assert len(rows) == ITEMS
    assert {row.outcome for row in rows} == {"completed"}
    assert ITEMS < len(simulator.calls) < ITEMS + KILLS * 100, "some were asked again, and few"
    assert float(sum(row.cost_usd for row in rows)) == done["cost_usd"]


async def has_asked(simulator: Simulator, calls: int) -> None:
    await simulator.wait_for(lambda s: len(s.calls) >= calls, timeout=60)


async def ledger(database_url: str) -> list[Any]:
    engine = create_engine(database_url, timeout_seconds=5)
    async with engine.connect() as connection:
        rows = (await connection.execute(sa.select(requests))).all()
    await engine.dispose()
    return list(rows)
