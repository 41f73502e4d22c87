"""The parts of a chat body: messages, tools and the form of the answer, in OpenAI's chat shapes."""

from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from typing_extensions import TypeAliasType

from service.core.messages import ImageData, ImageUrl, Message, Part, TextPart, ToolCall
from service.web.schemas import RequestModel
from service.web.validation import mistake_at

_BASE64_CHARACTERS_PER_GROUP = 4

CallId = Annotated[str, Field(min_length=1, max_length=256)]
DefinedName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]


class TextContent(RequestModel):
    """A piece of text."""

    type: Literal["text"] = Field(description="Says that this is text.")
    text: str = Field(min_length=1, description="The text.", examples=["What is in this image?"])

    def to_part(self) -> Part:
        """In no vendor's dialect."""
        return TextPart(self.text)


def _names_a_host(url: str) -> str:
    # A ValueError of `urlsplit` itself would quote the URL.
    try:
        has_host = bool(urlsplit(url).hostname)
    except ValueError:
        has_host = False
    if not has_host:
        raise ValueError("This is not a URL")
    return url


def _is_whole(data: str) -> str:
    if len(data) % _BASE64_CHARACTERS_PER_GROUP:
        raise ValueError("This is not base64: it is cut off or not padded")
    return data


class UrlSource(RequestModel):
    """An image that the provider fetches."""

    type: Literal["url"] = Field(description="Says that the image is elsewhere.")
    url: Annotated[
        str,
        StringConstraints(pattern=r"^https://[!-~]+$", max_length=8192),
        AfterValidator(_names_a_host),
    ] = Field(description="An https URL.", examples=["https://example.com/cat.png"])


class Base64Source(RequestModel):
    """An image in the request itself."""

    type: Literal["base64"] = Field(description="Says that the image is here.")
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"] = Field(
        description="The image's format."
    )
    data: Annotated[
        str, StringConstraints(pattern=r"^[A-Za-z0-9+/]+={0,2}$"), AfterValidator(_is_whole)
    ] = Field(description="Base64, padded.", examples=["iVBORw0KGgo="])


ImageSource = TypeAliasType(
    "ImageSource",
    Annotated[
        UrlSource | Base64Source, Field(discriminator="type", description="Where an image is.")
    ],
)


class ImageContent(RequestModel):
    """An image."""

    type: Literal["image"] = Field(description="Says that this is an image.")
    source: ImageSource = Field(description="Where the image is.")

    def to_part(self) -> Part:
        """In no vendor's dialect."""
        if isinstance(self.source, UrlSource):
            return ImageUrl(self.source.url)
        return ImageData(self.source.media_type, self.source.data)


ContentPart = TypeAliasType(
    "ContentPart",
    Annotated[
        TextContent | ImageContent, Field(discriminator="type", description="A part of a message.")
    ],
)


class FunctionCall(RequestModel):
    """Which function, and with what."""

    name: str = Field(min_length=1, max_length=256, description="The function's name.")
    arguments: str = Field(description="JSON text, as the model wrote it.")


class MessageToolCall(RequestModel):
    """A function that the model asks for."""

    id: CallId = Field(description="What the tool's message repeats as `tool_call_id`.")
    type: Literal["function"] = Field("function", description="There are only functions.")
    function: FunctionCall = Field(description="Which function, and with what.")


class ChatMessage(RequestModel):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant", "tool"] = Field(description="Who speaks.")
    content: str | list[ContentPart] | None = Field(
        None,
        description="Text, or parts of text and images. An assistant's may be null with tool calls.",
    )
    tool_calls: list[MessageToolCall] | None = Field(
        None, min_length=1, description="Assistant only: the functions it asked for."
    )
    tool_call_id: CallId | None = Field(None, description="Tool only: the call that this answers.")
    provider_data: dict[str, Any] | None = Field(
        None, description="Assistant only: send back what an answer brought, unread."
    )

    @model_validator(mode="after")
    def _fits_its_role(self) -> "ChatMessage":
        if self.tool_calls and self.role != "assistant":
            raise mistake_at("tool_calls", "Only an assistant message has this")
        if self.provider_data and self.role != "assistant":
            raise mistake_at("provider_data", "Only an assistant message has this")
        if (self.tool_call_id is None) == (self.role == "tool"):
            raise mistake_at("tool_call_id", "A tool message has this, and no other")
        if not self.content and not self.tool_calls and self.role != "tool":
            raise mistake_at("content", "This message has no content")
        if self.role in ("system", "assistant") and isinstance(self.content, list):
            for index, part in enumerate(self.content):
                if isinstance(part, ImageContent):
                    raise mistake_at(f"content.{index}", "Only user and tool messages have images")
        return self

    def to_message(self) -> Message:
        """In no vendor's dialect."""
        content = self.content
        return Message(
            role=self.role,
            content=tuple(part.to_part() for part in content)
            if isinstance(content, list)
            else content,
            tool_calls=tuple(
                ToolCall(call.id, call.function.name, call.function.arguments)
                for call in self.tool_calls or ()
            ),
            tool_call_id=self.tool_call_id,
            provider_data=self.provider_data,
        )


class FunctionDefinition(RequestModel):
    """A function that the model may ask for."""

    name: DefinedName = Field(description="What the model calls it.", examples=["get_weather"])
    description: str | None = Field(
        None, max_length=20_000, description="What it does and when to use it, for the model."
    )
    parameters: dict[str, Any] = Field(
        default_factory=lambda: {"type": "object", "properties": {}},
        description="The JSON Schema of its arguments.",
        examples=[{"type": "object", "properties": {"city": {"type": "string"}}}],
    )
    strict: bool | None = Field(None, description="Whether the arguments must follow the schema.")


class ToolDefinition(RequestModel):
    """A tool, in OpenAI's chat shape."""

    type: Literal["function"] = Field("function", description="There are only functions.")
    function: FunctionDefinition = Field(description="The function.")


class FunctionName(RequestModel):
    """The name of a function."""

    name: str = Field(min_length=1, max_length=64, description="One of those in `tools`.")


class NamedToolChoice(RequestModel):
    """The one function that the model must call."""

    type: Literal["function"] = Field("function", description="There are only functions.")
    function: FunctionName = Field(description="Which one.")


ToolChoice = Literal["auto", "none", "required"] | NamedToolChoice | None


class TextFormat(RequestModel):
    """Free text."""

    type: Literal["text"] = Field(description="Says that the answer is free text.")


class JsonSchemaDefinition(RequestModel):
    """The schema of an answer."""

    name: DefinedName = Field(description="What the answer is called.", examples=["city"])
    description: str | None = Field(
        None, max_length=20_000, description="What the answer is for, for the model."
    )
    schema_: dict[str, Any] = Field(alias="schema", description="JSON Schema.")
    strict: bool | None = Field(None, description="Whether the answer must follow the schema.")


class JsonSchemaFormat(RequestModel):
    """JSON text that follows a schema."""

    type: Literal["json_schema"] = Field(description="Says that the answer is JSON.")
    json_schema: JsonSchemaDefinition = Field(description="What the JSON must be.")


ResponseFormat = TypeAliasType(
    "ResponseFormat",
    Annotated[
        TextFormat | JsonSchemaFormat,
        Field(discriminator="type", description="What form the answer has."),
    ],
)
