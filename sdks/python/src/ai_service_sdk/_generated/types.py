"""What goes into the API, as dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NotRequired, Required, TypedDict

from ai_service_sdk._files import File
from ai_service_sdk._model import Model

__all__ = [
    "AddDocumentsRequestParam",
    "Base64SourceParam",
    "BatchRequestParam",
    "BudgetBodyParam",
    "ChangeKeyRequestParam",
    "ChangeWebhookEndpointRequestParam",
    "ChatItemParam",
    "ChatMessageParam",
    "ChatRequestParam",
    "ChatWithPromptRequestParam",
    "CreateBatchRequestParam",
    "CreateConversationRequestParam",
    "CreateKeyRequestParam",
    "CreateWebhookEndpointRequestParam",
    "EmbeddingsRequestParam",
    "ForkConversationRequestParam",
    "FunctionCallParam",
    "FunctionDefinitionParam",
    "FunctionNameParam",
    "GenerateItemParam",
    "GenerateRequestParam",
    "GenerateWithPromptRequestParam",
    "ImageContentParam",
    "JsonSchemaDefinitionParam",
    "JsonSchemaFormatParam",
    "LimitsBodyParam",
    "MessageToolCallParam",
    "MintTokenRequestParam",
    "NamedToolChoiceParam",
    "NewDocumentParam",
    "PromptDefaultsParam",
    "ProviderOptionsParam",
    "PutCollectionRequestParam",
    "PutLabelRequestParam",
    "PutPromptRequestParam",
    "PutTenantRequestParam",
    "QueryRequestParam",
    "RenderPromptRequestParam",
    "RetrieveRequestParam",
    "RotateKeyRequestParam",
    "RotateWebhookSecretRequestParam",
    "SemanticCacheBodyParam",
    "TextContentParam",
    "TextFormatParam",
    "ToolDefinitionParam",
    "UploadBatchFormParam",
    "UploadDocumentsRequestParam",
    "UrlSourceParam",
]


class AddDocumentsRequestParam(TypedDict):
    """One document, or up to 100 at once."""

    text: NotRequired[str | None]
    """One document's text; instead of `documents`."""
    metadata: NotRequired[Mapping[str, Any] | None]
    """With `text`: up to 16 fields, to filter by and shown with each source."""
    id: NotRequired[str | None]
    """With `text`: yours; a document of the same id is replaced. Absent: one is made."""
    documents: NotRequired[Sequence[NewDocumentParam | Model] | None]
    """Several documents; instead of `text`."""


class Base64SourceParam(TypedDict):
    """An image in the request itself."""

    type: Required[Literal["base64"]]
    """Says that the image is here."""
    media_type: Required[Literal["image/gif", "image/jpeg", "image/png", "image/webp"]]
    """The image's format."""
    data: Required[str]
    """Base64, padded."""


class BatchRequestParam(TypedDict):
    """Up to 100 prompts, or as many full requests, answered in one response."""

    prompts: NotRequired[Sequence[str] | None]
    """Prompts; instead of `requests`."""
    requests: NotRequired[Sequence[GenerateRequestParam | ChatRequestParam | Model] | None]
    """Generate and chat bodies; instead of `prompts`."""
    model: NotRequired[str | None]
    """For `prompts`: the model (`haiku`). Bodies name their own."""
    max_concurrency: NotRequired[int]
    """How many are in flight at once."""
    requests_per_second: NotRequired[float | None]
    """How fast they may be started."""


class BudgetBodyParam(TypedDict):
    """How much may be spent in a period; what would exceed it is refused before it costs anything."""

    limit_usd: Required[float]
    """US dollars."""
    period: Required[Literal["day", "month", "total"]]
    """`day` and `month` are UTC's and begin anew; `total` never does."""


class ChangeKeyRequestParam(TypedDict):
    """What is to be changed of a key; what is absent stays as it is, null takes a bound away."""

    name: NotRequired[str]
    """What the key is for, to tell keys apart."""
    scopes: NotRequired[
        Sequence[
            Literal["admin", "batch", "embed", "generate", "operator", "retrieval", "usage:read"]
        ]
    ]
    """What the key may do. Nobody grants a scope that they lack, but an operator grants all."""
    expires_at: NotRequired[datetime | str | None]
    """When the key ends, as RFC 3339 with an offset. Null: never."""
    limits: NotRequired[LimitsBodyParam | Model]
    """How much may be asked in a minute. Absent or null: no limit."""
    budget: NotRequired[BudgetBodyParam | Model | None]
    """What the key may spend, beside what its tenant may. Null: no bound."""
    sanitize: NotRequired[Literal["html", "none", "text"]]
    """How answers are cleaned where a request says nothing of its own."""
    semantic_cache: NotRequired[SemanticCacheBodyParam | Model | None]
    """Lets a question that means nearly the same as an earlier one have its answer, where a request says
    nothing of its own. Null: only the same question.
    """
    rotate_after_days: NotRequired[int | None]
    """After as many days without a rotation each answer to the key carries `X-Key-Rotation-Due`. Null:
    never.
    """


class ChangeWebhookEndpointRequestParam(TypedDict):
    """What is to be changed of an endpoint; what is absent stays as it is."""

    url: NotRequired[str]
    """Where to: https, at a public address or at a host that the operator allows; without user name,
    password and fragment.
    """
    events: NotRequired[
        Sequence[
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
    ]
    """What is sent: names of events, `generation.*` or `batch.*`. A `generation` event is sent for each
    request, once it is settled. Replaced whole.
    """
    enabled: NotRequired[bool]
    """`false`: nothing is sent any more, and what was pending has failed. `true`: events are sent from now
    on; `redeliver-failed` sends what has failed again.
    """


class ChatItemParam(TypedDict):
    """A chat body with a name."""

    messages: Required[Sequence[ChatMessageParam | Model]]
    """The conversation so far, oldest first."""
    model: NotRequired[str]
    """An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET /api/v1/models` lists
    them.
    """
    max_tokens: NotRequired[int]
    """The most tokens that the answer may have."""
    temperature: NotRequired[float]
    """Higher is more varied. Left out of the call for models that do not take it."""
    top_p: NotRequired[float | None]
    """Nucleus sampling. Left out for models that do not take it."""
    stop: NotRequired[Sequence[str] | None]
    """The answer ends before any of these, up to 4."""
    tools: NotRequired[Sequence[ToolDefinitionParam | Model] | None]
    """The functions that the model may ask for."""
    tool_choice: NotRequired[
        Literal["auto", "none", "required"] | NamedToolChoiceParam | Model | None
    ]
    """Whether it may (`auto`), must not (`none`) or must (`required`) ask for one, or for which."""
    response_format: NotRequired[TextFormatParam | JsonSchemaFormatParam | Model | None]
    """Free text, or JSON that follows a schema."""
    conversation_id: NotRequired[str | None]
    """The conversation to go on with: its history goes to the model before `messages`, and both turns are
    kept in it once the answer is whole. One turn at a time: another meanwhile is a 409. System messages
    in `messages` follow the conversation's own, for this turn only.
    """
    history_limit: NotRequired[int]
    """Only this many of the last messages go to the model. System messages are kept, and a tool's result
    is never cut from its call.
    """
    history_token_budget: NotRequired[int | None]
    """Of these, only as many of the last as have no more tokens by estimate (a token is four bytes, an
    image 1000). The last message always goes; system messages are not counted.
    """
    summarize_history: NotRequired[bool]
    """Only with `conversation_id`: what falls out of the history goes to the model as a summary. A small
    model makes it when more has fallen out, at your cost and within 10 s; if that fails, the last one
    is used.
    """
    cache: NotRequired[bool]
    """Whether a stored answer may be given, once there is one."""
    timeout_seconds: NotRequired[float | None]
    """Shortens the server's own deadline; never lengthens it."""
    metadata: NotRequired[Mapping[str, Any] | None]
    """Up to 16 tags, kept in the usage row."""
    reasoning_effort: NotRequired[Literal["high", "low", "medium", "none"] | None]
    """How much to think, for models that can be told."""
    provider_options: NotRequired[ProviderOptionsParam | Model | None]
    """Fields for one vendor's own call, by vendor."""
    sanitize: NotRequired[Literal["html", "none", "text"] | None]
    """Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is harmless and
    holds a stream's text back until it is whole, `none` leaves it alone. Tool calls are left alone.
    Absent: as the key has it.
    """
    semantic_cache: NotRequired[SemanticCacheBodyParam | Model | None]
    """Lets a question that means nearly the same as an earlier one have its answer (`cache_hit`): of your
    tenant, with all else alike, without tools and images. An embedding is paid. Null: as the key has
    it; `cache: false` leaves it out.
    """
    custom_id: NotRequired[str | None]
    """A name of yours, given back with the result. No two may be the same."""


class ChatMessageParam(TypedDict):
    """One turn of a conversation."""

    role: Required[Literal["assistant", "system", "tool", "user"]]
    """Who speaks."""
    content: NotRequired[str | Sequence[TextContentParam | ImageContentParam | Model] | None]
    """Text, or parts of text and images. An assistant's may be null with tool calls."""
    tool_calls: NotRequired[Sequence[MessageToolCallParam | Model] | None]
    """Assistant only: the functions it asked for."""
    tool_call_id: NotRequired[str | None]
    """Tool only: the call that this answers."""
    provider_data: NotRequired[Mapping[str, Any] | None]
    """Assistant only: send back what an answer brought, unread."""


class ChatRequestParam(TypedDict):
    """A conversation, and what to answer it with."""

    messages: Required[Sequence[ChatMessageParam | Model]]
    """The conversation so far, oldest first."""
    model: NotRequired[str]
    """An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET /api/v1/models` lists
    them.
    """
    max_tokens: NotRequired[int]
    """The most tokens that the answer may have."""
    temperature: NotRequired[float]
    """Higher is more varied. Left out of the call for models that do not take it."""
    top_p: NotRequired[float | None]
    """Nucleus sampling. Left out for models that do not take it."""
    stop: NotRequired[Sequence[str] | None]
    """The answer ends before any of these, up to 4."""
    tools: NotRequired[Sequence[ToolDefinitionParam | Model] | None]
    """The functions that the model may ask for."""
    tool_choice: NotRequired[
        Literal["auto", "none", "required"] | NamedToolChoiceParam | Model | None
    ]
    """Whether it may (`auto`), must not (`none`) or must (`required`) ask for one, or for which."""
    response_format: NotRequired[TextFormatParam | JsonSchemaFormatParam | Model | None]
    """Free text, or JSON that follows a schema."""
    conversation_id: NotRequired[str | None]
    """The conversation to go on with: its history goes to the model before `messages`, and both turns are
    kept in it once the answer is whole. One turn at a time: another meanwhile is a 409. System messages
    in `messages` follow the conversation's own, for this turn only.
    """
    history_limit: NotRequired[int]
    """Only this many of the last messages go to the model. System messages are kept, and a tool's result
    is never cut from its call.
    """
    history_token_budget: NotRequired[int | None]
    """Of these, only as many of the last as have no more tokens by estimate (a token is four bytes, an
    image 1000). The last message always goes; system messages are not counted.
    """
    summarize_history: NotRequired[bool]
    """Only with `conversation_id`: what falls out of the history goes to the model as a summary. A small
    model makes it when more has fallen out, at your cost and within 10 s; if that fails, the last one
    is used.
    """
    cache: NotRequired[bool]
    """Whether a stored answer may be given, once there is one."""
    timeout_seconds: NotRequired[float | None]
    """Shortens the server's own deadline; never lengthens it."""
    metadata: NotRequired[Mapping[str, Any] | None]
    """Up to 16 tags, kept in the usage row."""
    reasoning_effort: NotRequired[Literal["high", "low", "medium", "none"] | None]
    """How much to think, for models that can be told."""
    provider_options: NotRequired[ProviderOptionsParam | Model | None]
    """Fields for one vendor's own call, by vendor."""
    sanitize: NotRequired[Literal["html", "none", "text"] | None]
    """Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is harmless and
    holds a stream's text back until it is whole, `none` leaves it alone. Tool calls are left alone.
    Absent: as the key has it.
    """
    semantic_cache: NotRequired[SemanticCacheBodyParam | Model | None]
    """Lets a question that means nearly the same as an earlier one have its answer (`cache_hit`): of your
    tenant, with all else alike, without tools and images. An embedding is paid. Null: as the key has
    it; `cache: false` leaves it out.
    """


class ChatWithPromptRequestParam(TypedDict):
    """A conversation that a prompt begins. What is not said of the model and its parameters is as the
    prompt has it.
    """

    variables: NotRequired[Mapping[str, Any]]
    """What the fields are filled with, by name. Those with a default may be left out."""
    version: NotRequired[int | None]
    """The version's number. Absent, and no label: the latest version."""
    label: NotRequired[str | None]
    """Instead of a version: the one that has this label."""
    messages: NotRequired[Sequence[ChatMessageParam | Model]]
    """What was said since, oldest first. The rendered messages stand before these, always."""
    model: NotRequired[str | None]
    """An alias or a provider's model id. Absent: as the prompt has it."""
    max_tokens: NotRequired[int | None]
    """The most tokens that the answer may have. Absent: as the prompt has it."""
    temperature: NotRequired[float | None]
    """Higher is more varied. Absent: as the prompt has it."""
    top_p: NotRequired[float | None]
    """Nucleus sampling. Left out for models that do not take it."""
    stop: NotRequired[Sequence[str] | None]
    """The answer ends before any of these, up to 4."""
    tools: NotRequired[Sequence[ToolDefinitionParam | Model] | None]
    """The functions that the model may ask for."""
    tool_choice: NotRequired[
        Literal["auto", "none", "required"] | NamedToolChoiceParam | Model | None
    ]
    """Whether it may, must not or must ask for one, or for which."""
    response_format: NotRequired[TextFormatParam | JsonSchemaFormatParam | Model | None]
    """Free text, or JSON that follows a schema."""
    conversation_id: NotRequired[str | None]
    """The conversation to go on with: its history goes to the model before what the template says, and
    both turns are kept in it once the answer is whole. One turn at a time: another meanwhile is a 409.
    """
    history_limit: NotRequired[int]
    """Only this many of the last messages go to the model. System messages are kept, and a tool's result
    is never cut from its call.
    """
    history_token_budget: NotRequired[int | None]
    """Of these, only as many of the last as have no more tokens by estimate (a token is four bytes, an
    image 1000). The last message always goes; system messages are not counted.
    """
    summarize_history: NotRequired[bool]
    """Only with `conversation_id`: what falls out of the history goes to the model as a summary. A small
    model makes it when more has fallen out, at your cost and within 10 s; if that fails, the last one
    is used.
    """
    cache: NotRequired[bool]
    """Whether a stored answer may be given, once there is one."""
    timeout_seconds: NotRequired[float | None]
    """Shortens the server's own deadline; never lengthens it."""
    metadata: NotRequired[Mapping[str, Any] | None]
    """Up to 16 tags, kept in the usage row."""
    reasoning_effort: NotRequired[Literal["high", "low", "medium", "none"] | None]
    """How much to think, for models that can be told."""
    provider_options: NotRequired[ProviderOptionsParam | Model | None]
    """Fields for one vendor's own call, by vendor."""
    sanitize: NotRequired[Literal["html", "none", "text"] | None]
    """Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is harmless and
    holds a stream's text back until it is whole, `none` leaves it alone. Tool calls are left alone.
    Absent: as the key has it.
    """
    semantic_cache: NotRequired[SemanticCacheBodyParam | Model | None]
    """Lets a question that means nearly the same as an earlier one have its answer (`cache_hit`): of your
    tenant, with all else alike, without tools and images. An embedding is paid. Null: as the key has
    it; `cache: false` leaves it out.
    """


class CreateBatchRequestParam(TypedDict):
    """Up to 50,000 prompts, or as many full requests."""

    prompts: NotRequired[Sequence[str] | None]
    """Prompts; instead of `requests`."""
    requests: NotRequired[Sequence[GenerateItemParam | ChatItemParam | Model] | None]
    """Generate and chat bodies, each with a `custom_id` if you like; instead of `prompts`."""
    model: NotRequired[str | None]
    """For `prompts`: the model (`haiku`). Bodies name their own."""
    max_concurrency: NotRequired[int]
    """How many are in flight at once, at most. Fewer are while others ask live."""
    requests_per_second: NotRequired[float | None]
    """How fast they may be started."""
    mode: NotRequired[Literal["provider", "service"]]
    """`service`: one by one, as if asked live. `provider`: through the provider's own batch API, at its
    lower price, within a day.
    """


class CreateConversationRequestParam(TypedDict):
    """How a conversation begins."""

    system: NotRequired[str | None]
    """Instructions that stand above every turn."""
    metadata: NotRequired[Mapping[str, Any] | None]
    """Up to 16 tags, kept with the conversation."""


class CreateKeyRequestParam(TypedDict):
    """A key to be made."""

    name: Required[str]
    """What the key is for, to tell keys apart."""
    scopes: Required[
        Sequence[
            Literal["admin", "batch", "embed", "generate", "operator", "retrieval", "usage:read"]
        ]
    ]
    """What the key may do. Nobody grants a scope that they lack, but an operator grants all."""
    tenant: NotRequired[str | None]
    """Whose key it is; another tenant than your own needs `operator`."""
    expires_at: NotRequired[datetime | str | None]
    """When the key ends, as RFC 3339 with an offset. Null: never."""
    limits: NotRequired[LimitsBodyParam | Model]
    """How much may be asked in a minute. Absent or null: no limit."""
    budget: NotRequired[BudgetBodyParam | Model | None]
    """What the key may spend, beside what its tenant may. Null: no bound."""
    sanitize: NotRequired[Literal["html", "none", "text"]]
    """How answers are cleaned where a request says nothing of its own."""
    semantic_cache: NotRequired[SemanticCacheBodyParam | Model | None]
    """Lets a question that means nearly the same as an earlier one have its answer, where a request says
    nothing of its own. Null: only the same question.
    """
    rotate_after_days: NotRequired[int | None]
    """After as many days without a rotation each answer to the key carries `X-Key-Rotation-Due`. Null:
    never.
    """


class CreateWebhookEndpointRequestParam(TypedDict):
    """Where to tell of what."""

    url: Required[str]
    """Where to: https, at a public address or at a host that the operator allows; without user name,
    password and fragment.
    """
    events: Required[
        Sequence[
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
    ]
    """What is sent: names of events, `generation.*` or `batch.*`. A `generation` event is sent for each
    request, once it is settled.
    """


class EmbeddingsRequestParam(TypedDict):
    """Texts to embed."""

    input: Required[str | Sequence[str]]
    """A text, or up to 2048 of them."""
    model: NotRequired[str]
    """An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET /api/v1/models` lists
    them.
    """


class ForkConversationRequestParam(TypedDict):
    """Where the fork leaves the conversation."""

    at_message_id: NotRequired[str | None]
    """The last message that the fork has too; absent: the last there is."""


class FunctionCallParam(TypedDict):
    """Which function, and with what."""

    name: Required[str]
    """The function's name."""
    arguments: Required[str]
    """JSON text, as the model wrote it."""


class FunctionDefinitionParam(TypedDict):
    """A function that the model may ask for."""

    name: Required[str]
    """What the model calls it."""
    description: NotRequired[str | None]
    """What it does and when to use it, for the model."""
    parameters: NotRequired[Mapping[str, Any]]
    """The JSON Schema of its arguments."""
    strict: NotRequired[bool | None]
    """Whether the arguments must follow the schema."""


class FunctionNameParam(TypedDict):
    """The name of a function."""

    name: Required[str]
    """One of those in `tools`."""


class GenerateItemParam(TypedDict):
    """A generate body with a name."""

    prompt: Required[str]
    """What to answer."""
    model: NotRequired[str]
    """An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET /api/v1/models` lists
    them.
    """
    system: NotRequired[str | None]
    """Instructions that stand above it."""
    max_tokens: NotRequired[int]
    """The most tokens that the answer may have."""
    temperature: NotRequired[float]
    """Higher is more varied. Left out of the call for models that do not take it."""
    top_p: NotRequired[float | None]
    """Nucleus sampling. Left out for models that do not take it."""
    stop: NotRequired[Sequence[str] | None]
    """The answer ends before any of these, up to 4."""
    cache: NotRequired[bool]
    """Whether a stored answer may be given, once there is one."""
    timeout_seconds: NotRequired[float | None]
    """Shortens the server's own deadline; never lengthens it."""
    metadata: NotRequired[Mapping[str, Any] | None]
    """Up to 16 tags, kept in the usage row."""
    reasoning_effort: NotRequired[Literal["high", "low", "medium", "none"] | None]
    """How much to think, for models that can be told."""
    provider_options: NotRequired[ProviderOptionsParam | Model | None]
    """Fields for one vendor's own call, by vendor."""
    sanitize: NotRequired[Literal["html", "none", "text"] | None]
    """Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is harmless and
    holds a stream's text back until it is whole, `none` leaves it alone. Tool calls are left alone.
    Absent: as the key has it.
    """
    semantic_cache: NotRequired[SemanticCacheBodyParam | Model | None]
    """Lets a question that means nearly the same as an earlier one have its answer (`cache_hit`): of your
    tenant, with all else alike, without tools and images. An embedding is paid. Null: as the key has
    it; `cache: false` leaves it out.
    """
    custom_id: NotRequired[str | None]
    """A name of yours, given back with the result. No two may be the same."""


class GenerateRequestParam(TypedDict):
    """One prompt."""

    prompt: Required[str]
    """What to answer."""
    model: NotRequired[str]
    """An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET /api/v1/models` lists
    them.
    """
    system: NotRequired[str | None]
    """Instructions that stand above it."""
    max_tokens: NotRequired[int]
    """The most tokens that the answer may have."""
    temperature: NotRequired[float]
    """Higher is more varied. Left out of the call for models that do not take it."""
    top_p: NotRequired[float | None]
    """Nucleus sampling. Left out for models that do not take it."""
    stop: NotRequired[Sequence[str] | None]
    """The answer ends before any of these, up to 4."""
    cache: NotRequired[bool]
    """Whether a stored answer may be given, once there is one."""
    timeout_seconds: NotRequired[float | None]
    """Shortens the server's own deadline; never lengthens it."""
    metadata: NotRequired[Mapping[str, Any] | None]
    """Up to 16 tags, kept in the usage row."""
    reasoning_effort: NotRequired[Literal["high", "low", "medium", "none"] | None]
    """How much to think, for models that can be told."""
    provider_options: NotRequired[ProviderOptionsParam | Model | None]
    """Fields for one vendor's own call, by vendor."""
    sanitize: NotRequired[Literal["html", "none", "text"] | None]
    """Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is harmless and
    holds a stream's text back until it is whole, `none` leaves it alone. Tool calls are left alone.
    Absent: as the key has it.
    """
    semantic_cache: NotRequired[SemanticCacheBodyParam | Model | None]
    """Lets a question that means nearly the same as an earlier one have its answer (`cache_hit`): of your
    tenant, with all else alike, without tools and images. An embedding is paid. Null: as the key has
    it; `cache: false` leaves it out.
    """


class GenerateWithPromptRequestParam(TypedDict):
    """A prompt to answer. What is not said of the model and its parameters is as the prompt has it."""

    variables: NotRequired[Mapping[str, Any]]
    """What the fields are filled with, by name. Those with a default may be left out."""
    version: NotRequired[int | None]
    """The version's number. Absent, and no label: the latest version."""
    label: NotRequired[str | None]
    """Instead of a version: the one that has this label."""
    model: NotRequired[str | None]
    """An alias or a provider's model id. Absent: as the prompt has it."""
    max_tokens: NotRequired[int | None]
    """The most tokens that the answer may have. Absent: as the prompt has it."""
    temperature: NotRequired[float | None]
    """Higher is more varied. Absent: as the prompt has it."""
    top_p: NotRequired[float | None]
    """Nucleus sampling. Left out for models that do not take it."""
    stop: NotRequired[Sequence[str] | None]
    """The answer ends before any of these, up to 4."""
    conversation_id: NotRequired[str | None]
    """The conversation to go on with: its history goes to the model before what the template says, and
    both turns are kept in it once the answer is whole. One turn at a time: another meanwhile is a 409.
    """
    cache: NotRequired[bool]
    """Whether a stored answer may be given, once there is one."""
    timeout_seconds: NotRequired[float | None]
    """Shortens the server's own deadline; never lengthens it."""
    metadata: NotRequired[Mapping[str, Any] | None]
    """Up to 16 tags, kept in the usage row."""
    reasoning_effort: NotRequired[Literal["high", "low", "medium", "none"] | None]
    """How much to think, for models that can be told."""
    provider_options: NotRequired[ProviderOptionsParam | Model | None]
    """Fields for one vendor's own call, by vendor."""
    sanitize: NotRequired[Literal["html", "none", "text"] | None]
    """Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is harmless and
    holds a stream's text back until it is whole, `none` leaves it alone. Tool calls are left alone.
    Absent: as the key has it.
    """
    semantic_cache: NotRequired[SemanticCacheBodyParam | Model | None]
    """Lets a question that means nearly the same as an earlier one have its answer (`cache_hit`): of your
    tenant, with all else alike, without tools and images. An embedding is paid. Null: as the key has
    it; `cache: false` leaves it out.
    """


class ImageContentParam(TypedDict):
    """An image."""

    type: Required[Literal["image"]]
    """Says that this is an image."""
    source: Required[UrlSourceParam | Base64SourceParam | Model]
    """Where an image is."""


class JsonSchemaDefinitionParam(TypedDict):
    """The schema of an answer."""

    name: Required[str]
    """What the answer is called."""
    schema: Required[Mapping[str, Any]]
    """JSON Schema."""
    description: NotRequired[str | None]
    """What the answer is for, for the model."""
    strict: NotRequired[bool | None]
    """Whether the answer must follow the schema."""


class JsonSchemaFormatParam(TypedDict):
    """JSON text that follows a schema."""

    type: Required[Literal["json_schema"]]
    """Says that the answer is JSON."""
    json_schema: Required[JsonSchemaDefinitionParam | Model]
    """The schema of an answer."""


class LimitsBodyParam(TypedDict):
    """How much may be asked in a minute. Absent or null: no limit."""

    requests_per_minute: NotRequired[int | None]
    """Requests."""
    tokens_per_minute: NotRequired[int | None]
    """Tokens, input and output together."""


class MessageToolCallParam(TypedDict):
    """A function that the model asks for."""

    id: Required[str]
    """What the tool's message repeats as `tool_call_id`."""
    function: Required[FunctionCallParam | Model]
    """Which function, and with what."""
    type: NotRequired[Literal["function"]]
    """There are only functions."""


class MintTokenRequestParam(TypedDict):
    """A browser token to be made."""

    ttl_seconds: NotRequired[int]
    """How long it works."""
    scopes: NotRequired[
        Sequence[Literal["batch", "embed", "generate", "retrieval", "usage:read"]] | None
    ]
    """What it may do, of what its key may. Absent: all of that, but for `admin` and `operator`, which no
    token carries.
    """
    limits: NotRequired[LimitsBodyParam | Model]
    """How much may be asked in a minute. Absent or null: no limit."""
    budget: NotRequired[BudgetBodyParam | Model | None]
    """What it may spend, beside what its key and its tenant may."""
    sanitize: NotRequired[Literal["html", "none", "text"]]
    """How answers are cleaned; `none`: as for its key."""


class NamedToolChoiceParam(TypedDict):
    """The one function that the model must call."""

    function: Required[FunctionNameParam | Model]
    """The name of a function."""
    type: NotRequired[Literal["function"]]
    """There are only functions."""


class NewDocumentParam(TypedDict):
    """A document as text."""

    text: Required[str]
    """What it says."""
    metadata: NotRequired[Mapping[str, Any] | None]
    """Up to 16 fields, to filter by and shown with each source."""
    id: NotRequired[str | None]
    """Yours; a document of the same id is replaced. Absent: one is made."""


class PromptDefaultsParam(TypedDict):
    """What requests that are made with the prompt ask for, unless they say otherwise themselves."""

    model: NotRequired[str | None]
    """An alias or a provider's model id. Absent: `haiku`."""
    max_tokens: NotRequired[int | None]
    """The most tokens that an answer may have. Absent: 1024."""
    temperature: NotRequired[float | None]
    """Higher is more varied. Absent: 0.7."""
    top_p: NotRequired[float | None]
    """Nucleus sampling. Left out for models that do not take it."""
    stop: NotRequired[Sequence[str] | None]
    """The answer ends before any of these, up to 4."""
    reasoning_effort: NotRequired[Literal["high", "low", "medium", "none"] | None]
    """How much to think, for models that can be told."""
    provider_options: NotRequired[ProviderOptionsParam | Model | None]
    """Fields for one vendor's own call, by vendor."""


class ProviderOptionsParam(TypedDict):
    """Fields that are merged into one vendor's call. They may not change the model, the messages, the
    token limit, streaming or credentials.
    """

    anthropic: NotRequired[Mapping[str, Any] | None]
    """For calls in Anthropic's dialect."""
    openai: NotRequired[Mapping[str, Any] | None]
    """For calls in OpenAI's dialect."""


class PutCollectionRequestParam(TypedDict):
    """How the documents of a collection are cut up and embedded."""

    embedding_model: NotRequired[str]
    """Makes the vectors; one model for the whole collection."""
    chunk_size: NotRequired[int]
    """Tokens of a chunk, at most."""
    chunk_overlap: NotRequired[int]
    """Tokens that a chunk shares with the one before it, at most."""


class PutLabelRequestParam(TypedDict):
    """Where a label is put."""

    version: Required[int]
    """The number of the version."""


class PutPromptRequestParam(TypedDict):
    """What a version of a prompt says."""

    template: Required[str]
    """The prompt. `{name}` is a field, which the variable of this name fills; `{{` and `}}` stand for
    braces.
    """
    system: NotRequired[str | None]
    """Instructions that stand above it; may have fields, too."""
    defaults: NotRequired[PromptDefaultsParam | Model]
    """What requests that are made with the prompt ask for, unless they say otherwise themselves."""
    variables: NotRequired[Mapping[str, Any] | None]
    """What the fields take, by name. Absent: each is a string that must be given."""


class PutTenantRequestParam(TypedDict):
    """What all keys of a tenant may use up together; what is absent has no bound."""

    limits: NotRequired[LimitsBodyParam | Model]
    """How much may be asked in a minute. Absent or null: no limit."""
    budget: NotRequired[BudgetBodyParam | Model | None]
    """Money. Null: no bound."""


class QueryRequestParam(TypedDict):
    """A question to the documents."""

    question: Required[str]
    """In your own words."""
    top_k: NotRequired[int]
    """How many sources, at most."""
    filter: NotRequired[Mapping[str, Any] | None]
    """Only documents whose metadata has all of these."""
    min_score: NotRequired[float | None]
    """What scores less is left out. What is sensible depends on the model."""
    mode: NotRequired[Literal["hybrid", "lexical", "vector"]]
    """By meaning (`vector`), by words (`lexical`), or both, ranked together (`hybrid`)."""
    model: NotRequired[str]
    """An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET /api/v1/models` lists
    them.
    """
    max_tokens: NotRequired[int]
    """The most tokens that the answer may have."""
    temperature: NotRequired[float]
    """Higher is more varied. Left out of the call for models that do not take it."""
    cache: NotRequired[bool]
    """Whether a stored answer may be given, once there is one."""
    timeout_seconds: NotRequired[float | None]
    """Shortens the server's own deadline; never lengthens it."""
    metadata: NotRequired[Mapping[str, Any] | None]
    """Up to 16 tags, kept in the usage row."""
    sanitize: NotRequired[Literal["html", "none", "text"] | None]
    """Makes the text safe for a web page: `text` escapes all markup, `html` keeps what is harmless and
    holds a stream's text back until it is whole, `none` leaves it alone. Tool calls are left alone.
    Absent: as the key has it.
    """


class RenderPromptRequestParam(TypedDict):
    """A version, and what its fields are filled with."""

    variables: NotRequired[Mapping[str, Any]]
    """What the fields are filled with, by name. Those with a default may be left out."""
    version: NotRequired[int | None]
    """The version's number. Absent, and no label: the latest version."""
    label: NotRequired[str | None]
    """Instead of a version: the one that has this label."""


class RetrieveRequestParam(TypedDict):
    """A search, without an answer made from it."""

    question: Required[str]
    """In your own words."""
    top_k: NotRequired[int]
    """How many sources, at most."""
    filter: NotRequired[Mapping[str, Any] | None]
    """Only documents whose metadata has all of these."""
    min_score: NotRequired[float | None]
    """What scores less is left out. What is sensible depends on the model."""
    mode: NotRequired[Literal["hybrid", "lexical", "vector"]]
    """By meaning (`vector`), by words (`lexical`), or both, ranked together (`hybrid`)."""
    timeout_seconds: NotRequired[float | None]
    """Shortens the server's own deadline; never lengthens it."""
    metadata: NotRequired[Mapping[str, Any] | None]
    """Up to 16 tags, kept in the usage row."""


class RotateKeyRequestParam(TypedDict):
    """How a key is to be rotated."""

    overlap_seconds: NotRequired[int]
    """For how long the secret of now works beside the new one; 0: it ends at once."""


class RotateWebhookSecretRequestParam(TypedDict):
    """How a secret is to be rotated."""

    overlap_seconds: NotRequired[int]
    """For how long both secrets sign; 0: the old one ends at once."""


class SemanticCacheBodyParam(TypedDict):
    """How alike two questions must be to have one answer."""

    threshold: NotRequired[float]
    """The least cosine similarity of their embeddings. Below 0.9 answers begin to be wrong."""


class TextContentParam(TypedDict):
    """A piece of text."""

    type: Required[Literal["text"]]
    """Says that this is text."""
    text: Required[str]
    """The text."""


class TextFormatParam(TypedDict):
    """Free text."""

    type: Required[Literal["text"]]
    """Says that the answer is free text."""


class ToolDefinitionParam(TypedDict):
    """A tool, in OpenAI's chat shape."""

    function: Required[FunctionDefinitionParam | Model]
    """A function that the model may ask for."""
    type: NotRequired[Literal["function"]]
    """There are only functions."""


class UploadBatchFormParam(TypedDict):
    """A file of up to 50,000 requests, and how they are to be run."""

    file: Required[File]
    """JSON Lines: a generate or chat body a line, each with a `custom_id` if you like."""
    max_concurrency: NotRequired[int]
    """How many are in flight at once, at most. Fewer are while others ask live."""
    requests_per_second: NotRequired[float | None]
    """How fast they may be started."""
    mode: NotRequired[Literal["provider", "service"]]
    """`service`: one by one, as if asked live. `provider`: through the provider's own batch API, at its
    lower price, within a day.
    """


class UploadDocumentsRequestParam(TypedDict):
    """Documents as files."""

    file: Required[Sequence[File]]
    """Files whose names end in .txt, .md, .html, .pdf, .docx or .json; the field may be repeated."""


class UrlSourceParam(TypedDict):
    """An image that the provider fetches."""

    type: Required[Literal["url"]]
    """Says that the image is elsewhere."""
    url: Required[str]
    """An https URL."""
