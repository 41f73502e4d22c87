"""What tokens cost, against the library whose data it is."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from genai_prices import Usage as LibraryUsage
from genai_prices import calc_price
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from structlog.testing import capture_logs

from service.core.messages import Usage
from service.core.money import round_usd
from service.usage.prices import BatchPrices, PriceList, PriceOverride, Rates
from tests.clock import START, ManualClock

MODELS = [
    ("anthropic", "claude-haiku-5-5"),
    ("anthropic", "claude-sonnet-5-5"),
    ("anthropic", "claude-opus-5-5"),
    ("anthropic", "claude-sonnet-4-5"),
    ("anthropic", "claude-haiku-4-5-20251001"),
    ("openai", "gpt-6-luna"),
    ("openai", "gpt-6.1-terra"),
    ("openai", "gpt-6.1-sol"),
    ("openai", "gpt-5.4"),
    ("openai", "gpt-4o"),
    ("openai", "gpt-4o-2024-08-06"),
    ("openai", "text-embedding-3-small"),
]
"""Every model of the shipped aliases, tiers at 100k, 200k and 272k, dated ids, and one without output."""

MINUTE = 60
DAY = 24 * 60 * MINUTE


def make_prices(
    overrides: dict[str, PriceOverride] | None = None, *, at: datetime = START
) -> PriceList:
    return PriceList(overrides or {}, clock=ManualClock(at))


def rates(prices: PriceList, provider: str, model: str) -> Rates:
    found = prices.rates(provider, model)
    assert found is not None
    return found


def usd(value: str) -> PriceOverride:
    return PriceOverride(input_usd_per_million=Decimal(value))


PRICES = make_prices()

token_counts = st.one_of(
    st.integers(0, 2_000_000),
    st.sampled_from([99_999, 100_000, 100_001, 199_999, 200_000, 200_001, 272_000, 272_001]),
)


@pytest.mark.parametrize(("provider", "model"), MODELS)
@settings(deadline=None, max_examples=50)
@given(
    input_tokens=token_counts,
    parts=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    output=token_counts,
)
def test_cost_is_the_librarys_to_the_nano_dollar(
    provider: str, model: str, input_tokens: int, parts: tuple[float, float], output: int
) -> None:
    cached = int(input_tokens * parts[0])
    written = int((input_tokens - cached) * parts[1])
    usage = Usage(
        input_tokens=input_tokens,
        output_tokens=output,
        cached_input_tokens=cached,
        cache_write_input_tokens=written,
    )
    expected = calc_price(
        LibraryUsage(
            input_tokens=input_tokens,
            output_tokens=output,
            cache_read_tokens=cached,
            cache_write_tokens=written,
        ),
        model,
        provider_id=provider,
        genai_request_timestamp=START,
    )
    assert rates(PRICES, provider, model).cost_usd(usage) == round_usd(expected.total_price)


@pytest.mark.parametrize(
    ("input_tokens", "cost"), [(100_000, "0.01"), (100_001, "0.0500005"), (0, "0")]
)
def test_tier_that_is_reached_prices_the_whole_call(input_tokens: int, cost: str) -> None:
    haiku = rates(PRICES, "anthropic", "claude-haiku-5-5")
    assert haiku.cost_usd(Usage(input_tokens=input_tokens)) == Decimal(cost)


def test_base_rates_are_those_of_a_short_call() -> None:
    assert rates(PRICES, "anthropic", "claude-haiku-5-5").base.input == Decimal("0.1")


def test_more_cached_than_read_is_never_a_discount() -> None:
    haiku = rates(PRICES, "anthropic", "claude-haiku-5-5")
    odd = haiku.cost_usd(Usage(input_tokens=10, cached_input_tokens=1_000))
    assert odd == haiku.cost_usd(Usage(input_tokens=1_000, cached_input_tokens=1_000))


def test_override_outranks_the_library() -> None:
    prices = make_prices(
        {
            "openai/gpt-4o": PriceOverride(
                input_usd_per_million=Decimal(100),
                output_usd_per_million=Decimal(200),
                cached_input_usd_per_million=Decimal(1),
                cache_write_usd_per_million=Decimal(300),
            )
        }
    )
    usage = Usage(
        input_tokens=1_000_000,
        cached_input_tokens=100_000,
        cache_write_input_tokens=200_000,
        output_tokens=10,
    )
    expected = Decimal(70) + Decimal("0.1") + Decimal(60) + Decimal("0.002")
    assert rates(prices, "openai", "gpt-4o").cost_usd(usage) == expected


def test_override_without_cache_prices_takes_the_input_price_for_them() -> None:
    prices = make_prices({"local/*": usd("2")})
    usage = Usage(
        input_tokens=3_000_000, cached_input_tokens=1_000_000, cache_write_input_tokens=1_000_000
    )
    assert rates(prices, "local", "llama").cost_usd(usage) == 6


def test_longest_pattern_decides() -> None:
    prices = make_prices({"*": usd("1"), "local/llama-3*": usd("3"), "local/*": usd("2")})
    found = {
        name: rates(prices, *name.split("/", 1)).base.input
        for name in ("other/x", "local/phi", "local/llama-3-8b", "local/meta/llama")
    }
    assert found == {"other/x": 1, "local/phi": 2, "local/llama-3-8b": 3, "local/meta/llama": 2}


def test_price_of_nothing_is_a_price() -> None:
    prices = make_prices({"sandbox/*": usd("0")})
    assert rates(prices, "sandbox", "sandbox").cost_usd(Usage(input_tokens=10**9)) == 0


@pytest.mark.parametrize("price", ["-1", "NaN", "Infinity"])
def test_price_that_is_no_amount_is_refused(price: str) -> None:
    with pytest.raises(ValidationError):
        usd(price)


@pytest.mark.parametrize(
    ("provider", "model"),
    [("local", "llama"), ("openai", "gpt-nonsense"), ("vllm", "gpt-4o"), ("openai", "whisper-1")],
)
def test_unknown_price_is_none_and_told_once(provider: str, model: str) -> None:
    clock = ManualClock()
    prices = PriceList({}, clock=clock)
    with capture_logs() as logs:
        for _ in range(3):
            assert prices.rates(provider, model) is None
            clock.advance(DAY)
    assert [(line["log_level"], line["provider"], line["model"]) for line in logs] == [
        ("warning", provider, model)
    ]


def test_names_that_callers_invent_do_not_fill_the_log() -> None:
    prices = make_prices()
    with capture_logs() as logs:
        for number in range(1_500):
            prices.rates("local", f"m{number}")
    assert len(logs) == 1_000


def test_price_changes_on_its_day() -> None:
    clock = ManualClock(datetime(2026, 4, 29, 23, 59, 30, tzinfo=UTC))
    prices = PriceList({}, clock=clock)
    before = rates(prices, "x-ai", "grok-4.20").base
    clock.advance(MINUTE)
    assert rates(prices, "x-ai", "grok-4.20").base != before


def test_price_changes_with_the_hour_where_a_vendor_has_it_so() -> None:
    clock = ManualClock(datetime(2026, 4, 29, 0, 29, tzinfo=UTC))
    prices = PriceList({}, clock=clock)
    night = rates(prices, "deepseek", "deepseek-chat").base.input
    clock.advance(2 * MINUTE)
    day = rates(prices, "deepseek", "deepseek-chat").base.input
    clock.advance(16 * 60 * MINUTE)
    assert night == rates(prices, "deepseek", "deepseek-chat").base.input
    assert night < day


def test_rates_are_laid_out_once_a_minute() -> None:
    clock = ManualClock()
    prices = PriceList({}, clock=clock)
    first = prices.rates("openai", "gpt-4o")
    clock.advance(MINUTE - 1)
    assert prices.rates("openai", "gpt-4o") is first


def test_context_is_told_where_it_is_known() -> None:
    assert PRICES.context_tokens("anthropic", "claude-sonnet-4-5") == 200_000
    assert PRICES.context_tokens("local", "llama") is None


def test_a_batch_costs_its_part_of_the_price_where_the_provider_takes_it() -> None:
    usual = make_prices({"acme/*": usd("4"), "zenith/*": usd("4")})
    prices = BatchPrices(usual, {"acme/*": Decimal("0.5"), "acme/large-*": Decimal("0.25")})
    usage = Usage(input_tokens=1_000_000)

    def cost(provider: str, model: str) -> Decimal | None:
        rates = prices.rates(provider, model)
        return None if rates is None else rates.cost_usd(usage)

    assert cost("acme", "small-1") == 2
    assert cost("acme", "large-1") == 1
    assert cost("zenith", "small-1") is None
    assert prices.factor("zenith", "small-1") is None


def test_each_rate_of_each_tier_is_lower_in_a_batch() -> None:
    usual = make_prices().rates("anthropic", "claude-sonnet-4-5")
    batched = BatchPrices(make_prices(), {"anthropic/*": Decimal("0.5")}).rates(
        "anthropic", "claude-sonnet-4-5"
    )
    assert usual is not None
    assert batched is not None
    assert len(batched.tiers) == len(usual.tiers) > 1
    for half, whole in zip(batched.tiers, usual.tiers, strict=True):
        assert half.from_input_tokens == whole.from_input_tokens
        assert 2 * half.input == whole.input
        assert 2 * half.output == whole.output
        assert 2 * half.cached_input == whole.cached_input
        assert 2 * half.cache_write == whole.cache_write
