"""What every store of providers' webhooks does."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Row, Table, func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from service.adapters.storage import Storage, open_storage
from service.adapters.storage.engine import create_engine
from service.adapters.storage.tables import events, inbound_events
from service.usage.ports import Intent, ProviderReport, UsageRecord
from service.webhooks.inbound_ports import (
    Arrival,
    Effect,
    InboundEventsUnavailable,
    RequestReport,
)
from tests.contracts.databases import Database
from tests.contracts.requests import make_intent, make_settlement
from tests.contracts.time import MovableClock

NOON = datetime.fromisoformat("2026-11-23T12:00:00Z")
REPORT = ProviderReport(
    type="generation.failed",
    reported_at=NOON,
    error_type="overloaded_error",
    figures={"attempts": 2, "seconds": 1.5},
)


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    """A way to look into the tables."""
    engine = create_engine(database.url, timeout_seconds=5)
    yield engine
    await engine.dispose()


@pytest.fixture
async def intent(storage: Storage) -> Intent:
    """A request of `acme`, under way."""
    intent = make_intent(created_at=NOON - timedelta(minutes=1))
    await storage.ledger.open(intent)
    return intent


def arrival(id_: str = "one", *, received_at: datetime = NOON) -> Arrival:
    return Arrival(id=id_, type="generation.failed", received_at=received_at)


def about(intent: Intent, **changes: Any) -> RequestReport:
    """A report on the request, which may have been made at any time."""
    report = replace(REPORT, **changes)
    return RequestReport(
        request_id=intent.id, report=report, made_after=intent.created_at - timedelta(days=1)
    )


async def found(storage: Storage, intent: Intent) -> UsageRecord:
    record = await storage.ledger.find(intent.id, tenant=intent.tenant)
    assert record is not None
    return record


async def rows(engine: AsyncEngine, table: Table) -> Sequence[Row[Any]]:
    async with engine.connect() as connection:
        return (await connection.execute(select(table))).all()


async def test_a_report_becomes_the_requests_own_and_its_tenant_is_told(
    storage: Storage, engine: AsyncEngine, intent: Intent
) -> None:
    effect = await storage.inbound_events.take(arrival(), about(intent, content='{"type":"Zoë"}'))
    assert effect == "taken"
    record = await found(storage, intent)
    assert record.provider_report == replace(REPORT, content='{"type":"Zoë"}')
    (event,) = await rows(engine, events)
    assert (event.tenant, event.type, event.created_at) == ("acme", "generation.failed", NOON)
    assert event.dispatched_at is None
    assert event.data == {
        "request_id": intent.id,
        "provider_report": {
            "type": "generation.failed",
            "reported_at": "2026-11-23T12:00:00Z",
            "error_type": "overloaded_error",
            "figures": {"attempts": 2, "seconds": 1.5},
        },
    }, "without content"


async def test_a_report_leaves_how_the_request_ended_and_what_it_cost_to_the_ledger(
    storage: Storage, intent: Intent
) -> None:
    await storage.inbound_events.take(arrival(), about(intent))
    assert (await found(storage, intent)).settlement is None, "it is still under way"
    settlement = make_settlement(intent)
    await storage.ledger.settle(settlement)
    await storage.inbound_events.take(arrival("two"), about(intent, error_type="other"))
    record = await found(storage, intent)
    assert (record.intent, record.settlement) == (intent, settlement)
    assert record.provider_report == replace(REPORT, error_type="other")


async def test_a_repeat_has_no_second_effect(
    storage: Storage, engine: AsyncEngine, intent: Intent
) -> None:
    await storage.inbound_events.take(arrival(), about(intent))
    other = about(intent, error_type="other", reported_at=NOON + timedelta(hours=1))
    assert await storage.inbound_events.take(arrival(), other) == "repeated"
    assert (await found(storage, intent)).provider_report == REPORT
    assert len(await rows(engine, events)) == 1


async def test_of_many_equal_events_at_once_one_is_taken(
    storage: Storage, other_storage: Storage, engine: AsyncEngine, intent: Intent
) -> None:
    stores = (storage.inbound_events, other_storage.inbound_events)
    effects = await asyncio.gather(
        *(store.take(arrival(), about(intent)) for store in stores for _ in range(10))
    )
    assert Counter(effects) == {"taken": 1, "repeated": 19}
    assert len(await rows(engine, events)) == 1


@pytest.mark.parametrize(("seconds", "effect"), [(-1, "none"), (0, "taken"), (1, "taken")], ids=str)
async def test_of_two_reports_the_one_of_the_later_moment_stays(
    seconds: int, effect: Effect, storage: Storage, engine: AsyncEngine, intent: Intent
) -> None:
    await storage.inbound_events.take(arrival("one"), about(intent))
    second = about(intent, error_type="second", reported_at=NOON + timedelta(seconds=seconds))
    assert await storage.inbound_events.take(arrival("two"), second) == effect
    is_second = effect == "taken"
    record = await found(storage, intent)
    assert record.provider_report == (second.report if is_second else REPORT)
    assert len(await rows(engine, events)) == (2 if is_second else 1)


async def test_of_many_reports_at_once_the_latest_stays(
    storage: Storage, other_storage: Storage, intent: Intent
) -> None:
    stores = (storage.inbound_events, other_storage.inbound_events)
    await asyncio.gather(
        *(
            stores[n % 2].take(
                arrival(str(n)), about(intent, reported_at=NOON + timedelta(seconds=n * 7 % 20))
            )
            for n in range(20)
        )
    )
    report = (await found(storage, intent)).provider_report
    assert report is not None
    assert report.reported_at == NOON + timedelta(seconds=19)


async def test_what_concerns_no_request_of_ours_is_noted_and_nothing_else(
    storage: Storage, engine: AsyncEngine, intent: Intent
) -> None:
    store = storage.inbound_events
    unknown = replace(about(intent), request_id="req_unknown")
    too_old = replace(about(intent), made_after=intent.created_at)
    assert await store.take(arrival("plain")) == "taken"
    assert await store.take(arrival("unknown"), unknown) == "none"
    assert await store.take(arrival("too old"), too_old) == "none"
    for id_ in ("plain", "unknown", "too old"):
        assert await store.take(arrival(id_), about(intent)) == "repeated"
    assert (await found(storage, intent)).provider_report is None
    assert await rows(engine, events) == []


async def test_old_events_are_forgotten_and_young_ones_are_not(
    storage: Storage, engine: AsyncEngine
) -> None:
    for hours in (0, 1, 2):
        received_at = NOON + timedelta(hours=hours)
        await storage.inbound_events.take(arrival(str(hours), received_at=received_at))
    await storage.inbound_events.forget(received_before=NOON + timedelta(hours=1))
    assert {row.id for row in await rows(engine, inbound_events)} == {"1", "2"}


async def test_old_content_is_forgotten_and_its_report_is_not(
    storage: Storage, intent: Intent
) -> None:
    young = make_intent(created_at=NOON)
    await storage.ledger.open(young)
    store = storage.inbound_events
    await store.take(arrival("one"), about(intent, content="old"))
    later = NOON + timedelta(days=1)
    await store.take(arrival("two"), about(young, content="young", reported_at=later))
    for _ in range(2):
        await store.forget_content(reported_before=later)
        assert (await found(storage, intent)).provider_report == REPORT
        report = (await found(storage, young)).provider_report
        assert report is not None
        assert report.content == "young"


async def test_an_event_whose_effect_could_not_be_written_is_not_a_repeat(
    storage: Storage, engine: AsyncEngine, intent: Intent
) -> None:
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE events RENAME TO elsewhere"))
    with pytest.raises(InboundEventsUnavailable):
        await storage.inbound_events.take(arrival(), about(intent))
    assert await rows(engine, inbound_events) == []
    assert (await found(storage, intent)).provider_report is None
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE elsewhere RENAME TO events"))
    assert await storage.inbound_events.take(arrival(), about(intent)) == "taken"


async def test_a_store_that_is_away_is_unavailable_and_takes_events_again_when_it_is_back(
    database: Database, clock: MovableClock, engine: AsyncEngine, intent: Intent
) -> None:
    async with open_storage(database.url, clock=clock, commit_timeout_seconds=0.2) as storage:
        store = storage.inbound_events
        assert await store.take(arrival("before")) == "taken"
        async with database.away():
            for work in (
                store.take(arrival(), about(intent)),
                store.forget(received_before=NOON),
                store.forget_content(reported_before=NOON),
            ):
                with pytest.raises(InboundEventsUnavailable):
                    await work
        assert await store.take(arrival(), about(intent)) == "taken"
    async with engine.connect() as connection:
        assert await connection.scalar(select(func.count()).select_from(events)) == 1
