"""What is said to a model and what it says back, in no vendor's dialect.

The shapes are frozen and made of plain values, so that a request can be hashed field by field and
an answer can be stored. JSON text (a tool's arguments) stays text: it is the model's own spelling.
"""

from typing import Any, Literal

from msgspec import Struct

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
ReasoningEffort = Literal["none", "low", "medium", "high"]
UsageSource = Literal["provider", "estimated"]


class TextPart(Struct, frozen=True, tag="text"):
    """A piece of text in a message."""

    text: str


class ImageUrl(Struct, frozen=True, tag="image_url"):
    """An image that the provider fetches."""

    url: str


class ImageData(Struct, frozen=True, tag="image_data"):
    """An image in the message itself; `data` is base64."""

    media_type: str
    data: str


Part = TextPart | ImageUrl | ImageData


class ToolCall(Struct, frozen=True):
    """A model's wish to call a function; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


class Message(Struct, frozen=True, kw_only=True):
    """One turn.

    `tool_call_id` says which call a tool's message answers. `provider_data` is what a vendor wants
    back unread with the next turn (signed thinking), keyed by the dialect that made it.
    """

    role: Role
    content: str | tuple[Part, ...] | None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    provider_data: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """The text of all parts, joined."""
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        return "".join(part.text for part in self.content if isinstance(part, TextPart))

    @property
    def has_image(self) -> bool:
        """Whether any part is an image."""
        return isinstance(self.content, tuple) and any(
            not isinstance(part, TextPart) for part in self.content
        )


class Tool(Struct, frozen=True, kw_only=True):
    """A function that the model may ask for; `parameters` is its JSON Schema."""

    name: str
    description: str | None = None
    parameters: dict[str, Any]
    strict: bool | None = None


class NamedTool(Struct, frozen=True):
    """The one function that the model must call."""

    name: str


ToolChoice = Literal["auto", "none", "required"] | NamedTool


class JsonSchema(Struct, frozen=True, kw_only=True):
    """The JSON Schema that an answer must follow."""

    name: str
    schema: dict[str, Any]
    description: str | None = None
    strict: bool | None = None


class CompletionRequest(Struct, frozen=True, kw_only=True):
    """Everything that decides an answer, and nothing else.

    `model` is an alias or a provider's model id, as asked. `provider_options` holds, per dialect,
    fields that are merged into that vendor's call.
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    json_schema: JsonSchema | None = None
    reasoning_effort: ReasoningEffort | None = None
    provider_options: dict[str, dict[str, Any]] | None = None


class Usage(Struct, frozen=True, kw_only=True):
    """Tokens of one call. The cached and the cache-written input tokens are parts of `input_tokens`."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_input_tokens: int = 0
    source: UsageSource = "provider"

    @property
    def total_tokens(self) -> int:
        """Input and output tokens."""
        return self.input_tokens + self.output_tokens


class Completion(Struct, frozen=True, kw_only=True):
    """A whole answer of a provider. `provider_model` is the exact model id that gave it."""

    text: str | None
    tool_calls: tuple[ToolCall, ...] = ()
    finish_reason: FinishReason
    usage: Usage
    provider_model: str
    provider_data: dict[str, Any] | None = None


class TextDelta(Struct, frozen=True, tag_field="type", tag="token"):
    """The next piece of text; its JSON form is the `token` event of a stream."""

    content: str


class ToolCallDelta(Struct, frozen=True, tag_field="type", tag="tool_call", omit_defaults=True):
    """The next piece of a tool call; its JSON form is the `tool_call` event of a stream.

    `index` tells calls of one answer apart. `id` and `name` come with the first piece. `arguments` is
    the next piece of JSON text.
    """

    index: int
    arguments: str
    id: str | None = None
    name: str | None = None


class UsageReport(Struct, frozen=True):
    """What a provider has counted so far; told early, so that a cut stream can be charged truly."""

    usage: Usage


class StreamEnd(Struct, frozen=True, kw_only=True):
    """The provider's own terminal marker has come: the answer is whole."""

    finish_reason: FinishReason
    usage: Usage
    provider_model: str
    provider_data: dict[str, Any] | None = None


StreamEvent = TextDelta | ToolCallDelta | UsageReport | StreamEnd


class EmbeddingRequest(Struct, frozen=True, kw_only=True):
    """Texts to embed, in order."""

    model: str
    inputs: tuple[str, ...]


class Embeddings(Struct, frozen=True, kw_only=True):
    """A vector for each text, in the order of the request."""

    vectors: list[list[float]]
    usage: Usage
    provider_model: str
