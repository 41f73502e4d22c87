"""What the tests of the providers share: the real adapters, and calls to make of them."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import msgspec

from service.adapters.providers.anthropic import AnthropicProvider
from service.adapters.providers.openai import OpenAIProvider
from service.adapters.providers.sandbox import SandboxProvider
from service.core.clock import SystemClock
from service.core.messages import (
    CompletionRequest,
    EmbeddingRequest,
    JsonSchema,
    Message,
    StreamEnd,
    StreamEvent,
    TextDelta,
    Tool,
    ToolCallDelta,
)
from service.inference.ports import CompletionCall, EmbeddingCall, Provider
from service.inference.profiles import ModelProfile
from tests.simulator import Simulator

KEY = "sk-test-0123456789abcdef"
MODELS = {"anthropic": "claude-haiku-5-5", "openai": "gpt-6-luna", "sandbox": "sandbox-1"}

WEATHER = Tool(
    name="weather",
    description="The weather of a city",
    parameters={
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
        "required": ["city", "days"],
    },
)
CLOCK = Tool(name="clock", parameters={"type": "object", "properties": {}})
FORECAST = JsonSchema(name="forecast", schema=WEATHER.parameters)

PROFILES = {
    "anthropic": ModelProfile(
        takes_temperature=False, takes_top_p=False, reasoning_control="adaptive"
    ),
    "openai": ModelProfile(
        takes_temperature=False,
        takes_top_p=False,
        reasoning_control="effort",
        max_tokens_field="max_completion_tokens",
    ),
    "sandbox": ModelProfile(),
}
"""As they ship for these models: the simulator refuses what the vendors refuse."""


class StoppedClock:
    """A clock that stands still."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        """No time passes."""


@asynccontextmanager
async def opened(name: str, simulator: Simulator, **settings: Any) -> AsyncIterator[Provider]:
    """The adapter of that name over the simulator; `settings` change its construction."""
    provider: Provider
    settings = {"api_key": KEY, "clock": SystemClock(), **settings}
    if name == "sandbox":
        provider = SandboxProvider(clock=SystemClock(), word_delay_seconds=0)
    elif name == "anthropic":
        provider = AnthropicProvider(name, **_with_url(simulator.anthropic_base_url, settings))
    else:
        provider = OpenAIProvider(name, **_with_url(simulator.openai_base_url, settings))
    try:
        yield provider
    finally:
        await provider.aclose()


Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def raw_server(handler: Handler) -> AsyncIterator[str]:
    """A server that does with each connection what `handler` does; gives its address.

    For what no HTTP server of ours would do.
    """
    async with await asyncio.start_server(handler, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def read_request(reader: asyncio.StreamReader) -> None:
    """Take one request off the connection."""
    head = await reader.readuntil(b"\r\n\r\n")
    (length,) = re.findall(rb"(?i)content-length: (\d+)", head)
    await reader.readexactly(int(length))


def _with_url(base_url: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {"base_url": base_url, **settings}


def user(content: Any) -> Message:
    return Message(role="user", content=content)


def make_call(
    provider: str,
    *messages: Message,
    profile: ModelProfile | None = None,
    max_tokens: int = 100,
    **fields: Any,
) -> CompletionCall:
    """A call of that provider's usual model; "hello big world" where nothing is said."""
    return CompletionCall(
        request=CompletionRequest(
            model="alias",
            messages=messages or (user("hello big world"),),
            max_tokens=max_tokens,
            **fields,
        ),
        model=MODELS[provider],
        profile=profile or PROFILES[provider],
    )


def embedding_call(*inputs: str) -> EmbeddingCall:
    return EmbeddingCall(
        request=EmbeddingRequest(model="embedding", inputs=inputs), model="text-embedding-3-small"
    )


async def lists_of(provider: Provider, call: CompletionCall) -> list[list[StreamEvent]]:
    return [events async for events in provider.stream(call)]


async def events_of(provider: Provider, call: CompletionCall) -> list[StreamEvent]:
    return [event for events in await lists_of(provider, call) for event in events]


def text_of(events: list[StreamEvent]) -> str:
    return "".join(event.content for event in events if isinstance(event, TextDelta))


def end_of(events: list[StreamEvent]) -> StreamEnd:
    """The terminal event: the last, and the only one of its kind."""
    ends = [event for event in events if isinstance(event, StreamEnd)]
    assert ends == events[-1:]
    return ends[0]


def pieces_of(events: list[StreamEvent]) -> list[ToolCallDelta]:
    return [event for event in events if isinstance(event, ToolCallDelta)]


def arguments_of(pieces: list[ToolCallDelta], index: int = 0) -> Any:
    text = "".join(piece.arguments for piece in pieces if piece.index == index)
    return msgspec.json.decode(text)
