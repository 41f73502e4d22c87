"""What every database's connections do when those who asked go away."""

import asyncio
import gc
import logging
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.adapters.storage.engine import create_engine, one_statement_at_a_time, transaction
from tests.contracts.databases import Database

TURNS = 60  # of the loop; a query takes some twenty on a connection that is there


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    """An engine over the migrated database."""
    engine = create_engine(database.url, timeout_seconds=5)
    yield engine
    await engine.dispose()


async def query(engine: AsyncEngine) -> None:
    """Ask one question."""
    async with one_statement_at_a_time(engine).connect() as connection:
        await connection.execute(text("SELECT 1"))


async def tenants(engine: AsyncEngine) -> list[str]:
    """The tenants that are committed."""
    async with one_statement_at_a_time(engine).connect() as connection:
        return list(await connection.scalars(text("SELECT id FROM tenants ORDER BY id")))


async def test_who_goes_away_at_any_moment_leaves_the_connection_behind(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    await query(engine)
    for turns in [*range(TURNS)] * 5:
        asking = asyncio.create_task(query(engine))
        for _ in range(turns):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.wait([asking])
    gc.collect()
    assert [r.message for r in caplog.records if r.levelno >= logging.ERROR] == []
    await query(engine)


async def test_a_transaction_commits_all_or_nothing(engine: AsyncEngine) -> None:
    with suppress(ZeroDivisionError):
        async with transaction(engine) as connection:
            await connection.execute(text("INSERT INTO tenants (id) VALUES ('acme')"))
            raise ZeroDivisionError
    assert await tenants(engine) == []
    async with transaction(engine) as connection:
        await connection.execute(text("INSERT INTO tenants (id) VALUES ('acme')"))
        await connection.execute(text("INSERT INTO tenants (id) VALUES ('globex')"))
        assert await tenants(engine) == []
    assert await tenants(engine) == ["acme", "globex"]


async def test_single_statements_commit_themselves(engine: AsyncEngine) -> None:
    async with one_statement_at_a_time(engine).connect() as connection:
        await connection.execute(text("INSERT INTO tenants (id) VALUES ('acme')"))
        assert await tenants(engine) == ["acme"]
