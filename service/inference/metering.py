"""The metering stage: an intent before the provider is called, one settlement after, whatever happens.

A `Meter` is entered once per request. Leaving it settles the row: as `completed` if an answer was
recorded, `cancelled` if the caller went away, else `failed`. The settlement is queued before anything
is awaited, so that not even a cancellation in the middle of leaving can lose it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from types import TracebackType
from typing import Self, TypeVar

from service.core.clock import Clock
from service.core.errors import (
    OWN_BOUNDS_SPENT,
    DeadlineExceeded,
    InternalError,
    ServiceError,
    Unavailable,
)
from service.core.estimates import estimate_tokens
from service.core.ids import new_id
from service.core.messages import (
    CompletionRequest,
    EmbeddingRequest,
    FinishReason,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReport,
)
from service.inference.budgets import budget_exceeded, worst_cases
from service.inference.catalog import Target
from service.inference.context import CallContext
from service.inference.ports import ProviderFailure
from service.inference.retry import Attempts
from service.inference.routing import DEADLINE_SPENT
from service.inference.stored import StoredAnswer
from service.observability.logs import note
from service.observability.metrics import Metrics
from service.usage.ports import (
    BudgetExhausted,
    Intent,
    Ledger,
    LedgerUnavailable,
    Outcome,
    Settlement,
)
from service.usage.prices import PriceList

T = TypeVar("T")

_SETTLEMENT_WAIT_SECONDS = 2.0
_LEDGER_RETRY_AFTER_SECONDS = 5.0


class Metering:
    """Makes a meter for each request."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        prices: PriceList,
        metrics: Metrics,
        clock: Clock,
        content_logging: bool,
    ) -> None:
        self.ledger = ledger
        self.prices = prices
        self.metrics = metrics
        self.clock = clock
        self.content_logging = content_logging

    def meter(
        self,
        request: CompletionRequest | EmbeddingRequest,
        context: CallContext,
        *,
        targets: tuple[Target, ...],
        input_text: str,
        estimated_input_tokens: int,
        stream: bool,
        attempts: Attempts,
    ) -> "Meter":
        """A meter for one request that may go to `targets`. `input_text` is only ever logged."""
        return Meter(
            self,
            request,
            context,
            targets=targets,
            input_text=input_text,
            estimated_input_tokens=estimated_input_tokens,
            stream=stream,
            attempts=attempts,
        )

    def free_meter(self, context: CallContext, *, model: str, stream: bool) -> "FreeMeter":
        """A meter for one request that is served from what another has paid for."""
        return FreeMeter(self, context, model=model, stream=stream)

    def intent(
        self,
        context: CallContext,
        *,
        record_id: str,
        model: str,
        stream: bool,
        estimated_input_tokens: int,
        estimated_cost_usd: Decimal | None,
    ) -> Intent:
        """The first half of a request's row."""
        return Intent(
            id=record_id,
            tenant=context.principal.tenant,
            key_id=context.principal.key_id,
            request_id=context.request_id,
            kind=context.kind,
            model=model,
            stream=stream,
            metadata=context.metadata,
            created_at=self.clock.now(),
            estimated_input_tokens=estimated_input_tokens,
            estimated_cost_usd=estimated_cost_usd,
        )

    def tell(
        self, intent: Intent, settlement: Settlement, *, label: str, is_paid: bool = True
    ) -> None:
        """Put the end of a request on its log line and into the metrics."""
        cost = None if settlement.cost_usd is None else float(settlement.cost_usd)
        note(
            id=intent.id,
            tenant=intent.tenant,
            key_id=intent.key_id,
            model=intent.model,
            provider=settlement.provider,
            provider_model=settlement.provider_model,
            input_tokens=settlement.input_tokens,
            output_tokens=settlement.output_tokens,
            cost_usd=cost,
            cache_hit=settlement.cache_hit,
            usage_source=settlement.usage_source,
            attempts=settlement.attempts,
            first_token_ms=settlement.first_token_ms,
            outcome=settlement.outcome,
            error_type=settlement.error_type,
        )
        self.metrics.settled(
            kind=intent.kind,
            provider=settlement.provider or "none",
            model=label,
            outcome=settlement.outcome,
            is_paid=is_paid,
            input_tokens=settlement.input_tokens,
            cached_input_tokens=settlement.cached_input_tokens,
            output_tokens=settlement.output_tokens,
            cost_usd=cost or 0.0,
            duration_seconds=settlement.duration_ms / 1000,
            first_token_seconds=_seconds(settlement.first_token_ms),
        )


class Meter:
    """One request's row in the ledger, from intent to settlement."""

    def __init__(
        self,
        metering: Metering,
        request: CompletionRequest | EmbeddingRequest,
        context: CallContext,
        *,
        targets: tuple[Target, ...],
        input_text: str,
        estimated_input_tokens: int,
        stream: bool,
        attempts: Attempts,
    ) -> None:
        self.id = context.record_id or new_id("req_")
        self._may_be_there = context.record_id is not None
        self.attempts = attempts
        self.targets = targets
        self._metering = metering
        self._request = request
        self._principal = context.principal
        self._input_text = input_text
        self._estimated_input_tokens = estimated_input_tokens
        estimate = Usage(input_tokens=estimated_input_tokens, source="estimated")
        self._intent = metering.intent(
            context,
            record_id=self.id,
            model=request.model,
            stream=stream,
            estimated_input_tokens=estimated_input_tokens,
            estimated_cost_usd=self._price(targets[0], estimate),
        )
        self._target: Target | None = None
        self._call_in_flight = False
        self._reported = Usage()
        self._delivered: list[str] = []
        self._started = metering.clock.monotonic()
        self._first_token_seconds: float | None = None
        self._usage = Usage()
        self._cost_usd: Decimal | None = Decimal(0)
        self._provider_model: str | None = None
        self._finish_reason: FinishReason | None = None

    async def __aenter__(self) -> Self:
        """Commit the intent; with budgets, `targets` are those whose worst case is held from then on.

        Raises `BudgetExceeded` if not even the cheapest can be held, `InvalidRequest` if none has a
        price, and `Unavailable` if the ledger cannot take the intent: nothing is owed then.
        """
        try:
            if self._principal.budgets:
                self.targets = await self._open_within_budgets()
            else:
                await self._metering.ledger.open(self._intent, again=self._may_be_there)
        except LedgerUnavailable as away:
            raise Unavailable(
                "The ledger is not available, so nothing billable can be started",
                retry_after_seconds=_LEDGER_RETRY_AFTER_SECONDS,
            ) from away
        return self

    async def _open_within_budgets(self) -> tuple[Target, ...]:
        cases = worst_cases(self._request, self.targets, self._metering.prices)
        reservation = cases.reservation(self._principal, now=self._intent.created_at)
        try:
            held_usd = await self._metering.ledger.open(
                self._intent, reservation, again=self._may_be_there
            )
        except BudgetExhausted as exhausted:
            raise budget_exceeded(exhausted, self._principal) from exhausted
        return cases.within(held_usd or Decimal(0))

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        settlement = self._settlement(exc)
        written = self._metering.ledger.settle(settlement)
        label = self._target.label if self._target else "none"
        self._metering.tell(self._intent, settlement, label=label)
        await _wait_for_row(written, settlement)

    def attempting(
        self, attempt: Callable[[Target], Awaitable[T]]
    ) -> Callable[[Target], Awaitable[T]]:
        """`attempt`, with a note of which target has the request in its hands."""

        async def metered(target: Target) -> T:
            self._target = target
            self._call_in_flight = True
            self._reported = Usage()  # an earlier target's count is not this one's
            try:
                return await attempt(target)
            except ProviderFailure:
                self._call_in_flight = False
                raise

        return metered

    def observe(self, events: list[StreamEvent]) -> None:
        """Count what a stream has brought, so that a cut stream can be charged."""
        for event in events:
            if isinstance(event, TextDelta):
                self._delivered.append(event.content)
            elif isinstance(event, ToolCallDelta):
                self._delivered.append(event.arguments)
            elif isinstance(event, UsageReport):
                self._reported = event.usage
        if self._first_token_seconds is None and self._delivered:
            self._first_token_seconds = self._metering.clock.monotonic() - self._started

    def answered(
        self,
        target: Target,
        *,
        usage: Usage,
        provider_model: str,
        finish_reason: FinishReason | None,
    ) -> Decimal | None:
        """Record the provider's own account of a whole answer; returns its cost in USD."""
        self._target = target
        self._call_in_flight = False
        self._usage = usage
        self._provider_model = provider_model
        self._finish_reason = finish_reason
        self._cost_usd = self._price(target, usage)
        return self._cost_usd

    @property
    def estimated_input_tokens(self) -> int:
        """What is charged of the input if nobody counts it."""
        return self._estimated_input_tokens

    @property
    def used_tokens(self) -> int:
        """What the row says that was used up, once the meter has been left."""
        return self._usage.total_tokens

    @property
    def delivered_text(self) -> str:
        """The text that a stream has brought so far."""
        return "".join(self._delivered)

    def note_content(self, output_text: str) -> None:
        """Put the prompt and the answer on the log line, where the settings ask for it."""
        if self._metering.content_logging:
            note(input_text=self._input_text, output_text=output_text)

    def _settlement(self, exc: BaseException | None) -> Settlement:
        outcome, error_type = _outcome_of(exc)
        if exc is not None and self._target is not None and self._call_in_flight:
            self._charge_what_was_delivered(self._target)
        now = self._metering.clock.monotonic()
        target = self._target
        return Settlement(
            id=self.id,
            outcome=outcome,
            error_type=error_type,
            provider=target.provider.name if target else None,
            provider_model=self._provider_model or (target.model if target else None),
            finish_reason=self._finish_reason,
            input_tokens=self._usage.input_tokens,
            output_tokens=self._usage.output_tokens,
            cached_input_tokens=self._usage.cached_input_tokens,
            usage_source=self._usage.source,
            cost_usd=self._cost_usd,
            attempts=self.attempts.made,
            first_token_ms=_milliseconds(self._first_token_seconds),
            duration_ms=round((now - self._started) * 1000, 3),
            completed_at=self._metering.clock.now(),
        )

    def _charge_what_was_delivered(self, target: Target) -> None:
        """The provider has the prompt and will bill what it made of it, though nobody says how much."""
        self._usage = Usage(
            input_tokens=self._reported.input_tokens or self._estimated_input_tokens,
            output_tokens=max(self._reported.output_tokens, estimate_tokens(self.delivered_text)),
            cached_input_tokens=self._reported.cached_input_tokens,
            cache_write_input_tokens=self._reported.cache_write_input_tokens,
            source="estimated",
        )
        self._cost_usd = self._price(target, self._usage)

    def _price(self, target: Target, usage: Usage) -> Decimal | None:
        rates = self._metering.prices.rates(target.provider.name, target.model)
        return None if rates is None else rates.cost_usd(usage)


class FreeMeter:
    """One request's row where another request has paid: written whole, at its end, at no cost."""

    def __init__(
        self, metering: Metering, context: CallContext, *, model: str, stream: bool
    ) -> None:
        self.id = context.record_id or new_id("req_")
        self._may_be_there = context.record_id is not None
        self._metering = metering
        self._started = metering.clock.monotonic()
        self._stored: StoredAnswer | None = None
        self._intent = metering.intent(
            context,
            record_id=self.id,
            model=model,
            stream=stream,
            estimated_input_tokens=0,
            estimated_cost_usd=Decimal(0),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(exc, OWN_BOUNDS_SPENT):
            return  # it was refused to whom it waited for; who is refused has no row
        settlement = self._settlement(exc)
        written = self._metering.ledger.record(self._intent, settlement, again=self._may_be_there)
        label = self._stored.label if self._stored else "none"
        self._metering.tell(self._intent, settlement, label=label, is_paid=False)
        await _wait_for_row(written, settlement)

    def took(self, stored: StoredAnswer) -> None:
        """The answer that was given."""
        self._stored = stored

    def _settlement(self, exc: BaseException | None) -> Settlement:
        outcome, error_type = _outcome_of(exc)
        stored = self._stored
        usage = stored.usage if stored else Usage()
        return Settlement(
            id=self.id,
            outcome=outcome,
            error_type=error_type,
            provider=stored.provider if stored else None,
            provider_model=stored.provider_model if stored else None,
            finish_reason=stored.finish_reason if stored else None,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_input_tokens=usage.cached_input_tokens,
            usage_source=usage.source,
            cost_usd=Decimal(0),
            cache_hit=stored is not None,
            duration_ms=round((self._metering.clock.monotonic() - self._started) * 1000, 3),
            completed_at=self._metering.clock.now(),
        )


async def _wait_for_row(written: asyncio.Future[None], settlement: Settlement) -> None:
    """An answer waits for its row, but not for ever: an outage must not hold it back."""
    if settlement.outcome != "cancelled":
        await asyncio.wait([written], timeout=_SETTLEMENT_WAIT_SECONDS)


def _outcome_of(exc: BaseException | None) -> tuple[Outcome, str | None]:
    if exc is None:
        return "completed", None
    if isinstance(exc, asyncio.CancelledError) and exc.args == (DEADLINE_SPENT,):
        return "failed", DeadlineExceeded.type
    if isinstance(exc, asyncio.CancelledError | GeneratorExit):
        return "cancelled", None
    return "failed", exc.type if isinstance(exc, ServiceError) else InternalError.type


def _seconds(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else milliseconds / 1000


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
