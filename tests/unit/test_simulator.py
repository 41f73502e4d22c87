"""The simulator against the vendors' real SDKs, over real sockets."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal

import anthropic
import httpx
import httpx2
import openai
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import TextBlock, ThinkingBlock, ToolUseBlock
from openai import AsyncOpenAI

from tests.simulator import (
    THINKING,
    Behaviour,
    Cut,
    Hangup,
    InBandError,
    Malformed,
    Reply,
    Simulator,
    SlowBytes,
    SplitBytes,
    Stall,
    Status,
    ToolCall,
    Usage,
    Words,
    bad_key,
    behaviour_from_json,
    count_input_tokens,
    count_tokens,
    embedding_of,
    out_of_quota,
    overloaded,
    rate_limited,
    server_error,
    spend_limit,
    split_words,
    unavailable,
    unknown_model,
)

CLAUDE, GPT = "claude-haiku-5-5", "gpt-6-luna"
HELLO: list[Any] = [{"role": "user", "content": "hello big world"}]
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}},
}
PROMPT_SECONDS = 0.1
Server = Literal["anthropic", "openai"]
BOTH: list[Server] = ["anthropic", "openai"]
FAILURES = (anthropic.APIError, openai.APIError, httpx2.HTTPError, ValueError)
"""In mid-stream the Anthropic SDK lets the transport's and the JSON decoder's errors through."""


@pytest.fixture(scope="module")
def running() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture
def sim(running: Simulator) -> Simulator:
    running.reset()
    return running


@pytest.fixture
async def claude(sim: Simulator) -> AsyncIterator[AsyncAnthropic]:
    base_url = sim.anthropic_base_url
    async with AsyncAnthropic(api_key="k", base_url=base_url, max_retries=0) as client:
        yield client


@pytest.fixture
async def gpt(sim: Simulator) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key="k", base_url=sim.openai_base_url, max_retries=0) as client:
        yield client


class Vendors:
    """The same question to either vendor, so that a test of a fault is written once."""

    def __init__(self, claude: AsyncAnthropic, gpt: AsyncOpenAI) -> None:
        self.claude, self.gpt = claude, gpt

    async def plain(self, server: Server) -> str:
        if server == "anthropic":
            message = await self.claude.messages.create(model=CLAUDE, max_tokens=99, messages=HELLO)
            return "".join(block.text for block in message.content if block.type == "text")
        completion = await self.gpt.chat.completions.create(model=GPT, messages=HELLO)
        return completion.choices[0].message.content or ""

    async def words(self, server: Server) -> AsyncIterator[str]:
        """The stream's deltas; the connection is closed when the generator is."""
        if server == "anthropic":
            events = await self.claude.messages.create(
                model=CLAUDE, max_tokens=99, messages=HELLO, stream=True
            )
            async with events:
                async for event in events:
                    if event.type == "content_block_delta" and event.delta.type == "text_delta":
                        yield event.delta.text
            return
        chunks = await self.gpt.chat.completions.create(model=GPT, messages=HELLO, stream=True)
        async with chunks:
            async for chunk in chunks:
                for choice in chunk.choices:
                    if choice.delta.content:
                        yield choice.delta.content

    async def heard(self, server: Server) -> list[str]:
        """The deltas up to wherever the stream ends or fails."""
        heard = []
        try:
            async for word in self.words(server):
                heard.append(word)  # noqa: PERF401 - what came before the failure counts
        except FAILURES as error:
            heard.append(type(error).__name__)
        return heard


@pytest.fixture
def vendors(claude: AsyncAnthropic, gpt: AsyncOpenAI) -> Vendors:
    return Vendors(claude, gpt)


# --- Anthropic's format ---------------------------------------------------------------------------


async def test_a_message_echoes_and_counts_words(sim: Simulator, claude: AsyncAnthropic) -> None:
    raw = await claude.messages.with_raw_response.create(
        model=CLAUDE, max_tokens=99, system="Be brief", messages=HELLO
    )
    message = await raw.parse()

    assert raw.headers["request-id"].startswith("req_")
    assert raw.headers["anthropic-organization-id"]
    assert message.content == [TextBlock(type="text", text="Echo: hello big world")]
    assert message.stop_reason == "end_turn"
    (call,) = sim.calls
    assert message.usage.input_tokens == count_input_tokens(call.body) == 5
    assert message.usage.output_tokens == count_tokens("Echo: hello big world") == 4
    assert (call.server, call.path, call.finished) == ("anthropic", "/v1/messages", True)
    assert call.headers["anthropic-version"] == "2026-10-21"
    assert sim.in_flight == 0


async def test_a_message_stream_has_thinking_text_and_tool_blocks(
    sim: Simulator, claude: AsyncAnthropic
) -> None:
    usage = Usage(input_tokens=100, output_tokens=50, cache_read_tokens=60, cache_write_tokens=30)
    reply = Reply(text="One two", thinking="Hm", tool_calls=(ToolCall("weather"),), usage=usage)
    sim.script(reply, on="anthropic")
    async with claude.messages.stream(model=CLAUDE, max_tokens=99, messages=HELLO) as stream:
        events = [event.type async for event in stream]
        message = await stream.get_final_message()

    thinking, text, tool = message.content
    assert isinstance(thinking, ThinkingBlock)
    assert thinking.thinking == "Hm"
    assert thinking.signature
    assert isinstance(text, TextBlock)
    assert text.text == "One two"
    assert isinstance(tool, ToolUseBlock)
    assert tool.input == {"city": "Paris"}
    assert message.stop_reason == "tool_use"
    assert message.usage.input_tokens == 10
    assert message.usage.cache_read_input_tokens == 60
    assert message.usage.cache_creation_input_tokens == 30
    assert message.usage.output_tokens == 50
    assert events.count("input_json") > 2
    assert sim.calls[0].finished


async def test_a_message_obeys_limits_stops_tools_schemas_and_thinking(
    claude: AsyncAnthropic,
) -> None:
    async def ask(**options: Any) -> anthropic.types.Message:
        options = {"model": CLAUDE, "max_tokens": 99, "messages": HELLO, **options}
        async with claude.messages.stream(**options) as stream:
            streamed = await stream.get_final_message()
        plain: anthropic.types.Message = await claude.messages.create(**options)
        assert plain.stop_reason == streamed.stop_reason
        assert plain.usage.output_tokens == streamed.usage.output_tokens
        return plain

    def text(message: anthropic.types.Message) -> str:
        return "".join(block.text for block in message.content if block.type == "text")

    cut = await ask(max_tokens=2)
    assert (text(cut), cut.stop_reason, cut.usage.output_tokens) == ("Echo: hello", "max_tokens", 2)
    stopped = await ask(stop_sequences=["big"])
    assert (text(stopped), stopped.stop_reason) == ("Echo: hello ", "stop_sequence")
    assert stopped.stop_sequence == "big"
    tools = [{"name": "a", "input_schema": SCHEMA}, {"name": "b", "input_schema": SCHEMA}]
    called = await ask(tools=tools, tool_choice={"type": "tool", "name": "b"})
    assert isinstance(called.content[0], ToolUseBlock)
    assert called.content[0].name == "b"
    assert called.content[0].input == {"city": "Paris", "days": 2}
    shaped = await ask(output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
    assert json.loads(text(shaped)) == {"city": "Paris", "days": 2}
    budget = {"type": "enabled", "budget_tokens": 1024}
    for model, thinking, shown in [
        ("claude-haiku-4-5", budget, THINKING),
        (CLAUDE, {"type": "adaptive", "display": "summarized"}, THINKING),
        (CLAUDE, {"type": "adaptive"}, ""),
    ]:
        thought = await ask(model=model, thinking=thinking)
        assert thought.content[0].type == "thinking"
        assert thought.content[0].thinking == shown
        assert thought.content[0].signature
        assert text(thought) == "Echo: hello big world"


async def test_a_refused_message_says_so(sim: Simulator, claude: AsyncAnthropic) -> None:
    sim.script(Reply(refusal="I will not."), on="anthropic")
    message = await claude.messages.create(model=CLAUDE, max_tokens=9, messages=HELLO)
    assert message.stop_reason == "refusal"
    assert message.stop_details is not None
    assert message.stop_details.explanation == "I will not."


# --- OpenAI's format ------------------------------------------------------------------------------


async def test_a_completion_echoes_and_counts_words(sim: Simulator, gpt: AsyncOpenAI) -> None:
    raw = await gpt.chat.completions.with_raw_response.create(model=GPT, messages=HELLO)
    completion = raw.parse()

    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.headers["x-ratelimit-remaining-requests"]
    assert completion.choices[0].message.content == "Echo: hello big world"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert (completion.usage.prompt_tokens, completion.usage.completion_tokens) == (3, 4)
    assert sim.calls[0].path == "/v1/chat/completions"


@pytest.mark.parametrize("include_usage", [True, False])
async def test_chunks_come_in_the_vendors_order(gpt: AsyncOpenAI, include_usage: bool) -> None:
    stream = await gpt.chat.completions.create(
        model=GPT,
        messages=HELLO,
        stream=True,
        stream_options={"include_usage": include_usage},
    )
    chunks = [chunk async for chunk in stream]
    if include_usage:
        last = chunks.pop()
        assert last.choices == []
        assert last.usage is not None
        assert last.usage.completion_tokens == 4
    first, *deltas, ending = chunks
    assert first.choices[0].delta.role == "assistant"
    words = [chunk.choices[0].delta.content for chunk in deltas]
    assert words == ["Echo:", " hello", " big", " world"]
    assert ending.choices[0].finish_reason == "stop"
    assert all(chunk.usage is None for chunk in chunks)


async def test_a_completion_obeys_limits_stops_tools_and_schemas(gpt: AsyncOpenAI) -> None:
    async def ask(**options: Any) -> openai.types.chat.ParsedChatCompletion[Any]:
        async with gpt.chat.completions.stream(model=GPT, messages=HELLO, **options) as stream:
            return await stream.get_final_completion()

    completion = await gpt.chat.completions.create(
        model=GPT, messages=HELLO, max_completion_tokens=2
    )
    assert completion.choices[0].message.content == "Echo: hello"
    assert completion.choices[0].finish_reason == "length"
    stopped = (await ask(stop="big")).choices[0]
    assert (stopped.message.content, stopped.finish_reason) == ("Echo: hello ", "stop")
    tools = [{"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}]
    called = (await ask(tools=tools, tool_choice="required")).choices[0]
    assert called.finish_reason == "tool_calls"
    assert called.message.tool_calls is not None
    arguments = called.message.tool_calls[0].function.arguments
    assert json.loads(arguments) == {"city": "Paris", "days": 2}
    schema: Any = {"name": "trip", "schema": SCHEMA}
    shaped = await gpt.chat.completions.create(
        model=GPT,
        messages=HELLO,
        response_format={"type": "json_schema", "json_schema": schema},
    )
    assert json.loads(shaped.choices[0].message.content or "") == {"city": "Paris", "days": 2}


async def test_a_scripted_completion_is_sent_as_given(sim: Simulator, gpt: AsyncOpenAI) -> None:
    tools = (ToolCall("a", "{broken"), ToolCall("b", "{}", id="call_b"))
    usage = Usage(input_tokens=10, cache_read_tokens=8, reasoning_tokens=5)
    sim.script(
        Reply(tool_calls=tools, usage=usage),
        Reply(refusal="No.", model="gpt-6-luna-2026-01-01", omit_usage=True),
        Reply(text="half", finish="content_filter"),
        on="openai",
    )
    called, refused, filtered = [
        await gpt.chat.completions.create(model=GPT, messages=HELLO) for _ in range(3)
    ]
    calls = called.choices[0].message.tool_calls or []
    assert [call.type == "function" and call.function.arguments for call in calls] == [
        "{broken",
        "{}",
    ]
    assert called.usage is not None
    assert called.usage.prompt_tokens_details is not None
    assert called.usage.prompt_tokens_details.cached_tokens == 8
    assert refused.choices[0].message.refusal == "No."
    assert (refused.model, refused.usage) == ("gpt-6-luna-2026-01-01", None)
    assert filtered.choices[0].finish_reason == "content_filter"
    assert sim.unconsumed == 0


async def test_a_compatible_server_shows_its_reasoning(sim: Simulator, gpt: AsyncOpenAI) -> None:
    sim.script(Reply(thinking="Let me see"), on="local")
    server = gpt.with_options(base_url=sim.openai_base_url_at("local"))
    chunks = await server.chat.completions.create(model="deepseek", messages=HELLO, stream=True)
    deltas = [chunk.choices[0].delta async for chunk in chunks]
    assert "".join(getattr(delta, "reasoning_content", "") for delta in deltas) == "Let me see"
    assert "".join(delta.content or "" for delta in deltas) == "Echo: hello big world"


async def test_embeddings_in_both_encodings_are_the_same_vectors(gpt: AsyncOpenAI) -> None:
    ask = gpt.embeddings.create
    packed = await ask(model="e", input=["red fox", "fox red", "blue"], dimensions=32)
    listed = await ask(model="e", input="red fox", dimensions=32, encoding_format="float")
    same, turned, other = [item.embedding for item in packed.data]
    assert same == pytest.approx(listed.data[0].embedding)
    assert same == pytest.approx(turned)
    assert same == pytest.approx(embedding_of("red fox", 32))
    assert sum(a * b for a, b in zip(same, other, strict=True)) < 0.9
    assert packed.usage.prompt_tokens == 5
    whole = await ask(model="e", input=[[1, 2, 3]])
    assert len(whole.data[0].embedding) == 1536


# --- errors and faults ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"temperature": 1.0}, "temperature: Extra inputs are not permitted"),
        ({"messages": [*HELLO, {"role": "assistant", "content": "So"}]}, "prefill"),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, "thinking.type.adaptive"),
        ({"messages": []}, "at least one message"),
    ],
)
async def test_anthropics_rules_are_enforced(
    claude: AsyncAnthropic, change: dict[str, Any], problem: str
) -> None:
    with pytest.raises(anthropic.BadRequestError, match=problem):
        await claude.messages.create(model=CLAUDE, max_tokens=9, messages=HELLO, extra_body=change)


async def test_openais_rules_are_enforced_for_openai_only(sim: Simulator, gpt: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="max_completion_tokens"):
        await gpt.chat.completions.create(model=GPT, messages=HELLO, max_tokens=9)
    server = gpt.with_options(base_url=sim.openai_base_url_at("local"))
    await server.chat.completions.create(model="llama", messages=HELLO, max_tokens=9)


async def test_keys_and_bodies_are_checked_as_the_vendors_do(sim: Simulator) -> None:
    key = {"authorization": "Bearer k", "anthropic-version": "2023-06-01"}
    async with httpx.AsyncClient(base_url=sim.url) as client:
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/v1/messages")).status_code == 405
        assert (await client.post("/v1/nowhere")).status_code == 404
        for path in ("/v1/messages", "/v1/chat/completions", "/v1/embeddings"):
            assert (await client.post(path, json={})).status_code == 401
            for content in (b"{", b"[]", b"{}", b'{"model":"m","max_tokens":1,"messages":7}'):
                answer = await client.post(path, content=content, headers=key)
                assert answer.status_code == 400
                assert answer.json()["error"]["message"]
    assert sim.in_flight == 0
    assert len(sim.calls) == 3 * 5


@pytest.mark.parametrize("server", BOTH)
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (rate_limited(seconds=7), 429),
        (unavailable(), 503),
        (server_error(), 500),
        (bad_key(), 401),
        (unknown_model(), 404),
    ],
)
async def test_an_error_status_is_the_vendors_own(
    sim: Simulator, vendors: Vendors, server: Server, status: Status, code: int
) -> None:
    sim.script(status, on=server)
    errors = (anthropic.APIStatusError, openai.APIStatusError)
    with pytest.raises(errors, match=f"Error code: {code}"):
        await vendors.plain(server)
    assert await vendors.plain(server)
    assert [call.status for call in sim.calls] == [code, 200]


async def test_errors_carry_what_routing_needs(
    sim: Simulator, claude: AsyncAnthropic, gpt: AsyncOpenAI
) -> None:
    sim.script(overloaded(), spend_limit(), on="anthropic")
    sim.script(out_of_quota(), rate_limited(date_in_seconds=60), on="openai")
    sim.script(rate_limited(milliseconds=250), on="openai")
    errors: list[anthropic.APIStatusError | openai.APIStatusError] = []
    for _ in range(2):
        with pytest.raises(anthropic.APIStatusError) as refused:
            await claude.messages.create(model=CLAUDE, max_tokens=9, messages=HELLO)
        errors.append(refused.value)
    for _ in range(3):
        with pytest.raises(openai.APIStatusError) as limited:
            await gpt.chat.completions.create(model=GPT, messages=HELLO)
        errors.append(limited.value)
    busy, spent, quota, dated, soon = errors
    assert busy.status_code == 529
    assert isinstance(busy.body, dict)
    assert busy.body["error"]["type"] == "overloaded_error"
    assert str(busy.body["request_id"]).startswith("req_")
    assert isinstance(spent.body, dict)
    assert spent.body["error"]["details"] == {"error_code": "enforced_spend_limit_reached"}
    assert isinstance(quota, openai.RateLimitError)
    assert quota.code == "insufficient_quota"
    assert dated.response.headers["retry-after"].endswith(" GMT")
    assert soon.response.headers["retry-after-ms"] == "250"


@pytest.mark.parametrize("server", BOTH)
@pytest.mark.parametrize(
    "cut", [Cut(after_words=2), Cut(after_words=2, how="close"), Cut(after_words=2, how="reset")]
)
async def test_a_cut_stream_delivers_what_was_sent_and_no_more(
    sim: Simulator, vendors: Vendors, server: Server, cut: Cut
) -> None:
    sim.script(cut, on=server)
    heard = await vendors.heard(server)
    assert heard[:2] == ["Echo:", " hello"]
    assert len(heard) == (2 if cut.how == "clean" else 3)
    (call,) = sim.calls
    assert not call.finished
    assert call.client_left_at is None
    assert call.events_sent == (5 if server == "anthropic" else 3)
    await sim.wait_for(lambda sim: not sim.in_flight)


@pytest.mark.parametrize("server", BOTH)
@pytest.mark.parametrize(
    "behaviour",
    [
        Cut(),
        Cut(how="close"),
        Cut(how="reset"),
        Hangup(),
        Hangup(how="reset"),
        Malformed("json"),
        Malformed("not_an_object"),
        Malformed("utf8"),
        Malformed("sse"),
        Malformed("html"),
        Malformed("empty"),
        Malformed("wrong_shape"),
        InBandError(),
    ],
)
async def test_a_broken_plain_answer_fails_and_leaves_nothing_behind(
    sim: Simulator, vendors: Vendors, server: Server, behaviour: Behaviour
) -> None:
    sim.script(behaviour, on=server)
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever the SDK makes of it
        assert await vendors.plain(server)
    await sim.wait_for(lambda sim: not sim.in_flight)
    assert await vendors.plain(server) == "Echo: hello big world"


@pytest.mark.parametrize("server", BOTH)
@pytest.mark.parametrize("kind", ["json", "utf8", "sse"])
async def test_a_malformed_event_comes_where_it_was_asked_for(
    sim: Simulator, vendors: Vendors, server: Server, kind: Literal["json", "utf8", "sse"]
) -> None:
    sim.script(Malformed(kind, after_words=1), on=server)
    heard = await vendors.heard(server)
    assert heard[0] == "Echo:"
    if (server, kind) != ("anthropic", "sse"):  # that SDK skips data without an event name
        assert heard[1:] in (["JSONDecodeError"], ["UnicodeDecodeError"])


@pytest.mark.parametrize("server", BOTH)
@pytest.mark.parametrize("kind", ["html", "empty"])
async def test_a_stream_without_events_is_no_answer(
    sim: Simulator, vendors: Vendors, server: Server, kind: Literal["html", "empty"]
) -> None:
    sim.script(Malformed(kind), on=server)
    assert await vendors.heard(server) == []
    assert sim.calls[0].events_sent == 0
    assert await vendors.heard(server) == ["Echo:", " hello", " big", " world"]


@pytest.mark.parametrize("server", BOTH)
async def test_an_error_in_the_stream_is_the_vendors_own(
    sim: Simulator, vendors: Vendors, server: Server
) -> None:
    sim.script(InBandError(after_words=1, message="Busy"), on=server)
    assert (await vendors.heard(server))[0] == "Echo:"
    sim.script(InBandError(after_words=1, message="Busy"), on=server)
    with pytest.raises((anthropic.APIError, openai.APIError), match="Busy"):
        async for _ in vendors.words(server):
            pass


@pytest.mark.parametrize("server", BOTH)
@pytest.mark.parametrize(
    "behaviour", [SplitBytes(1), SplitBytes(7, crlf=True), SlowBytes(64, 0.001), Reply()]
)
async def test_bytes_cut_anywhere_say_the_same(
    sim: Simulator, vendors: Vendors, server: Server, behaviour: Behaviour
) -> None:
    text = "Grüße 🌍 to\nall"
    if isinstance(behaviour, SlowBytes):
        behaviour = SlowBytes(64, 0.001, reply=Reply(text=text))
    elif isinstance(behaviour, SplitBytes):
        behaviour = SplitBytes(behaviour.each, behaviour.crlf, reply=Reply(text=text))
    else:
        behaviour = Reply(text=text)
    sim.script(behaviour, behaviour, on=server)
    assert [word async for word in vendors.words(server)] == split_words(text)
    assert await vendors.plain(server) == text
    streamed, plain = sim.calls
    assert streamed.finished
    assert plain.finished
    assert streamed.events_sent == (9 + 1 if server == "anthropic" else 4 + 3)


@pytest.mark.parametrize("server", BOTH)
async def test_a_stalled_stream_goes_on_when_released(
    sim: Simulator, vendors: Vendors, server: Server
) -> None:
    sim.script(Stall(after_words=2, keep_alive_seconds=0.005), on=server)
    words = vendors.words(server)
    assert [await anext(words), await anext(words)] == ["Echo:", " hello"]
    assert sim.in_flight == 1
    sim.release()
    assert [word async for word in words] == [" big", " world"]
    assert sim.calls[0].finished


@pytest.mark.parametrize("server", BOTH)
@pytest.mark.parametrize("before_headers", [True, False])
@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_a_silence_is_noticed_at_once(
    sim: Simulator, vendors: Vendors, server: Server, before_headers: bool, stream: bool
) -> None:
    sim.script(Stall(before_headers=before_headers), on=server)
    asking = vendors.heard(server) if stream else vendors.plain(server)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(asking)
        await sim.wait_for(lambda sim: sim.in_flight == 1)
        left_at = time.monotonic()
        task.cancel()
    await sim.wait_for(lambda sim: sim.calls[0].client_left_at is not None)
    (call,) = sim.calls
    assert call.client_left_at is not None
    assert call.client_left_at - left_at < PROMPT_SECONDS
    assert not call.finished
    assert (call.status is None) == before_headers
    await sim.wait_for(lambda sim: sim.in_flight == 0)


@pytest.mark.parametrize("server", BOTH)
async def test_a_client_that_leaves_a_paced_stream_is_noticed_at_once(
    sim: Simulator, vendors: Vendors, server: Server
) -> None:
    sim.always(Words(1000, interval_seconds=0.005), on=server)
    words = vendors.words(server)
    heard = [await anext(words) for _ in range(3)]
    left_at = time.monotonic()
    await words.aclose()  # type: ignore[attr-defined] # it is a generator
    await sim.wait_for(lambda sim: not sim.in_flight)
    (call,) = sim.calls
    assert heard == ["w0", " w1", " w2"]
    assert call.client_left_at is not None
    assert call.client_left_at - left_at < PROMPT_SECONDS
    assert call.events_sent < 100
    assert not call.finished


@pytest.mark.parametrize("server", BOTH)
async def test_a_client_that_stops_reading_holds_the_stream_back(
    sim: Simulator, vendors: Vendors, server: Server
) -> None:
    sim.script(Words(500_000), on=server)
    words = vendors.words(server)
    assert await anext(words) == "w0"
    await words.aclose()  # type: ignore[attr-defined] # it is a generator
    await sim.wait_for(lambda sim: not sim.in_flight)
    assert sim.calls[0].client_left_at is not None
    assert sim.calls[0].events_sent < 500_000


# --- control --------------------------------------------------------------------------------------


async def test_scripts_are_consumed_in_order_by_the_server_and_path_they_name(
    sim: Simulator, gpt: AsyncOpenAI
) -> None:
    async def ask(client: AsyncOpenAI) -> str | None:
        completion = await client.chat.completions.create(model=GPT, messages=HELLO)
        return completion.choices[0].message.content

    other = gpt.with_options(base_url=sim.openai_base_url_at("local"))
    sim.always(Reply(text="standing"), on="local")
    sim.script(Reply(text="one"), Reply(text="two"), on="local")
    sim.script(server_error(), on="openai", path="/v1/embeddings")

    assert await ask(gpt) == "Echo: hello big world"
    assert [await ask(other) for _ in range(3)] == ["one", "two", "standing"]
    with pytest.raises(openai.InternalServerError):
        await gpt.embeddings.create(model="e", input="a")
    assert [call.server for call in sim.calls] == ["openai", *["local"] * 3, "openai"]
    assert len(sim.calls_to("local", "/v1/chat/completions")) == 3
    sim.always(None, on="local")
    assert await ask(other) == "Echo: hello big world"


async def test_a_header_asks_for_a_behaviour(gpt: AsyncOpenAI) -> None:
    client = gpt.with_options(default_headers={"x-simulator": '{"reply": {"text": "hi"}}'})
    completion = await client.chat.completions.create(model=GPT, messages=HELLO)
    assert completion.choices[0].message.content == "hi"
    client = gpt.with_options(default_headers={"x-simulator": '{"behaviour": "nonsense"}'})
    with pytest.raises(openai.BadRequestError, match="nonsense"):
        await client.chat.completions.create(model=GPT, messages=HELLO)


def test_behaviours_are_read_from_json_in_both_spellings() -> None:
    assert behaviour_from_json('{"words": {"count": 3}}') == Words(3)
    text = '{"behaviour": "stall", "after_words": 2, "reply": {"behaviour": "words", "count": 9}}'
    assert behaviour_from_json(text) == Stall(after_words=2, reply=Words(9))
    with pytest.raises(ValueError, match="unknown field"):
        behaviour_from_json('{"words": {"count": 3, "speed": 1}}')


async def test_calls_in_flight_are_counted_and_released_together(
    sim: Simulator, vendors: Vendors
) -> None:
    sim.always(Stall(before_headers=True), on="openai")
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(vendors.plain("openai"))
        await sim.wait_for(lambda sim: sim.in_flight == 5)
        assert sorted(call.concurrency for call in sim.calls) == [1, 2, 3, 4, 5]
        sim.release()
    assert sim.peak_in_flight == 5
    assert all(call.finished for call in sim.calls)
    with pytest.raises(TimeoutError, match="still false"):
        await sim.wait_for(lambda sim: sim.in_flight, timeout=0)


async def test_a_reset_ends_what_is_in_flight(sim: Simulator, vendors: Vendors) -> None:
    sim.always(Stall(), on="anthropic")
    async with asyncio.TaskGroup() as group:
        task = group.create_task(vendors.heard("anthropic"))
        await sim.wait_for(lambda sim: bool(sim.calls) and sim.calls[0].events_sent)
        sim.reset()
    assert len(task.result()) == 1
    assert sim.calls == []
    await sim.wait_for(lambda sim: not sim.in_flight)
    assert await vendors.plain("anthropic") == "Echo: hello big world"


async def test_a_stopped_simulator_refuses_connections_and_comes_back() -> None:
    with Simulator() as simulator:
        base_url = simulator.openai_base_url
        async with AsyncOpenAI(api_key="k", base_url=base_url, max_retries=0) as client:
            models = client.embeddings
            await models.create(model="e", input="a")
            simulator.stop()
            with pytest.raises(openai.APIConnectionError):
                await models.create(model="e", input="a")
            simulator.start()
            await models.create(model="e", input="a")
            assert len(simulator.calls) == 2
