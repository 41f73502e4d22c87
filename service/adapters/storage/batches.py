"""Durable batches in tables."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Literal, TypeVar

import msgspec
from msgspec.structs import asdict
from sqlalchemy import (
    Connection,
    Executable,
    RowMapping,
    Select,
    Update,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.ext.asyncio import AsyncEngine

from service.adapters.storage.engine import one_statement_at_a_time, outages
from service.adapters.storage.outbox import insert_events
from service.adapters.storage.tables import batch_items, batches, requests
from service.adapters.storage.transactions import Transactions
from service.batches.ports import (
    MAX_PENDING_CHARACTERS,
    BatchStoreUnavailable,
    EndState,
    FinishedStatus,
    ItemEnd,
    ItemResult,
    NewItem,
    PendingItem,
    StoredBatch,
)
from service.core.events import Event

T = TypeVar("T")

_batch = batches.c
_item = batch_items.c
_INCOMPLETE = "incomplete"
"""The status of a batch whose items are still being written, or deleted. Nobody is shown it."""
_IS_THERE = _batch.status != _INCOMPLETE
_IS_UNFINISHED = and_(_batch.finished_at.is_(None), _IS_THERE)
_IS_PENDING = _item.state == "pending"
_PURGED_AT_ONCE = 500
_COLUMNS = [batches.c[name] for name in StoredBatch.__struct_fields__]
# Many rows as one JSON text, in one statement: row by row, SQLite's thread fights the event loop for the
# interpreter's lock, and live traffic feels it. Materialized, or SQLite looks at every item of the batch.
_END_ITEMS = """
WITH ended AS MATERIALIZED (SELECT {columns})
UPDATE batch_items SET state = ended.state, result = ended.result
FROM ended
WHERE batch_items.batch_id = :batch_id AND batch_items."index" = ended."index"
    AND batch_items.state = 'pending'
RETURNING batch_items."index"
"""
_ENDED_COLUMNS = {
    "sqlite": """json_extract(value, '$[0]') AS "index", json_extract(value, '$[1]') AS state,
        json_extract(value, '$[2]') AS result FROM json_each(:ends)""",
    "postgresql": """CAST(value->>0 AS integer) AS "index", value->>1 AS state, value->>2 AS result
        FROM json_array_elements(CAST(:ends AS json))""",
}
_encode = msgspec.json.Encoder().encode


class SqlBatchStore:
    """The BatchStore port."""

    def __init__(self, engine: AsyncEngine, transactions: Transactions) -> None:
        self._engine = one_statement_at_a_time(engine)
        self._transactions = transactions
        self._outages = outages(engine)
        self._end_items = text(_END_ITEMS.format(columns=_ENDED_COLUMNS[engine.dialect.name]))

    async def create(self, batch: StoredBatch, items: AsyncIterable[Sequence[NewItem]]) -> None:
        """Keep a new batch with its items; it is there once all of them are."""
        incomplete = asdict(batch) | {"status": _INCOMPLETE}
        await self._transact(lambda connection: connection.execute(insert(batches), incomplete))
        index = 0
        async for portion in items:
            rows = [_row(batch.id, index + n, item) for n, item in enumerate(portion)]
            await self._transact(_inserting(rows))
            index += len(rows)
        whole = update(batches).where(_batch.id == batch.id).values(status=batch.status)
        await self._execute(whole)

    async def find(self, batch_id: str, *, tenant: str | None) -> StoredBatch | None:
        """The batch with this id; of this tenant only, unless that is None."""
        query = select(*_COLUMNS).where(_batch.id == batch_id, _IS_THERE)
        if tenant is not None:
            query = query.where(_batch.tenant == tenant)
        rows = await self._rows(query)
        return _stored(rows[0]) if rows else None

    async def list_batches(
        self, *, tenant: str, token_id: str | None, limit: int, before: str | None = None
    ) -> list[StoredBatch]:
        """Up to `limit` of a tenant's batches, or only of those that this browser token has made; the newest
        first, those behind the id `before`."""
        query = select(*_COLUMNS).where(_batch.tenant == tenant, _IS_THERE)
        if token_id is not None:
            query = query.where(_batch.token_id == token_id)
        if before is not None:
            query = query.where(_batch.id < before)
        return [
            _stored(row) for row in await self._rows(query.order_by(_batch.id.desc()).limit(limit))
        ]

    async def unfinished(self) -> list[str]:
        """The ids of all batches that have not finished, of every tenant, oldest first."""
        query = select(_batch.id).where(_IS_UNFINISHED).order_by(_batch.id)
        return [row["id"] for row in await self._rows(query)]

    async def set_status(
        self,
        batch_id: str,
        status: Literal["running", "paused"],
        *,
        reason: str | None,
        now: datetime,
    ) -> None:
        """Say that the batch is being worked on, since `now` if not before, or why that is held up."""
        await self._execute(
            update(batches)
            .where(_batch.id == batch_id, _IS_UNFINISHED)
            .values(
                status=status,
                reason=reason,
                started_at=func.coalesce(_batch.started_at, _time(now)),
            )
        )

    async def request_cancel(self, batch_id: str, *, tenant: str, now: datetime) -> bool:
        """Note that the batch is to be cancelled; False if there is none, or it has finished."""
        changed = await self._execute(
            update(batches)
            .where(_batch.id == batch_id, _batch.tenant == tenant, _IS_UNFINISHED)
            .values(cancel_requested_at=func.coalesce(_batch.cancel_requested_at, _time(now)))
        )
        return changed == 1

    async def pending(self, batch_id: str, *, after: int, limit: int) -> list[PendingItem]:
        """Up to `limit` items that have not ended, in their order, with an index above `after`; fewer where
        they are large."""
        query = _some_items(PendingItem, batch_id, after=after, limit=limit).where(_IS_PENDING)
        sizes = query.with_only_columns(_item.index, func.length(_item.body).label("size"))
        last = _last_within(await self._rows(sizes), MAX_PENDING_CHARACTERS)
        return [PendingItem(**row) for row in await self._rows(query.where(_item.index <= last))]

    async def pending_at(self, batch_id: str, indexes: Collection[int]) -> list[PendingItem]:
        """Those of the items that have not ended, in their order."""
        query = _some_items(PendingItem, batch_id, after=-1, limit=len(indexes))
        query = query.where(_IS_PENDING, _item.index.in_(indexes))
        return [PendingItem(**row) for row in await self._rows(query)]

    async def count_attempts(self, batch_id: str, index: int, attempts: int) -> None:
        """Note how many runs of an item that has not ended have failed."""
        await self._execute(
            update(batch_items)
            .where(_item.batch_id == batch_id, _item.index == index, _IS_PENDING)
            .values(attempts=attempts)
        )

    async def end_items(self, batch_id: str, ends: Sequence[ItemEnd]) -> int:
        """End those of the items that have not ended; returns how many."""
        values = {
            "batch_id": batch_id,
            "ends": _encode([(end.index, end.state, end.result) for end in ends]).decode(),
        }

        def work(connection: Connection) -> int:
            # Two runs of one batch take turns here.
            connection.execute(
                update(batches).where(_batch.id == batch_id).values(total=_batch.total)
            )
            changed = set(connection.scalars(self._end_items, values))
            ended = [end for end in ends if end.index in changed]
            if ended:
                connection.execute(_counting(batch_id, ended))
            return len(ended)

        return await self._transact(work)

    async def end_all(
        self, batch_id: str, state: Literal["failed", "cancelled"], result: str, *, limit: int
    ) -> int:
        """End up to `limit` of the items that have not ended, all alike; returns how many."""
        some = (
            select(_item.index)
            .where(_item.batch_id == batch_id, _IS_PENDING)
            .order_by(_item.index)
            .limit(limit)
        )
        end = (
            update(batch_items)
            .where(_item.batch_id == batch_id, _item.index.in_(some), _IS_PENDING)
            .values(state=state, result=result)
        )

        def work(connection: Connection) -> int:
            connection.execute(
                update(batches).where(_batch.id == batch_id).values(total=_batch.total)
            )
            count = connection.execute(end).rowcount
            counted = update(batches).where(_batch.id == batch_id)
            connection.execute(counted.values({state: batches.c[state] + count}))
            return count

        return await self._transact(work)

    async def finish(
        self,
        batch_id: str,
        status: FinishedStatus,
        *,
        reason: str | None,
        now: datetime,
        tell: Callable[[StoredBatch], Event],
    ) -> StoredBatch | None:
        """Finish the batch, and write the event that `tell` makes of it in the same transaction."""
        finish = (
            update(batches)
            .where(_batch.id == batch_id, _IS_UNFINISHED)
            .values(status=status, reason=reason, finished_at=now)
            .returning(*_COLUMNS)
        )

        def work(connection: Connection) -> StoredBatch | None:
            row = connection.execute(finish).mappings().one_or_none()
            if row is None:
                return None
            finished = _stored(row)
            insert_events(connection, [tell(finished)])
            return finished

        return await self._transact(work)

    async def note_provider_batches(self, batch_id: str, notes: Any) -> None:
        """Keep a runner's notes in place of those before."""
        await self._execute(
            update(batches).where(_batch.id == batch_id).values(provider_batches=notes)
        )

    async def results(self, batch_id: str, *, after: int, limit: int) -> list[ItemResult]:
        """Up to `limit` items that have ended, in their order, with an index above `after`."""
        query = _some_items(ItemResult, batch_id, after=after, limit=limit).where(~_IS_PENDING)
        return [ItemResult(**row) for row in await self._rows(query)]

    async def begun_often(self, record_ids: Collection[str], *, runs: int) -> set[str]:
        """Those of these ledger rows that were begun `runs` times or more, and never completed."""
        row = requests.c
        query = select(row.id).where(
            row.id.in_(record_ids),
            row.runs >= runs,
            or_(row.outcome.is_(None), row.outcome != "completed"),
        )
        return {found["id"] for found in await self._rows(query)}

    async def purge(self, *, finished_before: datetime, abandoned_before: datetime) -> int:
        """Delete some of what finished before; returns how many rows, 0 once there is no more."""
        # What is deleted step by step must not be seen with half of its items.
        hidden = await self._execute(
            update(batches)
            .where(_batch.finished_at < finished_before, _IS_THERE)
            .values(status=_INCOMPLETE)
        )
        old = select(_batch.id).where(
            _batch.status == _INCOMPLETE,
            or_(_batch.finished_at < finished_before, _batch.created_at < abandoned_before),
        )
        some = (
            select(_item.batch_id, _item.index)
            .where(_item.batch_id.in_(old))
            .limit(_PURGED_AT_ONCE)
        )
        items = await self._execute(
            delete(batch_items).where(tuple_(_item.batch_id, _item.index).in_(some))
        )
        if items:
            return hidden + items
        return hidden + await self._execute(delete(batches).where(_batch.id.in_(old)))

    async def _rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        async with self._telling_of_outages(), self._engine.connect() as connection:
            return (await connection.execute(query)).mappings().all()

    async def _execute(self, statement: Executable) -> int:
        """How many rows it touched."""
        async with self._telling_of_outages(), self._engine.connect() as connection:
            count: int = (await connection.execute(statement)).rowcount
            return count

    async def _transact(self, work: Callable[[Connection], T]) -> T:
        async with self._telling_of_outages():
            return await self._transactions.run(work)

    @asynccontextmanager
    async def _telling_of_outages(self) -> AsyncIterator[None]:
        try:
            yield
        except self._outages as error:
            raise BatchStoreUnavailable("batches cannot be asked for now") from error


def _row(batch_id: str, index: int, item: NewItem) -> dict[str, Any]:
    return {
        "batch_id": batch_id,
        "index": index,
        "custom_id": item.custom_id,
        "body": item.body,
        "state": "pending",
        "attempts": 0,
    }


def _inserting(rows: list[dict[str, Any]]) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(insert(batch_items), rows)


def _some_items(
    kind: type[PendingItem] | type[ItemResult], batch_id: str, *, after: int, limit: int
) -> Select[Any]:
    columns = [batch_items.c[name] for name in kind.__struct_fields__]
    return (
        select(*columns)
        .where(_item.batch_id == batch_id, _item.index > after)
        .order_by(_item.index)
        .limit(limit)
    )


def _last_within(sizes: Sequence[RowMapping], most: int) -> int:
    """The last index up to which the items have `most` characters together, or the first; -1 without any."""
    last, characters = -1, 0
    for row in sizes:
        characters += row["size"]
        if last >= 0 and characters > most:
            break
        last = row["index"]
    return last


def _counting(batch_id: str, ended: Sequence[ItemEnd]) -> Update:
    states: tuple[EndState, ...] = ("completed", "failed", "cancelled")
    more: dict[str, Any] = {state: sum(end.state == state for end in ended) for state in states}
    for name in ("input_tokens", "output_tokens", "cached_input_tokens"):
        more[name] = sum(getattr(end.usage, name) for end in ended)
    more["cost_usd"] = sum(end.cost_usd for end in ended)
    sums = {name: batches.c[name] + amount for name, amount in more.items()}
    return update(batches).where(_batch.id == batch_id).values(sums)


def _stored(row: RowMapping) -> StoredBatch:
    return StoredBatch(**row)


def _time(moment: datetime) -> Any:
    """A moment as an operand of SQL's own functions, which know nothing of our types."""
    return bindparam(None, moment, type_=_batch.created_at.type)
