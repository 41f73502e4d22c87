"""What comes out of the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from ai_service_sdk._events import Whole
from ai_service_sdk._model import Model, any_of, each, shaped, tagged, time, values_of

__all__ = [
    "AcceptedDocumentsResponse",
    "AssistantFunctionCall",
    "AssistantMessage",
    "AssistantToolCall",
    "Batch",
    "BatchCounts",
    "BatchList",
    "BatchResponse",
    "BatchResult",
    "BatchResultLine",
    "Budget",
    "ChatResponse",
    "Checks",
    "CollectionListResponse",
    "CollectionResponse",
    "ConversationExportResponse",
    "ConversationListResponse",
    "ConversationResponse",
    "DocumentListResponse",
    "DocumentResponse",
    "DoneEvent",
    "EmbeddingVector",
    "EmbeddingsResponse",
    "ErrorDetail",
    "ErrorEvent",
    "ErrorResponse",
    "GenerateResponse",
    "Health",
    "KeptImage",
    "KeptImageData",
    "KeptImageUrl",
    "KeptText",
    "KeyListResponse",
    "KeyResponse",
    "Limits",
    "MessageListResponse",
    "MessageResponse",
    "ModelInfo",
    "ModelTarget",
    "ModelsResponse",
    "NewKeyResponse",
    "NewWebhookEndpointResponse",
    "PromptDefaults",
    "PromptListResponse",
    "PromptResponse",
    "PromptVariable",
    "ProviderOptions",
    "ProviderReport",
    "QueryDoneEvent",
    "QueryResponse",
    "Readiness",
    "RedeliveredResponse",
    "RenderedMessage",
    "RenderedPromptResponse",
    "RequestRecord",
    "RetrieveResponse",
    "SemanticCacheBody",
    "SourceNode",
    "SourcesEvent",
    "SpentBudget",
    "TenantResponse",
    "TokenEvent",
    "ToolCallEvent",
    "Usage",
    "UsageGroup",
    "UsageResponse",
    "UsageTotals",
    "WebhookDeliveryListResponse",
    "WebhookDeliveryResponse",
    "WebhookEndpointListResponse",
    "WebhookEndpointResponse",
    "StreamResult",
    "QueryStreamResult",
]


class AcceptedDocumentsResponse(Model):
    """What was taken in. It is found once its status is `ready`."""

    documents: list[DocumentResponse]
    """In the order in which they were sent; one that has not changed is `ready` at once."""


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


class Batch(Model):
    """A durable batch, as it stands."""

    id: str
    """The batch's id."""

    status: Literal["cancelled", "completed", "expired", "failed", "paused", "queued", "running"]
    """`paused`: it waits, and goes on by itself, see `reason`. `completed`: every request has ended, if
    only with an error. `failed`: the batch as a whole could not be run on.
    """

    counts: BatchCounts
    """How many requests of a batch have ended, and how."""

    usage: Usage
    """Tokens. The cached input tokens are a part of the input tokens."""

    cost_usd: float
    """The price of all responses so far in US dollars; those without a known price count as 0."""

    mode: Literal["provider", "service"]
    """Who runs it."""

    max_concurrency: int
    """How many are in flight at once, at most."""

    created_at: datetime
    """When it was made."""

    expires_at: datetime
    """When it ends at the latest."""

    reason: str | None = None
    """Why it is paused, or has failed."""

    requests_per_second: float | None = None
    """How fast they are started, at most."""

    started_at: datetime | None = None
    """When it was first worked on."""

    cancel_requested_at: datetime | None = None
    """When it was cancelled; what is under way then is stopped at once."""

    finished_at: datetime | None = None
    """When it ended."""


class BatchCounts(Model):
    """How many requests of a batch have ended, and how."""

    total: int
    """All of them."""

    completed: int
    """Those with a response."""

    failed: int
    """Those with an error of their own."""

    cancelled: int
    """Those that the batch's end left without one."""


class BatchList(Model):
    """A page of batches."""

    data: list[Batch]
    """The newest first."""

    next_cursor: str | None
    """What to send as `cursor` for the next page; null on the last."""


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


class BatchResultLine(Model):
    """How one request of a durable batch ended: with a `response`, or with an `error`."""

    index: int
    """Which request this is about, from 0."""

    custom_id: str | None
    """The name that it was given."""

    response: GenerateResponse | ChatResponse | None = None
    """The answer, as /generate or /chat gives it."""

    error: ErrorDetail | None = None
    """What went wrong, if something did."""


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

    conversation_id: str | None = None
    """The conversation that the turn is kept in; absent if in none."""


class Checks(Model):
    """What each part says."""

    database: Literal["ok", "unavailable"]
    """Whether the ledger can be written."""

    cache: Literal["degraded", "off", "ok"]
    """`degraded`: answers are not shared for now, and every request is a call of its own."""

    providers: dict[str, Literal["degraded", "ok", "unavailable"]]
    """By provider: `degraded` if some of its models' breakers are open, `unavailable` if all are."""


class CollectionListResponse(Model):
    """A page of collections, by name."""

    data: list[CollectionResponse]
    """The collections."""

    next_cursor: str | None = None
    """For the next page. Null: this is the last."""


class CollectionResponse(Model):
    """A collection."""

    name: str
    """Its name."""

    embedding_model: str
    """What makes its vectors."""

    chunk_size: int
    """Tokens of a chunk, at most."""

    chunk_overlap: int
    """Tokens that two chunks share, at most."""

    document_count: int
    """Its documents, in any state."""

    chunk_count: int
    """Their chunks."""

    created_at: datetime
    """When it was made."""

    updated_at: datetime
    """When its settings were last changed."""


class ConversationExportResponse(Model):
    """Everything that is kept of a conversation."""

    id: str
    """What `chat` takes as `conversation_id`."""

    metadata: dict[str, str]
    """The tags that it was created with."""

    message_count: int
    """How many messages it has."""

    size_bytes: int
    """How large it is, at 512 bytes a message and its JSON text; what the server allows is in the error
    that refuses a further turn.
    """

    usage: Usage
    """Tokens. The cached input tokens are a part of the input tokens."""

    cost_usd: float
    """What they cost in US dollars, as far as prices are known."""

    created_at: datetime
    """When it was created."""

    updated_at: datetime
    """When it got its last message."""

    messages: list[MessageResponse]
    """All of its messages, in order."""

    system: str | None = None
    """Instructions that stand above every turn; null: none."""

    forked_from: str | None = None
    """The conversation that it is a fork of; null: of none."""


class ConversationListResponse(Model):
    """A page of conversations, the newest first."""

    data: list[ConversationResponse]
    """The conversations."""

    next_cursor: str | None = None
    """For the next page. Null: this is the last."""


class ConversationResponse(Model):
    """A conversation, without its messages."""

    id: str
    """What `chat` takes as `conversation_id`."""

    metadata: dict[str, str]
    """The tags that it was created with."""

    message_count: int
    """How many messages it has."""

    size_bytes: int
    """How large it is, at 512 bytes a message and its JSON text; what the server allows is in the error
    that refuses a further turn.
    """

    usage: Usage
    """Tokens. The cached input tokens are a part of the input tokens."""

    cost_usd: float
    """What they cost in US dollars, as far as prices are known."""

    created_at: datetime
    """When it was created."""

    updated_at: datetime
    """When it got its last message."""

    system: str | None = None
    """Instructions that stand above every turn; null: none."""

    forked_from: str | None = None
    """The conversation that it is a fork of; null: of none."""


class DocumentListResponse(Model):
    """A page of documents, by id."""

    data: list[DocumentResponse]
    """The documents."""

    next_cursor: str | None = None
    """For the next page. Null: this is the last."""


class DocumentResponse(Model):
    """A document and how far its ingestion is."""

    id: str
    """Its id within the collection."""

    metadata: dict[str, str]
    """Its fields."""

    content_sha256: str
    """The SHA-256 of what was sent, in hex."""

    status: Literal["failed", "processing", "queued", "ready"]
    """`queued` and `processing` end in `ready` or `failed`. A document that is replaced is found as it was
    until the new one is ready.
    """

    chunks_embedded: int
    """How many of them are done."""

    created_at: datetime
    """When it first came."""

    updated_at: datetime
    """When anything of this last changed."""

    file_name: str | None = None
    """The file that it came as."""

    error: str | None = None
    """Why it has failed."""

    chunk_count: int | None = None
    """Its chunks, once its text has been read."""


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

    conversation_id: str | None = None
    """The conversation that the turn is kept in; absent if in none."""

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

    conversation_id: str | None = None
    """The conversation that the turn is kept in; absent if in none."""


class Health(Model):
    """The process answers."""

    version: str
    """The version that runs."""

    status: Literal["ok"] | None = None
    """It is alive: there is nothing else to say."""


class KeptImage(Model):
    """An image."""

    source: KeptImageUrl | KeptImageData
    """Where an image is."""

    type: Literal["image"] | None = None
    """Says that this is an image."""


class KeptImageData(Model):
    """An image as it was sent."""

    media_type: str
    """The image's format."""

    data: str
    """Base64."""

    type: Literal["base64"] | None = None
    """Says that the image is here."""


class KeptImageUrl(Model):
    """An image elsewhere."""

    url: str
    """Where it is."""

    type: Literal["url"] | None = None
    """Says that the image is elsewhere."""


class KeptText(Model):
    """A piece of text."""

    text: str
    """The text."""

    type: Literal["text"] | None = None
    """Says that this is text."""


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

    semantic_cache: SemanticCacheBody | None = None
    """Lets a question that means nearly the same as an earlier one have its answer, where a request says
    nothing of its own. Null: only the same question.
    """

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


class MessageListResponse(Model):
    """A page of messages, the oldest first."""

    data: list[MessageResponse]
    """The messages, in order."""

    next_cursor: str | None = None
    """For the next page. Null: this is the last."""


class MessageResponse(Model):
    """A message of a conversation: role, content and the rest in the shapes that `chat` takes."""

    id: str
    """What a fork takes as `at_message_id`."""

    role: Literal["assistant", "tool", "user"]
    """Who speaks."""

    status: Literal["complete", "interrupted"]
    """`interrupted`: as much of an answer as was delivered before the stream broke or was left. It goes to
    the model as its text.
    """

    created_at: datetime
    """When it was said."""

    content: str | list[KeptText | KeptImage] | None = None
    """Text, or parts of text and images; null if there are only tool calls."""

    tool_calls: list[AssistantToolCall] | None = None
    """The functions that the model asks for."""

    tool_call_id: str | None = None
    """The call that this answers."""

    provider_data: dict[str, Any] | None = None
    """What the vendor wants back with the next turn. Opaque."""

    answer_id: str | None = None
    """An answer's own id, and that of its usage row."""


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

    semantic_cache: SemanticCacheBody | None = None
    """Lets a question that means nearly the same as an earlier one have its answer, where a request says
    nothing of its own. Null: only the same question.
    """

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


class NewWebhookEndpointResponse(Model):
    """An endpoint with its secret, which is shown this once."""

    id: str
    """Its id."""

    url: str
    """Where to, normalised."""

    events: list[
        Literal[
            "batch.*",
            "batch.cancelled",
            "batch.completed",
            "batch.failed",
            "generation.*",
            "generation.completed",
            "generation.failed",
            "usage.threshold_reached",
        ]
    ]
    """What is sent."""

    status: Literal["disabled", "enabled"]
    """Whether anything is sent."""

    created_at: datetime
    """When it was made."""

    secret: str
    """What verifies deliveries, as Standard Webhooks has it."""

    disabled_at: datetime | None = None
    """When it was disabled."""

    disabled_reason: Literal["failing", "gone", "requested"] | None = None
    """`requested`: by a change; `gone`: it answered 410; `failing`: nothing could be delivered for three
    days.
    """

    failing_since: datetime | None = None
    """The first failure since anything was delivered. Null: it is well."""

    previous_secret_expires_at: datetime | None = None
    """Until when the secret before the last rotation signs, or signed."""


class PromptDefaults(Model):
    """What requests that are made with the prompt ask for, unless they say otherwise themselves."""

    model: str | None = None
    """An alias or a provider's model id. Absent: `haiku`."""

    max_tokens: int | None = None
    """The most tokens that an answer may have. Absent: 1024."""

    temperature: float | None = None
    """Higher is more varied. Absent: 0.7."""

    top_p: float | None = None
    """Nucleus sampling. Left out for models that do not take it."""

    stop: list[str] | None = None
    """The answer ends before any of these, up to 4."""

    reasoning_effort: Literal["high", "low", "medium", "none"] | None = None
    """How much to think, for models that can be told."""

    provider_options: ProviderOptions | None = None
    """Fields for one vendor's own call, by vendor."""


class PromptListResponse(Model):
    """A page of prompts or of versions."""

    data: list[PromptResponse]
    """The versions."""

    next_cursor: str | None = None
    """For the next page. Null: this is the last."""


class PromptResponse(Model):
    """One version of a prompt. It never changes, but for its labels."""

    name: str
    """The prompt's name."""

    version: int
    """Counts from 1; a number is never used twice."""

    template: str
    """The prompt, with its fields."""

    system: str | None
    """Instructions that stand above it."""

    defaults: PromptDefaults
    """What requests that are made with the prompt ask for, unless they say otherwise themselves."""

    variables: dict[str, PromptVariable]
    """What the fields take, by name."""

    labels: dict[str, int]
    """All labels of the prompt, each with the version that it is on."""

    key_id: str
    """The key that it was made with."""

    created_at: datetime
    """When it was made."""


class PromptVariable(Model):
    """What a field of the template takes."""

    type: Literal["boolean", "integer", "number", "string"] | None = None
    """What it takes; all but a string is written as JSON."""

    default: str | bool | int | float | None = None
    """What it is if it is not given. Absent or null: it must be given."""

    description: str | None = None
    """What it is, for people."""


class ProviderOptions(Model):
    """Fields that are merged into one vendor's call. They may not change the model, the messages, the
    token limit, streaming or credentials.
    """

    anthropic: dict[str, Any] | None = None
    """For calls in Anthropic's dialect."""

    openai: dict[str, Any] | None = None
    """For calls in OpenAI's dialect."""


class ProviderReport(Model):
    """What a provider's webhook said of a request. It changes neither its status nor its cost."""

    type: Literal["generation.completed", "generation.failed", "usage.threshold_reached"]
    """The event's type."""

    reported_at: datetime
    """When it happened, as the provider says; else when it came."""

    figures: dict[str, int | float]
    """The numbers that came along."""

    error_type: str | None = None
    """The name of the error that it tells of."""

    content: str | None = None
    """The webhook's body; only where the service keeps content, and while it does."""


class QueryDoneEvent(Model):
    """The answer is whole. The last event of a stream that went well."""

    id: str
    """The id of the answer and of its usage row."""

    model: str
    """The model as it was asked for."""

    finish_reason: Literal["content_filter", "length", "stop", "tool_calls"]
    """Why the answer ends where it does."""

    usage: Usage
    """Tokens. The cached input tokens are a part of the input tokens."""

    cost_usd: float | None
    """The price of both in US dollars; null only where no price is known."""

    cache_hit: bool
    """Whether the answer was stored before."""

    type: Literal["done"] | None = None
    """Says that the answer is whole."""

    provider: str | None = None
    """Who answered; null if nothing was found to answer from."""

    provider_model: str | None = None
    """The exact model that answered, if one did."""


class QueryResponse(Model):
    """An answer and its sources."""

    id: str
    """The id of the answer and of its usage row."""

    model: str
    """The model as it was asked for."""

    finish_reason: Literal["content_filter", "length", "stop", "tool_calls"]
    """Why the answer ends where it does."""

    usage: Usage
    """Tokens. The cached input tokens are a part of the input tokens."""

    cost_usd: float | None
    """The price of both in US dollars; null only where no price is known."""

    cache_hit: bool
    """Whether the answer was stored before."""

    answer: str
    """The answer; if nothing was found, it says so."""

    source_nodes: list[SourceNode]
    """What it was made from, the best first."""

    provider: str | None = None
    """Who answered; null if nothing was found to answer from."""

    provider_model: str | None = None
    """The exact model that answered, if one did."""


class Readiness(Model):
    """Whether work can be taken. `degraded` still takes work."""

    status: Literal["degraded", "ready", "unavailable"]
    """`unavailable` takes no work; send it elsewhere."""

    checks: Checks
    """What each part says."""


class RedeliveredResponse(Model):
    """What is sent again."""

    redelivered: int
    """How many deliveries."""


class RenderedMessage(Model):
    """A message as the model would get it."""

    role: Literal["system", "user"]
    """Who speaks."""

    content: str
    """The text, filled in."""


class RenderedPromptResponse(Model):
    """What a prompt says with its variables filled in."""

    name: str
    """The prompt's name."""

    version: int
    """Which version it is."""

    messages: list[RenderedMessage]
    """The system message, if there is one, and the prompt."""


class RequestRecord(Model):
    """One request, as the ledger has it. Nothing of what was said is in it, unless content is kept."""

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

    prompt_name: str | None = None
    """The prompt that it was made from, if one."""

    prompt_version: int | None = None
    """The prompt's version."""

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

    provider_report: ProviderReport | None = None
    """The latest that a provider's webhooks have said of it."""


class RetrieveResponse(Model):
    """What was found."""

    source_nodes: list[SourceNode]
    """The best first, whole."""

    usage: Usage
    """Tokens. The cached input tokens are a part of the input tokens."""

    cost_usd: float | None
    """What that cost; null where no price is known."""


class SemanticCacheBody(Model):
    """How alike two questions must be to have one answer."""

    threshold: float | None = None
    """The least cosine similarity of their embeddings. Below 0.9 answers begin to be wrong."""


class SourceNode(Model):
    """A piece of a document that the answer was made from."""

    text: str
    """What it says; its first 200 characters under an answer."""

    score: float
    """The cosine similarity to the question; in `lexical` mode how well the words match, without an upper
    bound. `hybrid` ranks by both, so that scores need not fall.
    """

    document_id: str
    """The document that it is of."""

    metadata: dict[str, str]
    """The document's fields."""


class SourcesEvent(Model):
    """What the answer is made from. The first event."""

    source_nodes: list[SourceNode]
    """The best first."""

    type: Literal["sources"] | None = None
    """Says that these are sources."""


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
    """The day, the model, the key's id, the prompt's `NAME@VERSION` or the tag's value; null for requests
    without a prompt or the tag.
    """


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


class WebhookDeliveryListResponse(Model):
    """A page of deliveries, the newest first."""

    data: list[WebhookDeliveryResponse]
    """The deliveries."""

    next_cursor: str | None = None
    """For the next page. Null: this is the last."""


class WebhookDeliveryResponse(Model):
    """One event for one endpoint, and how far it has come."""

    id: str
    """Its id."""

    endpoint_id: str
    """Where to."""

    event_id: str
    """The `webhook-id` that it carries, the same at each attempt."""

    event_type: str
    """The event."""

    status: Literal["delivered", "failed", "pending"]
    """`pending`: to be tried, again or at all; `failed`: not tried any more."""

    attempts: int
    """How often it was tried since it was last asked for."""

    created_at: datetime
    """When it was made."""

    next_attempt_at: datetime | None = None
    """When a pending one is tried; while it is, the latest time of the next."""

    last_attempt_at: datetime | None = None
    """When it was last tried."""

    delivered_at: datetime | None = None
    """When it was taken."""

    response_status: int | None = None
    """The last answer's status."""

    error: str | None = None
    """Why there was no answer: `address_refused`, `connection_failed`, `timeout`, `broken_answer`,
    `url_refused`, or `secret_unreadable`: rotate the secret.
    """


class WebhookEndpointListResponse(Model):
    """A page of endpoints, the newest first."""

    data: list[WebhookEndpointResponse]
    """The endpoints."""

    next_cursor: str | None = None
    """For the next page. Null: this is the last."""


class WebhookEndpointResponse(Model):
    """An endpoint, without its secret."""

    id: str
    """Its id."""

    url: str
    """Where to, normalised."""

    events: list[
        Literal[
            "batch.*",
            "batch.cancelled",
            "batch.completed",
            "batch.failed",
            "generation.*",
            "generation.completed",
            "generation.failed",
            "usage.threshold_reached",
        ]
    ]
    """What is sent."""

    status: Literal["disabled", "enabled"]
    """Whether anything is sent."""

    created_at: datetime
    """When it was made."""

    disabled_at: datetime | None = None
    """When it was disabled."""

    disabled_reason: Literal["failing", "gone", "requested"] | None = None
    """`requested`: by a change; `gone`: it answered 410; `failing`: nothing could be delivered for three
    days.
    """

    failing_since: datetime | None = None
    """The first failure since anything was delivered. Null: it is well."""

    previous_secret_expires_at: datetime | None = None
    """Until when the secret before the last rotation signs, or signed."""


class StreamResult(Whole, DoneEvent):
    """The `done` event of a stream, with what came before it: the whole text, and all else."""


class QueryStreamResult(Whole, QueryDoneEvent):
    """The `done` event of a stream, with what came before it: the whole text, and all else."""

    source_nodes: list[SourceNode]
    """The best first."""


AcceptedDocumentsResponse._converters = {
    "documents": each(DocumentResponse._read),
}
AssistantMessage._converters = {
    "tool_calls": each(AssistantToolCall._read),
}
AssistantToolCall._converters = {
    "function": AssistantFunctionCall._read,
}
Batch._converters = {
    "counts": BatchCounts._read,
    "usage": Usage._read,
    "created_at": time,
    "expires_at": time,
    "started_at": time,
    "cancel_requested_at": time,
    "finished_at": time,
}
BatchList._converters = {
    "data": each(Batch._read),
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
BatchResultLine._converters = {
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
CollectionListResponse._converters = {
    "data": each(CollectionResponse._read),
}
CollectionResponse._converters = {
    "created_at": time,
    "updated_at": time,
}
ConversationExportResponse._converters = {
    "usage": Usage._read,
    "created_at": time,
    "updated_at": time,
    "messages": each(MessageResponse._read),
}
ConversationListResponse._converters = {
    "data": each(ConversationResponse._read),
}
ConversationResponse._converters = {
    "usage": Usage._read,
    "created_at": time,
    "updated_at": time,
}
DocumentListResponse._converters = {
    "data": each(DocumentResponse._read),
}
DocumentResponse._converters = {
    "created_at": time,
    "updated_at": time,
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
KeptImage._converters = {
    "source": tagged(
        "type",
        {
            "url": KeptImageUrl,
            "base64": KeptImageData,
        },
    ),
}
KeyListResponse._converters = {
    "data": each(KeyResponse._read),
}
KeyResponse._converters = {
    "limits": Limits._read,
    "created_at": time,
    "budget": Budget._read,
    "semantic_cache": SemanticCacheBody._read,
    "expires_at": time,
    "last_used_at": time,
    "previous_key_expires_at": time,
}
MessageListResponse._converters = {
    "data": each(MessageResponse._read),
}
MessageResponse._converters = {
    "created_at": time,
    "content": each(
        tagged(
            "type",
            {
                "text": KeptText,
                "image": KeptImage,
            },
        )
    ),
    "tool_calls": each(AssistantToolCall._read),
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
    "semantic_cache": SemanticCacheBody._read,
    "expires_at": time,
    "last_used_at": time,
    "previous_key_expires_at": time,
}
NewWebhookEndpointResponse._converters = {
    "created_at": time,
    "disabled_at": time,
    "failing_since": time,
    "previous_secret_expires_at": time,
}
PromptDefaults._converters = {
    "provider_options": ProviderOptions._read,
}
PromptListResponse._converters = {
    "data": each(PromptResponse._read),
}
PromptResponse._converters = {
    "defaults": PromptDefaults._read,
    "variables": values_of(PromptVariable._read),
    "created_at": time,
}
ProviderReport._converters = {
    "reported_at": time,
}
QueryDoneEvent._converters = {
    "usage": Usage._read,
}
QueryResponse._converters = {
    "usage": Usage._read,
    "source_nodes": each(SourceNode._read),
}
Readiness._converters = {
    "checks": Checks._read,
}
RenderedPromptResponse._converters = {
    "messages": each(RenderedMessage._read),
}
RequestRecord._converters = {
    "created_at": time,
    "usage": Usage._read,
    "completed_at": time,
    "provider_report": ProviderReport._read,
}
RetrieveResponse._converters = {
    "source_nodes": each(SourceNode._read),
    "usage": Usage._read,
}
SourcesEvent._converters = {
    "source_nodes": each(SourceNode._read),
}
TenantResponse._converters = {
    "limits": Limits._read,
    "budget": Budget._read,
}
UsageResponse._converters = {
    "data": each(UsageGroup._read),
    "totals": UsageTotals._read,
}
WebhookDeliveryListResponse._converters = {
    "data": each(WebhookDeliveryResponse._read),
}
WebhookDeliveryResponse._converters = {
    "created_at": time,
    "next_attempt_at": time,
    "last_attempt_at": time,
    "delivered_at": time,
}
WebhookEndpointListResponse._converters = {
    "data": each(WebhookEndpointResponse._read),
}
WebhookEndpointResponse._converters = {
    "created_at": time,
    "disabled_at": time,
    "failing_since": time,
    "previous_secret_expires_at": time,
}
