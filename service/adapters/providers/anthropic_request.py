"""A request in Anthropic's Messages dialect: https://platform.claude.com/docs/en/api/messages.

What that API has no place for is mapped, not lost: system messages go to `system`, tool results
into user turns, and a temperature over 1 (OpenAI's scale ends at 2) is sent as 1, its highest.
"""

from typing import Any

import msgspec

from service.adapters.providers.bodies import encode_completion
from service.core.messages import (
    ImageUrl,
    Message,
    NamedTool,
    Part,
    TextPart,
    Tool,
    ToolCall,
    ToolChoice,
)
from service.inference.ports import CompletionCall, FailureKind, ProviderFailure

DIALECT = "anthropic"

_MAX_TEMPERATURE = 1.0
_THINKING_BLOCKS = ("thinking", "redacted_thinking")
_TOOL_CHOICES = {"auto": "auto", "none": "none", "required": "any"}

Block = dict[str, Any]


def messages_body(call: CompletionCall, *, stream: bool) -> bytes:
    """The body of POST /v1/messages."""
    request = call.request
    body: dict[str, Any] = {
        "model": call.model,
        "max_tokens": request.max_tokens,
        "messages": _turns(request.messages),
    }
    system = "\n\n".join(
        message.text for message in request.messages if message.role == "system" and message.text
    )
    if system:
        body["system"] = system
    if request.stop and call.profile.takes_stop:
        body["stop_sequences"] = request.stop
    if request.tools:
        body["tools"] = [_tool(tool) for tool in request.tools]
        if request.tool_choice is not None:
            body["tool_choice"] = _tool_choice(request.tool_choice)
    body.update(_reasoning_and_format(call))
    body.update(_sampling(call, thinks=body.get("thinking") == {"type": "adaptive"}))
    if stream:
        body["stream"] = True
    return encode_completion(call, DIALECT, body)


def _sampling(call: CompletionCall, *, thinks: bool) -> dict[str, Any]:
    """Temperature and top_p; neither goes with thinking."""
    request, profile = call.request, call.profile
    sampling: dict[str, Any] = {}
    if thinks:
        return sampling
    if request.temperature is not None and profile.takes_temperature:
        sampling["temperature"] = min(request.temperature, _MAX_TEMPERATURE)
    if request.top_p is not None and profile.takes_top_p:
        sampling["top_p"] = request.top_p
    return sampling


def _reasoning_and_format(call: CompletionCall) -> dict[str, Any]:
    request = call.request
    fields: dict[str, Any] = {}
    output: dict[str, Any] = {}
    if request.reasoning_effort is not None and call.profile.reasoning_control == "adaptive":
        if request.reasoning_effort == "none":
            fields["thinking"] = {"type": "disabled"}
        else:
            fields["thinking"] = {"type": "adaptive"}
            output["effort"] = request.reasoning_effort
    if request.json_schema is not None:
        output["format"] = {"type": "json_schema", "schema": request.json_schema.schema}
    if output:
        fields["output_config"] = output
    return fields


def _turns(messages: tuple[Message, ...]) -> list[dict[str, Any]]:
    """User and assistant turns by turns: neighbours of one side, tool results too, become one."""
    turns: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "system":
            continue
        role = "assistant" if message.role == "assistant" else "user"
        blocks = _blocks(message)
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    return turns


def _blocks(message: Message) -> list[Block]:
    if message.role == "tool":
        return [_tool_result(message)]
    blocks = _content(message.content)
    if message.role != "assistant":
        return blocks
    return _thinking(message) + blocks + [_tool_use(call) for call in message.tool_calls]


def _content(content: str | tuple[Part, ...] | None) -> list[Block]:
    """Text and images; empty text, which the API refuses, is left out."""
    if content is None or isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return [_part(part) for part in content if not isinstance(part, TextPart) or part.text]


def _part(part: Part) -> Block:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    if isinstance(part, ImageUrl):
        return {"type": "image", "source": {"type": "url", "url": part.url}}
    source = {"type": "base64", "media_type": part.media_type, "data": part.data}
    return {"type": "image", "source": source}


def _thinking(message: Message) -> list[Block]:
    """The signed thinking that this dialect gave with the turn, as it was."""
    own = (message.provider_data or {}).get(DIALECT)
    blocks = own.get("blocks") if isinstance(own, dict) else None
    if not isinstance(blocks, list | tuple):
        return []
    return [
        block
        for block in blocks
        if isinstance(block, dict) and block.get("type") in _THINKING_BLOCKS
    ]


def _tool_use(call: ToolCall) -> Block:
    """The call with its arguments as the object that their text spells."""
    text = call.arguments or "{}"
    try:
        is_object = isinstance(msgspec.json.decode(text), dict)
    except (ValueError, RecursionError):
        is_object = False
    if not is_object:
        raise ProviderFailure(
            FailureKind.REJECTED,
            f"The arguments of tool call '{call.id[:100]}' are not a JSON object",
        )
    return {
        "type": "tool_use",
        "id": call.id,
        "name": call.name,
        "input": msgspec.Raw(text.encode()),
    }


def _tool_result(message: Message) -> Block:
    block: Block = {"type": "tool_result", "tool_use_id": message.tool_call_id}
    if content := _content(message.content):
        block["content"] = content
    return block


def _tool(tool: Tool) -> dict[str, Any]:
    described: dict[str, Any] = {"name": tool.name, "input_schema": tool.parameters}
    if tool.description is not None:
        described["description"] = tool.description
    if tool.strict is not None:
        described["strict"] = tool.strict
    return described


def _tool_choice(choice: ToolChoice) -> dict[str, str]:
    if isinstance(choice, NamedTool):
        return {"type": "tool", "name": choice.name}
    return {"type": _TOOL_CHOICES[choice]}
