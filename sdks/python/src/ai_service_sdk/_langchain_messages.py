"""LangChain's messages to the API's and back."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from langchain_core.exceptions import OutputParserException
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    InvalidToolCall,
    SystemMessage,
    ToolCall,
    ToolMessage,
)
from langchain_core.messages.ai import InputTokenDetails, UsageMetadata
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.output_parsers.openai_tools import make_invalid_tool_call, parse_tool_call

from ai_service_sdk.types import (
    AssistantMessage,
    AssistantToolCall,
    ChatMessageParam,
    ChatResponse,
    DoneEvent,
    MessageToolCallParam,
    TokenEvent,
    ToolCallEvent,
    Usage,
)

PROVIDER = "ai_service"

_SAID_ELSEWHERE = frozenset(
    {
        "input_json_delta",
        "invalid_tool_call",
        "reasoning",
        "redacted_thinking",
        "thinking",
        "tool_call",
        "tool_call_chunk",
        "tool_use",
    }
)
"""Blocks of an assistant's content that `tool_calls` and `provider_data` carry already."""


def to_messages(messages: Sequence[BaseMessage]) -> list[ChatMessageParam]:
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


def _to_message(message: BaseMessage) -> ChatMessageParam:
    if isinstance(message, AIMessage):
        return _to_assistant_message(message)
    if isinstance(message, ToolMessage):
        return {
            "role": "tool",
            "tool_call_id": message.tool_call_id,
            "content": _to_content(message.content) or "",
        }
    content = _to_content(message.content)
    if isinstance(message, HumanMessage):
        return {"role": "user", "content": content}
    if isinstance(message, SystemMessage):
        return {"role": "system", "content": content}
    if isinstance(message, ChatMessage) and message.role in ("user", "assistant", "system"):
        return {"role": message.role, "content": content}  # type: ignore[typeddict-item]
    raise ValueError(f"{type(message).__name__} has no counterpart in the API")


def _to_assistant_message(message: AIMessage) -> ChatMessageParam:
    converted: ChatMessageParam = {"role": "assistant", "content": _to_content(message.content)}
    if calls := [*_to_tool_calls(message)]:
        converted["tool_calls"] = calls
    if provider_data := message.additional_kwargs.get("provider_data"):
        converted["provider_data"] = provider_data
    return converted


def _to_tool_calls(message: AIMessage) -> Iterator[MessageToolCallParam]:
    for call in message.tool_calls:
        arguments = json.dumps(call["args"], ensure_ascii=False)
        yield {
            "type": "function",
            "id": call["id"] or call["name"],
            "function": {"name": call["name"], "arguments": arguments},
        }
    for invalid in message.invalid_tool_calls:
        name = invalid["name"] or "unknown"
        yield {
            "type": "function",
            "id": invalid["id"] or name,
            "function": {"name": name, "arguments": invalid["args"] or ""},
        }


def _to_content(content: str | list[str | dict[Any, Any]]) -> str | list[Any] | None:
    if isinstance(content, str):
        return content
    return [part for block in content for part in _to_parts(block)] or None


def _to_parts(block: str | Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The part that a block is; none for one that is empty or said elsewhere."""
    if isinstance(block, str):
        block = {"type": "text", "text": block}
    kind = block.get("type")
    if kind == "text":
        if block["text"]:
            yield {"type": "text", "text": block["text"]}
    elif kind == "image_url":
        image = block["image_url"]
        yield _image(image if isinstance(image, str) else image["url"])
    elif kind == "image" and "base64" in block:
        yield _image_data(block.get("mime_type", ""), block["base64"])
    elif kind == "image" and "url" in block:
        yield _image(block["url"])
    elif kind == "image" and "source" in block:  # Anthropic's shape is the API's
        yield {"type": "image", "source": block["source"]}
    elif kind not in _SAID_ELSEWHERE:
        raise ValueError(f"Content of type {kind!r} has no counterpart in the API")


def _image(url: str) -> dict[str, Any]:
    if not url.startswith("data:"):
        return {"type": "image", "source": {"type": "url", "url": url}}
    head, _, data = url.partition(",")
    return _image_data(head.removeprefix("data:").removesuffix(";base64"), data)


def _image_data(media_type: str, data: str) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": media_type, "data": data}}


def to_ai_message(answer: ChatResponse) -> AIMessage:
    """A whole answer."""
    tool_calls, invalid_tool_calls = _read_tool_calls(answer.message.tool_calls or [])
    return AIMessage(
        content=answer.message.content or "",
        tool_calls=tool_calls,
        invalid_tool_calls=invalid_tool_calls,
        usage_metadata=_usage_metadata(answer.usage),
        response_metadata=_response_metadata(answer),
        additional_kwargs=_provider_data(answer.message),
    )


def to_chunk(event: TokenEvent | ToolCallEvent | DoneEvent) -> AIMessageChunk:
    """An event of a stream."""
    if isinstance(event, TokenEvent):
        return AIMessageChunk(content=event.content)
    if isinstance(event, ToolCallEvent):
        piece = tool_call_chunk(
            name=event.name, args=event.arguments, id=event.id, index=event.index
        )
        return AIMessageChunk(content="", tool_call_chunks=[piece])
    return AIMessageChunk(
        content="",
        usage_metadata=_usage_metadata(event.usage),
        response_metadata=_response_metadata(event),
        additional_kwargs=_provider_data(event),
        chunk_position="last",
    )


def _read_tool_calls(
    calls: Sequence[AssistantToolCall],
) -> tuple[list[ToolCall], list[InvalidToolCall]]:
    """The calls, and those whose arguments are no JSON object."""
    valid: list[ToolCall] = []
    invalid: list[InvalidToolCall] = []
    for call in calls:
        raw = call.to_dict()
        try:
            parsed = parse_tool_call(raw)
        except OutputParserException as error:
            invalid.append(make_invalid_tool_call(raw, str(error)))
            continue
        if parsed is not None and isinstance(parsed["args"], dict):
            valid.append(ToolCall(name=parsed["name"], args=parsed["args"], id=call.id))
        else:
            invalid.append(make_invalid_tool_call(raw, "The arguments are no JSON object"))
    return valid, invalid


def _usage_metadata(usage: Usage) -> UsageMetadata:
    return UsageMetadata(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        total_tokens=usage.total_tokens,
        input_token_details=InputTokenDetails(cache_read=usage.cached_input_tokens),
    )


def _response_metadata(answer: ChatResponse | DoneEvent) -> dict[str, Any]:
    return {
        "id": answer.id,
        "model": answer.model,
        "model_name": answer.provider_model,
        "model_provider": PROVIDER,
        "provider": answer.provider,
        "finish_reason": answer.finish_reason,
        "cost_usd": answer.cost_usd,
        "cache_hit": answer.cache_hit,
    }


def _provider_data(answer: AssistantMessage | DoneEvent) -> dict[str, Any]:
    return {"provider_data": answer.provider_data} if answer.provider_data else {}
