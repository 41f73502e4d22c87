"""Streams: each event as it comes, the whole at the end, and an end to the model when nobody listens."""

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest
from ai_service_sdk import (
    AIServiceSDK,
    APIError,
    AsyncAIServiceSDK,
    AsyncStream,
    ProviderError,
    RateLimitError,
    Stream,
    StreamInterruptedError,
    ValidationError,
)
from ai_service_sdk.types import DoneEvent, StreamResult, TokenEvent

from tests.running import ADMIN_KEY, RunningService
from tests.sdks.python.callers import Caller, Stop
from tests.sdks.python.leaving import FOREVER, provider_is_left
from tests.sdks.python.wire import DONE, TOKEN, WireServer, error, event, stream
from tests.simulator import Cut, Reply, Simulator, ToolCall, Words

MESSAGES = [{"role": "user", "content": "Hello"}]


@pytest.fixture
async def async_sdk(service: RunningService) -> AsyncIterator[AsyncAIServiceSDK]:
    async with AsyncAIServiceSDK(ADMIN_KEY, service.url) as sdk:
        yield sdk


async def leave(
    sdk: AIServiceSDK | AsyncAIServiceSDK,
) -> Stream[Any, StreamResult] | AsyncStream[Any, StreamResult]:
    """A stream that was left after its first event."""
    if isinstance(sdk, AsyncAIServiceSDK):
        waited = sdk.stream_generate("Hello")
        async for _ in waited:
            break
        return waited
    blocking = sdk.stream_generate("Hello")

    def loop() -> None:
        for _ in blocking:
            break

    await asyncio.to_thread(loop)
    return blocking


def into(came: list[Any]) -> Stop:
    """Reads on, and notes what came."""

    def note(item: Any) -> bool:
        came.append(item)
        return False

    return note


async def test_events_come_as_objects_that_are_dicts_too(sdk: Caller) -> None:
    *tokens, done = await sdk.read("stream_generate", "Hello there")
    assert all(isinstance(token, TokenEvent) for token in tokens)
    assert "".join(token["content"] for token in tokens) == "Echo: Hello there"
    assert {token.type for token in tokens} == {"token"}
    assert isinstance(done, DoneEvent)
    assert done.usage.total_tokens > 0


async def test_the_final_event_has_the_whole_text(sdk: Caller) -> None:
    result = await sdk.final("stream_generate", "Hello there")
    assert isinstance(result, StreamResult)
    assert result.text == result["text"] == "Echo: Hello there"
    assert (result.type, result.finish_reason, result.tool_calls) == ("done", "stop", [])


async def test_the_final_event_is_there_after_the_loop(sdk: Caller) -> None:
    if isinstance(sdk.sdk, AIServiceSDK):
        whole = sdk.sdk.stream_generate("Hello")
        read = [item["content"] for item in whole if item.type == "token"]
        assert whole.final().text == "".join(read)
        assert list(whole) == []
    else:
        waited = sdk.sdk.stream_generate("Hello")
        read = [item["content"] async for item in waited if item.type == "token"]
        assert (await waited.final()).text == "".join(read)
        assert [item async for item in waited] == []


async def test_streamed_tool_calls_are_put_together(sdk: Caller, simulator: Simulator) -> None:
    calls = (ToolCall("weather", '{"city": "Paris"}'), ToolCall("time", '{"zone": "CET"}'))
    simulator.script(Reply(tool_calls=calls), on="anthropic")
    tools = [{"type": "function", "function": {"name": call.name}} for call in calls]
    result = await sdk.final("stream_chat", MESSAGES, tools=tools)
    made = [(call.type, call.function.name, call.function.arguments) for call in result.tool_calls]
    assert made == [("function", call.name, call.arguments) for call in calls]
    assert all(call.id for call in result.tool_calls)


async def test_leaving_the_loop_stops_the_provider(sdk: Caller, simulator: Simulator) -> None:
    simulator.script(FOREVER, on="anthropic")
    await sdk.read_until(lambda _: True, "stream_generate", "Hello")
    await provider_is_left(simulator)


async def test_leaving_the_loop_stops_the_provider_while_the_stream_is_kept(
    sdk: Caller, simulator: Simulator
) -> None:
    simulator.script(FOREVER, on="anthropic")
    gc.disable()  # a cycle would be collected, some time
    try:
        stream = await leave(sdk.sdk)
        await provider_is_left(simulator)
    finally:
        gc.enable()
    assert stream.request_id


async def test_an_error_in_the_loop_stops_the_provider(sdk: Caller, simulator: Simulator) -> None:
    simulator.script(FOREVER, on="anthropic")
    with pytest.raises(ZeroDivisionError):
        await sdk.read_until(lambda _: bool(1 // 0), "stream_generate", "Hello")
    await provider_is_left(simulator)


async def test_closing_stops_the_provider_and_ends_the_loop(
    async_sdk: AsyncAIServiceSDK, service: RunningService, simulator: Simulator
) -> None:
    simulator.always(FOREVER, on="anthropic")
    stream = async_sdk.stream_generate("Hello")
    async for _ in stream:
        await stream.close()
    await provider_is_left(simulator)
    with pytest.raises(StreamInterruptedError):
        await stream.final()

    def close_in_the_loop() -> None:
        with AIServiceSDK(ADMIN_KEY, service.url) as sdk, sdk.stream_generate("Hello") as stream:
            for _ in stream:
                stream.close()

    await asyncio.to_thread(close_in_the_loop)
    await simulator.wait_for(lambda s: len(s.calls) == 2)
    await provider_is_left(simulator)


async def test_cancelling_the_task_stops_the_provider(
    async_sdk: AsyncAIServiceSDK, simulator: Simulator
) -> None:
    simulator.script(FOREVER, on="anthropic")
    task = asyncio.ensure_future(async_sdk.stream_generate("Hello").final())
    await simulator.wait_for(lambda s: s.calls and s.calls[0].events_sent > 3)
    task.cancel()
    await provider_is_left(simulator)
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_stream_that_is_not_read_costs_nothing(
    async_sdk: AsyncAIServiceSDK, simulator: Simulator
) -> None:
    async with async_sdk.stream_generate("Hello") as stream:
        assert stream.request_id is None
    assert not simulator.calls


async def test_a_refused_request_raises_before_any_event(sdk: Caller) -> None:
    with pytest.raises(ValidationError) as caught:
        await sdk.read("stream_generate", "")
    assert caught.value.field == "prompt"


async def test_an_error_in_the_stream_raises_its_class_after_what_came(
    sdk: Caller, simulator: Simulator
) -> None:
    simulator.script(Cut(after_words=2, reply=Words(10)), on="anthropic")
    came: list[Any] = []
    with pytest.raises(ProviderError) as caught:
        await sdk.read_until(into(came), "stream_generate", "Hello")
    assert "".join(token.content for token in came).startswith("w0")
    assert (caught.value.status, caught.value.type) == (502, "provider_error")
    assert caught.value.request_id


async def test_events_of_one_piece_come_before_its_error(wired: Caller, wire: WireServer) -> None:
    told = {
        "type": "error",
        "error": {"type": "rate_limit_error", "message": "No", "retry_after": 3},
    }
    wire.replies = [stream(event(TOKEN) + event(TOKEN) + event(told))]
    came: list[Any] = []
    with pytest.raises(RateLimitError) as caught:
        await wired.read_until(into(came), "stream_generate", "Hello")
    assert len(came) == 2
    assert caught.value.retry_after == 3
    assert len(wire.received) == 1


@pytest.mark.parametrize("is_cut", [False, True], ids=["closed in good order", "cut"])
async def test_a_stream_without_its_last_event_raises(
    wired: Caller, wire: WireServer, *, is_cut: bool
) -> None:
    wire.replies = [stream(event(TOKEN), event(DONE)[:-1], is_cut=is_cut)]
    came: list[Any] = []
    with pytest.raises(StreamInterruptedError):
        await wired.read_until(into(came), "stream_generate", "Hello")
    assert len(came) == 1
    assert len(wire.received) == 1


async def test_what_comes_after_the_last_event_is_of_no_interest(
    wired: Caller, wire: WireServer
) -> None:
    wire.replies = [stream(event(TOKEN), event(DONE) + b"data: nonsense\n\n", is_cut=True)]
    assert (await wired.final("stream_generate", "Hello")).text == "Hello"


async def test_an_event_that_is_none_interrupts(wired: Caller, wire: WireServer) -> None:
    wire.replies = [stream(event(TOKEN), b"data: [1]\n\n", event(DONE))]
    with pytest.raises(StreamInterruptedError, match="no event"):
        await wired.final("stream_generate", "Hello")


async def test_events_of_a_kind_not_known_yet_are_passed_on(
    wired: Caller, wire: WireServer
) -> None:
    sources = {"type": "sources", "source_nodes": [{"score": 0.5}]}
    wire.replies = [stream(b": heartbeat\n\n", event(sources), event(TOKEN), event(DONE))]
    first, token, done = await wired.read("stream_generate", "Hello")
    assert first.type == "sources"
    assert first["source_nodes"] == [{"score": 0.5}]
    assert (token.content, done.type) == ("Hello", "done")


async def test_text_of_every_kind_arrives_whole_byte_by_byte(
    wired: Caller, wire: WireServer
) -> None:
    text = "é\u2028\u0085🎉\r\n"
    whole = (event({"type": "token", "content": text}) + event(DONE)).replace(b"\n\n", b"\r\n\r\n")
    wire.replies = [stream(*(bytes([byte]) for byte in whole))]
    assert (await wired.final("stream_generate", "Hello")).text == text


async def test_a_failure_after_the_first_event_is_not_tried_again(
    wired: Caller, wire: WireServer
) -> None:
    wire.replies = [stream(event(TOKEN), is_cut=True), stream(event(TOKEN), event(DONE))]
    with pytest.raises(StreamInterruptedError):
        await wired.final("stream_generate", "Hello")
    assert len(wire.received) == 1


@pytest.mark.parametrize(
    "failure",
    [
        error(503, "service_unavailable", retry_after="0"),
        stream(
            b": heartbeat\n\n",
            event({"type": "error", "error": {"type": "service_unavailable", "retry_after": 0}}),
        ),
        stream(b": heartbeat\n\n", is_cut=True),
        stream(),
    ],
    ids=["refused", "refused in band", "cut", "empty"],
)
async def test_a_failure_before_the_first_event_is_tried_again(
    wired: Caller, wire: WireServer, failure: object
) -> None:
    wire.replies = [failure, stream(event(TOKEN), event(DONE))]  # type: ignore[list-item]
    assert (await wired.final("stream_generate", "Hello")).text == "Hello"
    first, second = (request.headers["idempotency-key"] for request in wire.received)
    assert first == second


async def test_an_error_of_an_unknown_type_is_an_api_error(wired: Caller, wire: WireServer) -> None:
    wire.replies = [stream(event(TOKEN), event({"type": "error", "error": {"type": "tired"}}))]
    with pytest.raises(APIError) as caught:
        await wired.final("stream_generate", "Hello")
    assert caught.value.type == "tired"
