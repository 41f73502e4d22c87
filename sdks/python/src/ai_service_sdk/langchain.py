"""LangChain: `ChatAIService` and `AIServiceEmbeddings`. Needs the extra `[langchain]`.

    from ai_service_sdk.langchain import ChatAIService

    model = ChatAIService(model="sonnet")  # AI_SERVICE_API_KEY, AI_SERVICE_BASE_URL
    answer = model.invoke("Explain quantum computing.")
    print(answer.text, answer.usage_metadata, answer.response_metadata["cost_usd"])

The errors are those of `ai_service_sdk.errors`.
"""

import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Literal

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel, LangSmithParams, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableMap, RunnablePassthrough
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import (
    convert_to_openai_function,
    convert_to_openai_tool,
)
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel, Field

from ai_service_sdk._integrations import MOST_MESSAGES, Connection, chosen_tool
from ai_service_sdk._langchain_messages import PROVIDER, to_ai_message, to_chunk, to_messages

__all__ = ["AIServiceEmbeddings", "ChatAIService"]

_LONGEST_NAME = 64
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9_-]")

Schema = dict[str, Any] | type
StructuredOutputMethod = Literal["json_schema", "function_calling", "json_mode"]


class ChatAIService(Connection, BaseChatModel):
    """A chat model of AI Service: tools, structured output, images, streams, tokens and cost.

    `response_metadata` of an answer tells `cost_usd` (None where no price is known), `cache_hit`, the
    `provider` and the exact `model_name` that answered, and the `id` of the request's usage row.
    """

    model: str = "haiku"
    """An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id."""
    temperature: float | None = None
    """Higher is more varied; None: as the service has it."""
    max_tokens: int | None = None
    """The most tokens that an answer may have; None: as the service has it."""
    top_p: float | None = None
    """Nucleus sampling."""
    stop: list[str] | None = None
    """An answer ends before any of these, up to 4; what a call is given goes before it."""
    streaming: bool = False
    """Whether `invoke` streams, too, so that callbacks see tokens."""
    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Further arguments of `AIServiceSDK.chat`: `reasoning_effort`, `metadata`, `cache`, `sanitize`,
    `provider_options`, …"""

    @property
    def _llm_type(self) -> str:
        return "ai-service"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        return self._defaults()

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop or self.stop, **kwargs)
        params["ls_provider"] = PROVIDER
        return params

    def _defaults(self) -> dict[str, Any]:
        chosen = {
            "model": self.model,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "top_p": self.top_p,
            "stop": self.stop or None,
            "history_limit": MOST_MESSAGES,
        }
        return {
            **{name: value for name, value in chosen.items() if value is not None},
            **self.model_kwargs,
        }

    def _arguments(self, stop: list[str] | None, options: dict[str, Any]) -> dict[str, Any]:
        """Those of `AIServiceSDK.chat`; `stream` only told LangChain which method to take."""
        arguments = self._defaults() | options
        arguments.pop("stream", None)
        if stop:
            arguments["stop"] = stop
        return arguments

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        arguments = self._arguments(stop, kwargs)
        answer = self._clients.sync.chat(to_messages(messages), **arguments)
        return ChatResult(generations=[ChatGeneration(message=to_ai_message(answer))])

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        arguments = self._arguments(stop, kwargs)
        answer = await self._clients.of_this_loop.chat(to_messages(messages), **arguments)
        return ChatResult(generations=[ChatGeneration(message=to_ai_message(answer))])

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        arguments = self._arguments(stop, kwargs)
        with self._clients.sync.stream_chat(to_messages(messages), **arguments) as stream:
            for event in stream:
                yield ChatGenerationChunk(message=to_chunk(event))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        arguments = self._arguments(stop, kwargs)
        client = self._clients.of_this_loop
        async with client.stream_chat(to_messages(messages), **arguments) as stream:
            async for event in stream:
                yield ChatGenerationChunk(message=to_chunk(event))

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """A model that may ask for these tools.

        Args:
            tools: Functions, LangChain's tools, pydantic classes, or OpenAI's or Anthropic's dicts.
            tool_choice: `auto`, `none`, `any` (as `required` and True: it must ask for one), or the name of
                the tool that it must ask for.
            strict: Whether arguments must follow the tool's schema.
            kwargs: Further arguments of `AIServiceSDK.chat`.

        Raises:
            ValueError: `tool_choice` names none of the tools.
        """
        definitions = [convert_to_openai_tool(each, strict=strict) for each in tools]
        if tool_choice:
            names = [definition["function"]["name"] for definition in definitions]
            kwargs["tool_choice"] = chosen_tool(tool_choice, names)
        return self.bind(tools=definitions, **kwargs)

    def with_structured_output(
        self,
        schema: Schema,
        *,
        method: StructuredOutputMethod = "json_schema",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, dict[str, Any] | BaseModel]:
        """A model whose answers follow `schema`.

        Args:
            schema: A pydantic class (answers are its instances), a `TypedDict`, a JSON Schema with a `title`,
                or OpenAI's function dict (answers are dicts).
            method: `json_schema` asks the provider to keep to the schema; `json_mode` is the same, as the
                service has no JSON without a schema; `function_calling` asks for a call with such arguments.
            include_raw: Answers become {`raw`, `parsed`, `parsing_error`} instead of raising what parsing
                raises.
            strict: Whether the provider must refuse a schema that it cannot keep to.
            kwargs: Further arguments of `AIServiceSDK.chat`.
        """
        if method == "function_calling":
            # The base class does it, by a forced tool.
            return super().with_structured_output(schema, include_raw=include_raw, **kwargs)
        model = self.bind(
            response_format=_response_format(schema, strict),
            ls_structured_output_format={"kwargs": {"method": method}, "schema": schema},
            **kwargs,
        )
        parser: Runnable[Any, Any] = (
            PydanticOutputParser(pydantic_object=schema)
            if isinstance(schema, type) and is_basemodel_subclass(schema)
            else JsonOutputParser()
        )
        if not include_raw:
            return model | parser
        parsed = RunnablePassthrough.assign(
            parsed=itemgetter("raw") | parser, parsing_error=lambda _: None
        )
        failed = RunnablePassthrough.assign(parsed=lambda _: None)
        return RunnableMap(raw=model) | parsed.with_fallbacks(
            [failed], exception_key="parsing_error"
        )


class AIServiceEmbeddings(Connection, Embeddings):
    """Embeddings of AI Service."""

    model: str = "embedding"
    """An alias or a provider's model id."""
    chunk_size: int = Field(default=512, ge=1, le=2048)
    """How many texts go into one request."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector for each text, in order."""
        vectors: list[list[float]] = []
        for chunk in self._chunks(texts):
            answer = self._clients.sync.create_embeddings(chunk, model=self.model)
            vectors += [each.embedding for each in answer.data]
        return vectors

    def embed_query(self, text: str) -> list[float]:
        """The vector of a text."""
        return self.embed_documents([text])[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        """A vector for each text, in order."""
        vectors: list[list[float]] = []
        for chunk in self._chunks(texts):
            answer = await self._clients.of_this_loop.create_embeddings(chunk, model=self.model)
            vectors += [each.embedding for each in answer.data]
        return vectors

    async def aembed_query(self, text: str) -> list[float]:
        """The vector of a text."""
        return (await self.aembed_documents([text]))[0]

    def _chunks(self, texts: list[str]) -> Iterator[list[str]]:
        for start in range(0, len(texts), self.chunk_size):
            yield texts[start : start + self.chunk_size]


def _response_format(schema: Schema, strict: bool | None) -> dict[str, Any]:
    function = convert_to_openai_function(schema, strict=strict)
    definition = {
        "name": _NOT_IN_A_NAME.sub("_", function["name"])[:_LONGEST_NAME],
        "schema": _closed(function.get("parameters", {"type": "object", "properties": {}})),
    }
    if function.get("description"):
        definition["description"] = function["description"]
    if strict is not None:
        definition["strict"] = strict
    return {"type": "json_schema", "json_schema": definition}


def _closed(schema: Any) -> Any:
    """The schema without properties that it does not name: vendors take no other objects."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(value) for name, value in schema.items()}
    if closed.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed
