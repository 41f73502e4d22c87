"""Old batches are deleted, by themselves."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from service.adapters.storage import Storage, open_storage
from service.adapters.storage.migrate import migrate
from service.batches.durable.retention import BatchRetention
from service.batches.ports import BREATH_SECONDS
from service.core.clock import SystemClock
from tests.clock import START, ManualClock, SteppedClock
from tests.contracts.batches import end_of, keep, make_items
from tests.contracts.databases import SqliteDatabase
from tests.contracts.time import until

DAY_SECONDS = 24 * 3600.0


@pytest.fixture
async def database(tmp_path: Path) -> SqliteDatabase:
    database = SqliteDatabase(tmp_path / "ai-service.db")
    await migrate(database.url)
    return database


@pytest.fixture
async def storage(database: SqliteDatabase) -> AsyncIterator[Storage]:
    async with open_storage(
        database.url, clock=SystemClock(), commit_timeout_seconds=0.2
    ) as storage:
        yield storage


async def test_a_service_that_has_just_started_deletes_what_is_old_and_nothing_else(
    storage: Storage, database: SqliteDatabase
) -> None:
    store = storage.batches
    old = await keep(store, make_items(3), id="batch_1")
    await store.finish(old.id, "completed", reason=None, now=START, tell=end_of)
    young = await keep(store, make_items(3), id="batch_2")
    after = START + timedelta(days=1)
    await store.finish(young.id, "completed", reason=None, now=after, tell=end_of)
    clock = SteppedClock()
    clock.advance(30 * DAY_SECONDS)
    retention = BatchRetention(store, days=30, clock=clock)
    await retention.start()
    try:
        await clock.is_slept_on(1)
        await clock.let_pass(60)

        async def is_gone() -> bool:
            await clock.let_pass(BREATH_SECONDS)
            return await store.find(old.id, tenant=None) is None

        await until(is_gone, timeout_seconds=20)
        assert len(await store.pending(young.id, after=-1, limit=10)) == 3
    finally:
        await retention.aclose()


async def test_what_could_not_be_deleted_is_deleted_later(
    storage: Storage, database: SqliteDatabase
) -> None:
    store = storage.batches
    old = await keep(store, make_items(3))
    await store.finish(old.id, "completed", reason=None, now=START, tell=end_of)
    retention = BatchRetention(store, days=30, clock=ManualClock(START + timedelta(days=31)))
    async with database.away():
        await retention.purge()
    assert await store.find(old.id, tenant=None) is not None
    await retention.purge()
    assert await store.find(old.id, tenant=None) is None
