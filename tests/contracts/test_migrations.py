"""The schema: its history leads to its tables, from many processes at once."""

import asyncio
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from service.adapters.storage import open_storage
from service.adapters.storage.engine import create_engine
from service.adapters.storage.migrate import migrate
from service.adapters.storage.migrations import HEAD_REVISION
from service.adapters.storage.tables import metadata
from tests.contracts.databases import Database, SqliteDatabase
from tests.contracts.time import MovableClock

MIGRATE = """
import asyncio, sys
from service.adapters.storage.migrate import migrate
asyncio.run(migrate(sys.argv[1]))
"""


def _differences(connection: Connection) -> list[object]:
    context = MigrationContext.configure(connection, opts={"compare_type": True})
    return list(compare_metadata(context, metadata))


async def test_migrated_database_has_the_tables_of_the_metadata(database: Database) -> None:
    engine = create_engine(database.url, timeout_seconds=5)
    async with engine.connect() as connection:
        differences = await connection.run_sync(_differences)
    await engine.dispose()
    assert differences == []


async def test_database_made_from_the_metadata_has_the_same_rules(database: Database) -> None:
    """What alembic does not compare: checks, and the conditions of indexes."""
    engine = create_engine(database.url, timeout_seconds=5)
    async with engine.begin() as connection:
        migrated = await connection.run_sync(_rules)
        await connection.run_sync(metadata.drop_all)
        await connection.run_sync(metadata.create_all)
        assert await connection.run_sync(_rules) == migrated
    await engine.dispose()
    assert len(migrated) > 2


def _rules(connection: Connection) -> set[str]:
    if connection.dialect.name == "sqlite":
        query = "SELECT sql FROM sqlite_schema WHERE name LIKE '%requests%' AND sql IS NOT NULL"
        tables = connection.exec_driver_sql(query).scalars()
        # A column that was added later stands on the line of the one before it.
        lines = [line for sql in tables for line in re.split(r", (?=\n|\w+ [A-Z]+\b)", sql)]
        return {line.strip().rstrip("\n)").strip() for line in lines}
    checks = (
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'requests'::regclass"
    )
    indexes = "SELECT indexdef FROM pg_indexes WHERE tablename = 'requests'"
    return {
        *connection.exec_driver_sql(checks).scalars(),
        *connection.exec_driver_sql(indexes).scalars(),
    }


def test_head_revision_is_the_newest_one() -> None:
    config = Config()
    config.set_main_option("script_location", "service.adapters.storage:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD_REVISION]


async def test_many_replicas_may_migrate_at_once(empty_database: Database) -> None:
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", MIGRATE, empty_database.url)
        for _ in range(4)
    ]
    await asyncio.gather(*(migrate(empty_database.url) for _ in range(4)))
    assert [await process.wait() for process in processes] == [0, 0, 0, 0]
    engine = create_engine(empty_database.url, timeout_seconds=5)
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
    await engine.dispose()


async def test_migrating_again_is_quick(database: Database) -> None:
    started = monotonic()
    await migrate(database.url)
    assert monotonic() - started < 0.5


async def test_sqlite_file_is_made_with_its_folder_in_wal_mode(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "data" / "ai-service.db"
    await migrate(SqliteDatabase(path).url)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_sqlite_file_that_is_being_read_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "ai-service.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("CREATE TABLE other (id)")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM other").fetchall()
        migrating = asyncio.create_task(migrate(SqliteDatabase(path).url))
        await asyncio.wait([migrating], timeout=0.2)
        assert not migrating.done()
        reader.execute("COMMIT")
        await migrating


@pytest.mark.parametrize(
    "database_url",
    [
        "mysql://root:hunter2@localhost/x",
        "postgresql://root:hunter2@localhost/x",
        "sqlite+aiosqlite://",
        "sqlite+aiosqlite:///:memory:",
    ],
)
async def test_other_databases_are_refused_without_telling_the_password(
    database_url: str, clock: MovableClock
) -> None:
    with pytest.raises(ValueError, match="DATABASE_URL must") as refusal:
        open_storage(database_url, clock=clock)
    assert "hunter2" not in str(refusal.value)
    with pytest.raises(ValueError, match="DATABASE_URL must"):
        await migrate(database_url)
