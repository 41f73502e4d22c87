"""The bodies of generate and chat, as the contract has them. Docstrings and descriptions are the API's
documentation: they appear in Swagger UI and in the SDKs."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError
from typing_extensions import TypeAliasType

from service.core.messages import (
    CompletionRequest,
    FinishReason,
    ImageData,
    ImageUrl,
    JsonSchema,
    Message,
    NamedTool,
    Part,
    ReasoningEffort,
    TextPart,
    Tool,
    ToolCall,
)
from service.inference.answers import Answer
from service.web.schemas import (
    ErrorDetail,
    Metadata,
    ModelName,
    RequestModel,
    ResponseModel,
    Usage,
)

StopString = Annotated[str, StringConstraints(min_length=1, max_length=500)]
_OWN_FIELDS = frozenset(
    {
        "model", "messages", "system", "prompt", "stream", "stream_options", "n",
        "max_tokens", "max_completion_tokens", "api_key", "extra_headers", "extra_query", "extra_body",
    }
)  # fmt: skip


def _leaves_own_fields_alone(options: dict[str, Any]) -> dict[str, Any]:
    for name in options:
        if name in _OWN_FIELDS:
            raise PydanticCustomError("own_field", "This may not set '{name}'", {"name": name})
    return options


VendorOptions = Annotated[dict[str, Any], AfterValidator(_leaves_own_fields_alone)]


class ProviderOptions(RequestModel):
    """Fields that are merged into one vendor's call. They may not change the model, the messages, the
    token limit, streaming or credentials."""

    anthropic: VendorOptions | None = None
    openai: VendorOptions | None = None


class GenerationOptions(RequestModel):
    """What generate and chat have in common."""

    model: ModelName = "haiku"
    max_tokens: int = Field(
        1024, ge=1, le=1_000_000, description="The most tokens that the answer may have."
    )
    temperature: float = Field(
        0.7,
        ge=0,
        le=2,
        description="Higher is more varied. Left out of the call for models that do not take it.",
    )
    top_p: float | None = Field(
        None, gt=0, le=1, description="Nucleus sampling. Left out for models that do not take it."
    )
    stop: list[StopString] | None = Field(
        None, max_length=4, description="The answer ends before any of these, up to 4."
    )
    cache: bool = Field(
        True, description="Whether a stored answer may be given, once there is one."
    )
    timeout_seconds: float | None = Field(
        None, gt=0, le=3600, description="Shortens the server's own deadline; never lengthens it."
    )
    metadata: Metadata | None = Field(None, description="Up to 16 tags, kept in the usage row.")
    reasoning_effort: ReasoningEffort | None = Field(
        None, description="How much to think, for models that can be told."
    )
    provider_options: ProviderOptions | None = None

    def _common(self) -> dict[str, Any]:
        options = self.provider_options
        return {
            "model": self.model,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "top_p": self.top_p,
            "stop": tuple(self.stop or ()),
            "reasoning_effort": self.reasoning_effort,
            "provider_options": options.model_dump(exclude_none=True) if options else None,
        }


class GenerateRequest(GenerationOptions):
    """One prompt."""

    prompt: str = Field(min_length=1, description="What to answer.", examples=["Say hello."])
    system: str | None = Field(None, min_length=1, description="Instructions that stand above it.")

    def to_completion(self) -> CompletionRequest:
        """The request in no vendor's dialect."""
        prompt = Message(role="user", content=self.prompt)
        messages = (
            (Message(role="system", content=self.system), prompt) if self.system else (prompt,)
        )
        return CompletionRequest(messages=messages, **self._common())


class TextContent(RequestModel):
    """A piece of text."""

    type: Literal["text"]
    text: str = Field(min_length=1)

    def to_part(self) -> Part:
        """In no vendor's dialect."""
        return TextPart(self.text)


class UrlSource(RequestModel):
    """An image that the provider fetches."""

    type: Literal["url"]
    url: str = Field(pattern=r"^https://[!-~]+$", max_length=8192, description="An https URL.")


class Base64Source(RequestModel):
    """An image in the request itself."""

    type: Literal["base64"]
    media_type: Literal["image/jpeg", "image/png", "image/gif", "image/webp"]
    data: str = Field(min_length=1, pattern=r"^[A-Za-z0-9+/]+={0,2}$", description="Base64.")


ImageSource = TypeAliasType(
    "ImageSource", Annotated[UrlSource | Base64Source, Field(discriminator="type")]
)


class ImageContent(RequestModel):
    """An image."""

    type: Literal["image"]
    source: ImageSource

    def to_part(self) -> Part:
        """In no vendor's dialect."""
        if isinstance(self.source, UrlSource):
            return ImageUrl(self.source.url)
        return ImageData(self.source.media_type, self.source.data)


ContentPart = TypeAliasType(
    "ContentPart", Annotated[TextContent | ImageContent, Field(discriminator="type")]
)


class FunctionCall(RequestModel):
    """Which function, and with what."""

    name: str = Field(min_length=1, max_length=256)
    arguments: str = Field(description="JSON text, as the model wrote it.")


class MessageToolCall(RequestModel):
    """A function that the model asks for."""

    id: str = Field(min_length=1, max_length=256)
    type: Literal["function"] = "function"
    function: FunctionCall


class ChatMessage(RequestModel):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | list[ContentPart] | None = Field(
        None,
        description="Text, or parts of text and images. An assistant's may be null with tool calls.",
    )
    tool_calls: list[MessageToolCall] | None = Field(
        None, min_length=1, description="Assistant only: the functions it asked for."
    )
    tool_call_id: str | None = Field(
        None, min_length=1, max_length=256, description="Tool only: the call that this answers."
    )
    provider_data: dict[str, Any] | None = Field(
        None, description="Assistant only: send back what an answer brought, unread."
    )

    @model_validator(mode="after")
    def _fits_its_role(self) -> "ChatMessage":
        if self.tool_calls and self.role != "assistant":
            raise ValueError("Only an assistant message has tool_calls")
        if self.provider_data and self.role != "assistant":
            raise ValueError("Only an assistant message has provider_data")
        if (self.tool_call_id is None) == (self.role == "tool"):
            raise ValueError("A tool message, and no other, has a tool_call_id")
        if not self.content and not self.tool_calls and self.role != "tool":
            raise ValueError("This message has no content")
        if self.role != "user" and isinstance(self.content, list):
            for part in self.content:
                if isinstance(part, ImageContent) and self.role != "tool":
                    raise ValueError("Only user and tool messages have images")
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

    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    description: str | None = Field(None, max_length=20_000)
    parameters: dict[str, Any] = Field(
        default_factory=lambda: {"type": "object", "properties": {}},
        description="The JSON Schema of its arguments.",
    )
    strict: bool | None = Field(None, description="Whether the arguments must follow the schema.")


class ToolDefinition(RequestModel):
    """A tool, in OpenAI's chat shape."""

    type: Literal["function"] = "function"
    function: FunctionDefinition


class FunctionName(RequestModel):
    """The name of a function."""

    name: str = Field(min_length=1, max_length=64)


class NamedToolChoice(RequestModel):
    """The one function that the model must call."""

    type: Literal["function"] = "function"
    function: FunctionName


class TextFormat(RequestModel):
    """Free text."""

    type: Literal["text"]


class JsonSchemaDefinition(RequestModel):
    """The schema of an answer."""

    name: str = Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")
    description: str | None = Field(None, max_length=20_000)
    schema_: dict[str, Any] = Field(alias="schema", description="JSON Schema.")
    strict: bool | None = None


class JsonSchemaFormat(RequestModel):
    """JSON text that follows a schema."""

    type: Literal["json_schema"]
    json_schema: JsonSchemaDefinition


ResponseFormat = TypeAliasType(
    "ResponseFormat", Annotated[TextFormat | JsonSchemaFormat, Field(discriminator="type")]
)


class ChatRequest(GenerationOptions):
    """A conversation, and what to answer it with."""

    messages: list[ChatMessage] = Field(
        min_length=1,
        description="The conversation so far, oldest first.",
        examples=[[{"role": "user", "content": "Hello"}]],
    )
    tools: list[ToolDefinition] | None = Field(None, max_length=128)
    tool_choice: Literal["auto", "none", "required"] | NamedToolChoice | None = None
    response_format: ResponseFormat | None = None
    history_limit: int = Field(
        10,
        ge=1,
        le=1000,
        description="Only this many of the last messages go to the model. System messages are kept, and"
        " a tool's result is never cut from its call.",
    )

    @model_validator(mode="after")
    def _has_the_tool_it_chooses(self) -> "ChatRequest":
        names = [tool.function.name for tool in self.tools or ()]
        if len(set(names)) != len(names):
            raise ValueError("tools: two functions have the same name")
        if (
            isinstance(self.tool_choice, NamedToolChoice)
            and self.tool_choice.function.name not in names
        ):
            raise ValueError("tool_choice names a function that is not in tools")
        if self.tool_choice == "required" and not names:
            raise ValueError("tool_choice is 'required' without tools")
        if all(message.role == "system" for message in self.messages):
            raise ValueError("messages: there is nothing but system messages")
        return self

    def to_completion(self) -> CompletionRequest:
        """The request in no vendor's dialect."""
        return CompletionRequest(
            messages=tuple(message.to_message() for message in self.messages),
            tools=tuple(
                Tool(
                    name=tool.function.name,
                    description=tool.function.description,
                    parameters=tool.function.parameters,
                    strict=tool.function.strict,
                )
                for tool in self.tools or ()
            ),
            tool_choice=(
                NamedTool(self.tool_choice.function.name)
                if isinstance(self.tool_choice, NamedToolChoice)
                else self.tool_choice
            ),
            json_schema=self._json_schema(),
            **self._common(),
        )

    def _json_schema(self) -> JsonSchema | None:
        if not isinstance(self.response_format, JsonSchemaFormat):
            return None
        definition = self.response_format.json_schema
        return JsonSchema(
            name=definition.name,
            schema=definition.schema_,
            description=definition.description,
            strict=definition.strict,
        )


class AnswerFields(ResponseModel):
    """What every answer says about itself."""

    id: str = Field(
        description="The id of the answer and of its usage row.", examples=["req_0193…"]
    )
    model: str = Field(description="The model as it was asked for.", examples=["haiku"])
    provider: str = Field(description="Who answered.", examples=["anthropic"])
    provider_model: str = Field(
        description="The exact model that answered.", examples=["claude-haiku-5-5"]
    )
    finish_reason: FinishReason = Field(description="Why the answer ends where it does.")
    usage: Usage
    cost_usd: float | None = Field(
        description="The price of the call in US dollars; null only where no price is known.",
        examples=[0.0008],
    )
    cache_hit: bool = Field(
        description="Whether the answer was stored before; then it costs nothing."
    )


def answer_fields(answer: Answer) -> dict[str, Any]:
    """The values of `AnswerFields`."""
    return {
        "id": answer.id,
        "model": answer.model,
        "provider": answer.provider,
        "provider_model": answer.provider_model,
        "finish_reason": answer.finish_reason,
        "usage": Usage.of(answer.usage),
        "cost_usd": None if answer.cost_usd is None else float(answer.cost_usd),
        "cache_hit": answer.cache_hit,
    }


class GenerateResponse(AnswerFields):
    """A whole answer to a prompt."""

    text: str = Field(description="The answer.", examples=["Hello!"])

    @classmethod
    def of(cls, answer: Answer) -> "GenerateResponse":
        """As the API shows it."""
        return cls(text=answer.text or "", **answer_fields(answer))


class AssistantToolCall(ResponseModel):
    """A function that the model asks for."""

    id: str
    type: Literal["function"] = "function"
    function: "AssistantFunctionCall"


class AssistantFunctionCall(ResponseModel):
    """Which function, and with what."""

    name: str
    arguments: str = Field(description="JSON text.")


def _is_none(value: object) -> bool:
    return value is None


class AssistantMessage(ResponseModel):
    """The model's turn. Append it to `messages` as it is to go on."""

    role: Literal["assistant"] = "assistant"
    content: str | None = Field(description="The text; null if there are only tool calls.")
    tool_calls: list[AssistantToolCall] | None = Field(None, exclude_if=_is_none)
    provider_data: dict[str, Any] | None = Field(
        None,
        exclude_if=_is_none,
        description="What the vendor wants back with the next turn. Opaque.",
    )


class ChatResponse(AnswerFields):
    """A whole answer to a conversation."""

    message: AssistantMessage

    @classmethod
    def of(cls, answer: Answer) -> "ChatResponse":
        """As the API shows it."""
        calls = [
            AssistantToolCall(
                id=call.id,
                function=AssistantFunctionCall(name=call.name, arguments=call.arguments),
            )
            for call in answer.tool_calls
        ]
        message = AssistantMessage(
            content=answer.text, tool_calls=calls or None, provider_data=answer.provider_data
        )
        return cls(message=message, **answer_fields(answer))


class TokenEvent(ResponseModel):
    """The next piece of text."""

    type: Literal["token"]
    content: str


class ToolCallEvent(ResponseModel):
    """The next piece of a tool call."""

    type: Literal["tool_call"]
    index: int = Field(description="Tells the calls of one answer apart.")
    id: str | None = Field(None, description="With the first piece.")
    name: str | None = Field(None, description="With the first piece.")
    arguments: str = Field(description="The next piece of JSON text.")


class DoneMark(ResponseModel):
    """What tells a done event apart."""

    type: Literal["done"] = "done"


class DoneEvent(AnswerFields, DoneMark):
    """The answer is whole. The last event of a stream that went well."""

    provider_data: dict[str, Any] | None = Field(
        None,
        exclude_if=_is_none,
        description="Chat only: put it into the assistant's message on the next turn. Opaque.",
    )

    @classmethod
    def of(cls, answer: Answer) -> "DoneEvent":
        """As the API shows it."""
        return cls(provider_data=answer.provider_data, **answer_fields(answer))


class ErrorEvent(ResponseModel):
    """The stream failed. The last event of one that did."""

    type: Literal["error"]
    error: ErrorDetail


GenerateStreamEvent = TypeAliasType(
    "GenerateStreamEvent",
    Annotated[TokenEvent | DoneEvent | ErrorEvent, Field(discriminator="type")],
)
ChatStreamEvent = TypeAliasType(
    "ChatStreamEvent",
    Annotated[TokenEvent | ToolCallEvent | DoneEvent | ErrorEvent, Field(discriminator="type")],
)
