"""A database that is away, slow or full: new rows are refused, nothing settled is lost."""

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from time import monotonic

import pytest
from structlog.testing import capture_logs

from service.adapters.storage import Storage, open_storage
from service.adapters.storage.migrate import migrate
from service.usage.ports import Intent, LedgerUnavailable
from tests.contracts.cut_answers import CutAnswers
from tests.contracts.databases import Database, PostgresDatabase, SqliteDatabase
from tests.contracts.requests import make_intent, make_settlement
from tests.contracts.time import MovableClock, until
from tests.disk import no_file_may_grow_beyond
from tests.postgres import Postgres

RECOVERY_SECONDS = 5
COMMIT_TIMEOUT_SECONDS = 0.5


@pytest.fixture
async def storage(database: Database, clock: MovableClock) -> AsyncIterator[Storage]:
    """Storage that does not wait for long."""
    async with open_storage(
        database.url, clock=clock, commit_timeout_seconds=COMMIT_TIMEOUT_SECONDS
    ) as storage:
        yield storage


async def test_open_is_refused_within_the_commit_timeout(
    database: Database, storage: Storage
) -> None:
    await storage.ledger.open(make_intent())
    async with database.away():
        started = monotonic()
        with pytest.raises(LedgerUnavailable):
            await storage.ledger.open(make_intent())
        assert monotonic() - started < COMMIT_TIMEOUT_SECONDS + 0.5


async def test_open_is_refused_at_once_while_the_outage_lasts(
    database: Database, storage: Storage
) -> None:
    async with database.away():
        with pytest.raises(LedgerUnavailable):
            await storage.ledger.open(make_intent())
        for _ in range(3):
            intents = [make_intent() for _ in range(30)]
            started = monotonic()
            results = await asyncio.gather(
                *(storage.ledger.open(intent) for intent in intents), return_exceptions=True
            )
            assert all(isinstance(result, LedgerUnavailable) for result in results)
            assert monotonic() - started < COMMIT_TIMEOUT_SECONDS / 2


async def test_settlements_wait_in_memory_and_are_written_after_the_outage(
    database: Database, storage: Storage
) -> None:
    intents = [make_intent() for _ in range(20)]
    await asyncio.gather(*(storage.ledger.open(intent) for intent in intents))
    async with database.away():
        settlements = [storage.ledger.settle(make_settlement(intent)) for intent in intents]
        with pytest.raises(LedgerUnavailable):
            await storage.ledger.open(make_intent())
        assert not any(settled.done() for settled in settlements)
    async with asyncio.timeout(RECOVERY_SECONDS):
        await asyncio.gather(*settlements)
    for intent in intents:
        record = await storage.ledger.find(intent.id, tenant=intent.tenant)
        assert record is not None
        assert record.settlement == make_settlement(intent)


async def test_new_rows_are_taken_again_after_the_outage(
    database: Database, storage: Storage
) -> None:
    async with database.away():
        with pytest.raises(LedgerUnavailable):
            await storage.ledger.open(make_intent())
    await until(lambda: _opens(storage), timeout_seconds=RECOVERY_SECONDS)


async def test_ping_tells_of_the_outage_and_of_its_end(
    database: Database, storage: Storage
) -> None:
    async with database.away():
        with pytest.raises(LedgerUnavailable):
            await storage.ledger.ping()

    async def answers() -> bool:
        try:
            await storage.ledger.ping()
        except LedgerUnavailable:
            return False
        return True

    await until(answers, timeout_seconds=RECOVERY_SECONDS)
    await storage.ledger.open(make_intent())


async def test_connection_lost_while_idle_costs_no_request(
    database: Database, storage: Storage
) -> None:
    intent = make_intent()
    await storage.ledger.open(intent)
    async with database.away():
        pass
    await storage.ledger.open(make_intent())
    await storage.ledger.settle(make_settlement(intent))


async def test_answer_lost_with_the_connection_costs_no_request_and_no_second_row(
    postgres: Postgres, clock: MovableClock
) -> None:
    database = PostgresDatabase(postgres)
    await migrate(database.url)
    async with (
        CutAnswers(database.url) as cut,
        open_storage(cut.url, clock=clock) as storage,
    ):
        await storage.ledger.open(make_intent())
        intent = make_intent()
        cut.next_answer = True
        await storage.ledger.open(intent)
        assert not cut.next_answer
        await storage.ledger.settle(make_settlement(intent))
        record = await storage.ledger.find(intent.id, tenant=intent.tenant)
        assert record is not None
        assert record.settlement == make_settlement(intent)


async def test_server_that_says_between_two_answers_that_it_goes_costs_no_settlement(
    postgres: Postgres, clock: MovableClock
) -> None:
    database = PostgresDatabase(postgres)
    await migrate(database.url)
    async with (
        CutAnswers(database.url) as cut,
        open_storage(cut.url, clock=clock) as storage,
    ):
        intent = make_intent()
        await storage.ledger.open(intent)
        cut.say_that_the_server_shuts_down()
        await asyncio.sleep(0.01)  # it is heard
        async with asyncio.timeout(RECOVERY_SECONDS):
            await storage.ledger.settle(make_settlement(intent))
        record = await storage.ledger.find(intent.id, tenant=intent.tenant)
        assert record is not None
        assert record.settlement == make_settlement(intent)


async def test_each_transition_is_one_line_in_the_log(database: Database, storage: Storage) -> None:
    intent = make_intent()
    await storage.ledger.open(intent)
    with capture_logs() as logs:
        async with database.away():
            settled = storage.ledger.settle(make_settlement(intent))
            for _ in range(30):
                with pytest.raises(LedgerUnavailable):
                    await storage.ledger.open(make_intent())
                await asyncio.wait([settled], timeout=0.05)
        await asyncio.wait_for(settled, RECOVERY_SECONDS)
    events = [entry["event"] for entry in logs]
    assert [event for event in events if "available" in event] == [
        "ledger_unavailable",
        "ledger_available_again",
    ]
    assert len(events) == len(set(events))


async def test_row_whose_commit_was_not_answered_is_not_charged(
    database: Database, clock: MovableClock
) -> None:
    async with open_storage(database.url, clock=clock, commit_timeout_seconds=0.2) as storage:
        await storage.ledger.open(make_intent())
        late = [make_intent() for _ in range(5)]
        async with database.slow():
            results = await asyncio.gather(
                *(storage.ledger.open(intent) for intent in late), return_exceptions=True
            )
        assert all(isinstance(result, LedgerUnavailable) for result in results)
        await until(lambda: _opens(storage), timeout_seconds=RECOVERY_SECONDS)
        await until(lambda: _owes_nothing(storage, late))


async def test_row_that_arrives_after_it_was_voided_is_not_charged(
    postgres: Postgres, clock: MovableClock
) -> None:
    database = PostgresDatabase(postgres)
    await migrate(database.url)
    async with open_storage(database.url, clock=clock, commit_timeout_seconds=0.3) as storage:
        await storage.ledger.open(make_intent())
        late = make_intent()
        with postgres.frozen_backends(
            "query LIKE '%INSERT INTO requests%' AND state = 'idle'"
        ) as old:
            assert old
            with pytest.raises(LedgerUnavailable):
                await storage.ledger.open(late)
            await until(lambda: _opens(storage), timeout_seconds=RECOVERY_SECONDS)

        async def old_connection_has_ended() -> bool:
            return not set(old) & set(postgres.backends("true"))

        await until(old_connection_has_ended)
        record = await storage.ledger.find(late.id, tenant=late.tenant)
        assert record is not None
        assert record.settlement is not None
        assert (record.settlement.outcome, record.settlement.cost_usd) == ("cancelled", Decimal(0))


async def test_caller_who_leaves_during_the_outage_is_not_charged(
    database: Database, clock: MovableClock
) -> None:
    async with open_storage(database.url, clock=clock, commit_timeout_seconds=0.5) as storage:
        await storage.ledger.open(make_intent())
        intents = [make_intent() for _ in range(5)]
        async with database.slow():
            openings = [asyncio.create_task(storage.ledger.open(intent)) for intent in intents]
            await asyncio.wait(openings, timeout=0.05)
            for opening in openings:
                opening.cancel()
            await asyncio.wait(openings)
        assert all(opening.cancelled() for opening in openings)
        await until(lambda: _opens(storage), timeout_seconds=RECOVERY_SECONDS)
        await until(lambda: _owes_nothing(storage, intents))


async def test_event_loop_that_stalls_past_the_commit_timeout_does_not_end_the_service(
    storage: Storage,
) -> None:
    opening = asyncio.create_task(storage.ledger.open(make_intent()))
    asyncio.get_running_loop().call_soon(_stall, COMMIT_TIMEOUT_SECONDS + 0.1)
    await asyncio.wait([opening])
    await until(lambda: _opens(storage))


def _stall(seconds: float) -> None:
    """Keep the event loop from turning."""
    end = monotonic() + seconds
    while monotonic() < end:
        pass


async def test_closing_during_an_outage_ends_and_fails_what_is_left(
    database: Database, clock: MovableClock
) -> None:
    storage = open_storage(
        database.url, clock=clock, commit_timeout_seconds=0.2, close_timeout_seconds=0.5
    )
    await storage.ledger.start()
    intent = make_intent()
    await storage.ledger.open(intent)
    async with database.away():
        settled = storage.ledger.settle(make_settlement(intent))
        async with asyncio.timeout(3):
            await storage.aclose()
    with pytest.raises(LedgerUnavailable):
        await settled


async def test_full_disk_refuses_new_rows_and_loses_nothing(
    tmp_path: Path, clock: MovableClock
) -> None:
    path = tmp_path / "ai-service.db"
    database = SqliteDatabase(path)
    await migrate(database.url)
    async with open_storage(database.url, clock=clock) as storage:
        intent = make_intent()
        await storage.ledger.open(intent)
        with no_file_may_grow_beyond(path.with_name(f"{path.name}-wal").stat().st_size):
            with pytest.raises(LedgerUnavailable):
                await storage.ledger.open(make_intent())
            settled = storage.ledger.settle(make_settlement(intent))
            await asyncio.wait([settled], timeout=0.2)
            assert not settled.done()
        await asyncio.wait_for(settled, RECOVERY_SECONDS)
        record = await storage.ledger.find(intent.id, tenant=intent.tenant)
        assert record is not None
        assert record.settlement == make_settlement(intent)
        await until(lambda: _opens(storage))


async def _opens(storage: Storage) -> bool:
    try:
        await storage.ledger.open(make_intent())
    except LedgerUnavailable:
        return False
    return True


async def _owes_nothing(storage: Storage, intents: list[Intent]) -> bool:
    """Whether each row is missing or cancelled at no cost."""
    for intent in intents:
        record = await storage.ledger.find(intent.id, tenant=intent.tenant)
        if record is not None and (
            record.settlement is None
            or (record.settlement.outcome, record.settlement.cost_usd) != ("cancelled", Decimal(0))
        ):
            return False
    return True
