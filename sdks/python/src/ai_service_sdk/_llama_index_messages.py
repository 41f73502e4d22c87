"""LlamaIndex's messages to the API's and back."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from llama_index.core.base.llms.types import (
    CachePoint,
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    ContentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from ai_service_sdk import types as api
from ai_service_sdk._events import ToolCall
from ai_service_sdk._model import Model

_ROLES: dict[MessageRole, Literal["assistant", "system", "tool", "user"]] = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "system",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}


def to_messages(messages: Sequence[ChatMessage]) -> list[api.ChatMessageParam]:
    """The conversation as the API takes it.

    An assistant's turn without text and calls is left out: there is nothing in it to tell, and the API
    refuses it. Raises `ValueError` for what the API has no words for.
    """
    converted = (_to_message(message) for message in messages)
    return [
        message
        for message in converted
        if message["role"] != "assistant" or message.get("content") or "tool_calls" in message
    ]


def _to_message(message: ChatMessage) -> api.ChatMessageParam:
    role = _ROLES[message.role]
    parts = [part for block in message.blocks for part in _to_parts(block)]
    converted: api.ChatMessageParam = {"role": role, "content": parts or None}
    if role == "tool":
        converted["content"] = parts or ""
        converted["tool_call_id"] = message.additional_kwargs["tool_call_id"]
    if role == "assistant":
        if calls := [_to_tool_call(b) for b in message.blocks if isinstance(b, ToolCallBlock)]:
            converted["tool_calls"] = calls
        if provider_data := message.additional_kwargs.get("provider_data"):
            converted["provider_data"] = provider_data
    return converted


def _to_parts(block: ContentBlock) -> Iterator[api.TextContentParam | api.ImageContentParam]:
    """The part that a block is; none for one that is empty or said elsewhere."""
    if isinstance(block, TextBlock):
        if block.text:
            yield {"type": "text", "text": block.text}
    elif isinstance(block, ImageBlock):
        yield {"type": "image", "source": _image(block)}
    elif not isinstance(block, ToolCallBlock | ThinkingBlock | CachePoint):
        raise ValueError(f"{type(block).__name__} has no counterpart in the API")


def _image(block: ImageBlock) -> Any:
    if block.url is not None and not block.image:
        return {"type": "url", "url": str(block.url)}
    data = block.resolve_image(as_base64=True).read().decode()
    return {"type": "base64", "media_type": block.image_mimetype or "image/png", "data": data}


def _to_tool_call(block: ToolCallBlock) -> api.MessageToolCallParam:
    given = block.tool_kwargs
    arguments = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    return {
        "type": "function",
        "id": block.tool_call_id or block.tool_name,
        "function": {"name": block.tool_name, "arguments": arguments},
    }


def to_chat_response(answer: api.ChatResponse | api.StreamResult) -> ChatResponse:
    """A whole answer, or the end of a streamed one."""
    if isinstance(answer, api.StreamResult):
        message = _message(answer.text, answer.tool_calls, answer.provider_data)
        return ChatResponse(
            message=message, delta="", raw=answer.to_dict(), additional_kwargs=_facts(answer)
        )
    said = answer.message
    message = _message(said.content or "", said.tool_calls or [], said.provider_data)
    return ChatResponse(message=message, raw=answer.to_dict(), additional_kwargs=_facts(answer))


def to_completion(answer: api.GenerateResponse | api.StreamResult) -> CompletionResponse:
    """A whole completion, or the end of a streamed one."""
    delta = "" if isinstance(answer, api.StreamResult) else None
    return CompletionResponse(
        text=answer.text, delta=delta, raw=answer.to_dict(), additional_kwargs=_facts(answer)
    )


def _message(
    text: str,
    calls: Sequence[api.AssistantToolCall | ToolCall],
    provider_data: dict[str, Any] | None,
) -> ChatMessage:
    blocks: list[ContentBlock] = [TextBlock(text=text)] if text or not calls else []
    blocks += [
        ToolCallBlock(
            tool_call_id=call.id,
            tool_name=call.function.name,
            tool_kwargs=call.function.arguments,
        )
        for call in calls
    ]
    extra: dict[str, Any] = {"provider_data": provider_data} if provider_data else {}
    if calls:  # where LlamaIndex's streams of structured output look whether there are any
        extra["tool_calls"] = [call.to_dict() for call in calls]
    return ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=extra)


def _facts(answer: Model) -> dict[str, Any]:
    names = ("id", "provider", "provider_model", "finish_reason", "cost_usd", "cache_hit")
    return {**answer["usage"].to_dict(), **{name: answer[name] for name in names}}
