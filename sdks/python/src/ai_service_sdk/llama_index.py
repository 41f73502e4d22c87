"""LlamaIndex: `AIServiceLLM` and `AIServiceEmbedding`. Needs the extra `[llama-index]`.

    from llama_index.core import Document, VectorStoreIndex
    from ai_service_sdk.llama_index import AIServiceEmbedding, AIServiceLLM

    documents = [Document(text="Money is returned within thirty days.")]
    index = VectorStoreIndex.from_documents(documents, embed_model=AIServiceEmbedding())
    engine = index.as_query_engine(llm=AIServiceLLM(model="sonnet"))
    print(engine.query("What is the refund policy?"))  # AI_SERVICE_API_KEY, AI_SERVICE_BASE_URL

The errors are those of `ai_service_sdk.errors`.
"""

import json
from collections.abc import Sequence
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
    ToolCallBlock,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools.types import BaseTool
from pydantic import Field

from ai_service_sdk._integrations import MOST_MESSAGES, Connection, chosen_tool
from ai_service_sdk._llama_index_messages import to_chat_response, to_completion, to_messages
from ai_service_sdk.types import TokenEvent

__all__ = ["AIServiceEmbedding", "AIServiceLLM"]


class AIServiceLLM(Connection, FunctionCallingLLM):
    """A language model of AI Service: completion, chat, tools, images and streams.

    `additional_kwargs` of a response, of a stream's last one, tell `input_tokens`, `output_tokens`,
    `total_tokens`, `cost_usd` (None where no price is known), `cache_hit`, the `provider` and
    `provider_model` that answered, and the `id` of the request's usage row.
    """

    model: str = "haiku"
    """An alias (`haiku`, `sonnet`, `opus`, `gpt`, …) or a provider's model id."""
    temperature: float | None = None
    """Higher is more varied; None: as the service has it."""
    max_tokens: int = 1024
    """The most tokens that an answer may have. LlamaIndex leaves room for so many when it packs a prompt."""
    context_window: int = 128_000
    """How many tokens LlamaIndex may pack into a prompt; `sdk.list_models()` tells what a model takes."""
    additional_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Further arguments of `AIServiceSDK.generate` and `chat`: `reasoning_effort`, `metadata`, `cache`, …"""

    @classmethod
    def class_name(cls) -> str:
        """What LlamaIndex calls it."""
        return "AIServiceLLM"

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex needs to know of the model."""
        return LLMMetadata(
            context_window=self.context_window,
            num_output=self.max_tokens,
            is_chat_model=True,
            is_function_calling_model=True,
            model_name=self.model,
        )

    def _arguments(self, options: dict[str, Any]) -> dict[str, Any]:
        chosen: dict[str, Any] = {"model": self.model, "max_tokens": self.max_tokens}
        if self.temperature is not None:
            chosen["temperature"] = self.temperature
        return chosen | self.additional_kwargs | options

    def _chat_arguments(self, options: dict[str, Any]) -> dict[str, Any]:
        return {"history_limit": MOST_MESSAGES} | self._arguments(options)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Answer a prompt. Raises an `AIServiceError`."""
        return to_completion(self._clients.sync.generate(prompt, **self._arguments(kwargs)))

    @llm_completion_callback()
    async def acomplete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponse:
        """Answer a prompt. Raises an `AIServiceError`."""
        client = self._clients.of_this_loop
        return to_completion(await client.generate(prompt, **self._arguments(kwargs)))

    @llm_completion_callback()
    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        """Answer a prompt piece by piece; the last response tells tokens and cost."""

        def responses() -> CompletionResponseGen:
            text = ""
            client = self._clients.sync
            with client.stream_generate(prompt, **self._arguments(kwargs)) as stream:
                for event in stream:
                    if isinstance(event, TokenEvent):
                        text += event.content
                        yield CompletionResponse(text=text, delta=event.content)
                yield to_completion(stream.final())

        return responses()

    @llm_completion_callback()
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """Answer a prompt piece by piece; the last response tells tokens and cost."""

        async def responses() -> CompletionResponseAsyncGen:
            text = ""
            client = self._clients.of_this_loop
            async with client.stream_generate(prompt, **self._arguments(kwargs)) as stream:
                async for event in stream:
                    if isinstance(event, TokenEvent):
                        text += event.content
                        yield CompletionResponse(text=text, delta=event.content)
                yield to_completion(await stream.final())

        return responses()

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation. Raises an `AIServiceError`."""
        arguments = self._chat_arguments(kwargs)
        return to_chat_response(self._clients.sync.chat(to_messages(messages), **arguments))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation. Raises an `AIServiceError`."""
        arguments = self._chat_arguments(kwargs)
        client = self._clients.of_this_loop
        return to_chat_response(await client.chat(to_messages(messages), **arguments))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Answer a conversation piece by piece; the last response has tool calls, tokens and cost."""

        def responses() -> ChatResponseGen:
            text = ""
            arguments = self._chat_arguments(kwargs)
            with self._clients.sync.stream_chat(to_messages(messages), **arguments) as stream:
                for event in stream:
                    if isinstance(event, TokenEvent):
                        text += event.content
                        yield _so_far(text, event)
                yield to_chat_response(stream.final())

        return responses()

    @llm_chat_callback()
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        """Answer a conversation piece by piece; the last response has tool calls, tokens and cost."""

        async def responses() -> ChatResponseAsyncGen:
            text = ""
            arguments = self._chat_arguments(kwargs)
            client = self._clients.of_this_loop
            async with client.stream_chat(to_messages(messages), **arguments) as stream:
                async for event in stream:
                    if isinstance(event, TokenEvent):
                        text += event.content
                        yield _so_far(text, event)
                yield to_chat_response(await stream.final())

        return responses()

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        **kwargs: Any,
    ) -> dict[str, Any]:
        definitions = [tool.metadata.to_openai_tool(skip_length_check=True) for tool in tools]
        choice = kwargs.pop("tool_choice", None) or ("required" if tool_required else "auto")
        messages = list(chat_history or [])
        if isinstance(user_msg, str):
            user_msg = ChatMessage(role=MessageRole.USER, content=user_msg)
        if user_msg is not None:
            messages.append(user_msg)
        if definitions:
            names = [definition["function"]["name"] for definition in definitions]
            kwargs |= {"tools": definitions, "tool_choice": chosen_tool(choice, names)}
        return {"messages": messages, **kwargs}

    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],
        allow_parallel_tool_calls: bool = False,
        **kwargs: Any,
    ) -> ChatResponse:
        """The API has no word for one call at most: what is more is left out here."""
        if not allow_parallel_tool_calls:
            message = response.message
            extra = [each for each in message.blocks if isinstance(each, ToolCallBlock)][1:]
            message.blocks = [each for each in message.blocks if each not in extra]
        return response

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """The tools that the model asks for. Arguments that are no JSON object are none.

        Raises:
            ValueError: It asks for none, and `error_on_no_tool_call` is set.
        """
        calls = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
        if not calls and error_on_no_tool_call:
            raise ValueError("The model asked for no tool")
        return [
            ToolSelection(
                tool_id=call.tool_call_id or call.tool_name,
                tool_name=call.tool_name,
                tool_kwargs=_read_arguments(call.tool_kwargs),
            )
            for call in calls
        ]


class AIServiceEmbedding(Connection, BaseEmbedding):
    """Embeddings of AI Service. `embed_batch_size` texts go into one request."""

    model_name: str = "embedding"
    """An alias or a provider's model id."""
    embed_batch_size: int = Field(default=100, gt=0, le=2048)
    """How many texts go into one request."""

    @classmethod
    def class_name(cls) -> str:
        """What LlamaIndex calls it."""
        return "AIServiceEmbedding"

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        answer = self._clients.sync.create_embeddings(texts, model=self.model_name)
        return [each.embedding for each in answer.data]

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        client = self._clients.of_this_loop
        answer = await client.create_embeddings(texts, model=self.model_name)
        return [each.embedding for each in answer.data]

    def _get_text_embedding(self, text: str) -> Embedding:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> Embedding:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_query_embedding(self, query: str) -> Embedding:
        return self._get_text_embedding(query)

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return await self._aget_text_embedding(query)


def _so_far(text: str, event: TokenEvent) -> ChatResponse:
    message = ChatMessage(role=MessageRole.ASSISTANT, content=text)
    return ChatResponse(message=message, delta=event.content)


def _read_arguments(arguments: dict[str, Any] | str) -> Any:
    """What the JSON says; `ToolSelection` itself takes what is no object for none."""
    if isinstance(arguments, dict):
        return arguments
    try:
        return json.loads(arguments or "{}")
    except ValueError:
        return {}
