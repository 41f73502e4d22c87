"""The ledger's proof: a service that is killed again and again, at any point of its work.

`SOAK_CYCLES` says how often (25); `make soak` takes its time for 500. PostgreSQL has a fifth of
them, at least five.
"""

import os
import signal
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

from service.access.digests import Digester
from service.access.ports import ALL_SCOPES, ApiKey, Budget
from service.adapters.storage import open_storage
from service.adapters.storage.migrate import migrate
from service.adapters.storage.tables import requests
from service.core.clock import SystemClock
from tests.contracts.time import until
from tests.e2e.load import Load, assert_ledger_keeps, configuration, has_settled, open_rows
from tests.postgres import Postgres
from tests.process import ServiceProcess
from tests.simulator import Simulator

CYCLES = int(os.environ.get("SOAK_CYCLES", "25"))
CALLERS = 12
MOST_STEPS = 250
KEY = "sk-ais-soak-0123456789abcdefghijklmnopqrstuvw"
SECRET_KEY = "a secret that every start knows"
LEASE_SECONDS = 1


async def test_sqlite_keeps_every_promise_through_kills(
    tmp_path: Path, simulator: Simulator
) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'ai-service.db'}"
    await kill_and_compare(tmp_path, url, simulator, cycles=CYCLES)


async def test_postgresql_keeps_every_promise_through_kills(
    tmp_path: Path, simulator: Simulator, postgres: Postgres
) -> None:
    url = postgres.create_database()
    await kill_and_compare(tmp_path, url, simulator, cycles=max(5, CYCLES // 5))


async def kill_and_compare(
    folder: Path, database_url: str, simulator: Simulator, *, cycles: int
) -> None:
    """Start, load and kill a service `cycles` times over one database, then look at the ledger."""
    await make_key_with_a_budget(database_url)
    (folder / "config.toml").write_text(configuration(simulator))
    environment = {
        "AI_SERVICE_CONFIG_FILE": "config.toml",
        "AI_SERVICE_SECRET_KEY": SECRET_KEY,
        "AI_SERVICE_LEASE_SECONDS": str(LEASE_SECONDS),
        "AI_SERVICE_MAX_ATTEMPTS": "1",
        "DATABASE_URL": database_url,
    }
    random = Random(20261123)
    load = Load(random)
    for _ in range(cycles):
        with ServiceProcess(folder, **environment) as service:
            await call_until_killed(service, load, after_steps=random.randint(1, MOST_STEPS))
    await until(lambda: leases_are_over(database_url))
    with ServiceProcess(folder, **environment):
        await until(lambda: has_settled(database_url), timeout_seconds=30)
    outcomes = await assert_ledger_keeps(load, database_url)
    assert set(outcomes) >= {"completed", "cancelled", "unknown"}
    assert set(load.statuses) <= {200, 503}
    assert any(promise.answer["cache_hit"] for promise in load.promises)


async def call_until_killed(service: ServiceProcess, load: Load, *, after_steps: int) -> None:
    """Load the service, and kill it in the middle of the step of this number."""
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1
        if steps == after_steps:
            service.send(signal.SIGKILL)

    load.on_step = step
    async with service.client(KEY) as client:
        await load.call_until_cut(client, callers=CALLERS)
    assert service.wait() == -signal.SIGKILL


async def make_key_with_a_budget(database_url: str) -> None:
    """A key whose budget is far from spent: each call reserves some of it, and gives it back."""
    await migrate(database_url)
    clock = SystemClock()
    storage = open_storage(database_url, clock=clock)
    await storage.keys.put(
        ApiKey(
            id="key_soak",
            tenant="default",
            name="soak",
            prefix=KEY[:13],
            digest=Digester(SECRET_KEY.encode()).digest(KEY),
            scopes=ALL_SCOPES,
            created_at=clock.now(),
            budget=Budget(limit_usd=Decimal(1_000_000), period="total"),
        )
    )
    await storage.aclose()


async def leases_are_over(database_url: str) -> bool:
    """Whether the next start may settle every open row."""
    return await open_rows(database_url, requests.c.lease_expires_at >= datetime.now(UTC)) == 0
