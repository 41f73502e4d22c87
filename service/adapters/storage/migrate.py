"""Bringing a database's schema up to date, safely from many processes at once."""

import asyncio
from pathlib import Path

import structlog
from sqlalchemy import Connection, NullPool, inspect, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from service.adapters.storage.engine import SQLITE, create_engine, database, transaction
from service.adapters.storage.migrations import HEAD_REVISION
from service.adapters.storage.tables import metadata

_logger = structlog.get_logger(__name__)

_LOCK_KEY = 0x61695F73657276  # "ai_serv": names the advisory lock among the database's others
_LOCK_TIMEOUT_SECONDS = 60.0  # as long as another process may take to migrate
_LOCK_POLL_SECONDS = 0.02
_VERSION_TABLE = """
CREATE TABLE alembic_version (
    version_num VARCHAR(32) NOT NULL, CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)
"""


async def migrate(database_url: str) -> None:
    """Create or upgrade the schema; returns at once, in one short query, where nothing is to be done.

    SQLite's folder and file are made, and the file is put in WAL mode. Only one process migrates: the
    others wait and then find it done. All revisions are one transaction.
    """
    url = database(database_url)
    if url.drivername == SQLITE:
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(database_url, timeout_seconds=_LOCK_TIMEOUT_SECONDS, poolclass=NullPool)
    try:
        if engine.dialect.name == "sqlite":
            await _use_wal(engine)
        async with engine.connect() as connection:
            revision = await connection.run_sync(_current_revision)
        if revision != HEAD_REVISION:
            await _upgrade(engine)
            _logger.info("database_migrated", revision=HEAD_REVISION, was=revision)
    finally:
        await engine.dispose()


async def _use_wal(engine: AsyncEngine) -> None:
    """Readers and the writer then do not wait for each other. The mode stays with the file.

    SQLite does not wait for a lock while it changes the mode, so this does.
    """
    async with asyncio.timeout(_LOCK_TIMEOUT_SECONDS), engine.connect() as connection:
        while await connection.scalar(text("PRAGMA journal_mode")) != "wal":
            try:
                await connection.execute(text("PRAGMA journal_mode = WAL"))
            except OperationalError:
                await asyncio.sleep(_LOCK_POLL_SECONDS)


async def _upgrade(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        if engine.dialect.name == "postgresql":
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        await connection.run_sync(_bring_up_to_date)


def _current_revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return revision


def _bring_up_to_date(connection: Connection) -> None:
    """Another process may have been quicker: what is to be done is looked at again."""
    revision = _current_revision(connection)
    if revision is None:
        _create_tables(connection)
    elif revision != HEAD_REVISION:
        _run_revisions(connection)


def _create_tables(connection: Connection) -> None:
    """A new database gets the tables as they are now, and needs neither alembic nor its 10 MB."""
    metadata.create_all(connection)
    connection.execute(text(_VERSION_TABLE))
    connection.execute(
        text("INSERT INTO alembic_version (version_num) VALUES (:head)"), {"head": HEAD_REVISION}
    )


def _run_revisions(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "service.adapters.storage:migrations")
    command.upgrade(config, "head")
