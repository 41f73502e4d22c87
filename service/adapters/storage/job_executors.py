"""The leases of the processes that run jobs."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.adapters.jobs.executors import ExecutorsUnavailable
from service.adapters.storage.engine import one_statement_at_a_time, outages
from service.adapters.storage.tables import job_executors

_row = job_executors.c


class SqlJobExecutors:
    """The Executors port."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = one_statement_at_a_time(engine)
        self._outages = outages(engine)
        dialect = sqlite if engine.dialect.name == "sqlite" else postgresql
        insert = dialect.insert(job_executors)
        self._renew = insert.on_conflict_do_update(
            index_elements=[_row.id],
            set_={_row.lease_expires_at.name: insert.excluded.lease_expires_at},
        )

    async def renew(self, executor_id: str, *, until: datetime) -> None:
        """Give it a lease, or prolong it."""
        async with self._connection() as connection:
            values = {"id": executor_id, "lease_expires_at": until}
            await connection.execute(self._renew, values)

    async def remove(self, executor_id: str) -> None:
        """Its lease is over."""
        async with self._connection() as connection:
            await connection.execute(delete(job_executors).where(_row.id == executor_id))

    async def living(self, *, now: datetime) -> Collection[str]:
        """Those whose lease is not over. The rows of the others are deleted."""
        async with self._connection() as connection:
            await connection.execute(delete(job_executors).where(_row.lease_expires_at < now))
            return (await connection.scalars(select(_row.id))).all()

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.connect() as connection:
                yield connection
        except self._outages as error:
            raise ExecutorsUnavailable("the database cannot be asked now") from error
