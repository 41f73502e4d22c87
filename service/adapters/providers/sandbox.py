"""A provider that needs no vendor: it answers at once, always the same to the same prompt.

Every answer says that it comes from a sandbox, so that nobody takes it for a model's. It honours
what a caller can see honoured: `max_tokens`, `stop`, forced tools, JSON schemas, and streaming.
"""

import hashlib
import math
import re
from collections.abc import AsyncGenerator

import msgspec

from service.adapters.providers.schema_examples import example_of
from service.core.clock import Clock
from service.core.estimates import estimate_input_tokens, estimate_tokens
from service.core.messages import (
    Completion,
    CompletionRequest,
    Embeddings,
    FinishReason,
    NamedTool,
    StreamEnd,
    StreamEvent,
    TextDelta,
    Tool,
    ToolCall,
    ToolCallDelta,
    Usage,
    UsageReport,
)
from service.inference.ports import CompletionCall, EmbeddingCall, FailureKind, ProviderFailure

EMBEDDING_DIMENSIONS = 256

_QUOTED_CHARACTERS = 500
_PIECE_CHARACTERS = 16
_EXPLANATION = (
    "No model was called: this service has no provider key yet, so the sandbox answers in its "
    "place. It gives the same answer to the same prompt, word by word where a stream is asked "
    "for, and counts tokens as it goes, so that everything around a model can be tried."
)

_WORD = re.compile(r"\w+")
_STREAMED_WORD = re.compile(r"\s*\S+\s*$|\s*\S+")


class SandboxProvider:
    """Deterministic text, tool calls, JSON and lexical embeddings, without a network."""

    def __init__(
        self, name: str = "sandbox", *, clock: Clock, word_delay_seconds: float = 0.02
    ) -> None:
        self._name = name
        self._clock = clock
        self._word_delay_seconds = word_delay_seconds

    @property
    def name(self) -> str:
        return self._name

    async def complete(self, call: CompletionCall) -> Completion:
        return _answer(call)

    async def stream(self, call: CompletionCall) -> AsyncGenerator[list[StreamEvent]]:
        answer = _answer(call)
        yield [UsageReport(Usage(input_tokens=answer.usage.input_tokens))]
        for event in _pieces(answer):
            yield [event]
            await self._clock.sleep(self._word_delay_seconds)
        yield [
            StreamEnd(
                finish_reason=answer.finish_reason,
                usage=answer.usage,
                provider_model=answer.provider_model,
            )
        ]

    async def embed(self, call: EmbeddingCall) -> Embeddings:
        texts = call.request.inputs
        return Embeddings(
            vectors=[lexical_vector(text) for text in texts],
            usage=Usage(input_tokens=sum(estimate_tokens(text) for text in texts)),
            provider_model=call.model,
        )

    async def aclose(self) -> None:
        """There is nothing to release."""


def lexical_vector(text: str) -> list[float]:
    """How often each word occurs, by the word's hash, at unit length: shared words bring nearness."""
    counts = [0.0] * EMBEDDING_DIMENSIONS
    for word in _WORD.findall(text.lower()):
        digest = hashlib.blake2b(word.encode("utf-8", "surrogatepass"), digest_size=4).digest()
        counts[int.from_bytes(digest) % EMBEDDING_DIMENSIONS] += 1.0
    length = math.hypot(*counts)
    if not length:
        return [1.0, *counts[1:]]
    return [count / length for count in counts]


def _answer(call: CompletionCall) -> Completion:
    request = call.request
    input_tokens = estimate_input_tokens(request)
    if tool := _forced_tool(request):
        arguments = _json_example(tool.parameters)
        return Completion(
            text=None,
            tool_calls=(ToolCall(_call_id(request), tool.name, arguments),),
            finish_reason="tool_calls",
            usage=Usage(input_tokens=input_tokens, output_tokens=estimate_tokens(arguments)),
            provider_model=call.model,
        )
    text, finish_reason = _cut(_text(request), request)
    return Completion(
        text=text,
        finish_reason=finish_reason,
        usage=Usage(input_tokens=input_tokens, output_tokens=estimate_tokens(text)),
        provider_model=call.model,
    )


def _forced_tool(request: CompletionRequest) -> Tool | None:
    choice = request.tool_choice
    if choice == "required":
        return next(iter(request.tools), None)
    if isinstance(choice, NamedTool):
        return next((tool for tool in request.tools if tool.name == choice.name), None)
    return None


def _call_id(request: CompletionRequest) -> str:
    """The same for the same conversation, another with each turn."""
    seen = "\n".join(f"{message.role} {message.text}" for message in request.messages)
    digest = hashlib.blake2b(seen.encode("utf-8", "surrogatepass"), digest_size=9)
    return f"call_{digest.hexdigest()}"


def _text(request: CompletionRequest) -> str:
    if request.json_schema is not None:
        return _json_example(request.json_schema.schema)
    prompt = next((m.text for m in reversed(request.messages) if m.role != "system"), "")
    quoted = " ".join(prompt.split())
    if len(quoted) > _QUOTED_CHARACTERS:
        quoted = quoted[:_QUOTED_CHARACTERS] + "…"
    return f"This is a sandbox answer. You said: {quoted}\n\n{_EXPLANATION}"


def _cut(text: str, request: CompletionRequest) -> tuple[str, FinishReason]:
    """`text` up to the first stop sequence, and to whole words of at most `max_tokens`."""
    ends = [text.find(stop) for stop in request.stop if stop]
    text = text[: min((end for end in ends if end >= 0), default=len(text))]
    if estimate_tokens(text) <= request.max_tokens:
        return text, "stop"
    kept = ""
    for word in _words(text):
        if estimate_tokens(kept + word) > request.max_tokens:
            break
        kept += word
    return kept, "length"


def _json_example(schema: dict[str, object]) -> str:
    try:
        return msgspec.json.encode(example_of(schema)).decode()
    except (ValueError, TypeError):
        raise ProviderFailure(FailureKind.REJECTED, "A JSON Schema is not valid") from None


def _pieces(answer: Completion) -> list[StreamEvent]:
    """A word of text at a time, or the opening of a tool call and then its arguments."""
    if answer.text is not None:
        return [TextDelta(word) for word in _words(answer.text)]
    pieces: list[StreamEvent] = []
    for index, call in enumerate(answer.tool_calls):
        pieces.append(ToolCallDelta(index, "", id=call.id, name=call.name))
        text = call.arguments
        pieces += [
            ToolCallDelta(index, text[start : start + _PIECE_CHARACTERS])
            for start in range(0, len(text), _PIECE_CHARACTERS)
        ]
    return pieces


def _words(text: str) -> list[str]:
    """Words with the space before them, so that joining them gives the text back."""
    return _STREAMED_WORD.findall(text)
