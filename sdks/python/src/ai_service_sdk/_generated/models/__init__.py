"""What comes out of the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ai_service_sdk._events import Whole
from ai_service_sdk._model import Model, any_of, each, shaped, tagged, time, values_of

__all__ = [
    "AssistantFunctionCall",
    "AssistantMessage",
    "AssistantToolCall",
    "BatchResponse",
    "BatchResult",
    "Budget",
    "ChatResponse",
    "Checks",
    "DoneEvent",
    "EmbeddingVector",
    "EmbeddingsResponse",
    "ErrorDetail",
    "ErrorEvent",
    "ErrorResponse",
    "GenerateResponse",
    "Health",
    "KeyListResponse",
    "KeyResponse",
    "Limits",
    "ModelInfo",
    "ModelTarget",
    "ModelsResponse",
    "NewKeyResponse",
    "Readiness",
    "RequestRecord",
    "SpentBudget",
    "TenantResponse",
    "TokenEvent",
    "ToolCallEvent",
    "Usage",
    "UsageGroup",
    "UsageResponse",
    "UsageTotals",
    "StreamResult",
]


class AssistantFunctionCall(Model):
    """Which function, and with what."""

    name: str
    """The function's name."""
    arguments: str
    """JSON text."""


class AssistantMessage(Model):
    """The model's turn. Append it to `messages` as it is to go on."""

    content: str | None
    """The text; null if there are only tool calls."""
    role: Literal["assistant"] | None = None
    """The model speaks."""
    tool_calls: list[AssistantToolCall] | None = None
    """The functions that the model asks for."""
    provider_data: dict[str, Any] | None = None
    """What the vendor wants back with the next turn. Opaque."""


class AssistantToolCall(Model):
    """A function that the model asks for."""

    id: str
    """What the tool's message repeats as `tool_call_id`."""
    function: AssistantFunctionCall
    """Which function, and with what."""
    type: Literal["function"] | None = None
    """There are only functions."""


class BatchResponse(Model):
    """Every result, in the order of the requests, and what they cost together."""

    results: list[BatchResult]
    """One for each request, in order."""
    usage: Usage
    """Tokens. The cached input tokens are a part of the input tokens."""
    cost_usd: float | None
    """The sum of the results' costs; null if one of them is not known."""


class BatchResult(Model):
    """How one request ended: with a `response`, or with an `error` and the prompt's beginning."""

    index: int
    """Which request this is about, from 0."""
    response: GenerateResponse | ChatResponse | None = None
    """The answer, if there is one."""
    error: ErrorDetail | None = None
    """What went wrong, if something did."""
    prompt: str | None = None
    """The first 50 characters of what failed."""


class Budget(Model):
    """What may be spent in a period."""

    limit_usd: float
    """US dollars."""
    period: Literal["day", "month", "total"]
    """UTC's day or month, or all time."""


class ChatResponse(Model):
    """A whole answer to a conversation."""

    id: str
    """The id of the answer and of its usage row."""
    model: str
    """The model as it was asked for."""
    provider: str
    """Who answered."""
    provider_model: str
    """The exact model that answered."""
    finish_reason: Literal["content_filter", "length", "stop", "tool_calls"]
    """Why the answer ends where it does."""
    usage: Usage
    """Tokens. The cached input tokens are a part of the input tokens."""
    cost_usd: float | None
    """The price of the call in US dollars; null only where no price is known."""
    cache_hit: bool
    """Whether the answer was stored before; then it costs nothing."""
    message: AssistantMessage
    """The model's turn. Append it to `messages` as it is to go on."""


class Checks(Model):
    """What each part says."""

    database: Literal["ok", "unavailable"]
    """Whether the ledger can be written."""
    cache: Literal["degraded", "off", "ok"]
    """`degraded`: answers are not shared for now, and every request is a call of its own."""
    providers: dict[str, Literal["degraded", "ok", "unavailable"]]
    """By provider: `degraded` if some of its models' breakers are open, `unavailable` if all are."""


class DoneEvent(Model):
    """The answer is whole. The last event of a stream that went well."""

    id: str
    """The id of the answer and of its usage row."""
    model: str
    """The model as it was asked for."""
    provider: str
    """Who answered."""
    provider_model: str
    """The exact model that answered."""
    finish_reason: Literal["content_filter", "length", "stop", "tool_calls"]
    """Why the answer ends where it does."""
    usage: Usage
    """Tokens. The cached input tokens are a part of the input tokens."""
    cost_usd: float | None
    """The price of the call in US dollars; null only where no price is known."""
    cache_hit: bool
    """Whether the answer was stored before; then it costs nothing."""
    type: Literal["done"] | None = None
    """Says that the answer is whole."""
    provider_data: dict[str, Any] | None = None
    """Chat only: put it into the assistant's message on the next turn. Opaque."""


class EmbeddingVector(Model):
    """One vector."""

    index: int
    """Which input it belongs to."""
    embedding: list[float]
    """The vector."""


class EmbeddingsResponse(Model):
    """A vector for each input, in order."""

    id: str
    """The id of the answer and of its usage row."""
    data: list[EmbeddingVector]
    """The vectors, in the order of the inputs."""
    model: str
    """The model as it was asked for."""
    provider: str
    """Who answered."""
    provider_model: str
    """The exact model that answered."""
    usage: Usage
    """Tokens. The cached input tokens are a part of the input tokens."""
    cost_usd: float | None
    """In US dollars; null only where no price is known."""


class ErrorDetail(Model):
    """What went wrong. `type` is stable: branch on it, not on the message."""

    type: Literal[
        "authentication_error",
        "authorization_error",
        "budget_exceeded",
        "conflict",
        "method_not_allowed",
        "not_found",
        "payload_too_large",
        "provider_error",
        "rate_limit_error",
        "server_error",
        "service_unavailable",
        "timeout",
        "unsupported_media_type",
        "validation_error",
    ]
    """The kind of error."""
    message: str
    """For people. Never holds what was sent."""
    request_id: str
    """The X-Request-ID of the request, to quote in a report."""
    field: str | None = None
    """`validation_error`: the dotted path of the field to blame, if one is."""
    required_scope: str | None = None
    """`authorization_error`: the scope that the key lacks."""
    budget: SpentBudget | None = None
    """`budget_exceeded`: the budget that has too little left."""
    resets_at: datetime | None = None
    """`budget_exceeded`: when it begins anew; null: never."""
    limit_bytes: int | None = None
    """`payload_too_large`: the limit."""
    retry_after: int | None = None
    """`rate_limit_error`: the seconds after which there will be room."""
    estimated_time_seconds: float | None = None
    """`service_unavailable`: when it is worth asking again."""


class ErrorEvent(Model):
    """The stream failed. The last event of one that did."""

    type: Literal["error"]
    """Says that the stream failed."""
    error: ErrorDetail
    """What went wrong. `type` is stable: branch on it, not on the message."""


class ErrorResponse(Model):
    """The one envelope of every error."""

    error: ErrorDetail
    """What went wrong. `type` is stable: branch on it, not on the message."""


class GenerateResponse(Model):
    """A whole answer to a prompt."""

    id: str
    """The id of the answer and of its usage row."""
    model: str
    """The model as it was asked for."""
    provider: str
    """Who answered."""
    provider_model: str
    """The exact model that answered."""
    finish_reason: Literal["content_filter", "length", "stop", "tool_calls"]
    """Why the answer ends where it does."""
    usage: Usage
    """Tokens. The cached input tokens are a part of the input tokens."""
    cost_usd: float | None
    """The price of the call in US dollars; null only where no price is known."""
    cache_hit: bool
    """Whether the answer was stored before; then it costs nothing."""
    text: str
    """The answer."""


class Health(Model):
    """The process answers."""

    version: str
    """The version that runs."""
    status: Literal["ok"] | None = None
    """It is alive: there is nothing else to say."""


class KeyListResponse(Model):
    """A page of keys, the newest first."""

    data: list[KeyResponse]
    """The keys, without browser tokens."""
    next_cursor: str | None = None
    """For the next page. Null: this is the last."""


class KeyResponse(Model):
    """A key, without its secret."""

    id: str
    """Its id, which stays when the secret is rotated."""
    name: str
    """What it is for."""
    prefix: str
    """How its secret begins."""
    tenant: str
    """Whose it is."""
    scopes: list[
        Literal["admin", "batch", "embed", "generate", "operator", "retrieval", "usage:read"]
    ]
    """What it may do."""
    limits: Limits
    """What may be asked in a minute. Null: no limit."""
    sanitize: Literal["html", "none", "text"]
    """How answers are cleaned where a request says nothing of its own."""
    created_at: datetime
    """When it was made."""
    status: Literal["active", "expired", "revoked"]
    """Whether it works."""
    parent_id: str | None = None
    """For a browser token: the key that it is of."""
    budget: Budget | None = None
    """What it may spend."""
    rotate_after_days: int | None = None
    """After as many days without a rotation each answer to the key carries `X-Key-Rotation-Due`. Null:
    never.
    """
    expires_at: datetime | None = None
    """When it ends. Null: never."""
    last_used_at: datetime | None = None
    """When it was last used, told up to a minute late. Null: never."""
    previous_key_expires_at: datetime | None = None
    """Until when the secret before the last rotation works, or worked."""


class Limits(Model):
    """What may be asked in a minute. Null: no limit."""

    requests_per_minute: int | None = None
    """Requests."""
    tokens_per_minute: int | None = None
    """Tokens, input and output together."""


class ModelInfo(Model):
    """A name to ask for, and where it leads."""

    id: str
    """An alias, or `provider/model`."""
    targets: list[ModelTarget]
    """Tried in this order. Empty if no provider of this model is configured."""


class ModelTarget(Model):
    """One exact model at one provider. Prices are of a short call, in USD per million tokens; null where
    no price is known.
    """

    provider: str
    """The provider's name in the configuration."""
    model: str
    """The provider's own id of the model."""
    abilities: list[Literal["embed", "generate"]]
    """What it can be asked for."""
    takes_temperature: bool
    """If not, `temperature` is left out of its calls."""
    takes_tools: bool
    """Whether it can be given `tools`."""
    takes_images: bool
    """Whether it reads images."""
    takes_json_schema: bool
    """Whether its answer can follow a JSON Schema."""
    takes_reasoning_effort: bool
    """Whether it can be told how much to think."""
    context_tokens: int | None
    """Null where it is not known."""
    max_output_tokens: int | None
    """Null where it is not known."""
    input_usd_per_million: float | None
    """The price of input tokens."""
    cached_input_usd_per_million: float | None
    """The price of input tokens that the provider had cached."""
    output_usd_per_million: float | None
    """The price of output tokens."""


class ModelsResponse(Model):
    """Every name that the configuration knows."""

    data: list[ModelInfo]
    """The aliases first, then the models by themselves."""


class NewKeyResponse(Model):
    """A key with its secret, which is shown this once."""

    id: str
    """Its id, which stays when the secret is rotated."""
    name: str
    """What it is for."""
    prefix: str
    """How its secret begins."""
    tenant: str
    """Whose it is."""
    scopes: list[
        Literal["admin", "batch", "embed", "generate", "operator", "retrieval", "usage:read"]
    ]
    """What it may do."""
    limits: Limits
    """What may be asked in a minute. Null: no limit."""
    sanitize: Literal["html", "none", "text"]
    """How answers are cleaned where a request says nothing of its own."""
    created_at: datetime
    """When it was made."""
    status: Literal["active", "expired", "revoked"]
    """Whether it works."""
    key: str
    """The secret, to be sent as `X-API-Key`. It is kept nowhere."""
    parent_id: str | None = None
    """For a browser token: the key that it is of."""
    budget: Budget | None = None
    """What it may spend."""
    rotate_after_days: int | None = None
    """After as many days without a rotation each answer to the key carries `X-Key-Rotation-Due`. Null:
    never.
    """
    expires_at: datetime | None = None
    """When it ends. Null: never."""
    last_used_at: datetime | None = None
    """When it was last used, told up to a minute late. Null: never."""
    previous_key_expires_at: datetime | None = None
    """Until when the secret before the last rotation works, or worked."""


class Readiness(Model):
    """Whether work can be taken. `degraded` still takes work."""

    status: Literal["degraded", "ready", "unavailable"]
    """`unavailable` takes no work; send it elsewhere."""
    checks: Checks
    """What each part says."""


class RequestRecord(Model):
    """One request, as the ledger has it. Nothing of what was said is in it."""

    id: str
    """The id that the answer had."""
    request_id: str
    """The X-Request-ID that it came with."""
    status: Literal["cancelled", "completed", "failed", "in_flight", "unknown"]
    """`cancelled`: its caller hung up. `unknown`: the process that had it in hand died; it is charged at
    its estimated input.
    """
    kind: Literal["chat", "embeddings", "generate"]
    """What it asked for."""
    stream: bool
    """Whether the answer was streamed."""
    model: str
    """The model as it was asked for."""
    key_id: str
    """The key that it came with."""
    metadata: dict[str, str]
    """As it was given."""
    created_at: datetime
    """When it was written down."""
    error_type: str | None = None
    """The type of the error that a failed one ended with."""
    provider: str | None = None
    """Who answered, or was asked last."""
    provider_model: str | None = None
    """The provider's own id of the model."""
    finish_reason: str | None = None
    """Why the answer ended."""
    usage: Usage | None = None
    """Its tokens; null while it is in flight."""
    usage_source: Literal["estimated", "provider"] | None = None
    """`provider`: as the provider counted. `estimated`: nobody counted to the end."""
    cost_usd: float | None = None
    """What it cost; null while it is in flight, and where no price is known."""
    cache_hit: bool | None = None
    """Whether another request had paid for the answer."""
    attempts: int | None = None
    """How many calls to providers it took."""
    runs: int | None = None
    """How often it was begun: more than once if the process that ran it for a batch died. A provider may
    have been paid each time; it is billed once.
    """
    first_token_ms: float | None = None
    """Milliseconds until a stream's first token came."""
    duration_ms: float | None = None
    """Milliseconds from its start to its end."""
    completed_at: datetime | None = None
    """When it ended."""


class SpentBudget(Model):
    """The budget that does not bear a request."""

    owner: Literal["key", "tenant", "token"]
    """Whose budget it is."""
    period: Literal["day", "month", "total"]
    """How often it begins anew, in UTC; `total`: never."""
    limit_usd: float
    """What may be spent in a period."""
    spent_usd: float
    """What is spent; requests under way hold their worst case besides."""


class TenantResponse(Model):
    """What all keys of a tenant may use up together."""

    id: str
    """The tenant's name."""
    limits: Limits
    """What may be asked in a minute. Null: no limit."""
    budget: Budget | None = None
    """What they may spend. Null: no bound."""


class TokenEvent(Model):
    """The next piece of text."""

    type: Literal["token"]
    """Says that this is text."""
    content: str
    """The next piece of text."""


class ToolCallEvent(Model):
    """The next piece of a tool call."""

    type: Literal["tool_call"]
    """Says that this is of a tool call."""
    index: int
    """Tells the calls of one answer apart."""
    arguments: str
    """The next piece of JSON text."""
    id: str | None = None
    """With the first piece."""
    name: str | None = None
    """With the first piece."""


class Usage(Model):
    """Tokens. The cached input tokens are a part of the input tokens."""

    input_tokens: int
    """Tokens of what was asked."""
    output_tokens: int
    """Tokens of what was answered."""
    total_tokens: int
    """Both together."""
    cached_input_tokens: int
    """Input tokens that the provider had cached, and charged less for."""


class UsageGroup(Model):
    """The sums of the requests that have something in common."""

    requests: int
    """Requests that have ended, however they did."""
    errors: int
    """Those of them that failed, or were lost with a process that died. A request that its caller gave up
    is none.
    """
    cache_hits: int
    """Those of them that were answered with what another request had paid for."""
    input_tokens: int
    """Tokens of what was asked."""
    output_tokens: int
    """Tokens of what was answered."""
    total_tokens: int
    """Both together."""
    cost_usd: float
    """What they cost. A request whose price is not known adds nothing."""
    group: str | None
    """The day, the model, the key's id or the tag's value; null for requests without the tag."""


class UsageResponse(Model):
    """What a tenant used, in groups and in all."""

    data: list[UsageGroup]
    """Days in their order; other groups with the dearest first."""
    totals: UsageTotals
    """Sums over requests that have ended."""


class UsageTotals(Model):
    """Sums over requests that have ended."""

    requests: int
    """Requests that have ended, however they did."""
    errors: int
    """Those of them that failed, or were lost with a process that died. A request that its caller gave up
    is none.
    """
    cache_hits: int
    """Those of them that were answered with what another request had paid for."""
    input_tokens: int
    """Tokens of what was asked."""
    output_tokens: int
    """Tokens of what was answered."""
    total_tokens: int
    """Both together."""
    cost_usd: float
    """What they cost. A request whose price is not known adds nothing."""


class StreamResult(Whole, DoneEvent):
    """The `done` event of a stream, with the whole text and the tool calls that came before it."""


AssistantMessage._converters = {
    "tool_calls": each(AssistantToolCall._read),
}
AssistantToolCall._converters = {
    "function": AssistantFunctionCall._read,
}
BatchResponse._converters = {
    "results": each(BatchResult._read),
    "usage": Usage._read,
}
BatchResult._converters = {
    "response": shaped(
        (
            GenerateResponse,
            frozenset(
                {
                    "id",
                    "model",
                    "provider",
                    "provider_model",
                    "finish_reason",
                    "usage",
                    "cost_usd",
                    "cache_hit",
                    "text",
                }
            ),
        ),
        (
            ChatResponse,
            frozenset(
                {
                    "id",
                    "model",
                    "provider",
                    "provider_model",
                    "finish_reason",
                    "usage",
                    "cost_usd",
                    "cache_hit",
                    "message",
                }
            ),
        ),
    ),
    "error": ErrorDetail._read,
}
ChatResponse._converters = {
    "usage": Usage._read,
    "message": AssistantMessage._read,
}
DoneEvent._converters = {
    "usage": Usage._read,
}
EmbeddingsResponse._converters = {
    "data": each(EmbeddingVector._read),
    "usage": Usage._read,
}
ErrorDetail._converters = {
    "budget": SpentBudget._read,
    "resets_at": time,
}
ErrorEvent._converters = {
    "error": ErrorDetail._read,
}
ErrorResponse._converters = {
    "error": ErrorDetail._read,
}
GenerateResponse._converters = {
    "usage": Usage._read,
}
KeyListResponse._converters = {
    "data": each(KeyResponse._read),
}
KeyResponse._converters = {
    "limits": Limits._read,
    "created_at": time,
    "budget": Budget._read,
    "expires_at": time,
    "last_used_at": time,
    "previous_key_expires_at": time,
}
ModelInfo._converters = {
    "targets": each(ModelTarget._read),
}
ModelsResponse._converters = {
    "data": each(ModelInfo._read),
}
NewKeyResponse._converters = {
    "limits": Limits._read,
    "created_at": time,
    "budget": Budget._read,
    "expires_at": time,
    "last_used_at": time,
    "previous_key_expires_at": time,
}
Readiness._converters = {
    "checks": Checks._read,
}
RequestRecord._converters = {
    "created_at": time,
    "usage": Usage._read,
    "completed_at": time,
}
TenantResponse._converters = {
    "limits": Limits._read,
    "budget": Budget._read,
}
UsageResponse._converters = {
    "data": each(UsageGroup._read),
    "totals": UsageTotals._read,
}
