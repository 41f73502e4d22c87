"""The ledger's rows of what providers answer in their own time, at the price of their batches."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import structlog
from msgspec import Struct

from service.access.principal import Principal
from service.batches.ports import StoredBatch
from service.batches.provider.items import RunnableItem
from service.batches.provider.submissions import Submission
from service.core.estimates import estimate_input_tokens
from service.core.messages import Completion, Usage
from service.inference.budgets import budget_exceeded, worst_cases
from service.inference.catalog import Target
from service.inference.metering import Metering
from service.observability.logs import request_line
from service.usage.ports import BudgetExhausted, Intent, Outcome, Settlement

log = structlog.get_logger("service.requests")

_KEPT_OPEN = timedelta(days=3)
"""A provider's day, and time for us to be away."""


class HowItEnded(Struct, frozen=True, kw_only=True):
    """What a row is settled with: an answer and its cost, or the type of the error."""

    completion: Completion | None = None
    cost_usd: Decimal | None = Decimal(0)
    outcome: Outcome = "completed"
    error_type: str | None = None


class Bills:
    """One row for each attempt at an item, held at its worst case from before it is sent until it ends."""

    def __init__(self, metering: Metering) -> None:
        """`metering` knows the prices of batches."""
        self._metering = metering

    async def open(
        self, batch: StoredBatch, item: RunnableItem, target: Target, principal: Principal
    ) -> None:
        """Commit the intent and hold the worst case; an earlier run may have left the row behind.

        Raises `BudgetExceeded`, `InvalidRequest` for a model without a price on a budget, and
        `LedgerUnavailable`.
        """
        tokens = estimate_input_tokens(item.request)
        usage = Usage(input_tokens=tokens, source="estimated")
        intent = self._intent(
            batch,
            item,
            created_at=self._metering.clock.now(),
            estimated_input_tokens=tokens,
            estimated_cost_usd=self.cost_usd(target.provider.name, target.model, usage),
        )
        reservation = None
        if principal.budgets:
            cases = worst_cases(item.request, (target,), self._metering.prices)
            reservation = cases.reservation(principal, now=intent.created_at)
        try:
            await self._metering.ledger.open(intent, reservation, again=True)
        except BudgetExhausted as exhausted:
            raise budget_exceeded(exhausted, principal) from exhausted

    async def keep_open(self, record_ids: Sequence[str]) -> None:
        """Let the rows outlive this process: the provider works on. Raises `LedgerUnavailable`."""
        until = self._metering.clock.now() + _KEPT_OPEN
        await self._metering.ledger.keep_open(record_ids, until=until)

    def settle(
        self, batch: StoredBatch, item: RunnableItem, submission: Submission, end: HowItEnded
    ) -> asyncio.Future[None]:
        """Queue the end of a row, and tell the log and the metrics; done when it is committed."""
        now = self._metering.clock.now()
        completion = end.completion
        usage = completion.usage if completion else Usage()
        settlement = Settlement(
            id=item.record_id,
            outcome=end.outcome,
            error_type=end.error_type,
            provider=submission.provider,
            provider_model=completion.provider_model if completion else submission.model,
            finish_reason=completion.finish_reason if completion else None,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cached_input_tokens=usage.cached_input_tokens,
            usage_source=usage.source,
            cost_usd=end.cost_usd,
            attempts=1,
            duration_ms=(now - submission.opened_at).total_seconds() * 1000,
            completed_at=now,
        )
        intent = self._intent(
            batch,
            item,
            created_at=submission.opened_at,
            estimated_input_tokens=0,
            estimated_cost_usd=None,
        )
        written = self._metering.ledger.settle(settlement, intent)
        with request_line() as line:
            self._metering.tell(intent, settlement, label=submission.label)
        log.info("batch item", batch=batch.id, index=item.index, **line)
        return written

    def cost_usd(self, provider: str, model: str, usage: Usage) -> Decimal | None:
        """What that costs in a batch; None where no price is known."""
        rates = self._metering.prices.rates(provider, model)
        return None if rates is None else rates.cost_usd(usage)

    def _intent(
        self,
        batch: StoredBatch,
        item: RunnableItem,
        *,
        created_at: datetime,
        estimated_input_tokens: int,
        estimated_cost_usd: Decimal | None,
    ) -> Intent:
        return Intent(
            id=item.record_id,
            tenant=batch.tenant,
            key_id=batch.key_id,
            request_id=batch.request_id,
            kind=item.kind,
            model=item.request.model,
            stream=False,
            metadata=item.body.metadata or {},
            created_at=created_at,
            estimated_input_tokens=estimated_input_tokens,
            estimated_cost_usd=estimated_cost_usd,
        )
