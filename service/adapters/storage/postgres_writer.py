"""Writing the ledger to PostgreSQL over one asyncpg connection, below SQLAlchemy."""

import asyncio
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec
from msgspec.structs import astuple
from sqlalchemy import URL, Dialect

from service.adapters.storage.batch import Batch, RowsRefused, WriterUnavailable, Written
from service.adapters.storage.books import (
    HOLDS_NOTHING,
    Account,
    AccountKey,
    Books,
    Held,
    concerned,
    held_columns,
    missing_accounts,
    opened_by,
    settle_and_hold,
)
from service.adapters.storage.ledger_events import threshold_event
from service.adapters.storage.rows import OPENED_COLUMNS, SETTLED_COLUMNS, TAKE_OVER
from service.core.events import Event
from service.usage.ports import Intent, Settlement

_OPEN = f"""
INSERT INTO requests ({", ".join(OPENED_COLUMNS)})
VALUES ({", ".join(f"${i}" for i in range(1, len(OPENED_COLUMNS) + 1))})
"""  # noqa: S608 - column names of ours
_OPEN_AGAIN = f"{_OPEN} ON CONFLICT (id) DO UPDATE SET {TAKE_OVER}"
_REOPEN = f"{_OPEN} ON CONFLICT (id) DO NOTHING"
_PLACES = {column: f"${i}" for i, column in enumerate(SETTLED_COLUMNS, start=1)}
_SETTLE = f"""
UPDATE requests
SET {", ".join(f"{column} = {place}" for column, place in _PLACES.items() if column != "id")}
WHERE id = {_PLACES["id"]} AND (
    outcome IS NULL OR (outcome = 'unknown' AND {_PLACES["outcome"]}::text <> 'unknown')
)
"""  # noqa: S608 - column names of ours
# Before the settlements, which leave nothing to see of what they were for; the row stays locked for its own.
_TELL = """
INSERT INTO events (id, tenant, type, data, created_at)
SELECT $2, $3, $4, $5, $6 FROM requests
WHERE id = $1 AND (outcome IS NULL OR outcome = 'unknown') FOR UPDATE
"""
_TELL_THRESHOLD = """
INSERT INTO events (id, tenant, type, data, created_at) VALUES ($1, $2, $3, $4, $5)
"""

_HELD = """
SELECT id, outcome, cost_usd, reserved_usd, budget_accounts
FROM requests
WHERE id = ANY($1::text[]) AND (budget_accounts IS NOT NULL OR outcome = 'completed')
ORDER BY id FOR UPDATE
"""
_ACCOUNTS = """
SELECT owner, period, tenant, limit_usd, spent_usd, reserved_usd, threshold_percent
FROM budget_accounts
WHERE (owner, period) IN (SELECT * FROM unnest($1::text[], $2::text[]))
ORDER BY owner, period FOR UPDATE
"""
# What was spent before there was an account; what was under way then counts as estimated.
_NEW_ACCOUNT = """
INSERT INTO budget_accounts
    (owner, period, tenant, limit_usd, spent_usd, reserved_usd, threshold_percent)
SELECT $1::text, $2, $3::text, $4, coalesce(sum(coalesce(cost_usd, estimated_cost_usd)), 0), 0, 0
FROM requests
WHERE tenant = $3 AND ($5::timestamptz IS NULL OR created_at >= $5)
    AND $1 IN (key_id, 'tenant:' || tenant)
ON CONFLICT (owner, period) DO NOTHING
"""
_KEEP_ACCOUNT = """
UPDATE budget_accounts
SET limit_usd = $3, spent_usd = $4, reserved_usd = $5, threshold_percent = $6
WHERE owner = $1 AND period = $2
"""
_OPENED_BEFORE = "SELECT id, reserved_usd FROM requests WHERE id = ANY($1::text[])"

_REFUSALS = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError)
# A server that shuts down in the middle of an answer is an InternalClientError, too.
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ConnectionError,
)
_OUTAGES = (*_LOST, asyncpg.PostgresError, OSError)

_FOR_SQLALCHEMY = {
    "async_fallback",
    "prepared_statement_cache_size",
    "prepared_statement_name_func",
}

_Statement = tuple[str, list[tuple[Any, ...]]]


class PostgresWriter:
    """A BatchWriter. A batch that takes longer than the time limit is given up with its connection."""

    def __init__(self, url: URL, *, dialect: Dialect, timeout_seconds: float) -> None:
        self.commits = 0
        # SQLAlchemy's reading of the address, so that both connect alike.
        _, options = dialect.create_connect_args(url)
        self._address = {name: options[name] for name in options.keys() - _FOR_SQLALCHEMY}
        self._timeout_seconds = timeout_seconds
        self._connection: asyncpg.Connection | None = None

    async def write(self, batch: Batch) -> Written:
        """Commit the batch; an idle connection that has died is replaced on the way."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                written = await self._write(batch)
        except _REFUSALS as error:
            raise RowsRefused("a row breaks a rule of the table") from error
        except _OUTAGES as error:
            self._disconnect()
            raise WriterUnavailable(f"PostgreSQL: {type(error).__name__}: {error}") from error
        except asyncio.CancelledError:
            self._disconnect()
            raise
        self.commits += 1
        return written

    async def aclose(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            try:
                await self._connection.close(timeout=self._timeout_seconds)
            except _OUTAGES:
                self._disconnect()
            self._connection = None

    async def _write(self, batch: Batch) -> Written:
        was_connected = self._connection is not None
        try:
            return await self._commit(await self._connect(), batch)
        except _LOST:
            if not was_connected:
                raise
            self._disconnect()
            return await self._commit_what_is_missing(await self._connect(), batch)

    async def _commit_what_is_missing(
        self, connection: asyncpg.Connection, batch: Batch
    ) -> Written:
        """Perhaps the batch was committed before the connection was lost; nothing is held twice.

        What is opened again may have been there before: to open it once more changes its count only.
        """
        ids = [intent.id for intent in batch.opened if intent.id not in batch.opened_again]
        there = {
            row["id"]: row["reserved_usd"] for row in await connection.fetch(_OPENED_BEFORE, ids)
        }
        rest = msgspec.structs.replace(
            batch,
            opened=[intent for intent in batch.opened if intent.id not in there],
            reservations={i: r for i, r in batch.reservations.items() if i not in there},
        )
        written = await self._commit(connection, rest)
        held_before = {row_id: held for row_id, held in there.items() if held is not None}
        return msgspec.structs.replace(written, held_usd=written.held_usd | held_before)

    async def _commit(self, connection: asyncpg.Connection, batch: Batch) -> Written:
        if batch.concerns_budgets:
            async with connection.transaction():
                written = await _keep_books(connection, batch)
                for sql, rows in _statements(batch, written):
                    await connection.executemany(sql, rows)
            return written
        written = Written()
        statements = _statements(batch, written)
        if len(statements) == 1:  # executemany is a transaction by itself
            await connection.executemany(*statements[0])
            return written
        async with connection.transaction():
            for sql, rows in statements:
                await connection.executemany(sql, rows)
        return written

    async def _connect(self) -> asyncpg.Connection:
        if self._connection is None:
            self._connection = await asyncpg.connect(**self._address)
        return self._connection

    def _disconnect(self) -> None:
        """Without a word to the server: it may not be listening."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


async def _keep_books(connection: asyncpg.Connection, batch: Batch) -> Written:
    """Settle and hold in the budgets' accounts, which stay locked until the transaction ends."""
    helds = [_held(row) for row in await connection.fetch(_HELD, batch.may_hold)]
    wanted = concerned(batch.reservations.values(), helds)
    found = await _accounts(connection, wanted)
    missing = missing_accounts(batch, found)
    for account, tenant in missing:
        await connection.execute(
            _NEW_ACCOUNT,
            account.owner,
            account.period,
            tenant,
            account.limit_usd,
            account.starts_at,
        )
    if missing:
        found = await _accounts(connection, wanted)
    books = Books(found)
    written = settle_and_hold(books, batch, helds)
    changed = [
        (a.owner, a.period, a.limit_usd, a.spent_usd, a.reserved_usd, a.threshold_percent)
        for a in books.changed
    ]
    if changed:
        await connection.executemany(_KEEP_ACCOUNT, changed)
    return written


async def _accounts(connection: asyncpg.Connection, wanted: list[AccountKey]) -> list[Account]:
    owners, periods = [owner for owner, _ in wanted], [period for _, period in wanted]
    return [Account(**row) for row in await connection.fetch(_ACCOUNTS, owners, periods)]


def _held(row: asyncpg.Record) -> Held:
    accounts = msgspec.json.decode(row["budget_accounts"] or "[]", type=list[tuple[str, str]])
    return Held(
        id=row["id"],
        outcome=row["outcome"],
        cost_usd=row["cost_usd"],
        reserved_usd=row["reserved_usd"] or Decimal(0),
        accounts=tuple(accounts),
    )


def _statements(batch: Batch, written: Written) -> list[_Statement]:
    lease = (batch.instance_id, batch.lease_expires_at)
    statements: list[_Statement] = []
    for sql, intents in opened_by(batch, written, first=_OPEN, again=_OPEN_AGAIN):
        opened = [
            (*_row(row), *map(_stored, held_columns(batch, written, row.id)), *lease)
            for row in intents
        ]
        statements.append((sql, opened))
    if batch.reopened:
        reopened = [(*_row(intent), *HOLDS_NOTHING, *lease) for intent in batch.reopened]
        statements.append((_REOPEN, reopened))
    if batch.events:
        told = [(row_id, *_row(event)) for row_id, event in batch.events.items()]
        statements.append((_TELL, told))
    if written.thresholds:
        reached = [threshold_event(found, now=batch.now) for found in written.thresholds]
        statements.append((_TELL_THRESHOLD, [_row(event) for event in reached]))
    if batch.settled:
        statements.append((_SETTLE, [_row(settlement) for settlement in batch.settled]))
    return statements


def _row(fields: Intent | Settlement | Event) -> tuple[Any, ...]:
    return tuple([_stored(value) for value in astuple(fields)])


def _stored(value: object) -> object:
    """A value as asyncpg takes it. Raises `RowsRefused`."""
    if isinstance(value, dict | list):
        try:
            return msgspec.json.encode(value).decode()
        except (TypeError, ValueError) as error:
            raise RowsRefused("metadata cannot be encoded") from error
    if isinstance(value, Decimal) and not value.is_finite():
        raise RowsRefused("NUMERIC would take it, and every sum with it would be NaN")
    return value
