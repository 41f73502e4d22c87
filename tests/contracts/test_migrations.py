"""The schema: its history leads to its tables, from many processes at once."""

import asyncio
import re
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

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


def _config(connection: Connection | None = None) -> Config:
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "service.adapters.storage:migrations")
    return config


@pytest.fixture
async def old_database(empty_database: Database) -> Database:
    """A database as the first version of the service has made it."""
    if isinstance(empty_database, SqliteDatabase):
        empty_database.path.parent.mkdir(parents=True)
    engine = create_engine(empty_database.url, timeout_seconds=5)
    async with engine.begin() as connection:
        await connection.run_sync(lambda each: command.upgrade(_config(each), "0001"))
    await engine.dispose()
    return empty_database


async def test_new_database_has_the_tables_of_the_metadata(empty_database: Database) -> None:
    await assert_migrates(empty_database)


async def test_old_database_gets_the_tables_of_the_metadata(old_database: Database) -> None:
    await assert_migrates(old_database)


async def assert_migrates(database: Database) -> None:
    """It then has the tables as they are, and says so."""
    await migrate(database.url)
    engine = create_engine(database.url, timeout_seconds=5)
    async with engine.connect() as connection:
        assert await connection.run_sync(_differences) == []
        version = text("SELECT version_num FROM alembic_version")
        assert await connection.scalar(version) == HEAD_REVISION
    await engine.dispose()


async def test_old_database_gets_the_same_rules_as_a_new_one(old_database: Database) -> None:
    """What alembic does not compare: checks, and the conditions of indexes."""
    await migrate(old_database.url)
    engine = create_engine(old_database.url, timeout_seconds=5)
    async with engine.begin() as connection:
        migrated = await connection.run_sync(_rules)
        await connection.run_sync(metadata.drop_all)
        await connection.run_sync(metadata.create_all)
        assert await connection.run_sync(_rules) == migrated
    await engine.dispose()
    assert len(migrated) > 2


async def test_old_rows_are_kept(old_database: Database, clock: MovableClock) -> None:
    engine = create_engine(old_database.url, timeout_seconds=5)
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO api_keys (id, tenant, name, prefix, digest, scopes, created_at)"
                " VALUES ('key_1', 'acme', 'old', 'sk-ais-', 'd', '[\"generate\"]', :now)"
            ),
            {"now": 0 if isinstance(old_database, SqliteDatabase) else clock.now()},
        )
    await engine.dispose()
    await migrate(old_database.url)
    async with open_storage(old_database.url, clock=clock) as storage:
        key = await storage.keys.find("key_1", tenant="acme")
    assert key is not None
    assert (key.name, key.scopes, key.sanitize, key.budget) == ("old", ("generate",), "none", None)


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
    assert ScriptDirectory.from_config(_config()).get_heads() == [HEAD_REVISION]


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
