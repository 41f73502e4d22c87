"""Who answers and who waits, over a real store."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import func, select

from service.adapters.storage import open_storage
from service.adapters.storage.engine import create_engine
from service.adapters.storage.migrate import migrate
from service.adapters.storage.tables import idempotency_keys
from service.core.errors import Conflict, Unavailable
from service.idempotency.ports import KeyedRequest, RecordedAnswer
from service.idempotency.usecases import Execution, Idempotency
from tests.contracts.databases import SqliteDatabase
from tests.contracts.time import MovableClock, until

REQUEST = KeyedRequest(tenant="acme", key="k", fingerprint=b"\x01" * 32)
OTHER_REQUEST = replace(REQUEST, fingerprint=b"\x02" * 32)
ANSWER = RecordedAnswer(media_type="application/json", body=b"{}")
LEASE_SECONDS = 0.3
LONG_SECONDS = 20.0


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def database(tmp_path: Path) -> SqliteDatabase:
    database = SqliteDatabase(tmp_path / "ai-service.db")
    await migrate(database.url)
    return database


@asynccontextmanager
async def replica(
    database: SqliteDatabase, clock: MovableClock, *, lease_seconds: float = 30
) -> AsyncIterator[Idempotency]:
    """What one process has."""
    async with (
        open_storage(database.url, clock=clock, commit_timeout_seconds=0.5) as storage,
        Idempotency(
            storage.idempotency_store(b"secret"),
            clock=clock,
            lease_seconds=lease_seconds,
            retention_seconds=3600,
            max_answer_bytes=1000,
            plain_wait_seconds=LONG_SECONDS,
            stream_wait_seconds=LONG_SECONDS,
        ) as idempotency,
    ):
        yield idempotency


@pytest.fixture
async def here(database: SqliteDatabase, clock: MovableClock) -> AsyncIterator[Idempotency]:
    """A replica."""
    async with replica(database, clock) as idempotency:
        yield idempotency


@pytest.fixture
async def there(database: SqliteDatabase, clock: MovableClock) -> AsyncIterator[Idempotency]:
    """Another one."""
    async with replica(database, clock) as idempotency:
        yield idempotency


async def turn(
    idempotency: Idempotency, request: KeyedRequest = REQUEST, *, wait_seconds: float = LONG_SECONDS
) -> Execution:
    """The caller's own turn, which it must get."""
    begun = await idempotency.begin(request, wait_seconds=wait_seconds)
    assert isinstance(begun, Execution)
    return begun


async def test_who_waits_too_long_is_told_to_come_back(
    here: Idempotency, there: Idempotency
) -> None:
    with await turn(here) as execution:
        for each in (here, there):
            with pytest.raises(Unavailable, match="still being answered"):
                await each.begin(REQUEST, wait_seconds=0.05)
        await execution.complete(ANSWER)
    for each in (here, there):
        assert await each.begin(REQUEST, wait_seconds=LONG_SECONDS) == ANSWER


async def test_another_request_is_refused_at_once_wherever_it_is_asked(
    here: Idempotency, there: Idempotency
) -> None:
    with await turn(here):
        for each in (here, there):
            with pytest.raises(Conflict):
                await each.begin(OTHER_REQUEST, wait_seconds=LONG_SECONDS)


async def test_waiters_everywhere_get_the_answer(here: Idempotency, there: Idempotency) -> None:
    with await turn(here) as execution:
        waiting = [
            asyncio.create_task(each.begin(REQUEST, wait_seconds=LONG_SECONDS))
            for each in (here, there)
            for _ in range(5)
        ]
        await execution.complete(ANSWER)
    assert await asyncio.gather(*waiting) == [ANSWER] * 10


async def test_one_waiter_at_a_time_takes_over_from_a_failure(
    here: Idempotency, there: Idempotency
) -> None:
    turns = 0

    async def fail(idempotency: Idempotency) -> None:
        nonlocal turns
        with await turn(idempotency):
            turns += 1
            taken = turns
            await asyncio.sleep(0)
            assert turns == taken, "nobody else has the key"

    await asyncio.gather(*(fail(each) for each in (here, there) for _ in range(5)))
    assert turns == 10


async def test_callers_who_leave_while_their_claims_are_under_way_leave_the_keys_free(
    database: SqliteDatabase, clock: MovableClock, there: Idempotency
) -> None:
    requests = [replace(REQUEST, key=f"k{n}") for n in range(10)]
    async with replica(database, clock) as here, database.away():
        leaving = [asyncio.create_task(turn(here, request)) for request in requests]
        await asyncio.sleep(0)  # every claim has begun, and finds the database locked
        for caller in leaving:
            caller.cancel()
        await asyncio.wait(leaving)
    for request in requests:
        with await turn(there, request, wait_seconds=5):
            pass


async def test_a_caller_who_leaves_while_the_answer_is_recorded_does_not_undo_it(
    here: Idempotency, there: Idempotency
) -> None:
    async def answer() -> None:
        with await turn(here) as execution:
            completing.set()
            await execution.complete(ANSWER)

    completing = asyncio.Event()
    leaving = asyncio.create_task(answer())
    await completing.wait()
    leaving.cancel()
    await asyncio.wait([leaving])
    assert await there.begin(REQUEST, wait_seconds=LONG_SECONDS) == ANSWER


async def test_a_lease_is_kept_as_long_as_its_attempt_runs(
    database: SqliteDatabase, clock: MovableClock
) -> None:
    async with (
        replica(database, clock, lease_seconds=LEASE_SECONDS) as here,
        replica(database, clock, lease_seconds=LEASE_SECONDS) as there,
    ):
        with await turn(here) as execution:
            first = await lease(database)
            waiting = asyncio.create_task(there.begin(REQUEST, wait_seconds=LONG_SECONDS))

            async def is_long_over() -> bool:
                return bool(await lease(database) > first + timedelta(seconds=3 * LEASE_SECONDS))

            await until(is_long_over)
            await execution.complete(ANSWER)
        assert await waiting == ANSWER


async def lease(database: SqliteDatabase) -> Any:
    """Until when the only key is held."""
    return await scalar(database, select(idempotency_keys.c.lease_expires_at))


async def scalar(database: SqliteDatabase, query: Any) -> Any:
    """The value that a query finds."""
    async with AsyncExitStack() as stack:
        engine = create_engine(database.url, timeout_seconds=5)
        stack.push_async_callback(engine.dispose)
        async with engine.connect() as connection:
            return (await connection.execute(query)).scalar_one()


async def test_old_answers_are_purged_without_being_asked(
    database: SqliteDatabase, clock: MovableClock
) -> None:
    async with replica(database, clock, lease_seconds=LEASE_SECONDS) as here:
        with await turn(here) as execution:
            await execution.complete(ANSWER)
        clock.advance(3601)

        async def is_purged() -> bool:
            count: int = await scalar(database, select(func.count()).select_from(idempotency_keys))
            return count == 0

        await until(is_purged)


async def test_closing_frees_what_is_still_held(
    database: SqliteDatabase, clock: MovableClock, there: Idempotency
) -> None:
    async with replica(database, clock) as here:
        await turn(here)
    with await turn(there, wait_seconds=5):
        pass


async def test_who_waits_with_a_failing_store_fails_with_it(
    database: SqliteDatabase, here: Idempotency
) -> None:
    async with database.away():
        outcomes = await asyncio.gather(
            *(here.begin(REQUEST, wait_seconds=LONG_SECONDS) for _ in range(20)),
            return_exceptions=True,
        )
    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 20
    with await turn(here):
        pass


async def test_an_answer_above_the_limit_is_for_those_who_wait_already(here: Idempotency) -> None:
    large = RecordedAnswer(media_type="application/json", body=b"x" * 1001)
    with await turn(here) as execution:
        waiting = asyncio.create_task(here.begin(REQUEST, wait_seconds=LONG_SECONDS))
        await asyncio.sleep(0)
        await execution.complete(large)
    assert await waiting == large
    with await turn(here):
        pass
