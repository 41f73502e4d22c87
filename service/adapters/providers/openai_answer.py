"""Answers in OpenAI's chat completions dialect, whole and streamed.

OpenAI itself and the servers that copy it: what those leave out (usage, ids and indexes of tool
calls) is made good here; what makes an answer whole (a finish reason, and `[DONE]`) is not.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

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
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}

Count = Annotated[int, Meta(ge=0)]


class _PromptDetails(Struct):
    cached_tokens: Count | None = None
    cache_write_tokens: Count | None = None


class _Usage(Struct):
    prompt_tokens: Count = 0
    completion_tokens: Count = 0
    prompt_tokens_details: _PromptDetails | None = None


class _Function(Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(Struct):
    """A tool call, or a piece of one."""

    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Said(Struct):
    """A message, or a piece of one."""

    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_ToolCall] | None = None


class _Choice(Struct):
    finish_reason: str
    message: _Said


class _Completion(Struct):
    choices: Annotated[list[_Choice], Meta(min_length=1)]
    model: str = ""
    usage: _Usage | None = None


class _ChunkChoice(Struct):
    delta: _Said = msgspec.field(default_factory=_Said)
    finish_reason: str | None = None


class _Chunk(Struct):
    choices: list[_ChunkChoice]
    model: str = ""
    usage: _Usage | None = None
    error: Any = None


_decode_completion = msgspec.json.Decoder(_Completion).decode
_decode_chunk = msgspec.json.Decoder(_Chunk).decode


def read_completion(body: bytes, call: CompletionCall, failures: Failures) -> Completion:
    """The completion in a plain answer's body."""
    try:
        answer = _decode_completion(body)
    except (ValueError, RecursionError):
        raise failures.of_unreadable(body) from None
    choice = answer.choices[0]
    said = choice.message
    calls = tuple(
        ToolCall(
            made.id or f"call_{index}", made.function.name or "", made.function.arguments or ""
        )
        for index, made in enumerate(said.tool_calls or [])
        if made.function is not None
    )
    text = said.content or said.refusal
    return Completion(
        text=text if text or calls else "",
        tool_calls=calls,
        finish_reason=_finish_reason(
            choice.finish_reason, has_tool_calls=bool(calls), refuses=bool(said.refusal)
        ),
        usage=_core_usage(
            answer.usage, call, [text or "", *(made.name + made.arguments for made in calls)]
        ),
        provider_model=answer.model or call.model,
    )


class ChatStream:
    """Reads the chunks of a streamed chat completion."""

    def __init__(self, call: CompletionCall, failures: Failures) -> None:
        self.is_whole = False
        self._call = call
        self._failures = failures
        self._model = ""
        self._usage: _Usage | None = None
        self._finish_reason: str | None = None
        self._refuses = False
        self._texts: list[str] = []
        self._tool_calls: dict[int, int] = {}

    def take(self, data: bytes, events: list[StreamEvent]) -> None:
        """Append what one chunk says."""
        if data == b"[DONE]":
            events.append(self._end())
            return
        chunk = self._chunk(data)
        self._model = chunk.model or self._model
        if chunk.usage is not None:
            self._usage = chunk.usage
            if chunk.usage.prompt_tokens:
                events.append(UsageReport(_core_usage(chunk.usage, self._call, self._texts)))
        if chunk.choices:
            self._take_choice(chunk.choices[0], events)

    def _chunk(self, data: bytes) -> _Chunk:
        try:
            chunk = _decode_chunk(data)
        except (ValueError, RecursionError):
            raise self._failures.of_unreadable(data) from None
        if chunk.error is not None:
            raise self._failures.of_event(ErrorReport.of(chunk.error))
        return chunk

    def _take_choice(self, choice: _ChunkChoice, events: list[StreamEvent]) -> None:
        said = choice.delta
        if text := said.content or said.refusal:
            self._texts.append(text)
            events.append(TextDelta(text))
            self._refuses = self._refuses or bool(said.refusal)
        if said.tool_calls:
            events.extend(map(self._tool_call, said.tool_calls))
        if choice.finish_reason is not None:
            self._finish_reason = choice.finish_reason

    def _tool_call(self, piece: _ToolCall) -> ToolCallDelta:
        """A piece of a call. A server that tells no indexes starts a call with each id."""
        index = piece.index
        if index is None:
            index = len(self._tool_calls) - (0 if piece.id or not self._tool_calls else 1)
        function = piece.function or _Function()
        arguments = function.arguments or ""
        self._texts.append(arguments)
        if index in self._tool_calls:
            return ToolCallDelta(self._tool_calls[index], arguments)
        place = self._tool_calls[index] = len(self._tool_calls)
        return ToolCallDelta(
            place, arguments, id=piece.id or f"call_{place}", name=function.name or ""
        )

    def _end(self) -> StreamEnd:
        if self._finish_reason is None:
            raise malformed("The provider's answer ended without a finish reason")
        self.is_whole = True
        return StreamEnd(
            finish_reason=_finish_reason(
                self._finish_reason,
                has_tool_calls=bool(self._tool_calls),
                refuses=self._refuses,
            ),
            usage=_core_usage(self._usage, self._call, self._texts),
            provider_model=self._model or self._call.model,
        )


def _finish_reason(told: str, *, has_tool_calls: bool, refuses: bool) -> FinishReason:
    """OpenAI says `stop` of a refusal, and of calls that the request had forced by name."""
    if refuses:
        return "content_filter"
    reason = _FINISH_REASONS.get(told, "stop")
    return "tool_calls" if has_tool_calls and reason == "stop" else reason


def _core_usage(usage: _Usage | None, call: CompletionCall, texts: list[str]) -> Usage:
    """Cached input is inside `prompt_tokens`, reasoning inside `completion_tokens`.

    No prompt has no tokens: a server that says so has not counted.
    """
    if usage is None or not usage.prompt_tokens:
        return Usage(
            input_tokens=estimate_input_tokens(call.request),
            output_tokens=estimate_tokens("".join(texts)),
            source="estimated",
        )
    details = usage.prompt_tokens_details or _PromptDetails()
    return Usage(
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
        cached_input_tokens=details.cached_tokens or 0,
        cache_write_input_tokens=details.cache_write_tokens or 0,
    )
