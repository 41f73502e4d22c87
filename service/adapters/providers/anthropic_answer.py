"""Answers in Anthropic's Messages dialect, whole and streamed."""

from typing import TypeVar

import msgspec
from msgspec import Struct

from service.adapters.providers.anthropic_shapes import (
    Block,
    Counts,
    Delta,
    Event,
    MessageShape,
    arguments_of,
    finish_reason,
    provider_data,
    usage_of,
)
from service.adapters.providers.failures import ErrorReport, Failures, malformed
from service.core.messages import (
    Completion,
    StreamEnd,
    StreamEvent,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    UsageReport,
)
from service.inference.ports import CompletionCall

_Part = TypeVar("_Part", Delta, Block, MessageShape)

_decode_message = msgspec.json.Decoder(MessageShape).decode
_decode_event = msgspec.json.Decoder(Event).decode


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
        ToolCall(block.id, block.name, arguments_of(block))
        for block in message.content
        if block.type == "tool_use"
    )
    return Completion(
        text="".join(texts) if texts or not calls else None,
        tool_calls=calls,
        finish_reason=finish_reason(message.stop_reason),
        usage=usage_of(message.usage, call, texts + [made.arguments for made in calls]),
        provider_model=message.model,
        provider_data=provider_data(message.content),
    )


class MessageStream:
    """Reads the events of a streamed message."""

    def __init__(self, call: CompletionCall, failures: Failures) -> None:
        self.is_whole = False
        self._call = call
        self._failures = failures
        self._model = ""
        self._counts = Counts()
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

    def _take_frame(self, event: Event, events: list[StreamEvent]) -> None:
        """What goes around the blocks. Other kinds (`ping`, and those to come) say nothing."""
        if event.type == "message_start":
            message = _present(event.message)
            self._model = message.model
            self._count(message.usage, events)
        elif event.type == "message_delta":
            self._stop_reason = _present(event.delta).stop_reason or self._stop_reason
            self._count(event.usage, events)
        elif event.type == "message_stop":
            events.append(self._end())
        elif event.type == "error":
            raise self._failures.of_event(ErrorReport.of(event.error))

    def _text(self, text: str, events: list[StreamEvent]) -> None:
        if text:
            self._texts.append(text)
            events.append(TextDelta(text))

    def _start_block(self, index: int, block: Block, events: list[StreamEvent]) -> None:
        if block.type == "text":
            self._text(block.text, events)
        elif block.type == "tool_use":
            call = _OpenToolCall(index=len(self._tool_calls), given=arguments_of(block))
            self._tool_calls[index] = call
            events.append(ToolCallDelta(call.index, "", id=block.id, name=block.name))
        else:
            self._thinking[index] = _OpenThinking(block)

    def _other_delta(self, index: int, delta: Delta, events: list[StreamEvent]) -> None:
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
        return StreamEnd(
            finish_reason=finish_reason(self._stop_reason),
            usage=usage_of(self._counts, self._call, self._texts),
            provider_model=self._model,
            provider_data=provider_data([block.whole() for block in self._thinking.values()]),
        )

    def _count(self, counts: Counts | None, events: list[StreamEvent]) -> None:
        """The counts are cumulative: the latest of each holds."""
        if counts is not None:
            for field in Counts.__struct_fields__:
                if (count := getattr(counts, field)) is not None:
                    setattr(self._counts, field, count)
            events.append(UsageReport(usage_of(self._counts, self._call, self._texts)))


class _OpenToolCall(Struct):
    """A tool call as it comes: its place among the calls, and what its start said of its input."""

    index: int
    given: str
    has_arguments: bool = False


class _OpenThinking(Struct):
    """A block of thinking as it comes; joined at the end, as there may be thousands of pieces."""

    block: Block
    thoughts: list[str] = msgspec.field(default_factory=list)
    signatures: list[str] = msgspec.field(default_factory=list)

    def whole(self) -> Block:
        """The block with all its pieces."""
        self.block.thinking += "".join(self.thoughts)
        self.block.signature += "".join(self.signatures)
        return self.block


def _present(part: _Part | None) -> _Part:
    """What an event of this kind must have."""
    if part is None:
        raise malformed("The provider sent an event without its content")
    return part
