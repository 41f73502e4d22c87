"""Intents and settlements to write."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from service.core.ids import new_id
from service.usage.ports import Intent, Settlement

_INTENT = Intent(
    id="",
    tenant="acme",
    key_id="key_1",
    request_id="4b1f",
    kind="generate",
    model="haiku",
    stream=True,
    metadata={"team": "search"},
    created_at=datetime(2026, 11, 23, 9, 30, 0, 123456, tzinfo=UTC),
    estimated_input_tokens=12,
    estimated_cost_usd=Decimal("0.000012000"),
    prompt_name="summary",
    prompt_version=3,
)
_SETTLEMENT = Settlement(
    id="",
    outcome="completed",
    error_type=None,
    provider="anthropic",
    provider_model="claude-haiku-5-5",
    finish_reason="stop",
    input_tokens=11,
    output_tokens=300,
    cached_input_tokens=4,
    usage_source="provider",
    cost_usd=Decimal("0.001511000"),
    cache_hit=True,
    attempts=2,
    first_token_ms=120.5,
    duration_ms=980.25,
    completed_at=datetime(2026, 11, 23, 9, 30, 1, 654321, tzinfo=UTC),
)


def make_intent(**changes: Any) -> Intent:
    """An intent with an id of its own."""
    return replace(_INTENT, **{"id": new_id("req_"), **changes})


def make_settlement(intent: Intent, **changes: Any) -> Settlement:
    """A settlement of `intent`."""
    return replace(_SETTLEMENT, **{"id": intent.id, **changes})
