"""Leases: a row is its instance's as long as that lives, and an orphan afterwards."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from datetime import timedelta
from decimal import Decimal
from random import Random

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from service.adapters.storage import Storage, open_storage
from service.adapters.storage.engine import create_engine
from service.adapters.storage.tables import requests
from service.usage.ports import Settlement
from tests.contracts.databases import Database
from tests.contracts.requests import make_intent, make_settlement
from tests.contracts.time import MovableClock, until

LEASE_SECONDS = 30
INSTANCES = 3


async def test_orphan_is_settled_as_unknown_at_its_estimate(
    storage: Storage, other_storage: Storage, clock: MovableClock
) -> None:
    intent = make_intent(created_at=clock.now())
    await storage.ledger.open(intent)
    clock.advance(LEASE_SECONDS + 1)
    assert await other_storage.ledger.sweep_orphans() == 1
    record = await storage.ledger.find(intent.id, tenant=intent.tenant)
    assert record is not None
    assert record.settlement is not None
    assert record.settlement.duration_ms == pytest.approx((LEASE_SECONDS + 1) * 1000, abs=2000)
    assert record.settlement == Settlement(
        id=intent.id,
        outcome="unknown",
        input_tokens=intent.estimated_input_tokens,
        usage_source="estimated",
        cost_usd=intent.estimated_cost_usd,
        duration_ms=record.settlement.duration_ms,
        completed_at=record.settlement.completed_at,
    )
    assert await other_storage.ledger.sweep_orphans() == 0


async def test_sweep_leaves_the_rows_of_a_live_instance(
    storage: Storage, other_storage: Storage, clock: MovableClock
) -> None:
    intent = make_intent()
    await storage.ledger.open(intent)
    for _ in range(4):
        clock.advance(LEASE_SECONDS - 10)
        assert await storage.ledger.renew_leases() == 1
        assert await other_storage.ledger.sweep_orphans() == 0
    record = await storage.ledger.find(intent.id, tenant=intent.tenant)
    assert record is not None
    assert record.settlement is None


async def test_instance_that_could_not_renew_keeps_its_own_rows(
    storage: Storage, clock: MovableClock
) -> None:
    intent = make_intent()
    await storage.ledger.open(intent)
    clock.advance(10 * LEASE_SECONDS)
    assert await storage.ledger.sweep_orphans() == 0


async def test_settled_rows_are_neither_renewed_nor_swept(
    storage: Storage, other_storage: Storage, clock: MovableClock
) -> None:
    intents = [make_intent() for _ in range(3)]
    await asyncio.gather(*(storage.ledger.open(intent) for intent in intents))
    await storage.ledger.settle(make_settlement(intents[0]))
    assert await storage.ledger.renew_leases() == 2
    await asyncio.gather(*(storage.ledger.settle(make_settlement(row)) for row in intents[1:]))
    assert await storage.ledger.renew_leases() == 0
    clock.advance(10 * LEASE_SECONDS)
    assert await other_storage.ledger.sweep_orphans() == 0


async def test_settlement_that_comes_after_a_sweep_replaces_it(
    storage: Storage, other_storage: Storage, clock: MovableClock
) -> None:
    intent = make_intent()
    settlement = make_settlement(intent, cost_usd=Decimal("0.5"))
    await storage.ledger.open(intent)
    clock.advance(LEASE_SECONDS + 1)
    await other_storage.ledger.sweep_orphans()
    await storage.ledger.settle(settlement)
    record = await storage.ledger.find(intent.id, tenant=intent.tenant)
    assert record is not None
    assert record.settlement == settlement


async def test_orphans_are_swept_at_the_start(
    database: Database, storage: Storage, clock: MovableClock
) -> None:
    intent = make_intent()
    await storage.ledger.open(intent)
    clock.advance(LEASE_SECONDS + 1)
    async with open_storage(database.url, clock=clock) as started:
        await until(lambda: _is_settled(started, intent.id))


async def test_leases_are_renewed_and_orphans_swept_without_being_asked(
    database: Database, clock: MovableClock
) -> None:
    orphan, live = make_intent(), make_intent()
    async with (
        open_storage(database.url, clock=clock) as dying,
        open_storage(database.url, clock=clock, lease_seconds=0.3) as living,
    ):
        await dying.ledger.open(orphan)
        await living.ledger.open(live)
        # Longer than any lease: the keeper's next turn renews the live row and sweeps the orphan.
        clock.advance(LEASE_SECONDS + 1)
        await until(lambda: _is_settled(living, orphan.id))
        assert not await _is_settled(living, live.id)


async def test_leases_are_renewed_between_sweeps(database: Database, clock: MovableClock) -> None:
    live = make_intent()
    engine = create_engine(database.url, timeout_seconds=5)
    async with open_storage(database.url, clock=clock, lease_seconds=0.3) as living:
        await living.ledger.open(live)
        await until(lambda: _is_leased(engine, live.id, clock))
        for _ in range(3):
            clock.advance(1)
            await until(lambda: _is_leased(engine, live.id, clock))
    await engine.dispose()


async def _is_leased(engine: AsyncEngine, record_id: str, clock: MovableClock) -> bool:
    query = select(requests.c.lease_expires_at).where(requests.c.id == record_id)
    async with engine.connect() as connection:
        lease_expires_at = (await connection.execute(query)).scalar_one()
    return bool(lease_expires_at > clock.now())


async def test_rows_acknowledged_before_a_kill_are_there_and_orphans_are_swept(
    database: Database, storage: Storage, clock: MovableClock
) -> None:
    random = Random(20261123)
    opened: set[str] = set()
    settled: set[str] = set()
    for _ in range(INSTANCES):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.contracts.busy_instance", database.url, stdout=PIPE
        )
        await _read_lines(process, random.randint(20, 500), opened=opened, settled=settled)
        process.kill()
        # What it had said before it died counts too.
        await _read_lines(process, None, opened=opened, settled=settled)
        await process.wait()
    assert len(opened) > len(settled) >= INSTANCES
    clock.advance(LEASE_SECONDS + 1)
    assert await storage.ledger.sweep_orphans() >= INSTANCES
    for record_id in opened:
        record = await storage.ledger.find(record_id, tenant="acme")
        assert record is not None
        assert record.settlement is not None
        if record_id in settled:
            assert record.settlement.outcome == "completed"
            assert record.settlement.cost_usd == Decimal("0.001511")
        else:
            # Its settlement may have been committed, and only the word of it lost.
            assert record.settlement.outcome in ("unknown", "completed")

    async def no_orphan_is_left() -> bool:  # PostgreSQL may have had the last batch still to commit
        return await storage.ledger.sweep_orphans() == 0

    await until(no_orphan_is_left)


async def _read_lines(
    process: Process, limit: int | None, *, opened: set[str], settled: set[str]
) -> None:
    assert process.stdout is not None
    while limit is None or limit > 0:
        line = await process.stdout.readline()
        if not line.endswith(b"\n"):
            assert limit is None, "the instance ended by itself"
            return
        word, record_id = line.decode().split()
        {"opened": opened, "settled": settled}[word].add(record_id)
        limit = None if limit is None else limit - 1


async def _is_settled(storage: Storage, record_id: str) -> bool:
    record = await storage.ledger.find(record_id, tenant="acme")
    return record is not None and record.settlement is not None


async def test_rows_whose_work_goes_on_elsewhere_outlive_their_instance(
    storage: Storage, other_storage: Storage, clock: MovableClock
) -> None:
    intent, usual = make_intent(), make_intent()
    await storage.ledger.open(intent)
    await storage.ledger.open(usual)

    await storage.ledger.keep_open([intent.id], until=clock.now() + timedelta(days=2))

    assert storage.ledger.open_rows == 1
    assert await storage.ledger.renew_leases() == 1
    clock.advance(24 * 3600)
    assert await other_storage.ledger.sweep_orphans() == 1
    await other_storage.ledger.settle(make_settlement(intent))
    record = await storage.ledger.find(intent.id, tenant=intent.tenant)
    assert record is not None
    assert record.settlement == make_settlement(intent)


async def test_rows_that_were_kept_open_are_swept_when_that_is_over(
    storage: Storage, clock: MovableClock
) -> None:
    intents = [make_intent() for _ in range(1_001)]
    await asyncio.gather(*(storage.ledger.open(intent) for intent in intents))
    await storage.ledger.keep_open(
        [intent.id for intent in intents], until=clock.now() + timedelta(days=2)
    )
    clock.advance(24 * 3600)
    assert await storage.ledger.sweep_orphans() == 0
    clock.advance(25 * 3600)
    assert await storage.ledger.sweep_orphans() == 1_001
