"""Ledger rows that are read, renewed or swept: what is asked rarely, through SQLAlchemy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Double, Update, extract, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.adapters.storage.engine import one_statement_at_a_time, outages
from service.adapters.storage.rows import usage_record
from service.adapters.storage.tables import requests, to_microseconds
from service.usage.ports import LedgerUnavailable, UsageRecord


class RequestRecords:
    """The `requests` table, away from the hot path. Every method raises `LedgerUnavailable`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = one_statement_at_a_time(engine)
        self._outages = outages(engine)

    async def find(self, record_id: str, *, tenant: str) -> UsageRecord | None:
        """One tenant's row, if there is one."""
        query = select(requests).where(requests.c.id == record_id, requests.c.tenant == tenant)
        async with self._connection() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else usage_record(row)

    async def renew(self, instance_id: str, *, until: datetime) -> int:
        """Prolong the leases of an instance's open rows; returns how many there are."""
        return await self._update(
            update(requests)
            .where(requests.c.outcome.is_(None), requests.c.instance_id == instance_id)
            .values(lease_expires_at=until)
        )

    async def sweep(self, *, now: datetime) -> int:
        """Settle the open rows whose lease is over, as `unknown` at their estimate."""
        return await self._update(
            update(requests)
            .where(requests.c.outcome.is_(None), requests.c.lease_expires_at < now)
            .values(
                outcome="unknown",
                input_tokens=requests.c.estimated_input_tokens,
                output_tokens=0,
                cached_input_tokens=0,
                usage_source="estimated",
                cost_usd=requests.c.estimated_cost_usd,
                cache_hit=False,
                attempts=0,
                duration_ms=self._milliseconds_until(now),
                completed_at=now,
            )
        )

    def _milliseconds_until(self, now: datetime) -> ColumnElement[Any]:
        """The time from a row's creation, in the database's own arithmetic of times."""
        if self._engine.dialect.name == "sqlite":
            elapsed = literal(to_microseconds(now)) - requests.c.created_at.cast(Double)
            return elapsed / 1000.0
        return extract("epoch", literal(now) - requests.c.created_at).cast(Double) * 1000.0

    async def _update(self, statement: Update) -> int:
        async with self._connection() as connection:
            return (await connection.execute(statement)).rowcount

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.connect() as connection:
                yield connection
        except self._outages as error:
            raise LedgerUnavailable("the ledger's database cannot be asked now") from error
