"""Adding up the ledger, in the database and beside the hot path.

Reports have connections of their own, and few: however many are asked for at once, the look-ups of keys and
records find theirs. They may also take longer than a commit.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Result,
    Select,
    Text,
    cast,
    func,
    select,
    type_coerce,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.adapters.storage.engine import create_engine, one_statement_at_a_time, outages
from service.adapters.storage.tables import requests
from service.usage.period import Period
from service.usage.ports import LedgerUnavailable
from service.usage.reports import (
    MAX_GROUPS,
    Grouping,
    GroupSums,
    ReportTimeout,
    Sums,
    TooManyGroups,
)

REPORT_TIMEOUT_SECONDS = 30.0
_CONNECTIONS = 2
_MICROSECONDS_PER_SECOND = 1_000_000


def create_reporting_engine(database_url: str) -> AsyncEngine:
    """An engine for reports only."""
    return create_engine(
        database_url,
        timeout_seconds=REPORT_TIMEOUT_SECONDS,
        pool_size=_CONNECTIONS,
        max_overflow=0,
        pool_timeout=REPORT_TIMEOUT_SECONDS,
    )


class SqlUsageReports:
    """The UsageReports port. The rows stay in the database; only groups leave it."""

    def __init__(
        self, engine: AsyncEngine, *, timeout_seconds: float = REPORT_TIMEOUT_SECONDS
    ) -> None:
        self._engine = one_statement_at_a_time(engine)
        self._outages = outages(engine)
        self._is_sqlite = engine.dialect.name == "sqlite"
        self._timeout_seconds = timeout_seconds

    async def sums(self, *, tenant: str, period: Period, grouping: Grouping) -> list[GroupSums]:
        """One tenant's settled rows that were created in `period`, in no order."""
        query = _query(self._group(grouping), tenant=tenant, period=period)
        async with self._connection() as connection:
            result = await self._execute(connection, query)
            # All rows are here by now; making objects of thousands would keep the event loop waiting.
            groups = await asyncio.to_thread(_groups, result)
        if len(groups) > MAX_GROUPS:
            raise TooManyGroups
        return groups

    async def _execute(self, connection: AsyncConnection, query: Select[Any]) -> Result[Any]:
        """Execute `query`; whoever gives up waiting stops it.

        asyncpg does so by itself. aiosqlite's thread would go on to the end, and closing would wait for it.
        """
        if not self._is_sqlite:
            return await connection.execute(query)
        driver: Any = (await connection.get_raw_connection()).driver_connection
        # Not a TaskGroup: it would cancel the task, and SQLAlchemy then waits for the thread.
        running = asyncio.get_running_loop().create_task(connection.execute(query))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            await driver.interrupt()
            await asyncio.wait([running])
            if not running.cancelled():
                running.exception()  # "interrupted", as was asked for
            raise

    def _group(self, grouping: Grouping) -> ColumnElement[Any]:
        if grouping.by == "model":
            return requests.c.model
        if grouping.by == "key":
            return requests.c.key_id
        if grouping.by == "day":
            return self._day()
        if grouping.by == "prompt":
            return requests.c.prompt_name + "@" + cast(requests.c.prompt_version, Text)
        return self._tag(grouping.tag)

    def _day(self) -> ColumnElement[Any]:
        """The UTC day as `2026-11-23`."""
        if self._is_sqlite:
            seconds = type_coerce(requests.c.created_at, BigInteger) // _MICROSECONDS_PER_SECOND
            return func.date(seconds, "unixepoch")
        return func.to_char(func.timezone("UTC", requests.c.created_at), "YYYY-MM-DD")

    def _tag(self, name: str) -> ColumnElement[Any]:
        """What `metadata` has under a name, which may be any text: not all fit a JSON path of SQLite."""
        if self._is_sqlite:
            entry = func.json_each(requests.c.metadata).table_valued("key", "value")
            query = select(entry.c.value).where(entry.c.key == name)
            return query.scalar_subquery().correlate(requests)
        value: ColumnElement[Any] = requests.c.metadata[name].as_string()
        return value

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with asyncio.timeout(self._timeout_seconds), self._engine.connect() as connection:
                yield connection
        except TimeoutError as late:
            raise ReportTimeout from late
        except self._outages as error:
            raise LedgerUnavailable("the ledger's database cannot be asked now") from error


def _query(group: ColumnElement[Any], *, tenant: str, period: Period) -> Select[Any]:
    """One group more than is allowed may come, to tell that there are too many."""
    of = requests.c
    return (
        select(
            group.label("grouped_by"),
            func.count(),
            func.count().filter(of.outcome.in_(("failed", "unknown"))),
            func.count().filter(of.cache_hit),
            func.sum(of.input_tokens),
            func.sum(of.output_tokens),
            func.sum(of.cost_usd),
        )
        .where(
            of.tenant == tenant,
            of.created_at >= period.start,
            of.created_at < period.end,
            of.outcome.is_not(None),
        )
        .group_by("grouped_by")
        .limit(MAX_GROUPS + 1)
    )


def _groups(result: Result[Any]) -> list[GroupSums]:
    return [
        GroupSums(
            group=group,
            sums=Sums(
                requests=requests_,
                errors=errors,
                cache_hits=cache_hits,
                input_tokens=int(input_tokens),
                output_tokens=int(output_tokens),
                cost_usd=cost_usd or Decimal(0),
            ),
        )
        for group, requests_, errors, cache_hits, input_tokens, output_tokens, cost_usd in result
    ]
