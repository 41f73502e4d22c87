"""What the ledger tells: in the commit that makes it true, once, and only where somebody waits for it."""

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from service.adapters.storage import Storage, open_storage
from service.adapters.storage.engine import create_engine
from service.adapters.storage.tables import events
from service.core.events import EventType
from service.usage.ports import BudgetAccount, BudgetExhausted, Reservation
from tests.contracts.databases import Database
from tests.contracts.requests import make_intent, make_settlement
from tests.contracts.time import MovableClock


class Listening:
    """An Audience: tenant `acme`, for whatever happens to requests."""

    def __init__(self) -> None:
        self.times_told = 0

    def awaits(self, tenant: str, type_: EventType) -> bool:
        return tenant == "acme" and type_.startswith("generation.")

    def told(self) -> None:
        self.times_told += 1


@pytest.fixture
def audience() -> Listening:
    return Listening()


@pytest.fixture
async def storage(
    database: Database, clock: MovableClock, audience: Listening
) -> AsyncIterator[Storage]:
    """An instance whose ledger has an audience."""
    async with open_storage(database.url, clock=clock, audience=audience) as storage:
        yield storage


async def outbox(database: Database) -> list[dict[str, Any]]:
    """The events, in order."""
    engine = create_engine(database.url, timeout_seconds=5)
    async with engine.connect() as connection:
        rows = (await connection.execute(select(events).order_by(events.c.id))).mappings().all()
    await engine.dispose()
    return [dict(row) for row in rows]


@pytest.mark.parametrize("outcome", ["completed", "failed"])
async def test_a_settled_request_is_told_with_all_but_its_content(
    storage: Storage, database: Database, audience: Listening, outcome: str
) -> None:
    intent = make_intent()
    await storage.ledger.open(intent)
    settlement = make_settlement(intent, outcome=outcome, error_type="timeout")
    await storage.ledger.settle(settlement)
    [event] = await outbox(database)
    assert event["type"] == f"generation.{outcome}"
    assert event["tenant"] == "acme"
    assert event["created_at"] == settlement.completed_at
    assert event["dispatched_at"] is None
    assert event["data"] == {
        "id": intent.id,
        "request_id": "4b1f",
        "key_id": "key_1",
        "kind": "generate",
        "stream": True,
        "status": outcome,
        "model": "haiku",
        "provider": "anthropic",
        "provider_model": "claude-haiku-5-5",
        "finish_reason": "stop",
        "usage": {
            "input_tokens": 11,
            "output_tokens": 300,
            "total_tokens": 311,
            "cached_input_tokens": 4,
        },
        "cost_usd": 0.001511,
        "cache_hit": True,
        "duration_ms": 980.25,
        "metadata": {"team": "search"},
        "error_type": "timeout",
    }
    assert audience.times_told == 1


async def test_a_request_that_is_recorded_at_once_is_told(
    storage: Storage, database: Database
) -> None:
    intent = make_intent()
    await storage.ledger.record(intent, make_settlement(intent))
    [event] = await outbox(database)
    assert event["data"]["id"] == intent.id


async def test_nobody_is_told_who_does_not_wait_for_it(
    storage: Storage, database: Database, audience: Listening
) -> None:
    intent = make_intent(tenant="other")
    await storage.ledger.open(intent)
    await storage.ledger.settle(make_settlement(intent))
    assert await outbox(database) == []
    assert audience.times_told == 0


@pytest.mark.parametrize("outcome", ["cancelled", "unknown"])
async def test_an_end_that_is_none_is_not_told(
    storage: Storage, database: Database, outcome: str
) -> None:
    intent = make_intent()
    await storage.ledger.open(intent)
    await storage.ledger.settle(make_settlement(intent, outcome=outcome))
    assert await outbox(database) == []


async def test_a_settlement_that_changes_nothing_is_not_told_again(
    storage: Storage, other_storage: Storage, database: Database
) -> None:
    intent = make_intent()
    await storage.ledger.open(intent)
    await other_storage.ledger.settle(make_settlement(intent, outcome="failed"))
    await storage.ledger.settle(make_settlement(intent))
    assert await outbox(database) == []
    second = make_intent()
    await storage.ledger.record(second, make_settlement(second))
    await storage.ledger.record(second, make_settlement(second, outcome="failed"))
    [event] = await outbox(database)
    assert event["type"] == "generation.completed"


async def test_a_settlement_that_replaces_a_sweeps_is_told(
    storage: Storage, other_storage: Storage, database: Database
) -> None:
    intent = make_intent()
    await storage.ledger.open(intent)
    await other_storage.ledger.settle(make_settlement(intent, outcome="unknown"))
    await storage.ledger.settle(make_settlement(intent))
    [event] = await outbox(database)
    assert event["type"] == "generation.completed"


async def test_a_settlement_that_the_table_refuses_tells_nothing(
    storage: Storage, database: Database
) -> None:
    intent = make_intent()
    await storage.ledger.open(intent)
    refused = storage.ledger.settle(make_settlement(intent, output_tokens=-1))
    await refused
    record = await storage.ledger.find(intent.id, tenant="acme")
    assert record is not None
    assert record.settlement is not None
    assert record.settlement.outcome == "unknown"
    assert await outbox(database) == []


async def test_a_budgets_thresholds_are_told_in_the_commit_of_the_books(
    storage: Storage, database: Database, audience: Listening
) -> None:
    account = BudgetAccount(owner="key_1", period="total", starts_at=None, limit_usd=Decimal(1))
    reservation = Reservation(accounts=(account,), amounts_usd=(Decimal("0.9"),))
    intent = make_intent(tenant="other")
    await storage.ledger.open(intent, reservation)
    await storage.ledger.settle(make_settlement(intent, cost_usd=Decimal("0.85")))
    with pytest.raises(BudgetExhausted):
        await storage.ledger.open(make_intent(tenant="other"), reservation)
    told = await outbox(database)
    assert [event["type"] for event in told] == 2 * ["usage.threshold_reached"]
    assert {event["data"]["percent"] for event in told} == {80, 100}
    assert told[0]["tenant"] == "other"
    assert told[0]["data"] == {
        "owner": "key_1",
        "period": "total",
        "percent": 80,
        "limit_usd": 1.0,
        "spent_usd": 0.85,
    }
    assert audience.times_told == 2
