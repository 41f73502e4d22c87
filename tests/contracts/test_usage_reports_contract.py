"""What the ledger's reports add up, on both databases."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import text

from service.adapters.storage import Storage, open_storage
from service.adapters.storage.engine import create_engine
from service.adapters.storage.migrate import migrate
from service.adapters.storage.reports import SqlUsageReports, create_reporting_engine
from service.usage.period import Period
from service.usage.ports import LedgerUnavailable
from service.usage.reports import MAX_GROUPS, Grouping, ReportTimeout, Sums, TooManyGroups
from tests.contracts.databases import Database, PostgresDatabase
from tests.contracts.requests import make_intent, make_settlement
from tests.contracts.time import MovableClock
from tests.postgres import Postgres

NOVEMBER = Period(start=datetime(2026, 11, 1, tzinfo=UTC), end=datetime(2026, 12, 1, tzinfo=UTC))
SLOW_SECONDS = 60
SLOW_QUERIES = {
    "sqlite": "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000000)"
    " SELECT count(*) FROM c",
    "postgresql": f"SELECT pg_sleep({SLOW_SECONDS})",
}
INTENT_FIELDS = {
    "tenant",
    "key_id",
    "model",
    "metadata",
    "created_at",
    "prompt_name",
    "prompt_version",
}


async def record(storage: Storage, **changes: Any) -> None:
    """Write a settled row; what is not said of it is as `tests.contracts.requests` has it."""
    intent = make_intent(**{name: changes[name] for name in INTENT_FIELDS & changes.keys()})
    ending = {name: value for name, value in changes.items() if name not in INTENT_FIELDS}
    await storage.ledger.record(intent, make_settlement(intent, **ending))


async def sums(storage: Storage, group_by: str, *, tenant: str = "acme") -> dict[str | None, Sums]:
    """The report on a tenant's November."""
    groups = await storage.reports.sums(
        tenant=tenant, period=NOVEMBER, grouping=Grouping.parse(group_by)
    )
    assert len({each.group for each in groups}) == len(groups)
    return {each.group: each.sums for each in groups}


async def test_every_column_is_added_up(storage: Storage) -> None:
    await record(
        storage, input_tokens=10, output_tokens=3, cost_usd=Decimal("0.1"), cache_hit=False
    )
    await record(storage, input_tokens=5, output_tokens=4, cost_usd=Decimal(0), cache_hit=True)
    await record(storage, outcome="failed", input_tokens=1, output_tokens=0, cost_usd=Decimal(2))
    assert await sums(storage, "model") == {
        "haiku": Sums(
            requests=3,
            errors=1,
            cache_hits=2,
            input_tokens=16,
            output_tokens=7,
            cost_usd=Decimal("2.1"),
        )
    }


async def test_lost_requests_are_errors_and_cancelled_ones_are_not(storage: Storage) -> None:
    for outcome in ("completed", "failed", "cancelled", "unknown"):
        await record(storage, outcome=outcome, key_id=outcome)
    found = await sums(storage, "key")
    assert {key: each.errors for key, each in found.items()} == {
        "completed": 0,
        "failed": 1,
        "cancelled": 0,
        "unknown": 1,
    }


async def test_requests_in_flight_are_not_counted(storage: Storage) -> None:
    await storage.ledger.open(make_intent())
    assert await sums(storage, "model") == {}


@pytest.mark.parametrize("group_by", ["day", "model", "key", "prompt", "tag:team"])
async def test_another_tenants_rows_are_not_counted(storage: Storage, group_by: str) -> None:
    await record(storage, tenant="globex")
    assert await sums(storage, group_by) == {}
    assert sum(each.requests for each in (await sums(storage, group_by, tenant="globex")).values())


async def test_period_has_its_first_moment_and_not_its_last(storage: Storage) -> None:
    moment = timedelta(microseconds=1)
    for key, created_at in {
        "before": NOVEMBER.start - moment,
        "first": NOVEMBER.start,
        "last": NOVEMBER.end - moment,
        "after": NOVEMBER.end,
    }.items():
        await record(storage, key_id=key, created_at=created_at)
    assert set(await sums(storage, "key")) == {"first", "last"}


async def test_days_begin_at_midnight_utc(storage: Storage) -> None:
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    for hours in (-0.001, 0, 23.999, 24):
        await record(storage, created_at=midnight + timedelta(hours=hours))
    found = await sums(storage, "day")
    assert {day: each.requests for day, each in found.items()} == {
        "2026-11-22": 1,
        "2026-11-23": 2,
        "2026-11-24": 1,
    }


async def test_sums_of_money_are_exact(storage: Storage) -> None:
    amounts = ["0.1", "0.2", "0.000000001", "4000000.123456789", "0.000000007"]
    for amount in amounts:
        await record(storage, cost_usd=Decimal(amount))
    found = await sums(storage, "model")
    assert found["haiku"].cost_usd == Decimal("4000000.423456797")


async def test_cost_that_is_not_known_adds_nothing(storage: Storage) -> None:
    await record(storage, cost_usd=None, model="unpriced")
    await record(storage, cost_usd=None)
    await record(storage, cost_usd=Decimal("0.5"))
    found = await sums(storage, "model")
    assert found["unpriced"].cost_usd == Decimal(0)
    assert found["haiku"].cost_usd == Decimal("0.5")


@pytest.mark.parametrize(
    "name", ["team", "équipe 東京", "it's", 'a"b', "a\\b", "a.b", "$[0]", "$", "0", " ", "%s", ":x"]
)
async def test_tag_may_have_any_name(storage: Storage, name: str) -> None:
    for value in ("search", "search", "ads", "", '"null"', "null"):
        await record(storage, metadata={name: value, "other": "x"})
    await record(storage, metadata={"other": "x"})
    await record(storage, metadata={})
    found = await sums(storage, f"tag:{name}")
    assert {value: each.requests for value, each in found.items()} == {
        "search": 2,
        "ads": 1,
        "": 1,
        '"null"': 1,
        "null": 1,
        None: 2,
    }


async def test_versions_of_a_prompt_are_told_apart(storage: Storage) -> None:
    for name, version in (("a", 1), ("a", 1), ("a", 10), ("b", 1), (None, None)):
        await record(storage, prompt_name=name, prompt_version=version)
    found = await sums(storage, "prompt")
    assert {group: each.requests for group, each in found.items()} == {
        "a@1": 2,
        "a@10": 1,
        "b@1": 1,
        None: 1,
    }


async def test_too_many_groups_are_refused(storage: Storage) -> None:
    intents = [make_intent(metadata={"user": str(n)}) for n in range(MAX_GROUPS + 1)]
    written = [
        storage.ledger.record(intent, make_settlement(intent, cost_usd=Decimal(1)))
        for intent in intents
    ]
    for each in written:
        await each
    with pytest.raises(TooManyGroups):
        await sums(storage, "tag:user")
    await record(storage, metadata={"user": "0"}, key_id="key_2")
    assert sum(each.cost_usd for each in (await sums(storage, "key")).values()) > MAX_GROUPS


async def test_report_that_takes_too_long_is_stopped_and_the_next_one_answers(
    database: Database, clock: MovableClock
) -> None:
    async with open_storage(database.url, clock=clock) as storage:
        await record(storage)
    engine = create_reporting_engine(database.url)
    hasty = SqlUsageReports(engine, timeout_seconds=0.2)
    started = monotonic()
    async with slow_table(database):
        for _ in range(3):  # more than there are connections
            with pytest.raises(ReportTimeout):
                await hasty.sums(tenant="acme", period=NOVEMBER, grouping=Grouping(by="day"))
    assert monotonic() - started < SLOW_SECONDS / 2
    patient = SqlUsageReports(engine)
    found = await patient.sums(tenant="acme", period=NOVEMBER, grouping=Grouping(by="day"))
    assert [each.sums.requests for each in found] == [1]
    await engine.dispose()


@asynccontextmanager
async def slow_table(database: Database) -> AsyncIterator[None]:
    """In place of the requests, a view that takes a minute."""
    engine = create_engine(database.url, timeout_seconds=SLOW_SECONDS)
    slow = SLOW_QUERIES[engine.dialect.name]
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE requests RENAME TO all_requests"))
        await connection.execute(
            text(f"CREATE VIEW requests AS SELECT r.* FROM all_requests r, ({slow}) s")  # noqa: S608 - ours
        )
    yield
    async with engine.begin() as connection:
        await connection.execute(text("DROP VIEW requests"))
        await connection.execute(text("ALTER TABLE all_requests RENAME TO requests"))
    await engine.dispose()


async def test_database_that_is_away_is_told_apart(postgres: Postgres, clock: MovableClock) -> None:
    database = PostgresDatabase(postgres)
    await migrate(database.url)
    async with open_storage(database.url, clock=clock) as storage:
        await record(storage)
        async with database.away():
            with pytest.raises(LedgerUnavailable):
                await sums(storage, "day")
        assert await sums(storage, "day")
