"""Writing the ledger to PostgreSQL over one asyncpg connection, below SQLAlchemy."""

import asyncio
from decimal import Decimal
from typing import Any

import asyncpg
import msgspec
from msgspec.structs import astuple
from sqlalchemy import URL, Dialect

from service.adapters.storage.batch import Batch, RowsRefused, WriterUnavailable
from service.adapters.storage.rows import OPENED_COLUMNS, SETTLED_COLUMNS
from service.usage.ports import Intent, Settlement

_OPEN = f"""
INSERT INTO requests ({", ".join(OPENED_COLUMNS)})
VALUES ({", ".join(f"${i}" for i in range(1, len(OPENED_COLUMNS) + 1))})
"""  # noqa: S608 - column names of ours
_REOPEN = f"{_OPEN} ON CONFLICT (id) DO NOTHING"
_PLACES = {column: f"${i}" for i, column in enumerate(SETTLED_COLUMNS, start=1)}
_SETTLE = f"""
UPDATE requests
SET {", ".join(f"{column} = {place}" for column, place in _PLACES.items() if column != "id")}
WHERE id = {_PLACES["id"]} AND (
    outcome IS NULL OR (outcome = 'unknown' AND {_PLACES["outcome"]}::text <> 'unknown')
)
"""  # noqa: S608 - column names of ours

_REFUSALS = (asyncpg.IntegrityConstraintViolationError, asyncpg.DataError)
_OUTAGES = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)

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

    async def write(self, batch: Batch) -> None:
        """Commit the batch; an idle connection that has died is replaced on the way."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._write(batch)
        except _REFUSALS as error:
            raise RowsRefused("a row breaks a rule of the table") from error
        except _OUTAGES as error:
            self._disconnect()
            raise WriterUnavailable(f"PostgreSQL: {type(error).__name__}: {error}") from error
        except asyncio.CancelledError:
            self._disconnect()
            raise
        self.commits += 1

    async def aclose(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            try:
                await self._connection.close(timeout=self._timeout_seconds)
            except _OUTAGES:
                self._disconnect()
            self._connection = None

    async def _write(self, batch: Batch) -> None:
        was_connected = self._connection is not None
        try:
            await self._commit(await self._connect(), _statements(batch))
        except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, ConnectionError):
            if not was_connected:
                raise
            self._disconnect()
            # Perhaps it was committed before the connection was lost.
            again = msgspec.structs.replace(
                batch, opened=[], reopened=[*batch.opened, *batch.reopened]
            )
            await self._commit(await self._connect(), _statements(again))

    async def _commit(self, connection: asyncpg.Connection, statements: list[_Statement]) -> None:
        if len(statements) == 1:  # executemany is a transaction by itself
            await connection.executemany(*statements[0])
            return
        async with connection.transaction():
            for sql, rows in statements:
                await connection.executemany(sql, rows)

    async def _connect(self) -> asyncpg.Connection:
        if self._connection is None:
            self._connection = await asyncpg.connect(**self._address)
        return self._connection

    def _disconnect(self) -> None:
        """Without a word to the server: it may not be listening."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None


def _statements(batch: Batch) -> list[_Statement]:
    lease = (batch.instance_id, batch.lease_expires_at)
    statements: list[_Statement] = []
    if batch.opened:
        statements.append((_OPEN, [(*_row(intent), *lease) for intent in batch.opened]))
    if batch.reopened:
        statements.append((_REOPEN, [(*_row(intent), *lease) for intent in batch.reopened]))
    if batch.settled:
        statements.append((_SETTLE, [_row(settlement) for settlement in batch.settled]))
    return statements


def _row(fields: Intent | Settlement) -> tuple[Any, ...]:
    return tuple([_stored(value) for value in astuple(fields)])


def _stored(value: object) -> object:
    """A value as asyncpg takes it. Raises `RowsRefused`."""
    if isinstance(value, dict):
        try:
            return msgspec.json.encode(value).decode()
        except (TypeError, ValueError) as error:
            raise RowsRefused("metadata cannot be encoded") from error
    if isinstance(value, Decimal) and not value.is_finite():
        raise RowsRefused("NUMERIC would take it, and every sum with it would be NaN")
    return value
