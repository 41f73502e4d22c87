"""What every store of batches does."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from service.adapters.storage import Storage, open_storage
from service.adapters.storage.engine import create_engine
from service.adapters.storage.tables import batch_items, batches, events
from service.batches.ports import (
    MAX_PENDING_CHARACTERS,
    BatchStore,
    BatchStoreUnavailable,
    ItemEnd,
    NewItem,
    StoredBatch,
)
from service.core.messages import Usage
from tests.clock import START
from tests.contracts.batches import end_of, keep, make_batch, make_items
from tests.contracts.databases import Database
from tests.contracts.requests import make_intent, make_settlement
from tests.contracts.time import MovableClock

LATER = START + timedelta(minutes=1)
DAY = timedelta(days=1)
USAGE = Usage(input_tokens=10, output_tokens=5, cached_input_tokens=2)


@pytest.fixture
def store(storage: Storage) -> BatchStore:
    """The store under test."""
    return storage.batches


async def found(store: BatchStore, batch: StoredBatch) -> StoredBatch:
    kept = await store.find(batch.id, tenant=batch.tenant)
    assert kept is not None
    return kept


async def indexes(store: BatchStore, batch: StoredBatch) -> list[int]:
    return [item.index for item in await store.pending(batch.id, after=-1, limit=100)]


def completed(*ended: int) -> list[ItemEnd]:
    return [
        ItemEnd(
            index=index,
            state="completed",
            result=f'{{"text":"{index}"}}',
            usage=USAGE,
            cost_usd=Decimal("0.000000001"),
        )
        for index in ended
    ]


async def rows(database: Database, table: Any) -> Sequence[Any]:
    engine = create_engine(database.url, timeout_seconds=5)
    async with engine.connect() as connection:
        result = (await connection.execute(select(table))).all()
    await engine.dispose()
    return result


async def test_a_batch_is_found_as_it_was_made(store: BatchStore) -> None:
    batch = await keep(
        store,
        make_items(3),
        token_id="key_2",
        mode="provider",
        requests_per_second=2.5,
        max_concurrency=3,
    )
    assert await store.find(batch.id, tenant="acme") == batch
    assert await store.find(batch.id, tenant=None) == batch


async def test_items_are_found_in_their_order_and_in_windows(store: BatchStore) -> None:
    items = make_items(5)
    batch = await keep(store, items)
    first = await store.pending(batch.id, after=-1, limit=3)
    then = await store.pending(batch.id, after=first[-1].index, limit=3)
    assert [item.index for item in (*first, *then)] == [0, 1, 2, 3, 4]
    assert [NewItem(item.custom_id, item.body) for item in (*first, *then)] == items
    assert {item.attempts for item in first} == {0}


async def test_large_items_are_found_a_few_at_a_time(store: BatchStore) -> None:
    sizes = [MAX_PENDING_CHARACTERS, MAX_PENDING_CHARACTERS // 2, MAX_PENDING_CHARACTERS // 2, 1]
    batch = await keep(store, [NewItem(None, "x" * size) for size in sizes])
    for after, found in ((-1, [0]), (0, [1, 2]), (2, [3]), (3, [])):
        window = await store.pending(batch.id, after=after, limit=100)
        assert [item.index for item in window] == found


async def test_some_of_the_items_are_found_by_their_place(store: BatchStore) -> None:
    batch = await keep(store, make_items(6))
    await keep(store, make_items(6))
    await store.end_items(batch.id, completed(3))

    some = await store.pending_at(batch.id, [5, 3, 1, 77])

    assert [(item.index, item.custom_id) for item in some] == [(1, "item-1"), (5, "item-5")]
    assert await store.pending_at(batch.id, []) == []


async def test_another_tenants_batch_is_not_there(store: BatchStore) -> None:
    batch = await keep(store, make_items(1))
    assert await store.find(batch.id, tenant="globex") is None
    assert await store.list_batches(tenant="globex", token_id=None, limit=10) == []
    assert not await store.request_cancel(batch.id, tenant="globex", now=LATER)
    assert (await found(store, batch)).cancel_requested_at is None


async def test_a_batch_whose_items_are_not_all_written_is_not_there(store: BatchStore) -> None:
    batch = make_batch(total=2)

    async def broken() -> AsyncIterator[Sequence[NewItem]]:
        yield make_items(1)
        raise ConnectionError

    with suppress(ConnectionError):
        await store.create(batch, broken())
    assert await store.find(batch.id, tenant=None) is None
    assert await store.list_batches(tenant="acme", token_id=None, limit=10) == []
    assert await store.unfinished() == []
    assert await store.purge(finished_before=START, abandoned_before=START) == 0
    purged = await store.purge(finished_before=START, abandoned_before=LATER)
    assert purged == 1, "its item"
    assert await store.purge(finished_before=START, abandoned_before=LATER) == 1, "itself"
    await store.create(batch, broken_in_no_way())


async def broken_in_no_way() -> AsyncIterator[Sequence[NewItem]]:
    yield make_items(2)


async def test_batches_are_listed_newest_first_and_page_by_page(store: BatchStore) -> None:
    kept = [await keep(store, make_items(1), id=f"batch_{n}") for n in range(3)]
    page = await store.list_batches(tenant="acme", token_id=None, limit=2)
    assert page == [kept[2], kept[1]]
    rest = await store.list_batches(tenant="acme", token_id=None, limit=2, before=page[-1].id)
    assert rest == [kept[0]]


async def test_batches_of_one_browser_token_are_listed_alone(store: BatchStore) -> None:
    for n, token_id in enumerate((None, "key_2", "key_3")):
        await keep(store, make_items(1), id=f"batch_{n}", token_id=token_id)
    own = await store.list_batches(tenant="acme", token_id="key_2", limit=10)
    assert [batch.id for batch in own] == ["batch_1"]


async def test_what_has_not_finished_is_told_whoevers_it_is(store: BatchStore) -> None:
    first = await keep(store, make_items(1), id="batch_1")
    await keep(store, make_items(1), id="batch_2", tenant="globex")
    assert await store.unfinished() == ["batch_1", "batch_2"]
    await store.finish(first.id, "failed", reason="x", now=LATER, tell=end_of)
    assert await store.unfinished() == ["batch_2"]


async def test_a_batch_has_started_when_it_first_ran(store: BatchStore) -> None:
    batch = await keep(store, make_items(1))
    await store.set_status(batch.id, "running", reason=None, now=START)
    await store.set_status(batch.id, "paused", reason="no money", now=LATER)
    paused = await found(store, batch)
    assert (paused.status, paused.reason, paused.started_at) == ("paused", "no money", START)
    await store.set_status(batch.id, "running", reason=None, now=LATER)
    assert (await found(store, batch)) == replace(batch, status="running", started_at=START)


async def test_items_end_once_and_are_counted_once(store: BatchStore) -> None:
    batch = await keep(store, make_items(4))
    failed = ItemEnd(index=1, state="failed", result="{}")
    assert await store.end_items(batch.id, [*completed(3), failed]) == 2
    late = ItemEnd(index=3, state="failed", result="late", usage=USAGE, cost_usd=Decimal(1))
    assert await store.end_items(batch.id, [late, *completed(0)]) == 1
    assert await store.end_items(batch.id, [late]) == 0
    now = await found(store, batch)
    assert (now.completed, now.failed, now.cancelled) == (2, 1, 0)
    assert (now.input_tokens, now.output_tokens, now.cached_input_tokens) == (20, 10, 4)
    assert now.cost_usd == Decimal("0.000000002")
    assert await indexes(store, batch) == [2]


async def test_results_come_in_order_whatever_ended_first(store: BatchStore) -> None:
    batch = await keep(store, make_items(4))
    await store.end_items(batch.id, completed(3))
    await store.end_items(batch.id, [ItemEnd(index=0, state="failed", result='{"type":"x"}')])
    await store.end_items(batch.id, completed(2))
    first, then, last = await store.results(batch.id, after=-1, limit=10)
    assert (first.index, first.custom_id, first.state) == (0, "item-0", "failed")
    assert (then.index, then.state, then.result) == (2, "completed", '{"text":"2"}')
    assert last.index == 3
    assert await store.results(batch.id, after=0, limit=1) == [then]


async def test_two_runs_that_end_the_same_items_at_once_count_each_once(
    store: BatchStore, other_storage: Storage
) -> None:
    batch = await keep(store, make_items(20))
    counts = await asyncio.gather(
        *(
            one.end_items(batch.id, completed(*range(start, start + 10)))
            for one in (store, other_storage.batches)
            for start in (0, 5, 10)
        )
    )
    assert sum(counts) == 20
    assert (await found(store, batch)).completed == 20


async def test_attempts_are_kept_until_the_item_has_ended(store: BatchStore) -> None:
    batch = await keep(store, make_items(2))
    await store.count_attempts(batch.id, 1, 2)
    assert [item.attempts for item in await store.pending(batch.id, after=-1, limit=9)] == [0, 2]


@pytest.mark.parametrize("state", ["failed", "cancelled"])
async def test_all_that_is_left_ends_alike_step_by_step(
    store: BatchStore, state: Literal["failed", "cancelled"]
) -> None:
    batch = await keep(store, make_items(5))
    await store.end_items(batch.id, completed(1))
    counts = [await store.end_all(batch.id, state, '{"a":1}', limit=3) for _ in range(3)]
    assert counts == [3, 1, 0]
    now = await found(store, batch)
    assert (now.completed, now.failed + now.cancelled) == (1, 4)
    assert getattr(now, state) == 4
    results = await store.results(batch.id, after=-1, limit=9)
    assert [result.state for result in results] == [state, "completed", *[state] * 3]
    assert results[0].result == '{"a":1}'


async def test_a_batch_finishes_once_and_its_event_is_written_with_it(
    store: BatchStore, database: Database
) -> None:
    batch = await keep(store, make_items(1))
    done = await store.finish(batch.id, "completed", reason=None, now=LATER, tell=end_of)
    assert done == replace(batch, status="completed", finished_at=LATER)
    assert await store.finish(batch.id, "failed", reason=None, now=LATER, tell=end_of) is None
    assert await found(store, batch) == done
    [event] = await rows(database, events)
    assert (event.tenant, event.type, event.data) == ("acme", "batch.completed", {"id": batch.id})
    await store.set_status(batch.id, "running", reason=None, now=LATER)
    assert not await store.request_cancel(batch.id, tenant="acme", now=LATER)
    assert await found(store, batch) == done


async def test_a_batch_whose_event_cannot_be_made_has_not_finished(store: BatchStore) -> None:
    batch = await keep(store, make_items(1))

    def broken(_: StoredBatch) -> Any:
        raise LookupError

    with pytest.raises(LookupError):
        await store.finish(batch.id, "completed", reason=None, now=LATER, tell=broken)
    assert (await found(store, batch)).finished_at is None


async def test_a_cancellation_is_asked_for_once(store: BatchStore) -> None:
    batch = await keep(store, make_items(1))
    assert await store.request_cancel(batch.id, tenant="acme", now=START)
    assert await store.request_cancel(batch.id, tenant="acme", now=LATER)
    assert (await found(store, batch)).cancel_requested_at == START


async def test_a_runners_notes_are_kept(store: BatchStore) -> None:
    batch = await keep(store, make_items(1))
    notes = [{"id": "msgbatch_1", "items": [0]}]
    await store.note_provider_batches(batch.id, notes)
    assert (await found(store, batch)).provider_batches == notes


async def test_rows_of_the_ledger_that_were_begun_often_are_told(
    store: BatchStore, storage: Storage
) -> None:
    killer, paid, once = make_intent(), make_intent(), make_intent()
    for _ in range(3):
        await storage.ledger.open(killer, again=True)
        await storage.ledger.open(paid, again=True)
    await storage.ledger.settle(make_settlement(paid))
    await storage.ledger.open(once)
    ids = [killer.id, paid.id, once.id, "req_none"]
    assert await store.begun_often(ids, runs=3) == {killer.id}
    assert await store.begun_often(ids, runs=4) == set()


async def test_what_is_old_is_deleted_with_its_items_and_the_rest_stays(
    store: BatchStore, database: Database
) -> None:
    old = await keep(store, make_items(700))
    young = await keep(store, make_items(2))
    running = await keep(store, make_items(2), created_at=START - 100 * DAY)
    await store.finish(old.id, "completed", reason=None, now=START, tell=end_of)
    await store.finish(young.id, "completed", reason=None, now=LATER, tell=end_of)
    times = {"finished_before": LATER, "abandoned_before": START}
    counts = [await store.purge(**times)]
    assert await store.find(old.id, tenant=None) is None, "half of it would be a lie"
    while count := await store.purge(**times):
        counts.append(count)
    assert max(counts) < 700, "step by step"
    assert {row.id for row in await rows(database, batches)} == {young.id, running.id}
    assert {row.batch_id for row in await rows(database, batch_items)} == {young.id, running.id}


async def test_a_store_that_is_away_is_unavailable_and_answers_again_when_it_is_back(
    database: Database, clock: MovableClock
) -> None:
    async with open_storage(database.url, clock=clock, commit_timeout_seconds=0.2) as storage:
        store = storage.batches
        batch = await keep(store, make_items(1))
        async with database.away():
            with pytest.raises(BatchStoreUnavailable):
                await store.end_items(batch.id, completed(0))
            with pytest.raises(BatchStoreUnavailable):
                await store.request_cancel(batch.id, tenant="acme", now=LATER)
        assert await store.end_items(batch.id, completed(0)) == 1
