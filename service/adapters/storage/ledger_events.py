"""What the ledger tells of: requests that have ended, and budgets that are used up.

A caller who hung up knows, so `cancelled` requests are told of to nobody; neither are `unknown` ones, which a
real settlement may replace yet: they are told of then.
"""

from datetime import datetime

from service.core.events import Audience, Event, EventType
from service.usage.ports import Intent, Outcome, Settlement, ThresholdReached

_TYPES: dict[Outcome, EventType] = {
    "completed": "generation.completed",
    "failed": "generation.failed",
}


def request_event(intent: Intent, settlement: Settlement, audience: Audience) -> Event | None:
    """How a request ended, without its content; None if nobody wants to know."""
    type_ = _TYPES.get(settlement.outcome)
    if type_ is None or not audience.awaits(intent.tenant, type_):
        return None
    cost = settlement.cost_usd
    data = {
        "id": intent.id,
        "request_id": intent.request_id,
        "key_id": intent.key_id,
        "kind": intent.kind,
        "stream": intent.stream,
        "status": settlement.outcome,
        "model": intent.model,
        "provider": settlement.provider,
        "provider_model": settlement.provider_model,
        "finish_reason": settlement.finish_reason,
        "usage": {
            "input_tokens": settlement.input_tokens,
            "output_tokens": settlement.output_tokens,
            "total_tokens": settlement.input_tokens + settlement.output_tokens,
            "cached_input_tokens": settlement.cached_input_tokens,
        },
        "cost_usd": None if cost is None else float(cost),
        "cache_hit": settlement.cache_hit,
        "duration_ms": settlement.duration_ms,
        "metadata": intent.metadata,
        "error_type": settlement.error_type,
    }
    return Event.of(intent.tenant, type_, data, now=settlement.completed_at)


def threshold_event(reached: ThresholdReached, *, now: datetime) -> Event:
    """A budget is used up to a threshold."""
    data = {
        "owner": reached.owner,
        "period": reached.period,
        "percent": reached.percent,
        "limit_usd": float(reached.limit_usd),
        "spent_usd": float(reached.spent_usd),
    }
    return Event.of(reached.tenant, "usage.threshold_reached", data, now=now)
