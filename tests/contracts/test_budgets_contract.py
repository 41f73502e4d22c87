"""What every ledger does with budgets: hold the worst case, charge the cost, lose nothing."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from sqlalchemy import select

from service.adapters.storage import Storage, open_storage
from service.adapters.storage.engine import create_engine
from service.adapters.storage.tables import budget_accounts
from service.usage.ports import BudgetAccount, BudgetExhausted, LedgerUnavailable, Reservation
from tests.contracts.databases import Database, PostgresDatabase
from tests.contracts.requests import make_intent, make_settlement
from tests.contracts.time import MovableClock, until
from tests.fakes import RecordedEvents

CENT = Decimal("0.01")
ZERO = Decimal(0)
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC)
LEASE_SECONDS = 30


def account(owner: str = "key_1", *, limit: str = "1", period: str = "2026-11") -> BudgetAccount:
    return BudgetAccount(
        owner=owner,
        period=period,
        starts_at=_start(period),
        limit_usd=Decimal(limit),
    )


def _start(period: str) -> datetime | None:
    if period == "total":
        return None
    return datetime.strptime(f"{period}-01"[:10], "%Y-%m-%d").replace(tzinfo=UTC)


def reserve(*accounts: BudgetAccount, amounts: tuple[str, ...] = ("0.01",)) -> Reservation:
    return Reservation(
        accounts=accounts or (account(),), amounts_usd=tuple(Decimal(a) for a in amounts)
    )


async def books(database: Database) -> dict[str, tuple[Decimal, Decimal]]:
    """What is spent and what is held, by owner and period."""
    engine = create_engine(database.url, timeout_seconds=5)
    async with engine.connect() as connection:
        rows = (await connection.execute(select(budget_accounts))).mappings().all()
    await engine.dispose()
    return {
        f"{row['owner']} {row['period']}": (row["spent_usd"], row["reserved_usd"]) for row in rows
    }


async def test_worst_case_is_held_and_the_cost_is_charged(
    storage: Storage, database: Database
) -> None:
    intent = make_intent()
    assert await storage.ledger.open(intent, reserve(amounts=("0.05",))) == Decimal("0.05")
    assert await books(database) == {"key_1 2026-11": (ZERO, Decimal("0.05"))}
    await storage.ledger.settle(make_settlement(intent, cost_usd=CENT))
    assert await books(database) == {"key_1 2026-11": (CENT, ZERO)}


async def test_what_does_not_fit_is_refused_and_leaves_no_row(
    storage: Storage, database: Database
) -> None:
    spent = make_intent()
    await storage.ledger.open(spent, reserve(amounts=("0.9",)))
    await storage.ledger.settle(make_settlement(spent, cost_usd=Decimal("0.9")))
    refused = make_intent()
    with pytest.raises(BudgetExhausted) as exhausted:
        await storage.ledger.open(refused, reserve(amounts=("0.100000001",)))
    assert exhausted.value.account == account()
    assert exhausted.value.spent_usd == Decimal("0.9")
    assert await storage.ledger.find(refused.id, tenant=refused.tenant) is None
    assert await storage.ledger.open(make_intent(), reserve(amounts=("0.1",))) == Decimal("0.1")


async def test_greatest_amount_that_fits_is_held(storage: Storage, database: Database) -> None:
    amounts = ("1.5", "0.7", "0.2")
    assert await storage.ledger.open(make_intent(), reserve(amounts=amounts)) == Decimal("0.7")
    assert await storage.ledger.open(make_intent(), reserve(amounts=amounts)) == Decimal("0.2")
    with pytest.raises(BudgetExhausted):
        await storage.ledger.open(make_intent(), reserve(amounts=amounts))
    assert await books(database) == {"key_1 2026-11": (ZERO, Decimal("0.9"))}


async def test_what_one_account_refuses_is_held_in_none(
    storage: Storage, database: Database
) -> None:
    both = (account("key_1", limit="5"), account("tenant:acme", limit="0.5"))
    await storage.ledger.open(make_intent(), reserve(*both, amounts=("0.4",)))
    with pytest.raises(BudgetExhausted) as exhausted:
        await storage.ledger.open(make_intent(), reserve(*both, amounts=("0.2",)))
    assert exhausted.value.account.owner == "tenant:acme"
    held = (ZERO, Decimal("0.4"))
    assert await books(database) == {"key_1 2026-11": held, "tenant:acme 2026-11": held}


async def test_two_hundred_at_once_on_two_replicas_hold_no_more_than_the_limit(
    storage: Storage, other_storage: Storage, database: Database
) -> None:
    both = (account("key_1", limit="0.5"), account("tenant:acme", limit="9"))
    intents = [make_intent() for _ in range(200)]
    opened = await asyncio.gather(
        *(
            (storage, other_storage)[number % 2].ledger.open(intent, reserve(*both))
            for number, intent in enumerate(intents)
        ),
        return_exceptions=True,
    )
    assert opened.count(CENT) == 50
    assert sum(isinstance(refusal, BudgetExhausted) for refusal in opened) == 150
    assert (await books(database))["key_1 2026-11"] == (ZERO, Decimal("0.5"))
    cost = Decimal("0.004")
    await asyncio.gather(
        *(
            (storage, other_storage)[number % 2].ledger.settle(
                make_settlement(intent, cost_usd=cost)
            )
            for number, intent in enumerate(intents)
            if opened[number] == CENT
        )
    )
    assert set((await books(database)).values()) == {(50 * cost, ZERO)}
    assert await storage.ledger.open(make_intent(), reserve(*both)) == CENT  # nobody is locked out


async def test_second_settlement_charges_nothing(storage: Storage, database: Database) -> None:
    intent = make_intent()
    await storage.ledger.open(intent, reserve())
    first = storage.ledger.settle(make_settlement(intent, cost_usd=CENT))
    await asyncio.gather(first, storage.ledger.settle(make_settlement(intent, cost_usd=CENT)))
    assert await books(database) == {"key_1 2026-11": (CENT, ZERO)}


async def test_orphan_gives_back_what_it_holds_and_is_charged_its_estimate(
    storage: Storage, other_storage: Storage, database: Database, clock: MovableClock
) -> None:
    intent = make_intent(estimated_cost_usd=Decimal("0.002"))
    await storage.ledger.open(intent, reserve())
    clock.advance(LEASE_SECONDS + 1)
    assert await other_storage.ledger.sweep_orphans() == 1
    assert await books(database) == {"key_1 2026-11": (Decimal("0.002"), ZERO)}


async def test_settlement_after_a_sweep_corrects_the_charge(
    storage: Storage, other_storage: Storage, database: Database, clock: MovableClock
) -> None:
    intent = make_intent(estimated_cost_usd=Decimal("0.002"))
    await storage.ledger.open(intent, reserve())
    clock.advance(LEASE_SECONDS + 1)
    await other_storage.ledger.sweep_orphans()
    await storage.ledger.settle(make_settlement(intent, cost_usd=Decimal("0.0015")))
    assert await books(database) == {"key_1 2026-11": (Decimal("0.0015"), ZERO)}


async def test_caller_who_leaves_while_its_row_is_on_the_way_holds_nothing(
    storage: Storage, database: Database
) -> None:
    loop = asyncio.get_running_loop()
    openings = [
        asyncio.create_task(storage.ledger.open(make_intent(), reserve())) for _ in range(60)
    ]
    for number, opening in enumerate(openings):
        loop.call_later(number * 0.0001, opening.cancel)
    await asyncio.gather(*openings, return_exceptions=True)
    left = [opening for opening in openings if not opening.cancelled()]

    async def is_held_for_those_who_stayed() -> bool:
        return all(held == len(left) * CENT for _, held in (await books(database)).values())

    await until(is_held_for_those_who_stayed)


async def test_nothing_stays_held_by_what_an_outage_has_refused(
    storage: Storage, database: Database
) -> None:
    before = make_intent()
    await storage.ledger.open(before, reserve())
    async with database.away():
        settling = storage.ledger.settle(make_settlement(before, cost_usd=CENT))
        with pytest.raises(LedgerUnavailable):
            await storage.ledger.open(make_intent(), reserve())
    async with asyncio.timeout(10):
        await settling

    async def nothing_is_held() -> bool:
        return await books(database) == {"key_1 2026-11": (CENT, ZERO)}

    await until(nothing_is_held)


async def test_what_is_answered_late_is_held_once_or_not_at_all(
    database: Database, clock: MovableClock
) -> None:
    """A commit whose answer came too late may still have happened."""
    async with open_storage(database.url, clock=clock, commit_timeout_seconds=0.3) as storage:
        first = make_intent()
        await storage.ledger.open(first, reserve())
        async with database.slow():
            with pytest.raises(LedgerUnavailable):
                await storage.ledger.open(make_intent(), reserve())

        async def only_the_first_holds() -> bool:
            return await books(database) == {"key_1 2026-11": (ZERO, CENT)}

        await until(only_the_first_holds, timeout_seconds=10)


async def test_connection_that_was_lost_while_idle_is_replaced_and_holds_once(
    storage: Storage, database: Database
) -> None:
    await storage.ledger.open(make_intent(), reserve())
    if isinstance(database, PostgresDatabase):
        async with database.away():
            pass

    async def opens() -> bool:
        try:
            return await storage.ledger.open(make_intent(), reserve()) == CENT
        except LedgerUnavailable:
            return False

    await until(opens, timeout_seconds=10)

    async def two_hold() -> bool:
        return await books(database) == {"key_1 2026-11": (ZERO, 2 * CENT)}

    await until(two_hold)


async def test_each_period_has_an_account_of_its_own(storage: Storage, database: Database) -> None:
    yesterday = make_intent(created_at=datetime(2026, 11, 22, 23, 59, tzinfo=UTC))
    await storage.ledger.open(yesterday, reserve(account(period="2026-11-22")))
    await storage.ledger.open(make_intent(), reserve(account(period="2026-11-23")))
    await storage.ledger.settle(make_settlement(yesterday, cost_usd=CENT))
    assert await books(database) == {
        "key_1 2026-11-22": (CENT, ZERO),
        "key_1 2026-11-23": (ZERO, CENT),
    }


@pytest.mark.parametrize(
    ("owner", "period", "spent"),
    [
        ("key_1", "2026-11", "0.05"),
        ("key_1", "total", "0.15"),
        ("tenant:acme", "2026-11", "0.25"),
        ("key_token", "2026-11", "0"),
    ],
)
async def test_new_budget_counts_what_was_spent_before_it(
    storage: Storage, database: Database, owner: str, period: str, spent: str
) -> None:
    october = datetime(2026, 10, 31, 23, 59, tzinfo=UTC)
    for key_id, tenant, created_at, cost in (
        ("key_1", "acme", october, "0.10"),
        ("key_1", "acme", NOVEMBER, "0.05"),
        ("key_2", "acme", NOVEMBER, "0.20"),
        ("key_3", "globex", NOVEMBER, "0.40"),
    ):
        intent = make_intent(key_id=key_id, tenant=tenant, created_at=created_at)
        await storage.ledger.open(intent)
        await storage.ledger.settle(make_settlement(intent, cost_usd=Decimal(cost)))
    await storage.ledger.open(make_intent(), reserve(account(owner, period=period)))
    assert await books(database) == {f"{owner} {period}": (Decimal(spent), CENT)}


async def test_thresholds_are_told_once(database: Database, clock: MovableClock) -> None:
    events = RecordedEvents()
    async with open_storage(database.url, clock=clock, events=events) as storage:

        async def spend(cost: str, *, limit: str = "1") -> None:
            intent = make_intent()
            wanted = reserve(account(limit=limit), amounts=(cost,))
            await storage.ledger.open(intent, wanted)
            await storage.ledger.settle(make_settlement(intent, cost_usd=Decimal(cost)))

        await spend("0.79")
        assert events.thresholds == []
        await spend("0.01")
        await spend("0.01")
        assert [(e.percent, e.spent_usd, e.limit_usd) for e in events.thresholds] == [
            (80, Decimal("0.80"), Decimal(1))
        ]
        for _ in range(2):  # a refusal from here on means that the budget is used up
            with pytest.raises(BudgetExhausted):
                await spend("0.5")
        assert [event.percent for event in events.thresholds] == [80, 100]
        await spend("0.20", limit="2")
        assert [event.percent for event in events.thresholds] == [80, 100]
        await spend("0.99", limit="2")
        assert [event.percent for event in events.thresholds] == [80, 100, 80, 100]
        told = events.thresholds[-1]
        assert (told.tenant, told.owner, told.period) == ("acme", "key_1", "2026-11")


async def test_refusal_of_a_large_request_on_a_fresh_budget_is_no_threshold(
    database: Database, clock: MovableClock
) -> None:
    events = RecordedEvents()
    async with open_storage(database.url, clock=clock, events=events) as storage:
        with pytest.raises(BudgetExhausted):
            await storage.ledger.open(make_intent(), reserve(amounts=("5",)))
    assert events.thresholds == []


async def test_who_did_not_open_a_row_settles_it_with_what_it_holds(
    storage: Storage, other_storage: Storage, database: Database
) -> None:
    intent = make_intent()
    await storage.ledger.open(intent, reserve(amounts=("0.05",)))
    await other_storage.ledger.settle(make_settlement(intent, cost_usd=CENT))
    assert await books(database) == {"key_1 2026-11": (CENT, ZERO)}


async def test_a_real_settlement_after_a_sweep_is_charged_instead_whoever_brings_it(
    storage: Storage, other_storage: Storage, database: Database, clock: MovableClock
) -> None:
    intent = make_intent(estimated_cost_usd=Decimal("0.03"))
    await storage.ledger.open(intent, reserve(amounts=("0.05",)))
    await storage.ledger.keep_open([intent.id], until=clock.now())
    clock.advance(LEASE_SECONDS + 1)
    assert await other_storage.ledger.sweep_orphans() == 1
    assert await books(database) == {"key_1 2026-11": (Decimal("0.03"), ZERO)}
    await storage.ledger.settle(make_settlement(intent, cost_usd=CENT))
    assert await books(database) == {"key_1 2026-11": (CENT, ZERO)}
