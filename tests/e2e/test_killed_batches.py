"""A batch outlives the processes that run it: nothing lost, nothing doubled, in results and in the bill."""

import signal
from collections.abc import Sequence
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
TAKEN_OVER = 120
POINTS = sorted(Random(20261123).sample(range(20, ITEMS - 20), 3))


async def test_sqlite_batch_is_answered_through_three_kills(
    tmp_path: Path, simulator: Simulator
) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'ai-service.db'}"
    simulator.always(Reply(delay_seconds=0.02), on="anthropic")
    await run_through(tmp_path, url, simulator, signal.SIGKILL, items=ITEMS, points=POINTS)


async def test_postgresql_batch_is_answered_through_three_kills(
    tmp_path: Path, simulator: Simulator, postgres: Postgres
) -> None:
    url = postgres.create_database()
    simulator.always(Reply(delay_seconds=0.02), on="anthropic")
    await run_through(tmp_path, url, simulator, signal.SIGKILL, items=ITEMS, points=POINTS)


async def run_through(
    folder: Path,
    database_url: str,
    simulator: Simulator,
    how: signal.Signals,
    *,
    items: int,
    points: Sequence[int],
) -> None:
    """Run a batch of so many items, and end its service at so many calls; then look at everything."""
    environment = environment_of(database_url, simulator)
    batch: Json | None = None
    for calls in points:
        with ServiceProcess(folder, **environment) as service:
            if batch is None:
                async with service.client(ADMIN_KEY) as client:
                    batch = await create(client, prompts=[f"p {n}" for n in range(items)])
            await has_asked(simulator, calls)
            service.send(how)
            service.wait()
    assert batch is not None
    with ServiceProcess(folder, **environment) as service:
        async with service.client(ADMIN_KEY) as client:
            done = await finished(client, batch, timeout_seconds=60)
            lines = await results(client, batch)
    await nothing_is_lost_or_doubled(
        done, lines, database_url, simulator, items=items, ends=len(points)
    )


async def nothing_is_lost_or_doubled(
    done: Json,
    lines: list[Json],
    database_url: str,
    simulator: Simulator,
    *,
    items: int,
    ends: int,
) -> None:
    """Every item has one result and one row, though processes have ended `ends` times."""
    assert (done["status"], done["counts"]["completed"]) == ("completed", items)
    assert [line["index"] for line in lines] == list(range(items))
    assert [line["response"]["text"] for line in lines] == [f"Echo: p {n}" for n in range(items)]
    rows = await ledger(database_url)
    assert {row.id for row in rows} == {line["response"]["id"] for line in lines}
    assert len(rows) == items
    assert {row.outcome for row in rows} == {"completed"}
    assert items < len(simulator.calls) < items + ends * 100, "some were asked again, and few"
    assert len(simulator.calls) <= sum(row.runs for row in rows), "each repeated call is recorded"
    assert float(sum(row.cost_usd for row in rows)) == done["cost_usd"]


def environment_of(database_url: str, simulator: Simulator) -> dict[str, str]:
    """What every process of the service knows; their leases are short."""
    return {
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


async def test_a_living_replica_takes_over_from_one_that_is_killed(
    tmp_path: Path, simulator: Simulator, postgres: Postgres
) -> None:
    url = postgres.create_database()
    environment = environment_of(url, simulator)
    simulator.always(Reply(delay_seconds=0.1), on="anthropic")
    with (
        ServiceProcess(tmp_path, **environment) as first,
        ServiceProcess(tmp_path, **environment) as second,
    ):
        async with first.client(ADMIN_KEY) as client:
            batch = await create(client, prompts=[f"p {n}" for n in range(TAKEN_OVER)])
        await has_asked(simulator, TAKEN_OVER // 4)
        [runner] = [each for each in (first, second) if runs_items(each)]
        survivor = second if runner is first else first
        runner.send(signal.SIGKILL)
        runner.wait()
        async with survivor.client(ADMIN_KEY) as client:
            done = await finished(client, batch, timeout_seconds=60)
            lines = await results(client, batch)
    assert runs_items(survivor)
    await nothing_is_lost_or_doubled(done, lines, url, simulator, items=TAKEN_OVER, ends=1)


def runs_items(service: ServiceProcess) -> bool:
    """Whether the process has run items of a batch."""
    return any('"event":"batch item"' in line for line in service.output)


async def test_batch_goes_on_where_a_service_was_told_to_stop(
    tmp_path: Path, simulator: Simulator
) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'ai-service.db'}"
    simulator.always(Reply(delay_seconds=0.5), on="anthropic")
    await run_through(tmp_path, url, simulator, signal.SIGTERM, items=40, points=[20])


async def has_asked(simulator: Simulator, calls: int) -> None:
    await simulator.wait_for(lambda s: len(s.calls) >= calls, timeout=60)


async def ledger(database_url: str) -> list[Any]:
    engine = create_engine(database_url, timeout_seconds=5)
    async with engine.connect() as connection:
        rows = (await connection.execute(sa.select(requests))).all()
    await engine.dispose()
    return list(rows)
