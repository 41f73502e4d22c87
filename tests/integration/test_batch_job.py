"""From the job of a batch to its end, whatever ends it."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import select

from service.access.owners import Owners
from service.access.ports import ApiKey, Scope
from service.adapters.storage import Storage, open_storage
from service.adapters.storage.engine import create_engine
from service.adapters.storage.migrate import migrate
from service.adapters.storage.tables import events
from service.batches.durable.job import BatchJob
from service.batches.ports import ItemEnd, Owner, Runner, StoredBatch
from tests.clock import START, ManualClock
from tests.contracts.batches import keep, make_items
from tests.contracts.databases import SqliteDatabase
from tests.contracts.time import SteppedClock, eventually
from tests.fakes import FakeKeyStore

KEY = ApiKey(
    id="key_1",
    tenant="acme",
    name="test",
    prefix="sk-ais-1",
    digest="d1",
    scopes=("batch", "generate"),
    created_at=START,
)
TOKEN = replace(KEY, id="key_2", digest="d2", parent_id="key_1")


class FakeRunner:
    """Ends the first `ends` items, and then has no end itself, unless that were all."""

    def __init__(self, storage: Storage, *, ends: int) -> None:
        self._store = storage.batches
        self._ends = ends
        self.owner: Owner | None = None
        self.has_run = asyncio.Event()
        self.calls: list[str] = []

    async def run(self, batch: StoredBatch, owner: Owner) -> None:
        self.calls.append("run")
        self.owner = owner
        ended = [ItemEnd(index=n, state="completed", result="{}") for n in range(self._ends)]
        await self._store.end_items(batch.id, ended)
        self.has_run.set()
        if self._ends < batch.total:
            try:
                await asyncio.Event().wait()
            finally:
                self.calls.append("cancelled")

    async def stop(self, batch: StoredBatch) -> None:
        self.calls.append("stop")


_: type[Runner] = FakeRunner


@pytest.fixture
async def database(tmp_path: Path) -> SqliteDatabase:
    database = SqliteDatabase(tmp_path / "ai-service.db")
    await migrate(database.url)
    return database


@pytest.fixture
async def storage(database: SqliteDatabase) -> AsyncIterator[Storage]:
    storage = open_storage(database.url, clock=ManualClock())
    yield storage
    await storage.aclose()


class Bench:
    """A job whose keys, time and runner the test holds."""

    def __init__(self, storage: Storage, *, ends: int = 2) -> None:
        self.clock = SteppedClock()
        self._waits_seen = 0
        self.store = storage.batches
        self.keys = FakeKeyStore(KEY, TOKEN)
        self.runner = FakeRunner(storage, ends=ends)
        owners = Owners(self.keys, clock=self.clock)
        self.job = BatchJob(self.store, owners, {"service": self.runner}, clock=self.clock)

    async def keep(self, **changes: Any) -> StoredBatch:
        """A batch of four items that expires in an hour."""
        expires_at = self.clock.now() + timedelta(hours=1)
        return await keep(self.store, make_items(4), **{"expires_at": expires_at} | changes)

    async def stored(self, batch: StoredBatch) -> StoredBatch:
        stored = await self.store.find(batch.id, tenant="acme")
        assert stored is not None
        return stored

    async def run_and(self, batch: StoredBatch, *then: Any) -> StoredBatch:
        """Run the job, and once its runner works, do `then`; the batch as it is in the end."""
        async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
            tasks.create_task(self.job.run(batch.id))
            await self.runner.has_run.wait()
            for step in then:
                await step
        return await self.stored(batch)

    async def look(self) -> None:
        """Let the job look after its batch, once it waits to."""
        await self.has_looked()
        self._waits_seen = len(self.clock.sleeps)
        self.clock.advance(2)

    async def has_looked(self) -> None:
        """Wait until the job has looked, and waits for the next time."""
        await eventually(lambda: len(self.clock.sleeps) > self._waits_seen)

    async def error_types(self, batch: StoredBatch) -> list[str | None]:
        results = await self.store.results(batch.id, after=-1, limit=10)
        return [json.loads(result.result).get("type") for result in results]


async def told(database: SqliteDatabase) -> Sequence[Any]:
    """What others are told."""
    engine = create_engine(database.url, timeout_seconds=5)
    async with engine.connect() as connection:
        rows = (await connection.execute(select(events))).all()
    await engine.dispose()
    return rows


async def test_batch_whose_items_have_all_ended_is_completed_and_its_owner_told(
    storage: Storage, database: SqliteDatabase
) -> None:
    bench = Bench(storage, ends=4)
    batch = await bench.keep()
    assert await bench.job.unfinished() == [batch.id]
    done = await bench.run_and(batch)
    assert (done.status, done.completed, done.reason) == ("completed", 4, None)
    assert done.finished_at == bench.clock.now()
    assert await bench.job.unfinished() == []
    [event] = await told(database)
    assert (event.tenant, event.type) == ("acme", "batch.completed")
    assert event.data["id"] == batch.id
    assert event.data["counts"] == {"total": 4, "completed": 4, "failed": 0, "cancelled": 0}
    assert bench.runner.calls == ["run"]


async def test_batch_that_has_ended_is_not_run_again(
    storage: Storage, database: SqliteDatabase
) -> None:
    bench = Bench(storage, ends=4)
    batch = await bench.keep()
    await bench.job.run(batch.id)
    await bench.job.run(batch.id)
    await bench.job.run("batch_none")
    assert bench.runner.calls == ["run"]
    assert len(await told(database)) == 1


async def test_cancellation_is_felt_at_once_where_the_batch_runs(
    storage: Storage, database: SqliteDatabase
) -> None:
    bench = Bench(storage)
    batch = await bench.keep()

    async def cancel() -> None:
        await bench.store.request_cancel(batch.id, tenant="acme", now=bench.clock.now())
        bench.job.notice(batch.id)

    done = await bench.run_and(batch, cancel())
    assert (done.status, done.completed, done.cancelled) == ("cancelled", 2, 2)
    assert await bench.error_types(batch) == [None, None, "conflict", "conflict"]
    assert bench.runner.calls == ["run", "cancelled", "stop"]
    [event] = await told(database)
    assert (event.type, event.data["status"]) == ("batch.cancelled", "cancelled")


async def test_cancellation_from_elsewhere_is_felt_at_the_next_look(storage: Storage) -> None:
    bench = Bench(storage)
    batch = await bench.keep()
    cancel = bench.store.request_cancel(batch.id, tenant="acme", now=bench.clock.now())
    assert (await bench.run_and(batch, cancel, bench.look())).status == "cancelled"


async def test_many_batches_are_looked_after_ten_times_a_second_at_most(storage: Storage) -> None:
    bench = Bench(storage)
    batches = [await bench.keep() for _ in range(40)]
    sleeps = bench.clock.sleeps
    loop = asyncio.get_running_loop()
    running = [loop.create_task(bench.job.run(batch.id)) for batch in batches]
    try:
        await eventually(lambda: len(sleeps) >= 40, timeout_seconds=20)
        bench.clock.advance(4)
        await eventually(lambda: len(sleeps) >= 80, timeout_seconds=20)
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)
    assert set(sleeps[40:]) == {4}


async def test_batch_that_was_cancelled_before_it_ran_is_not_run(storage: Storage) -> None:
    bench = Bench(storage)
    batch = await bench.keep()
    await bench.store.request_cancel(batch.id, tenant="acme", now=bench.clock.now())
    await bench.job.run(batch.id)
    done = await bench.stored(batch)
    assert (done.status, done.cancelled) == ("cancelled", 4)
    assert bench.runner.calls == ["stop"]


async def test_batch_expires_with_what_it_has(storage: Storage, database: SqliteDatabase) -> None:
    bench = Bench(storage)
    batch = await bench.keep()

    async def an_hour_passes() -> None:
        await bench.look()
        await bench.has_looked()
        bench.clock.advance(3600)

    done = await bench.run_and(batch, an_hour_passes())
    assert (done.status, done.completed, done.cancelled) == ("expired", 2, 2)
    assert await bench.error_types(batch) == [None, None, "timeout", "timeout"]
    [event] = await told(database)
    assert (event.type, event.data["status"]) == ("batch.failed", "expired")


async def test_batch_fails_when_its_key_is_revoked(
    storage: Storage, database: SqliteDatabase
) -> None:
    bench = Bench(storage)
    batch = await bench.keep()
    revoke = bench.keys.revoke("key_1", tenant="acme", now=bench.clock.now())
    done = await bench.run_and(batch, revoke, bench.look())
    assert (done.status, done.completed, done.failed) == ("failed", 2, 2)
    assert done.reason is not None
    assert done.reason.startswith("authentication_error: ")
    assert await bench.error_types(batch) == [None, None, *["authentication_error"] * 2]
    [event] = await told(database)
    assert (event.type, event.data["reason"]) == ("batch.failed", done.reason)


async def test_batch_of_a_browser_token_ends_with_the_token(storage: Storage) -> None:
    bench = Bench(storage)
    batch = await bench.keep(token_id="key_2")
    revoke = bench.keys.revoke("key_2", tenant="acme", now=bench.clock.now())
    assert (await bench.run_and(batch, revoke, bench.look())).status == "failed"


async def test_batch_fails_when_its_key_loses_the_scope(storage: Storage) -> None:
    bench = Bench(storage)
    batch = await bench.keep()
    scopes: tuple[Scope, ...] = ("generate",)
    change = bench.keys.change("key_1", tenant="acme", changes={"scopes": scopes})
    done = await bench.run_and(batch, change, bench.look())
    assert done.status == "failed"
    assert await bench.error_types(batch) == [None, None, *["authorization_error"] * 2]


async def test_runner_is_told_what_the_owner_may_do_now(storage: Storage) -> None:
    bench = Bench(storage)
    batch = await bench.keep()

    async def change_then_cancel() -> None:
        await bench.keys.change("key_1", tenant="acme", changes={"sanitize": "text"})
        await bench.look()
        await bench.has_looked()
        await bench.store.request_cancel(batch.id, tenant="acme", now=bench.clock.now())
        bench.job.notice(batch.id)

    await bench.run_and(batch, change_then_cancel())
    assert bench.runner.owner is not None
    assert bench.runner.owner.principal.sanitize == "text"


async def test_key_store_that_is_away_for_a_moment_ends_nothing(storage: Storage) -> None:
    bench = Bench(storage)
    batch = await bench.keep()

    async def away_then_back() -> None:
        bench.keys.is_available = False
        await bench.look()
        bench.keys.is_available = True
        await bench.look()
        await bench.has_looked()
        assert (await bench.stored(batch)).finished_at is None
        await bench.store.request_cancel(batch.id, tenant="acme", now=bench.clock.now())
        bench.job.notice(batch.id)

    assert (await bench.run_and(batch, away_then_back())).status == "cancelled"


async def test_job_that_is_cancelled_leaves_its_batch_to_the_next(storage: Storage) -> None:
    bench = Bench(storage)
    batch = await bench.keep()
    running = asyncio.get_running_loop().create_task(bench.job.run(batch.id))
    await bench.runner.has_run.wait()
    running.cancel()
    await asyncio.wait([running])
    assert running.cancelled()
    assert bench.runner.calls == ["run", "cancelled"]
    assert await bench.job.unfinished() == [batch.id]
