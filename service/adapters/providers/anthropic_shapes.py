"""The JSON of Anthropic's answers, as far as it is read.

https://platform.claude.com/docs/en/build-with-claude/streaming. The structs are wide rather than
tagged unions: the API may add kinds of block and of event, and those are passed over.
"""

from typing import Annotated, Any

from msgspec import Meta, Raw, Struct

from service.adapters.providers.anthropic_request import DIALECT
from service.adapters.providers.failures import malformed
from service.core.estimates import estimate_input_tokens, estimate_tokens
from service.core.messages import FinishReason, Usage
from service.inference.ports import CompletionCall

_FINISH_REASONS: dict[str, FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}

Count = Annotated[int, Meta(ge=0)]


class Counts(Struct):
    """Counts so far; what is absent or null has not changed."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None


class Block(Struct):
    """A block of content, or the start of one."""

    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: Raw = Raw(b"{}")
    thinking: str = ""
    signature: str = ""
    data: str = ""


class MessageShape(Struct):
    """A whole answer, or the start of one."""

    model: str
    content: list[Block]
    stop_reason: str | None = None
    usage: Counts | None = None


class Delta(Struct):
    """What a block, or the message, gains."""

    type: str = ""
    text: str = ""
    partial_json: str = ""
    thinking: str = ""
    signature: str = ""
    stop_reason: str | None = None


class Event(Struct):
    """Any event of a stream."""

    type: str
    index: int = -1
    delta: Delta | None = None
    content_block: Block | None = None
    message: MessageShape | None = None
    usage: Counts | None = None
    error: Any = None


def finish_reason(told: str) -> FinishReason:
    """Anthropic's stop reason in the service's words; one that it does not know is `stop`."""
    return _FINISH_REASONS.get(told, "stop")


def arguments_of(block: Block) -> str:
    """The input of a tool call, as the JSON text that it came in."""
    try:
        return bytes(block.input).decode()
    except UnicodeDecodeError:
        raise malformed("The provider's answer is not UTF-8") from None


def provider_data(blocks: list[Block]) -> dict[str, Any] | None:
    """The thinking among `blocks`, as the vendor wants it back with the next turn."""
    kept = [own for block in blocks if (own := _thinking(block)) is not None]
    return {DIALECT: {"blocks": kept}} if kept else None


def _thinking(block: Block) -> dict[str, str] | None:
    """What goes back: the vendor takes no thinking that it has not signed."""
    if block.type == "thinking" and block.signature:
        return {"type": block.type, "thinking": block.thinking, "signature": block.signature}
    if block.type == "redacted_thinking":
        return {"type": block.type, "data": block.data}
    return None


def usage_of(counts: Counts | None, call: CompletionCall, texts: list[str]) -> Usage:
    """Anthropic counts cached and cache-written input beside `input_tokens`; here it is inside.

    No prompt has no tokens: a server that says so has not counted.
    """
    counts = counts or Counts()
    read = counts.cache_read_input_tokens or 0
    written = counts.cache_creation_input_tokens or 0
    input_tokens = (counts.input_tokens or 0) + read + written
    if not input_tokens or counts.output_tokens is None:
        return Usage(
            input_tokens=estimate_input_tokens(call.request),
            output_tokens=estimate_tokens("".join(texts)),
            source="estimated",
        )
    return Usage(
        input_tokens=input_tokens,
        output_tokens=counts.output_tokens,
        cached_input_tokens=read,
        cache_write_input_tokens=written,
    )
