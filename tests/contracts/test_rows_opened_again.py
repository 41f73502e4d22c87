"""What every ledger does with a row that an earlier run has left behind: one row, one bill."""

import asyncio
from decimal import Decimal

import pytest

from service.adapters.storage import Storage
from service.usage.ports import BudgetExhausted, Intent, Outcome, Settlement
from tests.contracts.databases import Database
from tests.contracts.requests import make_intent, make_settlement
from tests.contracts.test_budgets_contract import CENT, LEASE_SECONDS, ZERO, account, books, reserve
from tests.contracts.time import MovableClock

DIME = Decimal("0.1")


async def runs(storage: Storage, intent: Intent) -> tuple[int, Settlement | None]:
    record = await storage.ledger.find(intent.id, tenant=intent.tenant)
    assert record is not None
    return record.runs, record.settlement


async def test_row_that_is_not_there_is_opened_as_ever(storage: Storage) -> None:
    intent = make_intent()
    await storage.ledger.open(intent, again=True)
    assert await runs(storage, intent) == (1, None)


async def test_open_row_is_taken_over_and_what_it_holds_is_held_once(
    storage: Storage, other_storage: Storage, database: Database, clock: MovableClock
) -> None:
    intent = make_intent()
    await storage.ledger.open(intent, reserve(amounts=("0.1",)))
    clock.advance(LEASE_SECONDS + 1)
    assert await other_storage.ledger.open(intent, reserve(amounts=("0.1",)), again=True) == DIME
    assert await books(database) == {"key_1 2026-11": (ZERO, DIME)}
    assert await runs(storage, intent) == (2, None)
    assert await storage.ledger.sweep_orphans() == 0  # it has a living owner now
    await other_storage.ledger.settle(make_settlement(intent, cost_usd=CENT))
    assert await books(database) == {"key_1 2026-11": (CENT, ZERO)}


@pytest.mark.parametrize("outcome", ["unknown", "cancelled", "failed"])
async def test_charge_of_a_run_that_came_to_nothing_is_given_back(
    storage: Storage, database: Database, outcome: Outcome
) -> None:
    intent = make_intent()
    await storage.ledger.open(intent, reserve())
    await storage.ledger.settle(make_settlement(intent, outcome=outcome, cost_usd=CENT / 2))
    assert await storage.ledger.open(intent, reserve(), again=True) == CENT
    assert await books(database) == {"key_1 2026-11": (ZERO, CENT)}
    again = make_settlement(intent, cost_usd=CENT / 4)
    await storage.ledger.settle(again)
    assert await books(database) == {"key_1 2026-11": (CENT / 4, ZERO)}
    assert await runs(storage, intent) == (2, again)


async def test_row_that_is_paid_for_is_not_paid_for_twice(
    storage: Storage, database: Database
) -> None:
    intent = make_intent()
    first = make_settlement(intent, cost_usd=CENT)
    await storage.ledger.open(intent, reserve())
    await storage.ledger.settle(first)
    nearly_spent = reserve(account(limit="0.01"), amounts=("0.009", "0.001"))
    assert await storage.ledger.open(intent, nearly_spent, again=True) == Decimal("0.009")
    await storage.ledger.settle(make_settlement(intent, cost_usd=2 * CENT))
    assert await books(database) == {"key_1 2026-11": (CENT, ZERO)}
    assert await runs(storage, intent) == (2, first)


async def test_row_without_budget_that_is_paid_for_holds_nothing_once_there_is_one(
    storage: Storage, database: Database
) -> None:
    intent = make_intent()
    await storage.ledger.open(intent)
    await storage.ledger.settle(make_settlement(intent, cost_usd=CENT))
    assert await storage.ledger.open(intent, reserve(), again=True) == CENT
    await storage.ledger.settle(make_settlement(intent, cost_usd=CENT))
    assert await books(database) == {"key_1 2026-11": (CENT, ZERO)}


async def test_row_that_is_refused_its_second_run_stays_as_the_first_left_it(
    storage: Storage, database: Database
) -> None:
    intent = make_intent()
    await storage.ledger.open(intent, reserve(amounts=("0.6",)))
    with pytest.raises(BudgetExhausted):
        await storage.ledger.open(intent, reserve(amounts=("1.1",)), again=True)
    assert await books(database) == {"key_1 2026-11": (ZERO, Decimal("0.6"))}
    assert await runs(storage, intent) == (1, None)


async def test_row_gives_back_what_it_holds_when_its_budget_is_gone(
    storage: Storage, database: Database
) -> None:
    intent = make_intent()
    await storage.ledger.open(intent, reserve())
    await storage.ledger.open(intent, again=True)
    assert await books(database) == {"key_1 2026-11": (ZERO, ZERO)}
    await storage.ledger.settle(make_settlement(intent, cost_usd=CENT))
    assert await books(database) == {"key_1 2026-11": (ZERO, ZERO)}


async def test_second_run_right_after_a_cancelled_one_is_not_settled_by_it(
    storage: Storage, database: Database
) -> None:
    intent = make_intent()
    await storage.ledger.open(intent, reserve())
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(storage.ledger.ping())
        for _ in range(3):  # the ping's commit is under way: what comes now goes into one commit
            await asyncio.sleep(0)
        cancelled = make_settlement(intent, outcome="cancelled", cost_usd=CENT)
        storage.ledger.settle(cancelled)
        tasks.create_task(storage.ledger.open(intent, reserve(), again=True))
    assert await runs(storage, intent) == (2, None)
    assert await books(database) == {"key_1 2026-11": (ZERO, CENT)}


async def test_free_answer_settles_what_an_earlier_run_has_left_open(
    storage: Storage, database: Database
) -> None:
    intent = make_intent()
    await storage.ledger.open(intent, reserve())
    hit = make_settlement(intent, cost_usd=ZERO, cache_hit=True)
    await storage.ledger.record(intent, hit, again=True)
    assert await runs(storage, intent) == (1, hit)
    assert await books(database) == {"key_1 2026-11": (ZERO, ZERO)}
