"""What every database's connections do when those who asked go away."""

import asyncio
import gc
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.adapters.storage.engine import create_engine, one_statement_at_a_time, transaction
from tests.contracts.databases import Database

ADD = text("INSERT INTO tenants (id) VALUES (:id)")
TURNS = 300  # of the loop; a transaction takes some hundred on a connection that is there


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


async def leave_at_any_moment(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Begin the work again and again, and cancel it each time a little later."""
    for turns in [*range(TURNS)] * 2:
        working = asyncio.create_task(work())
        for _ in range(turns):
            await asyncio.sleep(0)
        working.cancel()
        await asyncio.wait([working])
    gc.collect()


async def test_who_goes_away_at_any_moment_leaves_the_connection_behind(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    await query(engine)
    await leave_at_any_moment(lambda: query(engine))
    assert [r.message for r in caplog.records if r.levelno >= logging.ERROR] == []
    await query(engine)


async def test_transaction_that_is_left_at_any_moment_is_whole_or_undone(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    names = itertools.count()

    async def add_two() -> None:
        name = next(names)
        async with transaction(engine) as connection:
            for half in ("a", "b"):
                await connection.execute(ADD, {"id": f"{name}-{half}"})

    await query(engine)
    await leave_at_any_moment(add_two)
    await add_two()
    added = await tenants(engine)
    assert len(added) >= 2
    assert all(f"{name.partition('-')[0]}-{half}" in added for name in added for half in "ab")
    assert [r.message for r in caplog.records if r.levelno >= logging.ERROR] == []


async def test_a_transaction_commits_all_or_nothing(engine: AsyncEngine) -> None:
    with suppress(ZeroDivisionError):
        async with transaction(engine) as connection:
            await connection.execute(ADD, {"id": "acme"})
            raise ZeroDivisionError
    assert await tenants(engine) == []
    async with transaction(engine) as connection:
        await connection.execute(ADD, {"id": "acme"})
        await connection.execute(ADD, {"id": "globex"})
        assert await tenants(engine) == []
    assert await tenants(engine) == ["acme", "globex"]


async def test_single_statements_commit_themselves(engine: AsyncEngine) -> None:
    async with one_statement_at_a_time(engine).connect() as connection:
        await connection.execute(ADD, {"id": "acme"})
        assert await tenants(engine) == ["acme"]
