"""What is held for a request that has a budget, and what its caller is told when it does not fit."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.ports import Budget, BudgetPeriod
from service.access.principal import OwnedBudget, Principal
from service.core.errors import BudgetExceeded, InvalidRequest
from service.core.messages import EmbeddingRequest, ImageUrl, Message, TextPart, Tool, Usage
from service.inference.answers import Answer
from service.inference.budgets import worst_cases
from service.inference.catalog import Target
from service.inference.context import CallContext
from service.inference.ports import FailureKind
from service.inference.profiles import ModelProfile
from service.usage.prices import PriceList, PriceOverride
from tests.clock import ManualClock
from tests.fakes import FakeProvider, completion, context, failure, request
from tests.unit.pipeline_bench import PipelineBench

USD = Decimal
PROFILE = ModelProfile(overhead_tokens=10, tool_overhead_tokens=500, max_image_tokens=2_000)
PRICES = PriceList(
    {"acme/*": PriceOverride(input_usd_per_million=USD(1), cache_write_usd_per_million=USD(2))},
    clock=ManualClock(),
)
TARGET = Target(provider=FakeProvider(), model="one", profile=PROFILE)


def with_budgets(*owners: str, period: BudgetPeriod = "month") -> CallContext:
    budgets = tuple(
        OwnedBudget(owner=owner, budget=Budget(limit_usd=USD(5), period=period)) for owner in owners
    )
    return context(
        principal=Principal(
            key_id="key_1",
            tenant="tenant",
            scopes=frozenset({"generate"}),
            token_id="key_token",
            budgets=budgets,
        )
    )


async def test_no_budget_reserves_nothing() -> None:
    bench = PipelineBench(completion())
    await bench.pipeline.complete(request(), context())
    assert bench.ledger.reservations == []


async def test_dearest_target_is_held_before_the_first_is_called() -> None:
    bench = PipelineBench(completion(), backup=[completion()])
    await bench.pipeline.complete(request(max_tokens=1_000), with_budgets("key_1"))
    [reservation] = bench.ledger.reservations
    dear, cheap = reservation.amounts_usd
    assert dear == 2 * cheap  # backup costs twice as much as acme
    assert cheap > USD("0.01")  # a thousand tokens of output, and some input


async def test_target_that_costs_more_than_is_held_is_not_called() -> None:
    bench = PipelineBench(failure(FailureKind.MISCONFIGURED), backup=[completion()])
    bench.ledger.funds_usd = USD("0.015")
    with pytest.raises(Exception, match="answered badly"):
        await bench.pipeline.complete(request(max_tokens=1_000), with_budgets("key_1"))
    assert len(bench.acme.calls) == 1
    assert bench.backup.calls == []


async def test_dearer_target_is_called_where_its_worst_case_is_held() -> None:
    bench = PipelineBench(failure(FailureKind.MISCONFIGURED), backup=[completion()])
    answer = await bench.pipeline.complete(request(max_tokens=1_000), with_budgets("key_1"))
    assert answer.provider == "backup"


async def test_request_that_does_not_fit_reaches_no_provider_and_says_why() -> None:
    bench = PipelineBench(completion())
    bench.ledger.funds_usd = USD("0.0001")
    with pytest.raises(BudgetExceeded) as refused:
        await bench.pipeline.complete(request(), with_budgets("key_1"))
    assert bench.acme.calls == []
    assert bench.ledger.settlements == []
    assert (refused.value.owner, refused.value.period) == ("key", "month")
    assert refused.value.limit_usd == USD(5)


@pytest.mark.parametrize(
    ("owner", "kind"), [("key_1", "key"), ("key_token", "token"), ("tenant:tenant", "tenant")]
)
async def test_refusal_says_whose_budget_it_is(owner: str, kind: str) -> None:
    bench = PipelineBench(completion())
    bench.ledger.funds_usd = USD(0)
    with pytest.raises(BudgetExceeded) as refused:
        await bench.pipeline.complete(request(), with_budgets(owner))
    assert refused.value.owner == kind


@pytest.mark.parametrize(
    ("now", "period", "account", "resets_at"),
    [
        ("2026-11-23T23:59:59Z", "day", "2026-11-23", "2026-11-24T00:00:00Z"),
        ("2026-11-24T00:59:59+01:00", "day", "2026-11-23", "2026-11-24T00:00:00Z"),
        ("2026-02-28T12:00:00Z", "month", "2026-02", "2026-03-01T00:00:00Z"),
        ("2026-12-31T12:00:00Z", "month", "2026-12", "2027-01-01T00:00:00Z"),
        ("2026-12-31T12:00:00Z", "total", "total", None),
    ],
)
async def test_periods_are_those_of_utc(
    now: str, period: BudgetPeriod, account: str, resets_at: str | None
) -> None:
    bench = PipelineBench(completion(), clock=ManualClock(datetime.fromisoformat(now)))
    bench.ledger.funds_usd = USD(0)
    with pytest.raises(BudgetExceeded) as refused:
        await bench.pipeline.complete(request(), with_budgets("key_1", period=period))
    [reservation] = bench.ledger.reservations
    assert [a.period for a in reservation.accounts] == [account]
    assert refused.value.resets_at == (resets_at and datetime.fromisoformat(resets_at))
    starts_at = reservation.accounts[0].starts_at
    assert starts_at is None or starts_at <= datetime.fromisoformat(now).astimezone(UTC)


async def test_model_without_a_price_is_refused_on_a_budget() -> None:
    bench = PipelineBench(completion())
    with pytest.raises(InvalidRequest) as refused:
        await bench.pipeline.complete(request(model="free"), with_budgets("key_1"))
    assert refused.value.field == "model"
    assert bench.acme.calls == []


async def test_stream_and_embeddings_are_held_too() -> None:
    bench = PipelineBench(failure(FailureKind.MISCONFIGURED), failure(FailureKind.MISCONFIGURED))
    for work in (
        anext(bench.pipeline.stream(request(), with_budgets("key_1"))),
        bench.pipeline.embed(
            EmbeddingRequest(model="default", inputs=("a", "b")), with_budgets("key_1")
        ),
    ):
        with pytest.raises(Exception, match="answered badly"):
            await work
    assert len(bench.ledger.reservations) == 2


async def test_who_waits_for_a_call_is_not_refused_by_the_budget_of_whoever_was_first() -> None:
    async def whole(asking: CallContext) -> str:
        return (await bench.pipeline.complete(request(), asking)).provider

    async def streamed(asking: CallContext) -> str:
        *_, answer = [event async for event in bench.pipeline.stream(request(), asking)]
        assert isinstance(answer, Answer)
        return answer.provider

    for ask in (whole, streamed):
        bench = PipelineBench(completion(), shares=True)
        bench.ledger.funds_usd = USD(0)
        bench.ledger.can_commit.clear()
        first = asyncio.ensure_future(ask(with_budgets("key_1")))
        await asyncio.sleep(0)
        others = [asyncio.ensure_future(whole(context())) for _ in range(2)]
        for _ in range(5):
            await asyncio.sleep(0)
        bench.ledger.can_commit.set()
        assert await asyncio.gather(*others) == ["acme", "acme"]
        with pytest.raises(BudgetExceeded):
            await first
        assert len(bench.acme.calls) == 1


async def test_model_without_a_price_may_be_shared_by_those_without_a_budget() -> None:
    bench = PipelineBench(completion(), shares=True)
    await bench.pipeline.complete(request(model="free"), context())
    with pytest.raises(InvalidRequest):
        await bench.pipeline.complete(request(model="free"), with_budgets("key_1"))


@given(text=st.text(max_size=300), max_tokens=st.integers(1, 5_000))
def test_worst_case_is_never_less_than_what_a_provider_can_count(
    text: str, max_tokens: int
) -> None:
    """A token has at least one byte; all of them may have to be written into the provider's cache."""
    counted = len(text.encode("utf-8", "surrogatepass"))
    rates = PRICES.rates("acme", "one")
    assert rates is not None
    usage = Usage(input_tokens=counted, cache_write_input_tokens=counted, output_tokens=max_tokens)
    cases = worst_cases(request(text, max_tokens=max_tokens), [TARGET], PRICES)
    assert cases.amounts_usd[0] >= rates.cost_usd(usage)


def test_images_tools_and_schemas_are_bounded_by_the_profile() -> None:
    def bound(**changes: object) -> Decimal:
        return worst_cases(request(**changes), [TARGET], PRICES).amounts_usd[0]  # type: ignore[arg-type]

    picture = ImageUrl("https://example.com/a.png")
    message = Message(role="user", content=(TextPart("Hi"), picture, picture))
    plain = bound()
    assert bound(messages=(message,)) > plain + USD("0.008")  # 2 images of 2,000 tokens
    tool = Tool(name="f", parameters={"type": "object"})
    assert bound(tools=(tool,)) > plain + USD("0.001")  # 500 tokens around them
