"""Transactions of several statements, kept short on SQLite."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from service.adapters.storage.engine import set_pragmas

T = TypeVar("T")


class Transactions:
    """Runs functions over a connection, each in a transaction of its own.

    SQLite has one lock for all who write. Were it held while the loop goes from statement to statement,
    the ledger would wait for it: there the whole function runs in a thread, on a connection of its own. Its
    first statement must write: a transaction that has read before cannot wait for the lock.
    """

    def __init__(self, engine: AsyncEngine, *, timeout_seconds: float) -> None:
        """`timeout_seconds` is how long SQLite's lock is waited for."""
        self._engine = engine
        self._embedded: sa.Engine | None = None
        if engine.dialect.name == "sqlite":
            self._embedded = sa.create_engine(
                engine.url.set(drivername="sqlite"), connect_args={"timeout": timeout_seconds}
            )
            event.listen(self._embedded, "connect", set_pragmas)

    async def run(self, work: Callable[[sa.Connection], T]) -> T:
        """What `work` returns, once it is committed. Raises what statements raise.

        Who is cancelled meanwhile does not know whether it was committed.
        """
        if self._embedded is not None:
            return await asyncio.to_thread(_run, self._embedded, work)
        async with self._engine.begin() as connection:
            return await connection.run_sync(work)

    def close(self) -> None:
        """Let go of the connections."""
        if self._embedded is not None:
            self._embedded.dispose()


def _run(engine: sa.Engine, work: Callable[[sa.Connection], T]) -> T:
    with engine.begin() as connection:
        return work(connection)
