"""Running a batch's items: what ends them, and what only holds them up."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from service.access.ports import Budget, RateLimits
from service.access.principal import OwnedBudget, OwnedLimits, Principal
from service.adapters.storage import Storage, open_storage
from service.adapters.storage.migrate import migrate
from service.batches.durable.governor import Governor
from service.batches.durable.runner import ServiceRunner, record_id
from service.batches.ports import ItemResult, NewItem, Owner, StoredBatch
from service.core.clock import SystemClock
from service.generation.memory import Memory
from service.generation.summaries import Summaries
from service.generation.turns import Turns
from service.generation.usecases import Generation
from service.inference.ports import FailureKind
from service.inference.traffic import Traffic
from tests.clock import ManualClock
from tests.contracts.batches import keep
from tests.contracts.databases import SqliteDatabase
from tests.contracts.requests import make_intent
from tests.contracts.time import eventually
from tests.fakes import HANG, Answer, completion, failure
from tests.unit.pipeline_bench import PipelineBench

HOUR = 3600
OWNER = Principal(key_id="key_1", tenant="acme", scopes=frozenset({"batch"}))
GARBAGE = failure(FailureKind.MALFORMED)
OVERLOAD = failure(FailureKind.OVERLOADED)


class WatchedClock(ManualClock):
    """Tells when somebody sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self.on_sleep: Callable[[float], Awaitable[None]] | None = None

    async def sleep(self, seconds: float) -> None:
        if self.on_sleep is not None:
            await self.on_sleep(seconds)
        await super().sleep(seconds)


@pytest.fixture
async def database(tmp_path: Path) -> SqliteDatabase:
    database = SqliteDatabase(tmp_path / "ai-service.db")
    await migrate(database.url)
    return database


@pytest.fixture
async def storage(database: SqliteDatabase) -> AsyncIterator[Storage]:
    async with open_storage(
        database.url, clock=SystemClock(), commit_timeout_seconds=0.2
    ) as storage:
        yield storage


class Bench:
    """A runner over a real store and a pipeline whose provider, ledger and time the test holds."""

    def __init__(self, storage: Storage, *answers: Answer) -> None:
        self.clock = WatchedClock()
        self.inference = PipelineBench(*answers, clock=self.clock)
        self.store = storage.batches
        self.owner = Owner(OWNER)
        governor = Governor(Traffic(self.clock), places=64, clock=self.clock)
        pipeline = self.inference.pipeline
        turns = Turns(
            storage.conversations, clock=self.clock, lease_seconds=30, max_bytes=1_000_000
        )
        generation = Generation(pipeline, Memory(turns, Summaries(pipeline, model="default")))
        self.runner = ServiceRunner(self.store, generation, governor, clock=self.clock)

    async def keep(self, count: int, **changes: Any) -> StoredBatch:
        """A batch of so many prompts to the model `default`, one at a time."""
        items = [
            NewItem(f"item-{n}", json.dumps({"prompt": f"p{n}", "model": "default"}))
            for n in range(count)
        ]
        return await keep(self.store, items, **{"max_concurrency": 1} | changes)

    async def run(self, count: int, **changes: Any) -> list[ItemResult]:
        """The results of a batch that was run to its end."""
        batch = await self.keep(count, **changes)
        await self.runner.run(batch, self.owner)
        return await self.results(batch)

    async def results(self, batch: StoredBatch) -> list[ItemResult]:
        return await self.store.results(batch.id, after=-1, limit=1000)

    async def stored(self, batch: StoredBatch) -> StoredBatch:
        stored = await self.store.find(batch.id, tenant="acme")
        assert stored is not None
        return stored

    @property
    def calls(self) -> int:
        return len(self.inference.acme.calls)


def states(results: list[ItemResult]) -> list[str]:
    return [result.state for result in results]


def error_type(result: ItemResult) -> str:
    return str(json.loads(result.result)["type"])


async def test_every_item_is_answered_as_generate_or_chat_does(storage: Storage) -> None:
    bench = Bench(storage, completion())
    bodies = [
        {"prompt": "a", "model": "default", "metadata": {"team": "x"}},
        {"messages": [{"role": "user", "content": "b"}], "model": "default", "custom_id": "two"},
    ]
    batch = await keep(bench.store, [NewItem(None, json.dumps(body)) for body in bodies])
    await bench.runner.run(batch, bench.owner)
    first, second = [json.loads(result.result) for result in await bench.results(batch)]
    assert first["text"] == "Hello!"
    assert second["message"] == {"role": "assistant", "content": "Hello!"}
    assert (first["cost_usd"], first["usage"]["total_tokens"]) == (0.0003, 120)
    intents = bench.inference.ledger.intents
    assert [first["id"], second["id"]] == [record_id(batch.id, n, 0) for n in range(2)]
    assert {intent.request_id for intent in intents.values()} == {batch.request_id}
    assert intents[first["id"]].metadata == {"team": "x"}
    assert [intents[answer["id"]].kind for answer in (first, second)] == ["generate", "chat"]
    stored = await bench.stored(batch)
    assert (stored.completed, stored.cost_usd) == (2, Decimal("0.0006"))
    assert (stored.input_tokens, stored.output_tokens) == (200, 40)
    assert stored.started_at is not None


async def test_more_items_than_a_window_holds_all_end(storage: Storage) -> None:
    bench = Bench(storage, completion())
    results = await bench.run(450, max_concurrency=7)
    assert states(results) == ["completed"] * 450
    assert [result.index for result in results] == list(range(450))
    assert bench.calls == 450


async def test_item_that_gets_garbage_three_times_fails_alone(storage: Storage) -> None:
    bench = Bench(storage, completion(), GARBAGE, GARBAGE, GARBAGE, completion())
    batch = await bench.keep(3)
    await bench.runner.run(batch, bench.owner)
    results = await bench.results(batch)
    assert states(results) == ["completed", "failed", "completed"]
    assert error_type(results[1]) == "provider_error"
    assert json.loads(results[1].result)["request_id"] == batch.request_id
    tries = [record_id(batch.id, 1, attempts) for attempts in range(3)]
    assert [row for row in bench.inference.ledger.intents if row in tries] == tries


async def test_item_that_gets_garbage_twice_is_answered(storage: Storage) -> None:
    bench = Bench(storage, GARBAGE, GARBAGE, completion())
    assert states(await bench.run(1)) == ["completed"]
    assert [seconds for seconds in bench.clock.sleeps if seconds >= 1] == [1, 2]


async def test_item_that_the_provider_rejects_fails_at_once(storage: Storage) -> None:
    bench = Bench(storage, failure(FailureKind.REJECTED), completion())
    results = await bench.run(2)
    assert states(results) == ["failed", "completed"]
    assert error_type(results[0]) == "validation_error"
    assert bench.calls == 2


async def test_item_that_cannot_be_read_any_more_fails_alone(storage: Storage) -> None:
    bench = Bench(storage, completion())
    bodies = [{"prompt": "a", "model": "default"}, {"prompt": "b", "model": "default", "old": 1}]
    batch = await keep(bench.store, [NewItem(None, json.dumps(body)) for body in bodies])
    await bench.runner.run(batch, bench.owner)
    results = await bench.results(batch)
    assert states(results) == ["completed", "failed"]
    assert error_type(results[1]) == "validation_error"


async def test_outage_holds_the_batch_back_and_fails_nothing(storage: Storage) -> None:
    bench = Bench(storage, *[OVERLOAD] * 40, completion())
    batch = await bench.keep(20, max_concurrency=5)
    await bench.runner.run(batch, bench.owner)
    assert states(await bench.results(batch)) == ["completed"] * 20
    assert bench.clock.monotonic() > 10
    assert (await bench.stored(batch)).status == "running"


async def test_item_that_nobody_can_answer_for_an_hour_fails(storage: Storage) -> None:
    bench = Bench(storage, OVERLOAD)
    results = await bench.run(1)
    assert states(results) == ["failed"]
    assert error_type(results[0]) == "service_unavailable"
    assert HOUR < bench.clock.monotonic() < HOUR + 120


async def test_exhausted_budget_pauses_the_batch_until_there_is_money(storage: Storage) -> None:
    bench = Bench(storage, completion())
    budget = OwnedBudget(owner="key_1", budget=Budget(limit_usd=Decimal(1), period="month"))
    bench.owner.principal = replace(OWNER, budgets=(budget,))
    bench.inference.ledger.funds_usd = Decimal(0)
    batch = await bench.keep(3)
    waits: list[float] = []
    paused: list[StoredBatch] = []

    async def payday(seconds: float) -> None:
        if seconds < 1:
            return
        waits.append(seconds)
        paused.append(await bench.stored(batch))
        if len(waits) == 9:
            bench.inference.ledger.funds_usd = Decimal(1)

    bench.clock.on_sleep = payday
    await bench.runner.run(batch, bench.owner)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert {stored.status for stored in paused} == {"paused"}
    reason = paused[0].reason
    assert reason is not None
    assert reason.startswith("budget_exceeded: ")
    assert reason.endswith("2026-12-01T00:00:00Z")
    assert states(await bench.results(batch)) == ["completed"] * 3
    running = await bench.stored(batch)
    assert (running.status, running.reason) == ("running", None)


async def test_limit_per_minute_is_waited_for_and_fails_nothing(storage: Storage) -> None:
    bench = Bench(storage, completion())
    limits = OwnedLimits(owner="key_1", limits=RateLimits(requests_per_minute=2))
    bench.owner.principal = replace(OWNER, limits=(limits,))
    results = await bench.run(4)
    assert states(results) == ["completed"] * 4
    assert bench.calls == 4
    assert bench.clock.monotonic() >= 60


async def test_no_more_are_started_each_second_than_asked_for(storage: Storage) -> None:
    bench = Bench(storage, completion())
    await bench.run(5, max_concurrency=5, requests_per_second=2.0)
    started = [intent.created_at for intent in bench.inference.ledger.intents.values()]
    gaps = [(later - earlier).total_seconds() for earlier, later in pairwise(started)]
    assert len(gaps) == 4
    assert min(gaps) >= 0.5


async def test_what_the_owner_may_do_is_what_it_may_do_now(storage: Storage) -> None:
    bench = Bench(storage, completion())

    async def rename(seconds: float) -> None:
        if seconds > 0:
            bench.owner.principal = replace(OWNER, key_id="key_2")

    bench.clock.on_sleep = rename
    await bench.run(3, requests_per_second=1.0)
    [first, *_, last] = bench.inference.ledger.intents.values()
    assert (first.key_id, last.key_id) == ("key_1", "key_2")


async def test_item_that_was_broken_off_is_run_again_under_its_id(storage: Storage) -> None:
    bench = Bench(storage, completion(), HANG)
    batch = await bench.keep(3)
    run = asyncio.get_running_loop().create_task(bench.runner.run(batch, bench.owner))
    await eventually(lambda: bench.calls == 2)
    run.cancel()
    await asyncio.wait([run])
    assert run.cancelled()
    assert states(await bench.results(batch)) == ["completed"], "what was known is written"
    bench.inference.acme.answers = (completion(),)
    await bench.runner.run(await bench.stored(batch), bench.owner)
    assert states(await bench.results(batch)) == ["completed"] * 3
    assert list(bench.inference.ledger.intents) == [record_id(batch.id, n, 0) for n in range(3)]


async def test_item_that_has_failed_before_a_death_gets_a_row_of_its_own(storage: Storage) -> None:
    bench = Bench(storage, completion())
    batch = await bench.keep(1)
    await bench.store.count_attempts(batch.id, 0, 1)
    await bench.runner.run(batch, bench.owner)
    assert list(bench.inference.ledger.intents) == [record_id(batch.id, 0, 1)]


async def test_item_that_kills_whoever_runs_it_fails_alone(storage: Storage) -> None:
    bench = Bench(storage, completion())
    batch = await bench.keep(3)
    await begin(storage, batch, 1, runs=5)
    await bench.store.set_status(batch.id, "running", reason=None, now=bench.clock.now())
    await bench.runner.run(await bench.stored(batch), bench.owner)
    results = await bench.results(batch)
    assert states(results) == ["completed", "failed", "completed"]
    assert error_type(results[1]) == "server_error"
    assert "5 times" in json.loads(results[1].result)["message"]
    assert bench.calls == 2


async def test_items_that_were_in_hand_at_two_deaths_are_run_one_by_one_and_first(
    storage: Storage,
) -> None:
    bench = Bench(storage, completion())
    batch = await bench.keep(250, max_concurrency=5)
    for index in (3, 4, 230):
        await begin(storage, batch, index, runs=2)
    await begin(storage, batch, 5, runs=1)
    await bench.store.set_status(batch.id, "running", reason=None, now=bench.clock.now())
    await bench.runner.run(await bench.stored(batch), bench.owner)
    assert states(await bench.results(batch)) == ["completed"] * 250
    assert bench.calls == 250
    first = [record_id(batch.id, index, 0) for index in (3, 4, 230, 0)]
    assert list(bench.inference.ledger.intents)[:4] == first


async def begin(storage: Storage, batch: StoredBatch, index: int, *, runs: int) -> None:
    """What so many runs of an item leave in the ledger that have died of something."""
    for _ in range(runs):
        await storage.ledger.open(make_intent(id=record_id(batch.id, index, 0)), again=True)


async def test_database_that_is_away_for_a_while_loses_nothing(
    storage: Storage, database: SqliteDatabase
) -> None:
    bench = Bench(storage, completion())
    batch = await bench.keep(3)
    async with asyncio.TaskGroup() as tasks, database.away():
        tasks.create_task(bench.runner.run(batch, bench.owner))
        await eventually(lambda: len(bench.clock.sleeps) == 2)
    assert states(await bench.results(batch)) == ["completed"] * 3
