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
from typing import Any

import msgspec
from msgspec.structs import astuple
from sqlalchemy import URL

from service.adapters.storage.batch import Batch, RowsRefused, WriterUnavailable, Written
from service.adapters.storage.books import (
    HOLDS_NOTHING,
    Account,
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
from service.adapters.storage.tables import to_microseconds
from service.core.money import nanos_to_usd, usd_to_nanos
from service.usage.ports import Outcome

_SWITCH_INTERVAL_SECONDS = 0.0005

_OPENED_VALUES = ", ".join(f"json_extract(value, '$[{i}]')" for i in range(len(OPENED_COLUMNS)))
_OPEN = f"""
INSERT INTO requests ({", ".join(OPENED_COLUMNS)}) SELECT {_OPENED_VALUES} FROM json_each(?)
"""  # noqa: S608 - column names of ours
_OPEN_AGAIN = f"{_OPEN} WHERE true ON CONFLICT (id) DO UPDATE SET {TAKE_OVER}"
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
# Before the settlements, which leave nothing to see of what they were for.
_TELL = """
INSERT INTO events (id, tenant, type, data, created_at)
SELECT json_extract(value, '$[1]'), json_extract(value, '$[2]'), json_extract(value, '$[3]'),
    json_extract(value, '$[4]'), json_extract(value, '$[5]')
FROM json_each(?) JOIN requests ON requests.id = json_extract(value, '$[0]')
WHERE requests.outcome IS NULL OR requests.outcome = 'unknown'
"""
_TELL_THRESHOLDS = """
INSERT INTO events (id, tenant, type, data, created_at)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    json_extract(value, '$[3]'), json_extract(value, '$[4]')
FROM json_each(?)
"""

_HELD = """
SELECT json_group_array(json_array(id, outcome, cost_usd, reserved_usd, json(budget_accounts)))
FROM requests
WHERE id IN (SELECT value FROM json_each(?)) AND (budget_accounts IS NOT NULL OR outcome = 'completed')
"""
_ACCOUNTS = """
SELECT json_group_array(
    json_array(owner, period, tenant, limit_usd, spent_usd, reserved_usd, threshold_percent)
)
FROM budget_accounts JOIN json_each(?) AS wanted
ON owner = json_extract(wanted.value, '$[0]') AND period = json_extract(wanted.value, '$[1]')
"""
# What was spent before there was an account; what was under way then counts as estimated.
_NEW_ACCOUNT = """
INSERT INTO budget_accounts
    (owner, period, tenant, limit_usd, spent_usd, reserved_usd, threshold_percent)
SELECT :owner, :period, :tenant, :limit_usd, coalesce(sum(coalesce(cost_usd, estimated_cost_usd)), 0), 0, 0
FROM requests
WHERE tenant = :tenant AND created_at >= :starts_at AND :owner IN (key_id, 'tenant:' || tenant)
"""
_KEEP_ACCOUNTS = """
UPDATE budget_accounts
SET limit_usd = json_extract(value, '$[3]'),
    spent_usd = json_extract(value, '$[4]'),
    reserved_usd = json_extract(value, '$[5]'),
    threshold_percent = json_extract(value, '$[6]')
FROM json_each(?)
WHERE owner = json_extract(value, '$[0]') AND period = json_extract(value, '$[1]')
"""

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

    async def write(self, batch: Batch) -> Written:
        """Commit the batch in the thread."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._commit, batch)

    async def aclose(self) -> None:
        """Close the connection and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown(wait=False)

    def _commit(self, batch: Batch) -> Written:
        try:
            connection = self._connect()
            if batch.concerns_budgets:
                connection.execute("BEGIN IMMEDIATE")
                written = _keep_books(connection, batch)
                self._execute(connection, _statements(batch, written))
                connection.execute("COMMIT")
            else:
                written = Written()
                statements = _statements(batch, written)
                if len(statements) == 1:  # is a transaction by itself
                    self._execute(connection, statements)
                else:
                    connection.execute("BEGIN IMMEDIATE")
                    self._execute(connection, statements)
                    connection.execute("COMMIT")
        except (TypeError, ValueError, ArithmeticError) as error:
            self._disconnect()
            raise RowsRefused("a row cannot be encoded") from error
        except (sqlite3.IntegrityError, sqlite3.DataError) as error:
            self._disconnect()
            raise RowsRefused("a row breaks a rule of the table") from error
        except sqlite3.Error as error:
            self._disconnect()
            raise WriterUnavailable(f"SQLite: {error}") from error
        self.commits += 1
        return written

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


def _keep_books(connection: sqlite3.Connection, batch: Batch) -> Written:
    """Settle and hold in the budgets' accounts, which the transaction has to itself."""
    helds = [_held(*row) for row in _rows(connection, _HELD, batch.may_hold)]
    wanted = concerned(batch.reservations.values(), helds)
    found = [_account(*row) for row in _rows(connection, _ACCOUNTS, wanted)]
    missing = missing_accounts(batch, found)
    for account, tenant in missing:
        connection.execute(
            _NEW_ACCOUNT,
            {
                "owner": account.owner,
                "period": account.period,
                "tenant": tenant,
                "limit_usd": usd_to_nanos(account.limit_usd),
                "starts_at": to_microseconds(account.starts_at) if account.starts_at else 0,
            },
        )
    if missing:
        found = [_account(*row) for row in _rows(connection, _ACCOUNTS, wanted)]
    books = Books(found)
    written = settle_and_hold(books, batch, helds)
    if books.changed:
        connection.execute(_KEEP_ACCOUNTS, (_json([astuple(row) for row in books.changed]),))
    return written


def _rows(connection: sqlite3.Connection, sql: str, keys: Sequence[object]) -> list[list[Any]]:
    """All rows of a query as one JSON text: one step of the statement, for the reason above."""
    (text,) = connection.execute(sql, (msgspec.json.encode(keys).decode(),)).fetchone()
    rows: list[list[Any]] = msgspec.json.decode(text)
    return rows


def _held(
    row_id: str,
    outcome: Outcome | None,
    cost: int | None,
    reserved: int | None,
    accounts: list[tuple[str, str]] | None,
) -> Held:
    return Held(
        id=row_id,
        outcome=outcome,
        cost_usd=None if cost is None else nanos_to_usd(cost),
        reserved_usd=nanos_to_usd(reserved or 0),
        accounts=tuple((owner, period) for owner, period in accounts or ()),
    )


def _account(
    owner: str, period: str, tenant: str, limit: int, spent: int, reserved: int, threshold: int
) -> Account:
    return Account(
        owner=owner,
        period=period,
        tenant=tenant,
        limit_usd=nanos_to_usd(limit),
        spent_usd=nanos_to_usd(spent),
        reserved_usd=nanos_to_usd(reserved),
        threshold_percent=threshold,
    )


def _statements(batch: Batch, written: Written) -> list[_Statement]:
    lease = (batch.instance_id, to_microseconds(batch.lease_expires_at))
    statements: list[_Statement] = []
    for sql, intents in opened_by(batch, written, first=_OPEN, again=_OPEN_AGAIN):
        opened = [(*astuple(row), *held_columns(batch, written, row.id), *lease) for row in intents]
        statements.append((sql, _json(opened)))
    if batch.reopened:
        reopened = [(*astuple(row), *HOLDS_NOTHING, *lease) for row in batch.reopened]
        statements.append((_REOPEN, _json(reopened)))
    if batch.events:
        told = [(row_id, *astuple(event)) for row_id, event in batch.events.items()]
        statements.append((_TELL, _json(told)))
    if written.thresholds:
        reached = [threshold_event(found, now=batch.now) for found in written.thresholds]
        statements.append((_TELL_THRESHOLDS, _json([astuple(event) for event in reached])))
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
