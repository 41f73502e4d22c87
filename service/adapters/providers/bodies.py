"""The JSON that goes to a vendor."""

from collections.abc import Mapping
from typing import Any

import msgspec

from service.inference.ports import CompletionCall, FailureKind, ProviderFailure

PROTECTED_FIELDS = frozenset(
    {
        "model",
        "messages",
        "system",
        "stream",
        "stream_options",
        "max_tokens",
        "max_completion_tokens",
        "n",
        "api_key",
        "authorization",
        "base_url",
        "headers",
        "extra_body",
        "extra_headers",
        "extra_query",
    }
)
"""What `provider_options` may not set: what is asked of whom, how it is read, and how much of it
there may be (a budget has been reserved for `max_tokens` of one answer)."""


def encode_completion(call: CompletionCall, dialect: str, body: dict[str, Any]) -> bytes:
    """`body` with the caller's options for this dialect over it, field by field."""
    options: Mapping[str, Any] = (call.request.provider_options or {}).get(dialect, {})
    allowed = {
        field: value for field, value in options.items() if field.lower() not in PROTECTED_FIELDS
    }
    return encode(body | allowed)


def encode(body: dict[str, Any]) -> bytes:
    """JSON; `ProviderFailure(REJECTED)` where there is none: a lone surrogate, endless nesting."""
    try:
        return msgspec.json.encode(body)
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise ProviderFailure(
            FailureKind.REJECTED, "The request cannot be written as JSON"
        ) from None
