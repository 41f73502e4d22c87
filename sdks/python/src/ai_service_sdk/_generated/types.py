"""What goes into the API, as dicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NotRequired, Required, TypedDict

from ai_service_sdk._model import Model

__all__ = [
    "Base64SourceParam",
    "BatchRequestParam",
    "BudgetBodyParam",
    "ChangeKeyRequestParam",
    "ChatMessageParam",
    "ChatRequestParam",
    "CreateKeyRequestParam",
    "EmbeddingsRequestParam",
    "FunctionCallParam",
    "FunctionDefinitionParam",
    "FunctionNameParam",
    "GenerateRequestParam",
    "ImageContentParam",
    "JsonSchemaDefinitionParam",
    "JsonSchemaFormatParam",
    "LimitsBodyParam",
    "MessageToolCallParam",
    "MintTokenRequestParam",
    "NamedToolChoiceParam",
    "ProviderOptionsParam",
    "PutTenantRequestParam",
    "RotateKeyRequestParam",
    "TextContentParam",
    "TextFormatParam",
    "ToolDefinitionParam",
    "UrlSourceParam",
]


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
    """Either these …"""
    requests: NotRequired[Sequence[GenerateRequestParam | ChatRequestParam | Model] | None]
    """… or generate and chat bodies."""
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
    rotate_after_days: NotRequired[int | None]
    """After as many days without a rotation each answer to the key carries `X-Key-Rotation-Due`. Null:
    never.
    """


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
    history_limit: NotRequired[int]
    """Only this many of the last messages go to the model. System messages are kept, and a tool's result
    is never cut from its call.
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
    rotate_after_days: NotRequired[int | None]
    """After as many days without a rotation each answer to the key carries `X-Key-Rotation-Due`. Null:
    never.
    """


class EmbeddingsRequestParam(TypedDict):
    """Texts to embed."""

    input: Required[str | Sequence[str]]
    """A text, or up to 2048 of them."""
    model: NotRequired[str]
    """An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id; `GET /api/v1/models` lists
    them.
    """


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


class ProviderOptionsParam(TypedDict):
    """Fields that are merged into one vendor's call. They may not change the model, the messages, the
    token limit, streaming or credentials.
    """

    anthropic: NotRequired[Mapping[str, Any] | None]
    """For calls in Anthropic's dialect."""
    openai: NotRequired[Mapping[str, Any] | None]
    """For calls in OpenAI's dialect."""


class PutTenantRequestParam(TypedDict):
    """What all keys of a tenant may use up together; what is absent has no bound."""

    limits: NotRequired[LimitsBodyParam | Model]
    """How much may be asked in a minute. Absent or null: no limit."""
    budget: NotRequired[BudgetBodyParam | Model | None]
    """Money. Null: no bound."""


class RotateKeyRequestParam(TypedDict):
    """How a key is to be rotated."""

    overlap_seconds: NotRequired[int]
    """For how long the secret of now works beside the new one; 0: it ends at once."""


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


class UrlSourceParam(TypedDict):
    """An image that the provider fetches."""

    type: Required[Literal["url"]]
    """Says that the image is elsewhere."""
    url: Required[str]
    """An https URL."""
