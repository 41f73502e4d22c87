"""Answers in Anthropic's Messages dialect, whole and streamed.

https://platform.claude.com/docs/en/build-with-claude/streaming. The structs are wide rather than
tagged unions: the API may add kinds of block and of event, and those are passed over.
"""

from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from service.adapters.providers.anthropic_request import DIALECT
from service.adapters.providers.failures import ErrorReport, Failures, malformed
from service.core.estimates import estimate_input_tokens, estimate_tokens
from service.core.messages import (
    Completion,
    FinishReason,
    StreamEnd,
    StreamEvent,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageReport,
)
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

_NO_ARGUMENTS = "{}"

Count = Annotated[int, Meta(ge=0)]


class _Usage(Struct):
    """Counts so far; what is absent or null has not changed."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_input_tokens: Count | None = None
    cache_creation_input_tokens: Count | None = None


class _Block(Struct):
    """A block of content, or the start of one."""

    type: str
    text: str = ""
    id: str = ""
    name: str = ""
    input: Raw = Raw(b"{}")
    thinking: str = ""
    signature: str = ""
    data: str = ""


class _Message(Struct):
    """A whole answer, or the start of one."""

    model: str
    content: list[_Block]
    stop_reason: str | None = None
    usage: _Usage | None = None


class _Delta(Struct):
    """What a block, or the message, gains."""

    type: str = ""
    text: str = ""
    partial_json: str = ""
    thinking: str = ""
    signature: str = ""
    stop_reason: str | None = None


class _Event(Struct):
    """Any event of a stream."""

    type: str
    index: int = -1
    delta: _Delta | None = None
    content_block: _Block | None = None
    message: _Message | None = None
    usage: _Usage | None = None
    error: Any = None


_Part = TypeVar("_Part", _Delta, _Block, _Message)

_decode_message = msgspec.json.Decoder(_Message).decode
_decode_event = msgspec.json.Decoder(_Event).decode


def read_message(body: bytes, call: CompletionCall, failures: Failures) -> Completion:
    """The completion in a plain answer's body."""
    try:
        message = _decode_message(body)
    except (ValueError, RecursionError):
        raise failures.of_unreadable(body) from None
    if message.stop_reason is None:
        raise malformed("The provider's answer has no stop reason")
    texts = [block.text for block in message.content if block.type == "text"]
    calls = tuple(
        ToolCall(block.id, block.name, bytes(block.input).decode())
        for block in message.content
        if block.type == "tool_use"
    )
    thinking = [_thinking_block(block) for block in message.content]
    return Completion(
        text="".join(texts) if texts or not calls else None,
        tool_calls=calls,
        finish_reason=_FINISH_REASONS.get(message.stop_reason, "stop"),
        usage=_core_usage(message.usage, call, texts),
        provider_model=message.model,
        provider_data=_provider_data(thinking),
    )


class MessageStream:
    """Reads the events of a streamed message."""

    def __init__(self, call: CompletionCall, failures: Failures) -> None:
        self.is_whole = False
        self._call = call
        self._failures = failures
        self._model = ""
        self._usage = _Usage()
        self._stop_reason: str | None = None
        self._texts: list[str] = []
        self._thinking: dict[int, _OpenThinking] = {}
        self._tool_calls: dict[int, _OpenToolCall] = {}

    def take(self, data: bytes, events: list[StreamEvent]) -> None:
        """Append what one event says; most are text, so that comes first."""
        try:
            event = _decode_event(data)
        except (ValueError, RecursionError):
            raise self._failures.of_unreadable(data) from None
        kind = event.type
        if kind == "content_block_delta":
            delta = _present(event.delta)
            if delta.type == "text_delta":
                self._text(delta.text, events)
            else:
                self._other_delta(event.index, delta, events)
        elif kind == "content_block_start":
            self._start_block(event.index, _present(event.content_block), events)
        elif kind == "content_block_stop":
            self._stop_block(event.index, events)
        else:
            self._take_frame(event, events)

    def _take_frame(self, event: _Event, events: list[StreamEvent]) -> None:
        """What goes around the blocks. Other kinds (`ping`, and those to come) say nothing."""
        if event.type == "message_start":
            message = _present(event.message)
            self._model = message.model
            self._count(message.usage)
            events.append(UsageReport(self._core_usage()))
        elif event.type == "message_delta":
            self._stop_reason = _present(event.delta).stop_reason or self._stop_reason
            self._count(event.usage)
        elif event.type == "message_stop":
            events.append(self._end())
        elif event.type == "error":
            raise self._failures.of_event(ErrorReport.of(event.error))

    def _text(self, text: str, events: list[StreamEvent]) -> None:
        if text:
            self._texts.append(text)
            events.append(TextDelta(text))

    def _start_block(self, index: int, block: _Block, events: list[StreamEvent]) -> None:
        if block.type == "text":
            self._text(block.text, events)
        elif block.type == "tool_use":
            call = _OpenToolCall(index=len(self._tool_calls), given=bytes(block.input).decode())
            self._tool_calls[index] = call
            events.append(ToolCallDelta(call.index, "", id=block.id, name=block.name))
        else:
            self._thinking[index] = _OpenThinking(block)

    def _other_delta(self, index: int, delta: _Delta, events: list[StreamEvent]) -> None:
        if delta.type == "input_json_delta":
            call = self._tool_calls.get(index)
            if call is None:
                return  # a tool that the vendor runs itself
            if delta.partial_json:
                call.has_arguments = True
                self._texts.append(delta.partial_json)
                events.append(ToolCallDelta(call.index, delta.partial_json))
        elif block := self._thinking.get(index):
            block.thoughts.append(delta.thinking)
            block.signatures.append(delta.signature)

    def _stop_block(self, index: int, events: list[StreamEvent]) -> None:
        """A call without arguments has no deltas: its text is then what its start gave."""
        call = self._tool_calls.get(index)
        if call is not None and not call.has_arguments:
            call.has_arguments = True
            events.append(ToolCallDelta(call.index, call.given))

    def _end(self) -> StreamEnd:
        if not self._model or self._stop_reason is None:
            raise malformed("The provider's answer ended without a start or a stop reason")
        self.is_whole = True
        thinking = [_thinking_block(block.whole()) for block in self._thinking.values()]
        return StreamEnd(
            finish_reason=_FINISH_REASONS.get(self._stop_reason, "stop"),
            usage=self._core_usage(),
            provider_model=self._model,
            provider_data=_provider_data(thinking),
        )

    def _count(self, usage: _Usage | None) -> None:
        """The counts are cumulative: the latest of each holds."""
        if usage is None:
            return
        for field in _Usage.__struct_fields__:
            if (count := getattr(usage, field)) is not None:
                setattr(self._usage, field, count)

    def _core_usage(self) -> Usage:
        return _core_usage(self._usage, self._call, self._texts)


class _OpenToolCall(Struct):
    """A tool call as it comes: its place among the calls, and what its start said of its input."""

    index: int
    given: str = _NO_ARGUMENTS
    has_arguments: bool = False


class _OpenThinking(Struct):
    """A block of thinking as it comes; joined at the end, as there may be thousands of pieces."""

    block: _Block
    thoughts: list[str] = msgspec.field(default_factory=list)
    signatures: list[str] = msgspec.field(default_factory=list)

    def whole(self) -> _Block:
        """The block with all its pieces."""
        self.block.thinking += "".join(self.thoughts)
        self.block.signature += "".join(self.signatures)
        return self.block


def _present(part: _Part | None) -> _Part:
    """What an event of this kind must have."""
    if part is None:
        raise malformed("The provider sent an event without its content")
    return part


def _thinking_block(block: _Block) -> dict[str, str] | None:
    """The block as the vendor wants it back; it takes no thinking that it has not signed."""
    if block.type == "thinking" and block.signature:
        return {"type": block.type, "thinking": block.thinking, "signature": block.signature}
    if block.type == "redacted_thinking":
        return {"type": block.type, "data": block.data}
    return None


def _provider_data(blocks: list[dict[str, str] | None]) -> dict[str, Any] | None:
    kept = [block for block in blocks if block is not None]
    return {DIALECT: {"blocks": kept}} if kept else None


def _core_usage(usage: _Usage | None, call: CompletionCall, texts: list[str]) -> Usage:
    """Anthropic counts cached and cache-written input beside `input_tokens`; here it is inside.

    No prompt has no tokens: a server that says so has not counted.
    """
    usage = usage or _Usage()
    read = usage.cache_read_input_tokens or 0
    written = usage.cache_creation_input_tokens or 0
    input_tokens = (usage.input_tokens or 0) + read + written
    if not input_tokens or usage.output_tokens is None:
        return Usage(
            input_tokens=estimate_input_tokens(call.request),
            output_tokens=estimate_tokens("".join(texts)),
            source="estimated",
        )
    return Usage(
        input_tokens=input_tokens,
        output_tokens=usage.output_tokens,
        cached_input_tokens=read,
        cache_write_input_tokens=written,
    )
