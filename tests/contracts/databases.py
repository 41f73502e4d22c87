"""The databases that the suites run on, and how each of them goes away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

import aiosqlite

from tests.postgres import Postgres


class Database(Protocol):
    """A database at `url`."""

    url: str

    def away(self) -> AbstractAsyncContextManager[None]:
        """Nothing can be written meanwhile."""
        ...

    def slow(self) -> AbstractAsyncContextManager[None]:
        """What is written meanwhile is not answered, and may arrive later."""
        ...


class SqliteDatabase:
    """A file; another connection locks it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite+aiosqlite:///{path}"

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        async with aiosqlite.connect(self.path, isolation_level=None, timeout=5) as connection:
            await connection.execute("BEGIN EXCLUSIVE")
            yield
            await connection.execute("ROLLBACK")

    slow = away


class PostgresDatabase:
    """A database of a server; the server is shut down, or all of its processes are stopped."""

    def __init__(self, server: Postgres) -> None:
        self._server = server
        self.url = server.create_database()

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        await asyncio.to_thread(self._server.stop)
        try:
            yield
        finally:
            await asyncio.to_thread(self._server.start)

    @asynccontextmanager
    async def slow(self) -> AsyncIterator[None]:
        with self._server.frozen():
            yield
