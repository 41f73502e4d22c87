"""The SQLAlchemy engine, for everything that is not written once per request."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import URL, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

SQLITE = "sqlite+aiosqlite"
POSTGRES = "postgresql+asyncpg"


def database(database_url: str) -> URL:
    """The parsed address. Raises `ValueError`, without the password, if nothing here can serve it."""
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):
        # The original may quote a part of the password, which it took for the port.
        raise ValueError(
            "DATABASE_URL cannot be read: special characters in it must be percent-encoded"
        ) from None
    if url.drivername not in (SQLITE, POSTGRES):
        raise ValueError(
            f"DATABASE_URL must start with {SQLITE}:/// or {POSTGRES}://, not {url.drivername}:"
        )
    if url.drivername == SQLITE and url.database in (None, "", ":memory:"):
        raise ValueError(
            "DATABASE_URL must name a file: SQLite is opened by more than one connection"
        )
    return url


def create_engine(database_url: str, *, timeout_seconds: float, **options: Any) -> AsyncEngine:
    """An engine that waits for a lock, a connection or an answer for `timeout_seconds` at most."""
    url = database(database_url)
    if url.drivername == SQLITE:
        engine = create_async_engine(
            url,
            # Each statement commits itself, unless a transaction is begun in so many words. SQLAlchemy's own
            # AUTOCOMMIT awaits after the checkout: whoever is cancelled there would lose the connection.
            connect_args={"timeout": timeout_seconds, "isolation_level": None},
            **options,
        )
        event.listen(engine.sync_engine, "connect", set_pragmas)
        return engine
    return create_async_engine(
        url,
        connect_args={"timeout": timeout_seconds, "command_timeout": timeout_seconds},
        pool_pre_ping=True,
        **options,
    )


def one_statement_at_a_time(engine: AsyncEngine) -> AsyncEngine:
    """The engine for single statements, each of which commits itself."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="AUTOCOMMIT")


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection whose statements are committed at the end, all or none.

    On SQLite it holds the lock of all who write from its start: what has read before need not fail.
    """
    async with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            await connection.execute(text("BEGIN IMMEDIATE"))
        yield connection


def outages(engine: AsyncEngine) -> tuple[type[Exception], ...]:
    """What a query raises when the database cannot be asked.

    asyncpg's own errors come through unwrapped when they happen while connecting.
    """
    errors: tuple[type[Exception], ...] = (DBAPIError, PoolTimeoutError, OSError)
    if engine.dialect.name == "postgresql":
        import asyncpg

        errors = (
            *errors,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
            asyncpg.InternalClientError,
        )
    return errors


def set_pragmas(connection: Any, _record: object) -> None:
    """For the "connect" event of an engine over SQLite."""
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
