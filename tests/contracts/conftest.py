"""Every suite here runs on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from service.adapters.storage import Storage, open_storage
from service.adapters.storage.migrate import migrate
from tests.contracts.databases import Database, PostgresDatabase, SqliteDatabase
from tests.contracts.time import MovableClock
from tests.postgres import Postgres


@pytest.fixture(params=["sqlite", "postgres"])
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """A database without tables."""
    if request.param == "sqlite":
        return SqliteDatabase(tmp_path / "data" / "ai-service.db")
    server: Postgres = request.getfixturevalue("postgres")
    return PostgresDatabase(server)


@pytest.fixture
async def database(empty_database: Database) -> Database:
    """A database that has been migrated."""
    await migrate(empty_database.url)
    return empty_database


@pytest.fixture
def clock() -> MovableClock:
    """A clock that the test may move ahead."""
    return MovableClock()


@pytest.fixture
async def storage(database: Database, clock: MovableClock) -> AsyncIterator[Storage]:
    """An instance of the service's storage."""
    async with open_storage(database.url, clock=clock) as storage:
        yield storage


@pytest.fixture
async def other_storage(database: Database, clock: MovableClock) -> AsyncIterator[Storage]:
    """Another instance over the same database."""
    async with open_storage(database.url, clock=clock) as storage:
        yield storage
