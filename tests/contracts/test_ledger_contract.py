"""What every ledger does: opening, settling once, keeping tenants apart, grouping commits."""

import asyncio
from decimal import Decimal

import pytest

from service.adapters.storage import Storage
from service.usage.ports import LedgerUnavailable, UsageRecord
from tests.contracts.requests import make_intent, make_settlement
from tests.contracts.time import until

UNICODE = {
    "équipe": "Größe 東京 🚀",
    "quotes": "\"'\\ \t\n \u2028 \u0001",
    "empty": "",
    "$[0]": "null",
}


async def test_opened_row_is_in_flight_with_every_field(storage: Storage) -> None:
    intent = make_intent(metadata=UNICODE)
    await storage.ledger.open(intent)
    record = await storage.ledger.find(intent.id, tenant=intent.tenant)
    assert record == UsageRecord(intent=intent, settlement=None)


async def test_settled_row_has_every_field(storage: Storage) -> None:
    intent = make_intent()
    settlement = make_settlement(intent)
    await storage.ledger.open(intent)
    await storage.ledger.settle(settlement)
    record = await storage.ledger.find(intent.id, tenant=intent.tenant)
    assert record == UsageRecord(intent=intent, settlement=settlement)


async def test_failure_is_settled_with_what_is_not_known(storage: Storage) -> None:
    intent = make_intent(estimated_cost_usd=None, metadata={}, stream=False)
    settlement = make_settlement(
        intent,
        outcome="failed",
        error_type="provider_error",
        provider=None,
        provider_model=None,
        finish_reason=None,
        cost_usd=None,
        cache_hit=False,
        first_token_ms=None,
    )
    await storage.ledger.open(intent)
    await storage.ledger.settle(settlement)
    record = await storage.ledger.find(intent.id, tenant=intent.tenant)
    assert record == UsageRecord(intent=intent, settlement=settlement)


@pytest.mark.parametrize(
    "amount",
    ["0", "0.000000001", "0.1", "1.123456789", "9007199.254740993", "9223372036.854775807"],
)
async def test_money_is_exact_to_the_nano_dollar(storage: Storage, amount: str) -> None:
    cost_usd = Decimal(amount).quantize(Decimal("1e-9"))
    intent = make_intent(estimated_cost_usd=cost_usd)
    await storage.ledger.open(intent)
    await storage.ledger.settle(make_settlement(intent, cost_usd=cost_usd))
    record = await storage.ledger.find(intent.id, tenant=intent.tenant)
    assert record is not None
    assert record.settlement is not None
    assert (record.intent.estimated_cost_usd, record.settlement.cost_usd) == (cost_usd, cost_usd)
    assert str(record.settlement.cost_usd) == str(cost_usd)


async def test_row_of_another_tenant_is_not_found(storage: Storage) -> None:
    intent = make_intent(tenant="acme")
    await storage.ledger.open(intent)
    assert await storage.ledger.find(intent.id, tenant="globex") is None
    assert await storage.ledger.find("req_missing", tenant="acme") is None


async def test_second_settlement_changes_nothing(storage: Storage) -> None:
    intent = make_intent()
    await storage.ledger.open(intent)
    await storage.ledger.settle(make_settlement(intent, cost_usd=Decimal("0.1")))
    await storage.ledger.settle(make_settlement(intent, cost_usd=Decimal("0.9"), outcome="failed"))
    assert await _cost(storage, intent.id) == ("completed", Decimal("0.1"))


async def test_first_of_two_settlements_at_once_is_kept(storage: Storage) -> None:
    intent = make_intent()
    await storage.ledger.open(intent)
    await asyncio.gather(
        storage.ledger.settle(make_settlement(intent, cost_usd=Decimal("0.1"))),
        storage.ledger.settle(make_settlement(intent, cost_usd=Decimal("0.9"))),
    )
    assert await _cost(storage, intent.id) == ("completed", Decimal("0.1"))


async def test_real_settlement_replaces_an_unknown_one_once(storage: Storage) -> None:
    intent = make_intent()
    await storage.ledger.open(intent)
    await storage.ledger.settle(make_settlement(intent, outcome="unknown", cost_usd=Decimal("0.1")))
    await storage.ledger.settle(make_settlement(intent, outcome="unknown", cost_usd=Decimal("0.2")))
    assert await _cost(storage, intent.id) == ("unknown", Decimal("0.1"))
    await storage.ledger.settle(make_settlement(intent, cost_usd=Decimal("0.3")))
    await storage.ledger.settle(make_settlement(intent, outcome="unknown", cost_usd=Decimal("0.4")))
    await storage.ledger.settle(make_settlement(intent, cost_usd=Decimal("0.5")))
    assert await _cost(storage, intent.id) == ("completed", Decimal("0.3"))


async def test_settlement_of_a_row_that_was_never_opened_is_left_out(storage: Storage) -> None:
    intent = make_intent()
    await storage.ledger.settle(make_settlement(intent))
    assert await storage.ledger.find(intent.id, tenant=intent.tenant) is None


async def test_recorded_row_is_settled_from_the_start_in_one_commit(storage: Storage) -> None:
    intent = make_intent()
    settlement = make_settlement(intent, cost_usd=Decimal(0).quantize(Decimal("1e-9")))
    before = storage.ledger.commits
    await storage.ledger.record(intent, settlement)
    assert storage.ledger.commits == before + 1
    record = await storage.ledger.find(intent.id, tenant=intent.tenant)
    assert record == UsageRecord(intent=intent, settlement=settlement)
    assert storage.ledger.open_rows == 0


async def test_opens_and_settlements_at_once_share_commits(storage: Storage) -> None:
    intents = [make_intent() for _ in range(200)]
    before = storage.ledger.commits
    await asyncio.gather(*(storage.ledger.open(intent) for intent in intents))
    opened = storage.ledger.commits
    await asyncio.gather(*(storage.ledger.settle(make_settlement(intent)) for intent in intents))
    assert 1 <= opened - before <= 5
    assert 1 <= storage.ledger.commits - opened <= 5
    for intent in intents:
        assert await _cost(storage, intent.id) == ("completed", Decimal("0.001511"))


async def test_same_id_twice_fails_only_the_second_open(storage: Storage) -> None:
    intent = make_intent()
    mates = [make_intent() for _ in range(3)]
    await storage.ledger.open(intent)
    results = await asyncio.gather(
        *(storage.ledger.open(row) for row in (mates[0], intent, mates[1], mates[2])),
        return_exceptions=True,
    )
    assert [type(result) for result in results] == [
        type(None),
        LedgerUnavailable,
        type(None),
        type(None),
    ]
    await storage.ledger.settle(make_settlement(intent))
    assert await _cost(storage, intent.id) == ("completed", Decimal("0.001511"))


@pytest.mark.parametrize(
    "fault",
    [
        {"estimated_input_tokens": -1},
        {"metadata": {"name": "lone surrogate \ud800"}},
        {"estimated_cost_usd": Decimal("Infinity")},
    ],
    ids=["below zero", "not unicode", "infinite"],
)
async def test_bad_intent_fails_its_own_open_and_no_other(
    storage: Storage, fault: dict[str, object]
) -> None:
    bad, good = make_intent(**fault), make_intent()
    results = await asyncio.gather(
        storage.ledger.open(bad), storage.ledger.open(good), return_exceptions=True
    )
    assert isinstance(results[0], LedgerUnavailable)
    assert results[1] is None
    assert await storage.ledger.find(bad.id, tenant=bad.tenant) is None
    assert await storage.ledger.find(good.id, tenant=good.tenant) is not None
    await storage.ledger.open(make_intent())


@pytest.mark.parametrize(
    "fault",
    [
        {"output_tokens": -5},
        {"provider_model": "lone surrogate \ud800"},
        {"cost_usd": Decimal("NaN")},
    ],
    ids=["below zero", "not unicode", "not a number"],
)
async def test_bad_settlement_is_replaced_by_the_estimate_and_hurts_no_other(
    storage: Storage, fault: dict[str, object]
) -> None:
    bad, good = make_intent(), make_intent()
    await asyncio.gather(storage.ledger.open(bad), storage.ledger.open(good))
    await asyncio.gather(
        storage.ledger.settle(make_settlement(bad, **fault)),
        storage.ledger.settle(make_settlement(good)),
    )
    assert await _cost(storage, bad.id) == ("unknown", bad.estimated_cost_usd)
    assert await _cost(storage, good.id) == ("completed", Decimal("0.001511"))
    assert storage.ledger.open_rows == 0


async def test_caller_who_leaves_an_open_is_not_charged(storage: Storage) -> None:
    intents = [make_intent() for _ in range(300)]
    loop = asyncio.get_running_loop()
    openings = [loop.create_task(storage.ledger.open(intent)) for intent in intents]
    for number, opening in enumerate(openings):
        loop.call_later(number * 0.0001, opening.cancel)
    results = await asyncio.gather(*openings, return_exceptions=True)
    assert any(isinstance(result, asyncio.CancelledError) for result in results)

    left = [
        intent
        for intent, result in zip(intents, results, strict=True)
        if isinstance(result, asyncio.CancelledError)
    ]

    async def nobody_owes() -> bool:
        await storage.ledger.ping()
        records = [await storage.ledger.find(row.id, tenant=row.tenant) for row in left]
        return all(
            record is None
            or (
                record.settlement is not None
                and record.settlement.outcome == "cancelled"
                and record.settlement.cost_usd == 0
            )
            for record in records
        )

    await until(nobody_owes)
    assert storage.ledger.open_rows == len(intents) - len(left)


async def test_ping_returns_while_the_database_answers(storage: Storage) -> None:
    await storage.ledger.ping()


async def test_closing_writes_what_is_queued(storage: Storage, other_storage: Storage) -> None:
    intents = [make_intent() for _ in range(50)]
    await asyncio.gather(*(storage.ledger.open(intent) for intent in intents))
    settlements = [storage.ledger.settle(make_settlement(intent)) for intent in intents]
    await storage.ledger.aclose()
    assert all(settled.done() and settled.exception() is None for settled in settlements)
    for intent in intents:
        assert await _cost(other_storage, intent.id) == ("completed", Decimal("0.001511"))


async def test_closed_ledger_takes_nothing_more(storage: Storage) -> None:
    intent = make_intent()
    await storage.ledger.open(intent)
    await storage.ledger.aclose()
    with pytest.raises(LedgerUnavailable):
        await storage.ledger.open(make_intent())
    with pytest.raises(LedgerUnavailable):
        await storage.ledger.settle(make_settlement(intent))
    with pytest.raises(LedgerUnavailable):
        await storage.ledger.ping()


async def _cost(storage: Storage, record_id: str) -> tuple[str, Decimal | None]:
    record = await storage.ledger.find(record_id, tenant="acme")
    assert record is not None
    assert record.settlement is not None
    return record.settlement.outcome, record.settlement.cost_usd
