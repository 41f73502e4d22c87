"""What a request may cost at worst, held in its budgets before a provider is called.

The bound on the input is its size in bytes, as a token has at least one, and what the profile allows a
vendor to add; the bound on the output is `max_tokens`. A target that costs more than what could be held
is not called, so no attempt can spend what nobody has.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import Struct

from service.access.ports import Budget
from service.access.principal import Principal
from service.core.errors import BudgetExceeded, InvalidRequest
from service.core.messages import CompletionRequest, EmbeddingRequest, TextPart
from service.inference.catalog import Target
from service.inference.profiles import ModelProfile
from service.usage.ports import BudgetAccount, BudgetExhausted, Reservation
from service.usage.prices import Prices

_encode = msgspec.json.Encoder().encode


class WorstCases(Struct, frozen=True, kw_only=True):
    """The targets with a known price, in their order, each with what one call may cost at worst."""

    targets: tuple[Target, ...]
    amounts_usd: tuple[Decimal, ...]

    def reservation(self, principal: Principal, *, now: datetime) -> Reservation:
        """The dearest of them, or as much of it as the budgets bear."""
        return Reservation(
            accounts=tuple(
                _account(owned.owner, owned.budget, now=now) for owned in principal.budgets
            ),
            amounts_usd=tuple(sorted(set(self.amounts_usd), reverse=True)),
        )

    def within(self, held_usd: Decimal) -> tuple[Target, ...]:
        """The targets that a call may go to."""
        return tuple(
            target
            for target, amount in zip(self.targets, self.amounts_usd, strict=True)
            if amount <= held_usd
        )


def priced_targets(model: str, targets: Sequence[Target], prices: Prices) -> tuple[Target, ...]:
    """Those with a price: no other cost can be bounded. Raises `InvalidRequest` if there is none."""
    priced = tuple(t for t in targets if prices.rates(t.provider.name, t.model) is not None)
    if not priced:
        raise InvalidRequest(
            f"No price is known for '{model}', and what cannot be priced cannot be asked for on a budget",
            field="model",
        )
    return priced


def worst_cases(
    request: CompletionRequest | EmbeddingRequest, targets: Sequence[Target], prices: Prices
) -> WorstCases:
    """What the targets with a price may cost. Raises `InvalidRequest` if there is none."""
    size = len(_encode(request))
    output_tokens = request.max_tokens if isinstance(request, CompletionRequest) else 0
    priced = priced_targets(request.model, targets, prices)
    amounts = []
    for target in priced:
        rates = prices.rates(target.provider.name, target.model)
        assert rates is not None, "it has a price"  # noqa: S101 - for the type checker
        input_tokens = size + _added_tokens(request, target.profile)
        amounts.append(rates.worst_case_usd(input_tokens=input_tokens, output_tokens=output_tokens))
    return WorstCases(targets=priced, amounts_usd=tuple(amounts))


def budget_exceeded(exhausted: BudgetExhausted, principal: Principal) -> BudgetExceeded:
    """What the caller is told."""
    account = exhausted.account
    budget = next(o.budget for o in principal.budgets if o.owner == account.owner)
    return BudgetExceeded(
        owner=_kind_of_owner(account.owner, principal),
        period=budget.period,
        limit_usd=account.limit_usd,
        spent_usd=exhausted.spent_usd,
        resets_at=_next_period(budget, account.starts_at),
    )


def _added_tokens(request: CompletionRequest | EmbeddingRequest, profile: ModelProfile) -> int:
    """What a vendor counts beside the text of the request."""
    tokens = profile.overhead_tokens
    if isinstance(request, EmbeddingRequest):
        return tokens * len(request.inputs)
    if request.tools or request.json_schema:
        tokens += profile.tool_overhead_tokens
    images = sum(
        not isinstance(part, TextPart)
        for message in request.messages
        if isinstance(message.content, tuple)
        for part in message.content
    )
    return tokens + images * profile.max_image_tokens


def _kind_of_owner(owner: str, principal: Principal) -> Literal["key", "token", "tenant"]:
    if owner == principal.key_id:
        return "key"
    return "token" if owner == principal.token_id else "tenant"


def _account(owner: str, budget: Budget, *, now: datetime) -> BudgetAccount:
    period, starts_at = _period(budget, now.astimezone(UTC))
    return BudgetAccount(
        owner=owner, period=period, starts_at=starts_at, limit_usd=budget.limit_usd
    )


def _period(budget: Budget, now: datetime) -> tuple[str, datetime | None]:
    """The name of the current period and its first moment."""
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if budget.period == "day":
        return today.strftime("%Y-%m-%d"), today
    if budget.period == "month":
        return today.strftime("%Y-%m"), today.replace(day=1)
    return "total", None


def _next_period(budget: Budget, starts_at: datetime | None) -> datetime | None:
    if starts_at is None:
        return None
    if budget.period == "day":
        return starts_at + timedelta(days=1)
    return (starts_at + timedelta(days=31)).replace(day=1)
