"""Ledger rows that are read, renewed or swept: what is asked rarely, through SQLAlchemy."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal

from msgspec import Struct
from sqlalchemy import Update, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.adapters.storage.engine import one_statement_at_a_time, outages
from service.adapters.storage.rows import usage_record
from service.adapters.storage.tables import requests
from service.usage.ports import LedgerUnavailable, Settlement, UsageRecord

_NOBODY = ""
"""Whose rows no instance renews: their work goes on elsewhere."""


class Orphan(Struct, frozen=True, kw_only=True):
    """An open row whose instance is gone. `holds`: something in a budget."""

    id: str
    created_at: datetime
    estimated_input_tokens: int
    estimated_cost_usd: Decimal | None
    holds: bool

    def settlement(self, *, now: datetime) -> Settlement:
        """Its estimate, as nobody lives to tell more."""
        return Settlement(
            id=self.id,
            outcome="unknown",
            input_tokens=self.estimated_input_tokens,
            usage_source="estimated",
            cost_usd=self.estimated_cost_usd,
            duration_ms=(now - self.created_at).total_seconds() * 1000,
            completed_at=now,
        )


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

    async def keep_open(self, record_ids: Sequence[str], *, until: datetime) -> None:
        """Take open rows away from their instance until `until`."""
        await self._update(
            update(requests)
            .where(requests.c.id.in_(record_ids), requests.c.outcome.is_(None))
            .values(instance_id=_NOBODY, lease_expires_at=until)
        )

    async def orphans(self, *, now: datetime, limit: int) -> list[Orphan]:
        """Open rows whose lease is over, the oldest first; no more than `limit`."""
        columns = requests.c
        query = (
            select(
                columns.id,
                columns.created_at,
                columns.estimated_input_tokens,
                columns.estimated_cost_usd,
                columns.budget_accounts.is_not(None).label("holds"),
            )
            .where(columns.outcome.is_(None), columns.lease_expires_at < now)
            .order_by(columns.lease_expires_at)
            .limit(limit)
        )
        async with self._connection() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [Orphan(**row) for row in rows]

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
