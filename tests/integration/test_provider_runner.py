"""The runner of providers' own batches: the real store and ledger, the vendors on the wire, moved time."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.access.ports import Budget
from service.access.principal import OwnedBudget, Principal
from service.adapters.storage import Storage, open_storage
from service.adapters.storage.migrate import migrate
from service.batches.durable.runner import record_id
from service.batches.ports import ItemResult, NewItem, Owner, StoredBatch
from service.batches.provider.runner import ProviderRunner
from service.batches.provider.submissions import Notes, Submission
from service.bootstrap import open_provider_batches, open_providers
from service.core.clock import Clock, SystemClock
from service.core.errors import InvalidRequest
from service.core.messages import CompletionRequest, Message, Usage
from service.inference.catalog import Catalog
from service.inference.metering import Metering
from service.observability.metrics import Metrics
from service.usage.ports import UsageRecord
from service.usage.prices import BatchPrices, PriceList
from tests.clock import ManualClock, SteppedClock
from tests.contracts.batches import keep
from tests.contracts.time import until
from tests.running import make_settings
from tests.simulator import (
    Cut,
    Hangup,
    Reply,
    Simulator,
    Status,
    bad_key,
    bad_request,
    server_error,
)

PRINCIPAL = Principal(key_id="key_1", tenant="acme", scopes=frozenset({"batch"}))
MODELS = {"anthropic": "claude-haiku-5-5", "openai": "gpt-6.1-terra"}
ALIAS = {"anthropic": "haiku", "openai": "gpt"}
CREATE = {"anthropic": "/v1/messages/batches", "openai": "/v1/batches"}


def prompts(*texts: str, model: str = "haiku", **fields: Any) -> list[NewItem]:
    return [
        NewItem(text, json.dumps({"prompt": text, "model": model, "max_tokens": 50, **fields}))
        for text in texts
    ]


class Bench:
    """A batch's surroundings. `runner` makes another one, as a restart would."""

    def __init__(self, storage: Storage, simulator: Simulator, tmp_path: Path) -> None:
        self.storage = storage
        self.simulator = simulator
        self.clock = ManualClock(datetime.now(UTC))
        self.prices = PriceList({}, clock=SystemClock())
        self.settings = make_settings(
            tmp_path,
            anthropic_api_key="sk-ant-simulated",
            anthropic_base_url=simulator.anthropic_base_url,
            openai_api_key="sk-simulated",
            openai_base_url=simulator.openai_base_url,
        )

    async def keep(self, *items: NewItem, **changes: Any) -> StoredBatch:
        now = self.clock.now()
        changes = {"created_at": now, "expires_at": now + timedelta(days=7), **changes}
        return await keep(self.storage.batches, items, mode="provider", **changes)

    async def found(self, batch: StoredBatch) -> StoredBatch:
        found = await self.storage.batches.find(batch.id, tenant=None)
        assert found is not None
        return found

    async def is_paused(self, batch: StoredBatch) -> bool:
        return (await self.found(batch)).status == "paused"

    async def results(self, batch: StoredBatch) -> list[ItemResult]:
        return await self.storage.batches.results(batch.id, after=-1, limit=1_000)

    async def texts(self, batch: StoredBatch) -> list[str]:
        """The answers' texts, in order; an error's type where there is none."""
        bodies = [msgspec.json.decode(result.result) for result in await self.results(batch)]
        return [body.get("text") or body["type"] for body in bodies]

    async def row(self, result: ItemResult) -> UsageRecord:
        record_id = msgspec.json.decode(result.result)["id"]
        record = await self.storage.ledger.find(record_id, tenant="acme")
        assert record is not None
        return record

    def usual_cost(self, model: str, usage: Usage) -> Decimal:
        rates = self.prices.rates("anthropic" if "claude" in model else "openai", model)
        assert rates is not None
        return rates.cost_usd(usage)

    @asynccontextmanager
    async def runner(self, clock: Clock | None = None) -> AsyncIterator[ProviderRunner]:
        clock = clock or self.clock
        providers = open_providers(self.settings, clock=clock)
        prices = BatchPrices(self.prices, self.settings.batch_price_factors)
        try:
            yield ProviderRunner(
                store=self.storage.batches,
                provider_batches=open_provider_batches(self.settings, providers),
                catalog=Catalog(
                    providers=providers,
                    models={},
                    aliases=self.settings.aliases,
                    profiles=self.settings.profiles,
                ),
                prices=prices,
                metering=Metering(
                    ledger=self.storage.ledger,
                    prices=prices,
                    metrics=Metrics(),
                    clock=clock,
                    content_logging=False,
                ),
                clock=clock,
                poll_seconds=30,
                poll_cap_seconds=300,
            )
        finally:
            for provider in providers.values():
                await provider.aclose()

    async def run(self, batch: StoredBatch, *, principal: Principal = PRINCIPAL) -> None:
        """From where it is to its end."""
        async with self.runner() as runner, asyncio.timeout(20):
            await runner.run(await self.found(batch), Owner(principal))

    async def run_until(self, batch: StoredBatch, condition: Callable[[Simulator], object]) -> None:
        """To the point where the vendors' side is so; then the process stops."""
        async with self.runner() as runner:
            running = asyncio.ensure_future(runner.run(await self.found(batch), Owner(PRINCIPAL)))
            try:
                await self.simulator.wait_for(condition)
            finally:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running


@pytest.fixture
async def bench(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Bench]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'ai-service.db'}"
    await migrate(url)
    async with open_storage(url, clock=SystemClock()) as storage:
        yield Bench(storage, simulator, tmp_path)


@pytest.fixture(params=["anthropic", "openai"])
def vendor(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def on_budget(limit_usd: str) -> Principal:
    budget = Budget(limit_usd=Decimal(limit_usd), period="total")
    return msgspec.structs.replace(PRINCIPAL, budgets=(OwnedBudget(owner="key_1", budget=budget),))


async def test_items_are_answered_as_if_asked_live_at_half_the_price(
    bench: Bench, simulator: Simulator
) -> None:
    simulator.batches_end_at_once()
    chat = {"messages": [{"role": "user", "content": "five"}], "model": "haiku"}
    batch = await bench.keep(
        *prompts("one", "two"),
        *prompts("three", "four", model="gpt", metadata={"team": "search"}),
        NewItem(None, json.dumps(chat)),
    )

    await bench.run(batch)

    bodies = [msgspec.json.decode(result.result) for result in await bench.results(batch)]
    assert [body.get("text") for body in bodies] == [
        "Echo: one",
        "Echo: two",
        "Echo: three",
        "Echo: four",
        None,
    ]
    assert bodies[4]["message"]["content"] == "Echo: five"
    assert [body["model"] for body in bodies] == ["haiku", "haiku", "gpt", "gpt", "haiku"]
    total = Decimal(0)
    for result, body in zip(await bench.results(batch), bodies, strict=True):
        record = await bench.row(result)
        assert record.settlement is not None
        settled = record.settlement
        usage = Usage(
            input_tokens=settled.input_tokens,
            output_tokens=settled.output_tokens,
            cached_input_tokens=settled.cached_input_tokens,
        )
        assert settled.outcome == "completed"
        assert settled.cost_usd == bench.usual_cost(body["provider_model"], usage) / 2
        assert body["cost_usd"] == float(settled.cost_usd)
        total += settled.cost_usd
    found = await bench.found(batch)
    assert (found.completed, found.failed, found.cost_usd) == (5, 0, total)
    assert Notes.of(found.provider_batches).submissions == {}


async def test_each_submission_is_for_one_model(bench: Bench, simulator: Simulator) -> None:
    simulator.batches_end_at_once()
    batch = await bench.keep(
        *prompts("a", model="gpt"), *prompts("b", model="openai/gpt-6-luna"), *prompts("c")
    )

    await bench.run(batch)

    sent = [{request.body["model"] for request in each.requests} for each in simulator.batches]
    assert sent == [{"gpt-6.1-terra"}, {"gpt-6-luna"}, {"claude-haiku-5-5"}]
    assert await bench.texts(batch) == ["Echo: a", "Echo: b", "Echo: c"]


async def test_nothing_is_handed_over_twice_when_the_process_stops_meanwhile(
    bench: Bench, simulator: Simulator, vendor: str
) -> None:
    batch = await bench.keep(*prompts("one", "two", model=ALIAS[vendor]))
    poll = f"GET {CREATE[vendor]}/{{id}}"
    await bench.run_until(batch, lambda vendors: vendors.calls_to(vendor, poll))
    simulator.end_batches()

    await bench.run(batch)

    assert len(simulator.batches) == 1
    assert await bench.texts(batch) == ["Echo: one", "Echo: two"]
    records = [await bench.row(result) for result in await bench.results(batch)]
    assert [record.runs for record in records] == [1, 1]
    assert bench.storage.ledger.open_rows == 0


async def test_what_was_taken_in_without_an_answer_is_found_again(
    bench: Bench, simulator: Simulator, vendor: str
) -> None:
    batch = await bench.keep(*prompts("one", "two", model=ALIAS[vendor]))
    simulator.script(Cut(how="reset"), on=vendor, path=CREATE[vendor])
    await bench.run_until(batch, lambda vendors: vendors.batches)
    simulator.end_batches()

    await bench.run(batch)

    assert len(simulator.batches) == 1
    assert await bench.texts(batch) == ["Echo: one", "Echo: two"]


async def test_what_has_not_arrived_is_sent_again(
    bench: Bench, simulator: Simulator, vendor: str
) -> None:
    batch = await bench.keep(*prompts("one", "two", model=ALIAS[vendor]))
    simulator.script(Hangup(), on=vendor, path=CREATE[vendor])
    simulator.batches_end_at_once()

    await bench.run(batch)

    assert len(simulator.batches) == 1
    assert await bench.texts(batch) == ["Echo: one", "Echo: two"]
    records = [await bench.row(result) for result in await bench.results(batch)]
    assert [record.runs for record in records] == [1, 1]


async def test_a_death_before_anything_was_sent_costs_nothing(
    bench: Bench, simulator: Simulator
) -> None:
    simulator.batches_end_at_once()
    opening = Submission(
        number=0,
        provider="anthropic",
        model="claude-haiku-5-5",
        label="claude-haiku-5-5",
        sanitize="none",
        spans=((0, 1),),
        state="opening",
        opened_at=bench.clock.now(),
    )
    notes = Notes(next_number=1, submissions={0: opening})
    batch = await bench.keep(*prompts("one", "two"), provider_batches=notes.to_json())

    await bench.run(batch)

    assert await bench.texts(batch) == ["Echo: one", "Echo: two"]
    assert [each.requests[0].custom_id for each in simulator.batches] == [f"{batch.id}-1-0"]


async def test_an_item_that_fails_does_not_touch_the_others_and_costs_nothing(
    bench: Bench, simulator: Simulator, vendor: str
) -> None:
    simulator.batches_end_at_once({"bad": bad_request("too odd"), "late": "expired"})
    batch = await bench.keep(*prompts("one", "bad", "late", model=ALIAS[vendor]))

    await bench.run(batch, principal=on_budget("1"))

    assert await bench.texts(batch) == ["Echo: one", "validation_error", "timeout"]
    found = await bench.found(batch)
    assert (found.completed, found.failed) == (1, 2)
    one = await bench.row((await bench.results(batch))[0])
    assert one.settlement is not None
    assert found.cost_usd == one.settlement.cost_usd


async def test_what_may_pass_is_handed_over_again_but_not_for_ever(
    bench: Bench, simulator: Simulator, vendor: str
) -> None:
    batch = await bench.keep(*prompts("one", "down", model=ALIAS[vendor]))
    simulator.batches_end_at_once({"down": server_error()})

    await bench.run(batch)

    assert [len(each.requests) for each in simulator.batches] == [2, 1, 1]
    assert await bench.texts(batch) == ["Echo: one", "service_unavailable"]


async def test_what_a_budget_does_not_bear_waits_until_it_does(
    bench: Bench, simulator: Simulator
) -> None:
    rates = BatchPrices(bench.prices, bench.settings.batch_price_factors).rates(
        "anthropic", "claude-haiku-5-5"
    )
    assert rates is not None
    worst = rates.worst_case_usd(input_tokens=300, output_tokens=50)
    batch = await bench.keep(*prompts("one", "two", "three"))
    principal = on_budget(str(2 * worst))
    async with bench.runner() as runner, asyncio.timeout(20):
        running = asyncio.ensure_future(runner.run(batch, Owner(principal)))
        await simulator.wait_for(lambda vendors: vendors.batches)
        await until(lambda: bench.is_paused(batch))
        paused = await bench.found(batch)
        sent_first = len(simulator.batches[0].requests)
        simulator.batches_end_at_once()
        simulator.end_batches()
        await running

    assert 1 <= sent_first <= 2
    assert paused.reason is not None
    assert paused.reason.startswith("budget_exceeded: ")
    assert await bench.texts(batch) == ["Echo: one", "Echo: two", "Echo: three"]
    assert (await bench.found(batch)).status == "running"


async def test_a_batch_that_is_stopped_keeps_and_pays_for_what_was_done(
    bench: Bench, simulator: Simulator, vendor: str
) -> None:
    batch = await bench.keep(*prompts("quick", "slow", model=ALIAS[vendor]))
    poll = f"GET {CREATE[vendor]}/{{id}}"
    await bench.run_until(batch, lambda vendors: vendors.calls_to(vendor, poll))

    async with bench.runner() as runner, asyncio.timeout(20):
        stopping = asyncio.ensure_future(runner.stop(batch))
        await simulator.wait_for(lambda vendors: vendors.batches[0].state == "cancelling")
        simulator.end_batches({"quick": Reply(text="Done")})
        await stopping

    assert await bench.texts(batch) == ["Done"]
    found = await bench.found(batch)
    assert (found.completed, found.failed, found.cancelled) == (1, 0, 0)
    assert found.cost_usd > 0
    left = await bench.storage.batches.pending(batch.id, after=-1, limit=10)
    assert [item.index for item in left] == [1]
    assert Notes.of(found.provider_batches).submissions == {}


async def test_a_stop_does_not_wait_for_ever_for_a_provider_that_knows_nothing(
    bench: Bench, simulator: Simulator, vendor: str
) -> None:
    batch = await bench.keep(*prompts("one", model=ALIAS[vendor]))
    poll = f"GET {CREATE[vendor]}/{{id}}"
    await bench.run_until(batch, lambda vendors: vendors.calls_to(vendor, poll))
    simulator.always(Status(404), on=vendor, path=poll)
    simulator.always(Status(404), on=vendor, path=f"POST {CREATE[vendor]}/{{id}}/cancel")
    bench.clock.sleeps.clear()

    async with bench.runner() as runner, asyncio.timeout(60):
        await runner.stop(await bench.found(batch))

    assert sum(bench.clock.sleeps) == pytest.approx(24 * 3600, abs=300)
    assert Notes.of((await bench.found(batch)).provider_batches).submissions == {}
    [left] = await bench.storage.batches.pending(batch.id, after=-1, limit=10)
    record = await bench.storage.ledger.find(record_id(batch.id, left.index, 0), tenant="acme")
    assert record is not None
    assert record.settlement is not None
    assert (record.settlement.outcome, record.settlement.cost_usd) == ("cancelled", Decimal(0))


async def test_a_stop_before_anything_arrived_sends_nothing(
    bench: Bench, simulator: Simulator, vendor: str
) -> None:
    batch = await bench.keep(*prompts("one", model=ALIAS[vendor]))
    simulator.script(Hangup(), on=vendor, path=CREATE[vendor])
    await bench.run_until(batch, lambda vendors: vendors.calls_to(vendor, CREATE[vendor]))

    async with bench.runner() as runner, asyncio.timeout(20):
        await runner.stop(await bench.found(batch))

    assert simulator.batches == []
    assert Notes.of((await bench.found(batch)).provider_batches).submissions == {}


async def test_a_batch_that_the_provider_has_no_room_for_goes_again(
    bench: Bench, simulator: Simulator
) -> None:
    batch = await bench.keep(*prompts("one", model="gpt"))
    async with bench.runner() as runner, asyncio.timeout(20):
        running = asyncio.ensure_future(runner.run(batch, Owner(PRINCIPAL)))
        await simulator.wait_for(lambda vendors: vendors.batches)
        simulator.batches_end_at_once()
        simulator.refuse_batches("token_limit_exceeded")
        await running

    assert len(simulator.batches) == 2
    assert await bench.texts(batch) == ["Echo: one"]


async def test_a_batch_that_the_provider_refuses_has_failed(
    bench: Bench, simulator: Simulator
) -> None:
    batch = await bench.keep(*prompts("one", "two", model="gpt"))
    async with bench.runner() as runner, asyncio.timeout(20):
        running = asyncio.ensure_future(runner.run(batch, Owner(PRINCIPAL)))
        await simulator.wait_for(lambda vendors: vendors.batches)
        simulator.refuse_batches("invalid_json_line")
        await running

    assert await bench.texts(batch) == ["provider_error", "provider_error"]
    assert (await bench.found(batch)).cost_usd == 0


async def test_a_submission_that_the_provider_rejects_has_failed(
    bench: Bench, simulator: Simulator, vendor: str
) -> None:
    simulator.script(bad_request("too odd"), on=vendor, path=CREATE[vendor])
    batch = await bench.keep(*prompts("one", model=ALIAS[vendor]))

    await bench.run(batch)

    assert await bench.texts(batch) == ["validation_error"]


async def test_a_batch_waits_with_a_reason_while_the_providers_key_is_refused(
    bench: Bench, simulator: Simulator, vendor: str
) -> None:
    simulator.always(bad_key(), on=vendor, path=CREATE[vendor])
    batch = await bench.keep(*prompts("one", model=ALIAS[vendor]))
    async with bench.runner() as runner, asyncio.timeout(20):
        running = asyncio.ensure_future(runner.run(batch, Owner(PRINCIPAL)))
        await until(lambda: bench.is_paused(batch))
        reason = (await bench.found(batch)).reason
        simulator.batches_end_at_once()
        simulator.always(None, on=vendor, path=CREATE[vendor])
        await running

    assert reason == f"provider_error: {vendor} does not take the batch"
    assert await bench.texts(batch) == ["Echo: one"]
    assert (await bench.found(batch)).status == "running"


async def test_results_that_break_off_are_read_again_and_billed_once(
    bench: Bench, simulator: Simulator
) -> None:
    simulator.batches_end_at_once()
    simulator.script(Cut(how="close"), on="anthropic", path="GET /v1/messages/batches/{id}/results")
    batch = await bench.keep(*prompts(*[f"text {at}" for at in range(150)]))

    await bench.run(batch)

    found = await bench.found(batch)
    assert (found.completed, found.failed) == (150, 0)
    assert len(simulator.batches) == 1
    records = [await bench.row(result) for result in await bench.results(batch)]
    costs = [record.settlement.cost_usd for record in records if record.settlement]
    assert sum(cost or 0 for cost in costs) == found.cost_usd


async def test_a_failing_poll_is_only_a_longer_wait(
    bench: Bench, simulator: Simulator, vendor: str
) -> None:
    simulator.batches_end_at_once()
    simulator.script(
        server_error(), Status(401), Status(404), on=vendor, path=f"GET {CREATE[vendor]}/{{id}}"
    )
    batch = await bench.keep(*prompts("one", model=ALIAS[vendor]))

    await bench.run(batch)

    assert await bench.texts(batch) == ["Echo: one"]
    assert [wait for wait in bench.clock.sleeps if wait] == [30, 60, 120, 240]


async def test_a_providers_word_is_acted_upon_at_once(
    bench: Bench, simulator: Simulator, vendor: str
) -> None:
    clock = SteppedClock(datetime.now(UTC))
    batch = await bench.keep(*prompts("one", model=ALIAS[vendor]))
    async with bench.runner(clock) as runner, asyncio.timeout(20):
        running = asyncio.ensure_future(runner.run(batch, Owner(PRINCIPAL)))
        await clock.is_slept_on(1)
        simulator.end_batches()
        runner.notify("msgbatch_another")
        runner.notify(simulator.batches[0].id)
        await running

    assert await bench.texts(batch) == ["Echo: one"]


async def test_what_no_provider_takes_in_batches_is_refused_by_name(bench: Bench) -> None:
    def asking(model: str) -> CompletionRequest:
        return CompletionRequest(
            model=model, messages=(Message(role="user", content="hello"),), max_tokens=5
        )

    bench.settings = bench.settings.model_copy(
        update={"batch_price_factors": {"openai/gpt-6.1*": Decimal("0.5")}}
    )
    async with bench.runner() as runner:
        runner.check(asking("gpt"))
        with pytest.raises(InvalidRequest) as refused:
            runner.check(asking("haiku"))
    assert refused.value.field == "mode"
