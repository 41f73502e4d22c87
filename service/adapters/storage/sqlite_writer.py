"""Writing the ledger to SQLite: one thread, one connection, one statement for many rows.

A statement gets all its rows as one JSON text. With executemany the thread would give up the
interpreter's lock and ask for it again at every row, and beside a busy event loop it waits for it each
time: in a probe one batch of 64 rows took from 22 to 70 seconds. For the same reason the interpreter's
switch interval is shortened: at its 5 ms a loop whose turns are shorter than that starves the thread
(p99 of a commit 8-15 s; at 0.5 ms, 9-30 ms).

With synchronous=NORMAL a commit survives the death of the process, though not always that of the
machine's power.
"""

import asyncio
import sqlite3
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from decimal import Decimal

import msgspec
from msgspec.structs import astuple
from sqlalchemy import URL

from service.adapters.storage.batch import Batch, RowsRefused, WriterUnavailable
from service.adapters.storage.rows import OPENED_COLUMNS, SETTLED_COLUMNS
from service.adapters.storage.tables import to_microseconds
from service.core.money import usd_to_nanos

_SWITCH_INTERVAL_SECONDS = 0.0005

_OPENED_VALUES = ", ".join(f"json_extract(value, '$[{i}]')" for i in range(len(OPENED_COLUMNS)))
_OPEN = f"""
INSERT INTO requests ({", ".join(OPENED_COLUMNS)}) SELECT {_OPENED_VALUES} FROM json_each(?)
"""  # noqa: S608 - column names of ours
_REOPEN = f"{_OPEN} WHERE true ON CONFLICT (id) DO NOTHING"
_SETTLED_VALUES = ", ".join(
    f"json_extract(value, '$[{i}]') AS {column}" for i, column in enumerate(SETTLED_COLUMNS)
)
_SETTLE = f"""
UPDATE requests
SET {", ".join(f"{column} = settled.{column}" for column in SETTLED_COLUMNS if column != "id")}
FROM (SELECT {_SETTLED_VALUES} FROM json_each(?)) AS settled
WHERE requests.id = settled.id AND (
    requests.outcome IS NULL OR (requests.outcome = 'unknown' AND settled.outcome <> 'unknown')
)
"""  # noqa: S608 - column names of ours

_Statement = tuple[str, str]


class SqliteWriter:
    """A BatchWriter. Other processes may write to the same file: a lock is waited for."""

    def __init__(self, url: URL, *, timeout_seconds: float) -> None:
        self.commits = 0
        self._path = url.database or ""
        self._timeout_seconds = timeout_seconds
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="ledger")
        sys.setswitchinterval(min(sys.getswitchinterval(), _SWITCH_INTERVAL_SECONDS))

    async def write(self, batch: Batch) -> None:
        """Commit the batch in the thread."""
        try:
            statements = _statements(batch)
        except (TypeError, ValueError, ArithmeticError) as error:
            raise RowsRefused("a row cannot be encoded") from error
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._commit, statements)

    async def aclose(self) -> None:
        """Close the connection and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown(wait=False)

    def _commit(self, statements: list[_Statement]) -> None:
        try:
            connection = self._connect()
            if len(statements) == 1:  # is a transaction by itself
                self._execute(connection, statements)
            else:
                connection.execute("BEGIN IMMEDIATE")
                self._execute(connection, statements)
                connection.execute("COMMIT")
        except (sqlite3.IntegrityError, sqlite3.DataError) as error:
            self._disconnect()
            raise RowsRefused("a row breaks a rule of the table") from error
        except sqlite3.Error as error:
            self._disconnect()
            raise WriterUnavailable(f"SQLite: {error}") from error
        self.commits += 1

    @staticmethod
    def _execute(connection: sqlite3.Connection, statements: list[_Statement]) -> None:
        for sql, rows in statements:
            connection.execute(sql, (rows,))

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(
                self._path,
                timeout=self._timeout_seconds,
                isolation_level=None,
                check_same_thread=False,  # only this thread uses it, `aclose` may find it ended
            )
            self._connection.execute("PRAGMA synchronous = NORMAL")
        return self._connection

    def _disconnect(self) -> None:
        """Closing rolls back what was not committed."""
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


def _statements(batch: Batch) -> list[_Statement]:
    lease = (batch.instance_id, to_microseconds(batch.lease_expires_at))
    statements: list[_Statement] = []
    if batch.opened:
        statements.append((_OPEN, _json([(*astuple(row), *lease) for row in batch.opened])))
    if batch.reopened:
        statements.append((_REOPEN, _json([(*astuple(row), *lease) for row in batch.reopened])))
    if batch.settled:
        statements.append((_SETTLE, _json([astuple(row) for row in batch.settled])))
    return statements


def _json(rows: Sequence[tuple[object, ...]]) -> str:
    return msgspec.json.encode([[_stored(value) for value in row] for row in rows]).decode()


def _stored(value: object) -> object:
    """A value as the tables have it in SQLite."""
    if isinstance(value, datetime):
        return to_microseconds(value)
    if isinstance(value, Decimal):
        return usd_to_nanos(value)
    return value
