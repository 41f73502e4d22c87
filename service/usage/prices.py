"""What tokens cost, by provider and model.

Prices come from `genai-prices` (offline data, dated ids resolve) unless the configuration overrides
them. They are laid out once per model and minute as a small table, because working one out through the
library takes some 0.1 ms, and because prices change with the date and, at some vendors, with the hour.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Protocol

import structlog
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelInfo, ModelPrice, TieredPrices
from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field

from service.core.clock import Clock
from service.core.messages import Usage
from service.core.money import cost_of_tokens, round_up_usd, round_usd

log = structlog.get_logger(__name__)

_MOST_WARNINGS = 1_000


class PriceOverride(BaseModel):
    """A price from the configuration, in USD per million tokens. Absent: cached input as input."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    input_usd_per_million: Decimal = Field(ge=0)
    output_usd_per_million: Decimal = Field(default=Decimal(0), ge=0)
    cached_input_usd_per_million: Decimal | None = Field(default=None, ge=0)
    cache_write_usd_per_million: Decimal | None = Field(default=None, ge=0)


class TierRates(Struct, frozen=True, kw_only=True):
    """USD per million tokens, for calls of at least `from_input_tokens` input tokens."""

    from_input_tokens: int
    input: Decimal
    output: Decimal
    cached_input: Decimal
    cache_write: Decimal

    def times(self, factor: Decimal) -> "TierRates":
        """The same tier at another level."""
        return TierRates(
            from_input_tokens=self.from_input_tokens,
            input=self.input * factor,
            output=self.output * factor,
            cached_input=self.cached_input * factor,
            cache_write=self.cache_write * factor,
        )


class Rates(Struct, frozen=True):
    """A model's tiers, the dearest context first. The tier that a call reaches prices all of it."""

    tiers: tuple[TierRates, ...]

    def cost_usd(self, usage: Usage) -> Decimal:
        """The price of one call, rounded to the nano-dollar."""
        tier = next(t for t in self.tiers if usage.input_tokens >= t.from_input_tokens)
        fresh = usage.input_tokens - usage.cached_input_tokens - usage.cache_write_input_tokens
        return round_usd(
            cost_of_tokens(max(fresh, 0), tier.input)
            + cost_of_tokens(usage.cached_input_tokens, tier.cached_input)
            + cost_of_tokens(usage.cache_write_input_tokens, tier.cache_write)
            + cost_of_tokens(usage.output_tokens, tier.output)
        )

    def worst_case_usd(self, *, input_tokens: int, output_tokens: int) -> Decimal:
        """What a call of at most so many tokens can cost, whatever is read from or put into caches."""
        reached = [tier for tier in self.tiers if input_tokens >= tier.from_input_tokens]
        dearest_input = max(max(t.input, t.cached_input, t.cache_write) for t in reached)
        dearest_output = max(t.output for t in reached)
        return round_up_usd(
            cost_of_tokens(input_tokens, dearest_input)
            + cost_of_tokens(output_tokens, dearest_output)
        )

    def times(self, factor: Decimal) -> "Rates":
        """The same rates at another level."""
        return Rates(tuple(tier.times(factor) for tier in self.tiers))

    @property
    def base(self) -> TierRates:
        """The rates of a short call."""
        return self.tiers[-1]


class Prices(Protocol):
    """Where the rates of a model are found."""

    def rates(self, provider: str, model: str) -> Rates | None:
        """The rates of `model` at `provider` now; None where no price is known."""
        ...


class BatchPrices:
    """What the same models cost in their providers' own batches."""

    def __init__(self, prices: Prices, factors: Mapping[str, Decimal]) -> None:
        """`factors` of the usual price are keyed by patterns over "provider/model"; the longest that fits
        decides, and a model that none fits cannot be batched."""
        self._prices = prices
        self._factors = sorted(factors.items(), key=lambda item: -len(item[0]))

    def factor(self, provider: str, model: str) -> Decimal | None:
        """What a batch costs of the usual price; None for a model that cannot be batched."""
        name = f"{provider}/{model}"
        return next((f for pattern, f in self._factors if fnmatchcase(name, pattern)), None)

    def rates(self, provider: str, model: str) -> Rates | None:
        """The rates of `model` in a batch at `provider` now."""
        factor = self.factor(provider, model)
        rates = self._prices.rates(provider, model)
        return None if rates is None or factor is None else rates.times(factor)


class PriceList:
    """Finds the rates of a model; None where no price is known, told once per model in the log."""

    def __init__(self, overrides: dict[str, PriceOverride], *, clock: Clock) -> None:
        """`overrides` is keyed by patterns over "provider/model"; the longest that fits decides."""
        self._overrides = sorted(overrides.items(), key=lambda item: -len(item[0]))
        self._clock = clock
        self._minute: datetime | None = None
        self._table: dict[tuple[str, str], Rates | None] = {}
        self._told_unknown: set[tuple[str, str]] = set()

    def rates(self, provider: str, model: str) -> Rates | None:
        """The rates of `model` at `provider` now."""
        minute = self._clock.now().replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute = minute
            self._table.clear()
        key = (provider, model)
        if key not in self._table:
            self._table[key] = self._look_up(provider, model, minute)
        return self._table[key]

    def context_tokens(self, provider: str, model: str) -> int | None:
        """How much the model reads at once, as far as the price data knows."""
        info = _find(provider, model)
        return info.context_window if info else None

    def _look_up(self, provider: str, model: str, now: datetime) -> Rates | None:
        for pattern, override in self._overrides:
            if fnmatchcase(f"{provider}/{model}", pattern):
                return _rates_of_override(override)
        info = _find(provider, model)
        price = info.get_prices(now) if info else None
        if price is None or (price.input_mtok is None and price.output_mtok is None):
            self._tell_unknown(provider, model)  # or it has prices, but none for tokens
            return None
        return _rates_of_library(price)

    def _tell_unknown(self, provider: str, model: str) -> None:
        told = self._told_unknown
        if (provider, model) not in told and len(told) < _MOST_WARNINGS:  # callers may name any id
            told.add((provider, model))
            log.warning("no price is known: cost_usd will be null", provider=provider, model=model)


def _find(provider: str, model: str) -> ModelInfo | None:
    """What the library knows. In two steps, because in one it remembers every name it was asked for."""
    snapshot = get_snapshot()
    try:
        vendor = snapshot.find_provider(None, provider, None)
        return snapshot.find_provider_model(model, vendor, None, None)[1]
    except LookupError:
        return None


def _rates_of_override(override: PriceOverride) -> Rates:
    fresh = override.input_usd_per_million
    cached = override.cached_input_usd_per_million
    written = override.cache_write_usd_per_million
    tier = TierRates(
        from_input_tokens=0,
        input=fresh,
        output=override.output_usd_per_million,
        cached_input=fresh if cached is None else cached,
        cache_write=fresh if written is None else written,
    )
    return Rates((tier,))


def _rates_of_library(price: ModelPrice) -> Rates:
    starts = {0}
    for field in (
        price.input_mtok,
        price.output_mtok,
        price.cache_read_mtok,
        price.cache_write_mtok,
    ):
        if isinstance(field, TieredPrices):
            starts.update(tier.start for tier in field.tiers)
    return Rates(tuple(_tier_from(price, start) for start in sorted(starts, reverse=True)))


def _tier_from(price: ModelPrice, start: int) -> TierRates:
    fresh = _rate_from(price.input_mtok, start) or Decimal(0)
    cached = _rate_from(price.cache_read_mtok, start)
    written = _rate_from(price.cache_write_mtok, start)
    return TierRates(
        # The library's tiers begin above their start, ours at it.
        from_input_tokens=start + 1 if start else 0,
        input=fresh,
        output=_rate_from(price.output_mtok, start) or Decimal(0),
        cached_input=fresh if cached is None else cached,
        cache_write=fresh if written is None else written,
    )


def _rate_from(price: Decimal | TieredPrices | None, start: int) -> Decimal | None:
    if not isinstance(price, TieredPrices):
        return price
    reached = [tier.price for tier in price.tiers if tier.start <= start]
    return reached[-1] if reached else price.base
