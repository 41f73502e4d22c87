"""The bodies of generate and chat, as the contract has them. Docstrings and descriptions are the API's
documentation: they appear in Swagger UI and in the SDKs."""

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, field_validator
from typing_extensions import TypeAliasType

from service.core.messages import (
    CompletionRequest,
    FinishReason,
    JsonSchema,
    Message,
    NamedTool,
    Tool,
    ToolCall,
)
from service.generation.conversation import (
    ChatMessage,
    JsonSchemaFormat,
    NamedToolChoice,
    ResponseFormat,
    ToolChoice,
    ToolDefinition,
)
from service.generation.history import History
from service.generation.options import (
    DEFAULT_HISTORY_LIMIT,
    ConversationId,
    Effort,
    HistoryLimit,
    HistoryTokenBudget,
    MaxTokens,
    OptionsByVendor,
    SanitizeText,
    SimilarQuestions,
    Stop,
    SummarizeHistory,
    Tags,
    Temperature,
    TimeoutSeconds,
    TopP,
    UseCache,
)
from service.inference.answers import Answer
from service.web.schemas import ErrorDetail, ModelName, RequestModel, ResponseModel, Usage


class GenerateRequest(RequestModel):
    """One prompt."""

    prompt: str = Field(min_length=1, description="What to answer.", examples=["Say hello."])
    model: ModelName = "haiku"
    system: str | None = Field(None, min_length=1, description="Instructions that stand above it.")
    max_tokens: MaxTokens = 1024
    temperature: Temperature = 0.7
    top_p: TopP = None
    stop: Stop = None
    cache: UseCache = True
    timeout_seconds: TimeoutSeconds = None
    metadata: Tags = None
    reasoning_effort: Effort = None
    provider_options: OptionsByVendor = None
    sanitize: SanitizeText = None
    semantic_cache: SimilarQuestions = None

    def to_completion(self) -> CompletionRequest:
        """The request in no vendor's dialect."""
        prompt = Message(role="user", content=self.prompt)
        messages = (
            (Message(role="system", content=self.system), prompt) if self.system else (prompt,)
        )
        return CompletionRequest(messages=messages, **_shared_options(self))


class ChatRules(RequestModel):
    """For chat bodies: whether `tools` and `tool_choice`, `conversation_id` and `summarize_history` fit
    together."""

    @field_validator("tools", check_fields=False)
    @classmethod
    def _have_names_of_their_own(
        cls, tools: list[ToolDefinition] | None
    ) -> list[ToolDefinition] | None:
        names = [tool.function.name for tool in tools or ()]
        if len(set(names)) != len(names):
            raise ValueError("Two functions have the same name")
        return tools

    @field_validator("tool_choice", check_fields=False)
    @classmethod
    def _is_among_the_tools(cls, choice: ToolChoice, info: ValidationInfo) -> ToolChoice:
        if "tools" not in info.data:  # they have been refused already
            return choice
        names = [tool.function.name for tool in info.data["tools"] or ()]
        if isinstance(choice, NamedToolChoice) and choice.function.name not in names:
            raise ValueError("This names a function that is not in tools")
        if choice == "required" and not names:
            raise ValueError("This is 'required' without tools")
        return choice

    @field_validator("summarize_history", check_fields=False)
    @classmethod
    def _has_a_history(cls, summarize: bool, info: ValidationInfo) -> bool:
        if summarize and info.data.get("conversation_id", "") is None:
            raise ValueError("This needs a conversation_id")
        return summarize


class ChatRequest(ChatRules):
    """A conversation, and what to answer it with."""

    messages: list[ChatMessage] = Field(
        min_length=1,
        description="The conversation so far, oldest first.",
        examples=[[{"role": "user", "content": "Hello"}]],
    )
    model: ModelName = "haiku"
    max_tokens: MaxTokens = 1024
    temperature: Temperature = 0.7
    top_p: TopP = None
    stop: Stop = None
    tools: list[ToolDefinition] | None = Field(
        None, max_length=128, description="The functions that the model may ask for."
    )
    tool_choice: ToolChoice = Field(
        None,
        description="Whether it may (`auto`), must not (`none`) or must (`required`) ask for one, or for"
        " which.",
    )
    response_format: ResponseFormat | None = Field(
        None, description="Free text, or JSON that follows a schema."
    )
    conversation_id: ConversationId = None
    history_limit: HistoryLimit = DEFAULT_HISTORY_LIMIT
    history_token_budget: HistoryTokenBudget = None
    summarize_history: SummarizeHistory = False
    cache: UseCache = True
    timeout_seconds: TimeoutSeconds = None
    metadata: Tags = None
    reasoning_effort: Effort = None
    provider_options: OptionsByVendor = None
    sanitize: SanitizeText = None
    semantic_cache: SimilarQuestions = None

    @field_validator("messages")
    @classmethod
    def _asks_something(cls, messages: list[ChatMessage]) -> list[ChatMessage]:
        if all(message.role == "system" for message in messages):
            raise ValueError("There is nothing but system messages")
        return messages

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
            **_shared_options(self),
        )

    def to_history(self) -> History:
        """What is remembered beside the messages, and how much of it all goes to the model."""
        return History(
            limit=self.history_limit,
            token_budget=self.history_token_budget,
            conversation_id=self.conversation_id,
            summarize=self.summarize_history,
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


def _shared_options(body: GenerateRequest | ChatRequest) -> dict[str, Any]:
    options = body.provider_options
    return {
        "model": body.model,
        "max_tokens": body.max_tokens,
        "temperature": body.temperature,
        "top_p": body.top_p,
        "stop": tuple(body.stop or ()),
        "reasoning_effort": body.reasoning_effort,
        "provider_options": options.model_dump(exclude_none=True) if options else None,
    }


def _is_none(value: object) -> bool:
    return value is None


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
    usage: Usage = Field(description="The tokens of the call.")
    cost_usd: float | None = Field(
        description="The price of the call in US dollars; null only where no price is known.",
        examples=[0.0008],
    )
    cache_hit: bool = Field(
        description="Whether the answer was stored before; then it costs nothing."
    )
    conversation_id: str | None = Field(
        None,
        exclude_if=_is_none,
        description="The conversation that the turn is kept in; absent if in none.",
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
        "conversation_id": answer.conversation_id,
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

    id: str = Field(description="What the tool's message repeats as `tool_call_id`.")
    type: Literal["function"] = Field("function", description="There are only functions.")
    function: "AssistantFunctionCall" = Field(description="Which function, and with what.")


class AssistantFunctionCall(ResponseModel):
    """Which function, and with what."""

    name: str = Field(description="The function's name.")
    arguments: str = Field(description="JSON text.")


def tool_calls_of(calls: tuple[ToolCall, ...]) -> list[AssistantToolCall] | None:
    """As the API shows them; None if there are none."""
    return [
        AssistantToolCall(
            id=call.id, function=AssistantFunctionCall(name=call.name, arguments=call.arguments)
        )
        for call in calls
    ] or None


class AssistantMessage(ResponseModel):
    """The model's turn. Append it to `messages` as it is to go on."""

    role: Literal["assistant"] = Field("assistant", description="The model speaks.")
    content: str | None = Field(description="The text; null if there are only tool calls.")
    tool_calls: list[AssistantToolCall] | None = Field(
        None, exclude_if=_is_none, description="The functions that the model asks for."
    )
    provider_data: dict[str, Any] | None = Field(
        None,
        exclude_if=_is_none,
        description="What the vendor wants back with the next turn. Opaque.",
    )


class ChatResponse(AnswerFields):
    """A whole answer to a conversation."""

    message: AssistantMessage = Field(description="The model's turn.")

    @classmethod
    def of(cls, answer: Answer) -> "ChatResponse":
        """As the API shows it."""
        message = AssistantMessage(
            content=answer.text,
            tool_calls=tool_calls_of(answer.tool_calls),
            provider_data=answer.provider_data,
        )
        return cls(message=message, **answer_fields(answer))


class TokenEvent(ResponseModel):
    """The next piece of text."""

    type: Literal["token"] = Field(description="Says that this is text.")
    content: str = Field(description="The next piece of text.")


class ToolCallEvent(ResponseModel):
    """The next piece of a tool call."""

    type: Literal["tool_call"] = Field(description="Says that this is of a tool call.")
    index: int = Field(description="Tells the calls of one answer apart.")
    id: str | None = Field(None, description="With the first piece.")
    name: str | None = Field(None, description="With the first piece.")
    arguments: str = Field(description="The next piece of JSON text.")


class DoneMark(ResponseModel):
    """What tells a done event apart."""

    type: Literal["done"] = Field("done", description="Says that the answer is whole.")


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

    type: Literal["error"] = Field(description="Says that the stream failed.")
    error: ErrorDetail = Field(description="What went wrong.")


GenerateStreamEvent = TypeAliasType(
    "GenerateStreamEvent",
    Annotated[
        TokenEvent | DoneEvent | ErrorEvent,
        Field(discriminator="type", description="One event of a generate stream."),
    ],
)
ChatStreamEvent = TypeAliasType(
    "ChatStreamEvent",
    Annotated[
        TokenEvent | ToolCallEvent | DoneEvent | ErrorEvent,
        Field(discriminator="type", description="One event of a chat stream."),
    ],
)
