"""Requests in OpenAI's chat completions dialect: https://developers.openai.com/api/reference/chat.

Compatible servers vary in what they take, so plain strings are sent wherever they say the same.
"""

from typing import Any

from service.adapters.providers.bodies import encode, encode_completion
from service.core.messages import (
    ImageUrl,
    JsonSchema,
    Message,
    NamedTool,
    Part,
    TextPart,
    Tool,
    ToolChoice,
)
from service.inference.ports import CompletionCall, EmbeddingCall

DIALECT = "openai"


def chat_body(call: CompletionCall, *, stream: bool) -> bytes:
    """The body of POST /chat/completions."""
    request, profile = call.request, call.profile
    body: dict[str, Any] = {
        "model": call.model,
        "messages": [_message(message) for message in request.messages],
        profile.max_tokens_field: request.max_tokens,
    }
    if request.temperature is not None and profile.takes_temperature:
        body["temperature"] = request.temperature
    if request.top_p is not None and profile.takes_top_p:
        body["top_p"] = request.top_p
    if request.stop and profile.takes_stop:
        body["stop"] = request.stop
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice is not None:
            body["tool_choice"] = _tool_choice(request.tool_choice)
    if request.json_schema is not None:
        body["response_format"] = _response_format(request.json_schema)
    if request.reasoning_effort is not None and profile.reasoning_control == "effort":
        body["reasoning_effort"] = request.reasoning_effort
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    return encode_completion(call, DIALECT, body)


def embeddings_body(call: EmbeddingCall) -> bytes:
    """The body of POST /embeddings.

    Base64 is asked for because it is a quarter of the bytes and less than half of the work; a
    server that knows only lists of numbers sends those, and they are read too.
    """
    return encode({"model": call.model, "input": call.request.inputs, "encoding_format": "base64"})


def _message(message: Message) -> dict[str, Any]:
    said: dict[str, Any] = {"role": message.role, "content": _content(message)}
    if message.tool_calls:
        said["content"] = said["content"] or None
        said["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        said["tool_call_id"] = message.tool_call_id
    return said


def _content(message: Message) -> str | list[dict[str, Any]]:
    if isinstance(message.content, tuple) and (message.role == "user" or message.has_image):
        return [_part(part) for part in message.content]
    return message.text


def _part(part: Part) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if isinstance(part, ImageUrl):
        return {"type": "image_url", "image_url": {"url": part.url}}
    url = f"data:{part.media_type};base64,{part.data}"
    return {"type": "image_url", "image_url": {"url": url}}


def _tool(tool: Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters}
    if tool.description is not None:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _tool_choice(choice: ToolChoice) -> str | dict[str, Any]:
    if isinstance(choice, NamedTool):
        return {"type": "function", "function": {"name": choice.name}}
    return choice


def _response_format(wanted: JsonSchema) -> dict[str, Any]:
    described: dict[str, Any] = {"name": wanted.name, "schema": wanted.schema}
    if wanted.description is not None:
        described["description"] = wanted.description
    if wanted.strict is not None:
        described["strict"] = wanted.strict
    return {"type": "json_schema", "json_schema": described}
