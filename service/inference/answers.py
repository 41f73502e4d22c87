"""What the pipeline hands back."""

from decimal import Decimal
from typing import Any

from msgspec import Struct

from service.core.messages import FinishReason, TextDelta, ToolCall, ToolCallDelta, Usage


class Answer(Struct, frozen=True, kw_only=True):
    """A metered answer.

    `id` is the ledger's ("req_…"). `model` is as asked; `provider_model` is the exact id that answered.
    `cost_usd` is None where no price is known. `label` is the model as metrics name it. The answer
    that ends a stream has the whole `text` and `tool_calls` once more. `conversation_id` names the
    conversation that it was kept in, if it was.
    """

    id: str
    model: str
    provider: str
    provider_model: str
    label: str
    finish_reason: FinishReason
    usage: Usage
    cost_usd: Decimal | None
    cache_hit: bool = False
    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    provider_data: dict[str, Any] | None = None
    conversation_id: str | None = None


class EmbeddingsAnswer(Struct, frozen=True, kw_only=True):
    """Metered vectors, in the order of the inputs."""

    id: str
    model: str
    provider: str
    provider_model: str
    vectors: list[list[float]]
    usage: Usage
    cost_usd: Decimal | None


Delta = TextDelta | ToolCallDelta
AnswerEvent = list[Delta] | Answer
"""A stream is lists of deltas, then exactly one `Answer`. A stream that fails raises instead."""
