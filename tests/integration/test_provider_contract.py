"""What every provider owes the port: one suite for every adapter, over real sockets."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import aclosing

import msgspec
import pytest

from service.core.messages import (
    ImageData,
    ImageUrl,
    Message,
    NamedTool,
    StreamEnd,
    TextPart,
    ToolCall,
    UsageReport,
)
from service.inference.ports import FailureKind, Provider, ProviderFailure
from tests.integration.provider_calls import (
    CLOCK,
    FORECAST,
    MODELS,
    WEATHER,
    arguments_of,
    embedding_call,
    end_of,
    events_of,
    lists_of,
    make_call,
    opened,
    pieces_of,
    raw_server,
    read_request,
    text_of,
    user,
)
from tests.simulator import Reply, Simulator, Stall, Words

NETWORKED = ["anthropic", "openai"]
EVERY = [*NETWORKED, "sandbox"]
PROMPT_SECONDS = 0.1

every_provider = pytest.mark.parametrize("provider", EVERY, indirect=True)
networked = pytest.mark.parametrize("provider", NETWORKED, indirect=True)


@pytest.fixture
async def provider(request: pytest.FixtureRequest, simulator: Simulator) -> AsyncIterator[Provider]:
    async with opened(request.param, simulator) as provider:
        yield provider


@every_provider
async def test_plain_answer_has_text_finish_reason_usage_and_exact_model(
    provider: Provider,
) -> None:
    answer = await provider.complete(make_call(provider.name))
    assert answer.text is not None
    assert "hello big world" in answer.text
    assert answer.finish_reason == "stop"
    assert answer.tool_calls == ()
    assert answer.provider_model == MODELS[provider.name]
    assert answer.usage.input_tokens > 0
    assert answer.usage.output_tokens > 0
    assert answer.usage.source == "provider"


@every_provider
async def test_streamed_answer_is_the_plain_one_and_ends_once(provider: Provider) -> None:
    call = make_call(provider.name)
    plain = await provider.complete(call)
    lists = await lists_of(provider, call)
    assert all(lists)
    events = [event for events in lists for event in events]
    assert text_of(events) == plain.text
    end = end_of(events)
    assert (end.finish_reason, end.usage) == (plain.finish_reason, plain.usage)
    assert end.provider_model == plain.provider_model


@every_provider
async def test_equal_calls_get_equal_answers(provider: Provider) -> None:
    call = make_call(provider.name)
    assert await provider.complete(call) == await provider.complete(call)


@every_provider
async def test_max_tokens_cuts_the_answer_with_finish_reason_length(provider: Provider) -> None:
    call = make_call(provider.name, max_tokens=2)
    plain = await provider.complete(call)
    assert plain.finish_reason == "length"
    assert plain.usage.output_tokens <= 2
    assert end_of(await events_of(provider, call)).finish_reason == "length"


@every_provider
async def test_stop_sequence_ends_the_answer_before_it(provider: Provider) -> None:
    call = make_call(provider.name, stop=("big",))
    plain = await provider.complete(call)
    assert plain.finish_reason == "stop"
    assert plain.text is not None
    assert plain.text.endswith("hello ")
    assert text_of(await events_of(provider, call)) == plain.text


@every_provider
@pytest.mark.parametrize("choice", ["required", NamedTool("weather")])
async def test_forced_tool_is_called_with_arguments_that_fit_its_schema(
    provider: Provider, choice: NamedTool | str
) -> None:
    call = make_call(provider.name, tools=(WEATHER, CLOCK), tool_choice=choice)
    plain = await provider.complete(call)
    assert plain.finish_reason == "tool_calls"
    (made,) = plain.tool_calls
    assert made.name == "weather"
    assert made.id
    arguments = msgspec.json.decode(made.arguments)
    assert set(arguments) == {"city", "days"}
    assert isinstance(arguments["city"], str)
    assert arguments["days"] >= 2


@every_provider
async def test_streamed_tool_call_is_named_by_its_first_piece_only(provider: Provider) -> None:
    call = make_call(provider.name, tools=(WEATHER,), tool_choice=NamedTool("weather"))
    plain = await provider.complete(call)
    events = await events_of(provider, call)
    first, *rest = pieces_of(events)
    assert first.id
    assert first.name == "weather"
    assert rest
    assert all((piece.index, piece.id, piece.name) == (0, None, None) for piece in rest)
    assert arguments_of([first, *rest]) == msgspec.json.decode(plain.tool_calls[0].arguments)
    assert end_of(events).finish_reason == "tool_calls"


@every_provider
async def test_tool_without_parameters_streams_an_empty_object(provider: Provider) -> None:
    call = make_call(provider.name, tools=(CLOCK,), tool_choice=NamedTool("clock"))
    if provider.name != "sandbox":
        call = make_call(provider.name, user("{}"), tools=(CLOCK,), tool_choice=NamedTool("clock"))
    pieces = pieces_of(await events_of(provider, call))
    assert isinstance(arguments_of(pieces), dict)


@every_provider
async def test_json_schema_gives_json_of_that_shape(provider: Provider) -> None:
    call = make_call(provider.name, json_schema=FORECAST)
    plain = await provider.complete(call)
    assert plain.text is not None
    assert msgspec.json.decode(plain.text)["days"] >= 2
    assert set(msgspec.json.decode(text_of(await events_of(provider, call)))) == {"city", "days"}


@every_provider
async def test_images_and_a_whole_tool_exchange_are_taken(provider: Provider) -> None:
    parts = (
        TextPart("what is this"),
        ImageUrl("https://example.com/a.png"),
        ImageData("image/png", "iVBORw0KGgo="),
    )
    exchange = (
        Message(role="system", content="Be brief."),
        user(parts),
        Message(
            role="assistant",
            content=None,
            tool_calls=(ToolCall("call_1", "weather", '{"city":"Paris","days":2}'),),
        ),
        Message(role="tool", content="sunny today", tool_call_id="call_1"),
    )
    answer = await provider.complete(make_call(provider.name, *exchange, tools=(WEATHER,)))
    assert answer.text is not None
    assert "sunny today" in answer.text


@every_provider
async def test_unicode_survives_both_ways(provider: Provider) -> None:
    said = "naïve 日本 \u2028 🙂 \u0000 end"
    call = make_call(provider.name, user(said), max_tokens=1000)
    plain = await provider.complete(call)
    assert plain.text is not None
    assert "🙂" in plain.text
    assert "日本" in plain.text
    assert text_of(await events_of(provider, call)) == plain.text


@pytest.mark.parametrize("provider", ["anthropic", "sandbox"], indirect=True)
async def test_input_tokens_are_told_before_the_first_word(provider: Provider) -> None:
    events = await events_of(provider, make_call(provider.name))
    assert isinstance(events[0], UsageReport)
    assert events[0].usage.input_tokens == end_of(events).usage.input_tokens


@pytest.mark.parametrize("provider", ["openai", "sandbox"], indirect=True)
async def test_embeddings_are_one_unit_vector_for_each_text_in_order(provider: Provider) -> None:
    texts = ("a red apple on a tree", "a red apple on the table", "quarterly tax returns")
    answer = await provider.embed(embedding_call(*texts))
    apple, table, taxes = answer.vectors
    assert sum(x * x for x in apple) == pytest.approx(1)
    assert _dot(apple, table) > _dot(apple, taxes) + 0.3
    assert answer.usage.input_tokens > 0
    assert answer.provider_model == "text-embedding-3-small"
    (alone,) = (await provider.embed(embedding_call(texts[2]))).vectors
    assert alone == taxes


@pytest.mark.parametrize("provider", ["anthropic"], indirect=True)
async def test_provider_without_embeddings_says_so(provider: Provider) -> None:
    with pytest.raises(ProviderFailure) as failure:
        await provider.embed(embedding_call("a"))
    assert failure.value.kind is FailureKind.MISCONFIGURED


@networked
async def test_words_arrive_as_the_vendor_sends_them(
    provider: Provider, simulator: Simulator
) -> None:
    simulator.script(Words(5, interval_seconds=0.02), on=provider.name)
    arrivals = [
        time.monotonic()
        async for events in provider.stream(make_call(provider.name))
        if text_of(events)
    ]
    assert len(arrivals) == 5
    assert arrivals[-1] - arrivals[0] >= 0.06


@networked
async def test_cancelled_plain_call_closes_the_socket(
    provider: Provider, simulator: Simulator
) -> None:
    simulator.script(Stall(before_headers=True), on=provider.name)
    task = asyncio.get_running_loop().create_task(provider.complete(make_call(provider.name)))
    await simulator.wait_for(lambda _: simulator.in_flight)
    await _cancelled(task)
    await _assert_left_at_once(simulator)


@pytest.mark.parametrize("name", NETWORKED)
async def test_cancelled_in_the_middle_of_a_plain_body_closes_the_socket(
    name: str, simulator: Simulator
) -> None:
    half_sent, left = asyncio.Event(), asyncio.Event()

    async def answer_half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n" + b'{"model":')
        await writer.drain()
        half_sent.set()
        await reader.read()
        left.set()
        writer.close()

    async with (
        raw_server(answer_half) as base_url,
        opened(name, simulator, base_url=base_url) as provider,
    ):
        task = asyncio.get_running_loop().create_task(provider.complete(make_call(name)))
        await half_sent.wait()
        await _cancelled(task)
        async with asyncio.timeout(PROMPT_SECONDS):
            await left.wait()


@networked
async def test_stream_cancelled_before_its_first_token_closes_the_socket(
    provider: Provider, simulator: Simulator
) -> None:
    simulator.script(Stall(before_headers=True), on=provider.name)
    task = asyncio.get_running_loop().create_task(events_of(provider, make_call(provider.name)))
    await simulator.wait_for(lambda _: simulator.in_flight)
    await _cancelled(task)
    await _assert_left_at_once(simulator)


@networked
async def test_stream_cancelled_in_its_middle_closes_the_socket(
    provider: Provider, simulator: Simulator
) -> None:
    simulator.script(Stall(after_words=2, reply=Words(5)), on=provider.name)
    task = asyncio.get_running_loop().create_task(events_of(provider, make_call(provider.name)))
    await simulator.wait_for(lambda _: simulator.calls and simulator.calls[0].first_event_at)
    await _cancelled(task)
    await _assert_left_at_once(simulator)


@networked
async def test_closing_the_generator_closes_the_socket(
    provider: Provider, simulator: Simulator
) -> None:
    simulator.script(Stall(after_words=2, reply=Words(5)), on=provider.name)
    stream = provider.stream(make_call(provider.name))
    await anext(stream)
    closed_at = time.monotonic()
    await stream.aclose()
    await simulator.wait_for(lambda _: simulator.calls[0].client_left_at)
    assert (simulator.calls[0].client_left_at or 0) - closed_at < PROMPT_SECONDS


@networked
async def test_finished_calls_leave_the_connection_for_the_next(
    provider: Provider, simulator: Simulator
) -> None:
    await provider.complete(make_call(provider.name))
    await events_of(provider, make_call(provider.name))
    simulator.script(Words(3, interval_seconds=0.005), on=provider.name)
    await events_of(provider, make_call(provider.name))
    await provider.complete(make_call(provider.name))
    assert len({call.client_port for call in simulator.calls}) == 1


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("anthropic", b'data: {"type": "message_stop"}\n\n'),
        ("openai", b"data: [DONE]\n\n"),
    ],
)
async def test_connection_is_kept_though_its_end_comes_after_the_terminal_marker(
    name: str, ending: bytes, simulator: Simulator
) -> None:
    connections = 0
    told: dict[str, bytes] = {
        "anthropic": b'data: {"type": "message_start", "message": {"model": "m", "content": []}}\n\n'
        b'data: {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}\n\n',
        "openai": b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n',
    }
    body = told[name] + ending

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        for _ in range(3):
            await read_request(reader)
            writer.write(
                b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n"
                b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(body), body)
            )
            await asyncio.sleep(0.02)  # a proxy that takes its time
            writer.write(b"0\r\n\r\n")
        writer.close()

    async with (
        raw_server(answer) as base_url,
        opened(name, simulator, base_url=base_url) as provider,
    ):
        for _ in range(3):
            async with aclosing(provider.stream(make_call(name))) as stream:
                while not isinstance((await anext(stream))[-1], StreamEnd):
                    pass
    assert connections == 1


@networked
async def test_closed_provider_is_unreachable(provider: Provider, simulator: Simulator) -> None:
    await provider.complete(make_call(provider.name))
    await provider.aclose()
    for answer in (
        provider.complete(make_call(provider.name)),
        events_of(provider, make_call(provider.name)),
    ):
        with pytest.raises(ProviderFailure) as failure:
            await answer
        assert failure.value.kind is FailureKind.UNREACHABLE
    assert len(simulator.calls) == 1


@networked
async def test_many_calls_at_once_are_independent(provider: Provider, simulator: Simulator) -> None:
    simulator.always(Reply(delay_seconds=0.05), on=provider.name)
    calls = [make_call(provider.name, user(f"question {n}")) for n in range(50)]
    answers = await asyncio.gather(*map(provider.complete, calls))
    assert [answer.text for answer in answers] == [f"Echo: question {n}" for n in range(50)]
    assert simulator.peak_in_flight > 25


async def test_sandbox_says_what_it_is_and_streams_dozens_of_words_one_by_one(
    simulator: Simulator,
) -> None:
    async with opened("sandbox", simulator) as provider:
        call = make_call("sandbox", max_tokens=1000)
        answer = await provider.complete(call)
        assert (answer.text or "").startswith("This is a sandbox answer.")
        lists = [each for each in await lists_of(provider, call) if text_of(each)]
    assert len(lists) >= 36
    assert all(len(each) == 1 for each in lists)


async def _cancelled(task: "asyncio.Task[object]") -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _assert_left_at_once(simulator: Simulator) -> None:
    """The vendor has seen the client leave; it was cancelled just now."""
    cancelled_at = time.monotonic()
    await simulator.wait_for(lambda _: simulator.calls[0].client_left_at)
    assert (simulator.calls[0].client_left_at or 0) - cancelled_at < PROMPT_SECONDS


def _dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))
