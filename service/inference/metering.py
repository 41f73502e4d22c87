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
from service.core.errors import InternalError, ServiceError, Unavailable
from service.core.estimates import estimate_tokens
from service.core.ids import new_id
from service.core.messages import (
    FinishReason,
    StreamEvent,
    TextDelta,
    ToolCallDelta,
    Usage,
    UsageReport,
)
from service.inference.catalog import Target
from service.inference.context import CallContext
from service.inference.ports import ProviderFailure
from service.inference.retry import Attempts
from service.observability.logs import note
from service.observability.metrics import Metrics
from service.usage.ports import Intent, Ledger, LedgerUnavailable, Outcome, Settlement
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
        context: CallContext,
        *,
        model: str,
        targets: tuple[Target, ...],
        input_text: str,
        estimated_input_tokens: int,
        stream: bool,
        attempts: Attempts,
    ) -> "Meter":
        """A meter for one request that may go to `targets`. `input_text` is only ever logged."""
        return Meter(
            self,
            context,
            model=model,
            first_target=targets[0],
            input_text=input_text,
            estimated_input_tokens=estimated_input_tokens,
            stream=stream,
            attempts=attempts,
        )


class Meter:
    """One request's row in the ledger, from intent to settlement."""

    def __init__(
        self,
        metering: Metering,
        context: CallContext,
        *,
        model: str,
        first_target: Target,
        input_text: str,
        estimated_input_tokens: int,
        stream: bool,
        attempts: Attempts,
    ) -> None:
        self.id = new_id("req_")
        self._metering = metering
        self._context = context
        self._model = model
        self._stream = stream
        self.attempts = attempts
        self._input_text = input_text
        self._estimated_input_tokens = estimated_input_tokens
        self._first_target = first_target
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
        """Commit the intent. Raises `Unavailable` if the ledger cannot take it: nothing is owed then."""
        try:
            await self._metering.ledger.open(self._intent())
        except LedgerUnavailable as away:
            raise Unavailable(
                "The ledger is not available, so nothing billable can be started",
                retry_after_seconds=_LEDGER_RETRY_AFTER_SECONDS,
            ) from away
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        settlement = self._settlement(exc)
        written = self._metering.ledger.settle(settlement)
        self._tell(settlement)
        if settlement.outcome != "cancelled":
            # An answer waits for its row, but not for ever: an outage must not hold it back.
            await asyncio.wait([written], timeout=_SETTLEMENT_WAIT_SECONDS)

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
    def delivered_text(self) -> str:
        """The text that a stream has brought so far."""
        return "".join(self._delivered)

    def note_content(self, output_text: str) -> None:
        """Put the prompt and the answer on the log line, where the settings ask for it."""
        if self._metering.content_logging:
            note(input_text=self._input_text, output_text=output_text)

    def _intent(self) -> Intent:
        estimate = Usage(input_tokens=self._estimated_input_tokens, source="estimated")
        return Intent(
            id=self.id,
            tenant=self._context.principal.tenant,
            key_id=self._context.principal.key_id,
            request_id=self._context.request_id,
            kind=self._context.kind,
            model=self._model,
            stream=self._stream,
            metadata=self._context.metadata,
            created_at=self._metering.clock.now(),
            estimated_input_tokens=estimate.input_tokens,
            estimated_cost_usd=self._price(self._first_target, estimate),
        )

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

    def _tell(self, settlement: Settlement) -> None:
        cost = None if settlement.cost_usd is None else float(settlement.cost_usd)
        note(
            id=self.id,
            tenant=self._context.principal.tenant,
            key_id=self._context.principal.key_id,
            model=self._model,
            provider=settlement.provider,
            provider_model=settlement.provider_model,
            input_tokens=settlement.input_tokens,
            output_tokens=settlement.output_tokens,
            cost_usd=cost,
            usage_source=settlement.usage_source,
            attempts=settlement.attempts,
            first_token_ms=settlement.first_token_ms,
            outcome=settlement.outcome,
            error_type=settlement.error_type,
        )
        self._metering.metrics.settled(
            kind=self._context.kind,
            provider=settlement.provider or "none",
            # Not the dated id of the answer: a label must be bounded.
            model=self._target.label if self._target else "none",
            outcome=settlement.outcome,
            input_tokens=settlement.input_tokens,
            cached_input_tokens=settlement.cached_input_tokens,
            output_tokens=settlement.output_tokens,
            cost_usd=cost or 0.0,
            duration_seconds=settlement.duration_ms / 1000,
            first_token_seconds=self._first_token_seconds,
        )


def _outcome_of(exc: BaseException | None) -> tuple[Outcome, str | None]:
    if exc is None:
        return "completed", None
    if isinstance(exc, asyncio.CancelledError | GeneratorExit):
        return "cancelled", None
    return "failed", exc.type if isinstance(exc, ServiceError) else InternalError.type


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)
