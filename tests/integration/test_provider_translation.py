"""What reaches the vendor's wire, and what is made of what comes back."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from service.core.messages import (
    ImageData,
    ImageUrl,
    JsonSchema,
    Message,
    NamedTool,
    TextPart,
    Tool,
    ToolCall,
    Usage,
)
from service.inference.ports import CompletionCall, FailureKind, Provider, ProviderFailure
from service.inference.profiles import ModelProfile
from tests.integration.provider_calls import (
    CLOCK,
    FORECAST,
    KEY,
    PROFILES,
    WEATHER,
    arguments_of,
    embedding_call,
    end_of,
    events_of,
    make_call,
    opened,
    pieces_of,
    text_of,
    user,
)
from tests.simulator import Reply, Simulator, embedding_of
from tests.simulator import ToolCall as SimulatedCall
from tests.simulator import Usage as SimulatedUsage


@pytest.fixture
async def claude(simulator: Simulator) -> AsyncIterator[Provider]:
    async with opened("anthropic", simulator) as provider:
        yield provider


@pytest.fixture
async def gpt(simulator: Simulator) -> AsyncIterator[Provider]:
    async with opened("openai", simulator) as provider:
        yield provider


@pytest.fixture
def provider(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


both = pytest.mark.parametrize("provider", ["claude", "gpt"], indirect=True)


async def sent(simulator: Simulator, provider: Provider, call: CompletionCall) -> dict[str, Any]:
    """The body that the call, streamed, put on the wire; whatever came back."""
    await events_of(provider, call)
    body = simulator.calls[-1].body
    assert isinstance(body, dict)
    return body


CONVERSATION = (
    Message(role="system", content="Be brief."),
    Message(role="system", content=(TextPart("Be "), TextPart("kind."))),
    user("weather in Paris and Rome?"),
    Message(
        role="assistant",
        content="Looking.",
        tool_calls=(
            ToolCall("call_1", "weather", '{"city": "Paris"}'),
            ToolCall("call_2", "weather", ""),
        ),
    ),
    Message(role="tool", content="sunny", tool_call_id="call_1"),
    Message(role="tool", content=(TextPart("rainy"),), tool_call_id="call_2"),
    user("and now?"),
)


async def test_anthropic_conversation_is_alternating_turns_of_blocks(
    claude: Provider, simulator: Simulator
) -> None:
    body = await sent(simulator, claude, make_call("anthropic", *CONVERSATION))
    assert body["system"] == "Be brief.\n\nBe kind."
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "weather in Paris and Rome?"}]},
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "Looking."},
                {"type": "tool_use", "id": "call_1", "name": "weather", "input": {"city": "Paris"}},
                {"type": "tool_use", "id": "call_2", "name": "weather", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "call_1",
                    "content": [{"type": "text", "text": "sunny"}],
                },
                {
                    "type": "tool_result",
                    "tool_use_id": "call_2",
                    "content": [{"type": "text", "text": "rainy"}],
                },
                {"type": "text", "text": "and now?"},
            ],
        },
    ]
    assert (body["max_tokens"], body["stream"]) == (100, True)


async def test_openai_conversation_keeps_its_shape(gpt: Provider, simulator: Simulator) -> None:
    body = await sent(simulator, gpt, make_call("openai", *CONVERSATION))
    assert body["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "weather in Paris and Rome?"},
        {
            "role": "assistant",
            "content": "Looking.",
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Paris"}'},
                },
                {
                    "id": "call_2",
                    "type": "function",
                    "function": {"name": "weather", "arguments": ""},
                },
            ],
        },
        {"role": "tool", "content": "sunny", "tool_call_id": "call_1"},
        {"role": "tool", "content": "rainy", "tool_call_id": "call_2"},
        {"role": "user", "content": "and now?"},
    ]
    assert body["max_completion_tokens"] == 100
    assert "max_tokens" not in body
    assert body["stream_options"] == {"include_usage": True}


async def test_plain_calls_do_not_ask_for_a_stream(
    claude: Provider, gpt: Provider, simulator: Simulator
) -> None:
    await claude.complete(make_call("anthropic"))
    await gpt.complete(make_call("openai"))
    for call in simulator.calls:
        assert "stream" not in call.body
        assert "stream_options" not in call.body


async def test_neighbouring_turns_of_one_side_become_one_at_anthropic(
    claude: Provider, simulator: Simulator
) -> None:
    messages = (
        user("one"),
        user(""),
        user("two"),
        Message(role="assistant", content="three"),
        Message(role="assistant", content="four"),
        user("five"),
    )
    body = await sent(simulator, claude, make_call("anthropic", *messages))
    turns = [
        (turn["role"], [block["text"] for block in turn["content"]]) for turn in body["messages"]
    ]
    assert turns == [
        ("user", ["one", "two"]),
        ("assistant", ["three", "four"]),
        ("user", ["five"]),
    ]
    assert "system" not in body


@pytest.mark.parametrize(
    ("provider", "images"),
    [
        (
            "claude",
            [
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
                {
                    "type": "image",
                    "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw=="},
                },
            ],
        ),
        (
            "gpt",
            [
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw=="}},
            ],
        ),
    ],
    indirect=["provider"],
)
async def test_images_travel_by_address_and_as_data(
    provider: Provider, images: list[object], simulator: Simulator
) -> None:
    parts = (
        TextPart("look"),
        ImageUrl("https://example.com/a.png"),
        ImageData("image/png", "iVBORw=="),
    )
    body = await sent(simulator, provider, make_call(provider.name, user(parts)))
    assert body["messages"][0]["content"] == [{"type": "text", "text": "look"}, *images]


STRICT = Tool(name="strict", parameters={"type": "object", "properties": {}}, strict=True)


@pytest.mark.parametrize(
    ("choice", "at_anthropic", "at_openai"),
    [
        (None, None, None),
        ("auto", {"type": "auto"}, "auto"),
        ("none", {"type": "none"}, "none"),
        ("required", {"type": "any"}, "required"),
        (
            NamedTool("clock"),
            {"type": "tool", "name": "clock"},
            {"type": "function", "function": {"name": "clock"}},
        ),
    ],
)
async def test_tools_and_tool_choice_reach_both_vendors(
    claude: Provider,
    gpt: Provider,
    simulator: Simulator,
    choice: Any,
    at_anthropic: object,
    at_openai: object,
) -> None:
    asked = {"tools": (WEATHER, CLOCK, STRICT), "tool_choice": choice}
    anthropic = await sent(simulator, claude, make_call("anthropic", **asked))
    assert anthropic.get("tool_choice") == at_anthropic
    assert anthropic["tools"] == [
        {
            "name": "weather",
            "description": "The weather of a city",
            "input_schema": WEATHER.parameters,
        },
        {"name": "clock", "input_schema": CLOCK.parameters},
        {"name": "strict", "input_schema": STRICT.parameters, "strict": True},
    ]
    openai = await sent(simulator, gpt, make_call("openai", **asked))
    assert openai.get("tool_choice") == at_openai
    functions = [tool["function"] for tool in openai["tools"]]
    assert {tool["type"] for tool in openai["tools"]} == {"function"}
    assert functions == [
        {
            "name": "weather",
            "description": "The weather of a city",
            "parameters": WEATHER.parameters,
        },
        {"name": "clock", "parameters": CLOCK.parameters},
        {"name": "strict", "parameters": STRICT.parameters, "strict": True},
    ]


async def test_json_schema_reaches_both_vendors(
    claude: Provider, gpt: Provider, simulator: Simulator
) -> None:
    wanted = JsonSchema(name="forecast", schema=FORECAST.schema, description="Days", strict=True)
    anthropic = await sent(simulator, claude, make_call("anthropic", json_schema=wanted))
    assert anthropic["output_config"] == {
        "format": {"type": "json_schema", "schema": FORECAST.schema}
    }
    openai = await sent(simulator, gpt, make_call("openai", json_schema=wanted))
    assert openai["response_format"] == {
        "type": "json_schema",
        "json_schema": {
            "name": "forecast",
            "schema": FORECAST.schema,
            "description": "Days",
            "strict": True,
        },
    }


async def test_reasoning_effort_is_adaptive_thinking_at_anthropic(
    claude: Provider, simulator: Simulator
) -> None:
    call = make_call("anthropic", reasoning_effort="high", json_schema=FORECAST)
    body = await sent(simulator, claude, call)
    assert body["thinking"] == {"type": "adaptive"}
    assert body["output_config"]["effort"] == "high"
    assert body["output_config"]["format"]["type"] == "json_schema"
    body = await sent(simulator, claude, make_call("anthropic", reasoning_effort="none"))
    assert body["thinking"] == {"type": "disabled"}
    assert "output_config" not in body


async def test_reasoning_effort_is_a_field_at_openai(gpt: Provider, simulator: Simulator) -> None:
    body = await sent(simulator, gpt, make_call("openai", reasoning_effort="low"))
    assert body["reasoning_effort"] == "low"


@both
async def test_reasoning_effort_is_left_out_where_the_model_has_none(
    provider: Provider, simulator: Simulator
) -> None:
    profile = PROFILES[provider.name].model_copy(update={"reasoning_control": None})
    call = make_call(provider.name, profile=profile, reasoning_effort="high")
    body = await sent(simulator, provider, call)
    assert not {"reasoning_effort", "thinking", "output_config"} & set(body)


@both
async def test_sampling_and_stop_go_only_where_the_profile_takes_them(
    provider: Provider, simulator: Simulator
) -> None:
    profile = PROFILES[provider.name].model_copy(update={"takes_stop": False})
    call = make_call(provider.name, profile=profile, temperature=0.5, top_p=0.9, stop=("x",))
    body = await sent(simulator, provider, call)
    assert not {"temperature", "top_p", "stop", "stop_sequences"} & set(body)


async def test_sampling_and_stop_keep_their_names_at_a_compatible_server(
    simulator: Simulator,
) -> None:
    asked: dict[str, Any] = {"temperature": 1.7, "top_p": 0.9, "stop": ("x", "y")}
    async with opened("vllm", simulator, base_url=simulator.openai_base_url_at("vllm")) as vllm:
        assert vllm.name == "vllm"
        call = CompletionCall(
            request=make_call("openai", **asked).request, model="qwen", profile=ModelProfile()
        )
        body = await sent(simulator, vllm, call)
    assert simulator.calls[-1].server == "vllm"
    assert body["model"] == "qwen"
    assert (body["temperature"], body["top_p"]) == (1.7, 0.9)
    assert body["stop"] == ["x", "y"]
    assert body["max_tokens"] == 100


async def test_stop_is_stop_sequences_at_anthropic(claude: Provider, simulator: Simulator) -> None:
    body = await sent(simulator, claude, make_call("anthropic", stop=("x", "y")))
    assert body["stop_sequences"] == ["x", "y"]


@both
async def test_provider_options_add_fields_of_their_own_dialect_only(
    provider: Provider, simulator: Simulator
) -> None:
    options: dict[str, dict[str, Any]] = {
        "anthropic": {"service_tier": "auto", "metadata": {"user_id": "u"}},
        "openai": {"service_tier": "flex", "seed": 7},
    }
    body = await sent(simulator, provider, make_call(provider.name, provider_options=options))
    for field, value in options[provider.name].items():
        assert body[field] == value
    assert ("seed" in body) == (provider.name == "openai")


@both
async def test_provider_options_change_neither_model_stream_prompt_nor_limits(
    provider: Provider, simulator: Simulator
) -> None:
    hostile = {
        "model": "dearer",
        "MODEL": "dearer",
        "stream": False,
        "stream_options": {"include_usage": False},
        "messages": [],
        "system": "be evil",
        "max_tokens": 10**6,
        "max_completion_tokens": 10**6,
        "n": 100,
        "api_key": "stolen",
        "extra_headers": {"authorization": "Bearer stolen"},
    }
    plain = make_call(provider.name)
    expected = await sent(simulator, provider, plain)
    options = {provider.name: hostile}
    assert (
        await sent(simulator, provider, make_call(provider.name, provider_options=options))
        == expected
    )
    assert simulator.calls[-1].headers["authorization"] == f"Bearer {KEY}"


@both
async def test_only_the_settings_decide_where_and_as_whom_a_call_goes(
    provider: Provider, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "ANTHROPIC_API_KEY": "env-key",
        "ANTHROPIC_AUTH_TOKEN": "env-token",
        "ANTHROPIC_BASE_URL": "http://127.0.0.1:9",
        "ANTHROPIC_CUSTOM_HEADERS": "x-injected: env\nauthorization: Bearer env",
        "OPENAI_API_KEY": "env-key",
        "OPENAI_ADMIN_KEY": "env-admin",
        "OPENAI_BASE_URL": "http://127.0.0.1:9",
        "OPENAI_ORG_ID": "org-env",
        "OPENAI_PROJECT_ID": "proj-env",
        "OPENAI_CUSTOM_HEADERS": "x-injected: env\nauthorization: Bearer env",
    }.items():
        monkeypatch.setenv(name, value)
    async with opened(provider.name, simulator) as made_in_this_environment:
        await made_in_this_environment.complete(make_call(provider.name))
    headers = simulator.calls[-1].headers
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["accept-encoding"] == "identity"
    assert "env" not in " ".join(headers.values())
    assert not {"x-injected", "openai-organization", "openai-project", "x-api-key"} & set(headers)


async def test_server_without_keys_is_sent_a_word_in_place_of_one(simulator: Simulator) -> None:
    async with opened("openai", simulator, api_key="") as keyless:
        await keyless.complete(make_call("openai"))
    assert simulator.calls[-1].headers["authorization"] == "Bearer none"


@pytest.mark.parametrize("arguments", ["{", "[1]", '"text"', "null", "{'a': 1}"])
async def test_tool_arguments_that_are_no_object_are_rejected_before_anthropic_is_called(
    claude: Provider, simulator: Simulator, arguments: str
) -> None:
    turn = Message(
        role="assistant", content=None, tool_calls=(ToolCall("call_1", "weather", arguments),)
    )
    for answer in (claude.complete, lambda call: events_of(claude, call)):
        with pytest.raises(ProviderFailure, match="call_1") as failure:
            await answer(make_call("anthropic", user("hi"), turn))
        assert failure.value.kind is FailureKind.REJECTED
    assert simulator.calls == []


@both
async def test_text_that_json_cannot_hold_is_rejected(
    provider: Provider, simulator: Simulator
) -> None:
    with pytest.raises(ProviderFailure) as failure:
        await provider.complete(make_call(provider.name, user("half a pair: \ud83d")))
    assert failure.value.kind is FailureKind.REJECTED
    assert simulator.calls == []


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("something_new", "stop"),
    ],
)
async def test_anthropic_finish_reasons(
    claude: Provider, simulator: Simulator, told: str, meant: str
) -> None:
    simulator.always(Reply(text="some words", finish=told), on="anthropic")
    assert (await claude.complete(make_call("anthropic"))).finish_reason == meant
    assert end_of(await events_of(claude, make_call("anthropic"))).finish_reason == meant


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("function_call", "tool_calls"),
        ("content_filter", "content_filter"),
        ("something_new", "stop"),
    ],
)
async def test_openai_finish_reasons(
    gpt: Provider, simulator: Simulator, told: str, meant: str
) -> None:
    simulator.always(Reply(text="some words", finish=told), on="openai")
    assert (await gpt.complete(make_call("openai"))).finish_reason == meant
    assert end_of(await events_of(gpt, make_call("openai"))).finish_reason == meant


async def test_openai_calls_forced_by_name_finish_as_tool_calls_though_it_says_stop(
    gpt: Provider, simulator: Simulator
) -> None:
    simulator.always(Reply(tool_calls=(SimulatedCall("weather"),), finish="stop"), on="openai")
    assert (await gpt.complete(make_call("openai"))).finish_reason == "tool_calls"
    assert end_of(await events_of(gpt, make_call("openai"))).finish_reason == "tool_calls"


async def test_openai_refusal_is_text_that_a_filter_ended(
    gpt: Provider, simulator: Simulator
) -> None:
    simulator.always(Reply(refusal="I would rather not."), on="openai")
    plain = await gpt.complete(make_call("openai"))
    assert (plain.text, plain.finish_reason) == ("I would rather not.", "content_filter")
    events = await events_of(gpt, make_call("openai"))
    assert text_of(events) == "I would rather not."
    assert end_of(events).finish_reason == "content_filter"


@both
async def test_cached_and_written_tokens_are_parts_of_the_input(
    provider: Provider, simulator: Simulator
) -> None:
    claimed = SimulatedUsage(
        input_tokens=100,
        output_tokens=30,
        cache_read_tokens=60,
        cache_write_tokens=25,
        reasoning_tokens=20,
    )
    simulator.always(Reply(text="words", usage=claimed), on=provider.name)
    usage = Usage(
        input_tokens=100,
        output_tokens=30,
        cached_input_tokens=60,
        cache_write_input_tokens=25,
        source="provider",
    )
    assert (await provider.complete(make_call(provider.name))).usage == usage
    assert end_of(await events_of(provider, make_call(provider.name))).usage == usage


@both
async def test_usage_that_does_not_come_is_estimated_and_says_so(
    provider: Provider, simulator: Simulator
) -> None:
    simulator.always(Reply(text="twelve bytes", omit_usage=True), on=provider.name)
    call = make_call(provider.name, user("sixteen bytes..."))
    usage = Usage(input_tokens=4, output_tokens=3, source="estimated")
    assert (await provider.complete(call)).usage == usage
    assert end_of(await events_of(provider, call)).usage == usage


@both
async def test_several_tool_calls_after_text_are_told_apart(
    provider: Provider, simulator: Simulator
) -> None:
    calls = (
        SimulatedCall("weather", '{"city":"Paris"}', id="call_a"),
        SimulatedCall("clock", "{}", id="call_b"),
        SimulatedCall("weather", '{"city":"Rome"}', id="call_c"),
    )
    simulator.always(Reply(text="Let me look.", tool_calls=calls), on=provider.name)
    plain = await provider.complete(make_call(provider.name))
    assert plain.text == "Let me look."
    assert [(made.id, made.name) for made in plain.tool_calls] == [
        ("call_a", "weather"),
        ("call_b", "clock"),
        ("call_c", "weather"),
    ]
    events = await events_of(provider, make_call(provider.name))
    assert text_of(events) == "Let me look."
    pieces = pieces_of(events)
    assert [(p.index, p.id, p.name) for p in pieces if p.id] == [
        (0, "call_a", "weather"),
        (1, "call_b", "clock"),
        (2, "call_c", "weather"),
    ]
    for index, made in enumerate(plain.tool_calls):
        assert arguments_of(pieces, index) == msgspec.json.decode(made.arguments)


async def test_anthropic_call_without_arguments_streams_an_empty_object(
    claude: Provider, simulator: Simulator
) -> None:
    simulator.always(Reply(tool_calls=(SimulatedCall("clock", ""),)), on="anthropic")
    pieces = pieces_of(await events_of(claude, make_call("anthropic")))
    assert "".join(piece.arguments for piece in pieces) == "{}"


async def test_anthropic_text_is_absent_from_an_answer_of_only_tool_calls(
    claude: Provider, gpt: Provider, simulator: Simulator
) -> None:
    for provider in (claude, gpt):
        simulator.always(Reply(tool_calls=(SimulatedCall("clock", "{}"),)), on=provider.name)
        assert (await provider.complete(make_call(provider.name))).text is None


async def test_signed_thinking_goes_back_to_anthropic_in_front_of_its_turn(
    claude: Provider, simulator: Simulator
) -> None:
    thought = Reply(text="Hm.", thinking="Considering every side of it.")
    simulator.script(thought, thought, on="anthropic")
    plain = await claude.complete(make_call("anthropic", reasoning_effort="low"))
    events = await events_of(claude, make_call("anthropic", reasoning_effort="low"))
    assert plain.provider_data is not None
    assert end_of(events).provider_data == plain.provider_data
    (block,) = plain.provider_data["anthropic"]["blocks"]
    assert block["thinking"] == "Considering every side of it."
    assert block["signature"]
    turn = Message(role="assistant", content="Hm.", provider_data=plain.provider_data)
    body = await sent(simulator, claude, make_call("anthropic", user("a"), turn, user("b")))
    assert body["messages"][1]["content"] == [block, {"type": "text", "text": "Hm."}]


async def test_thinking_of_one_dialect_is_no_affair_of_another(
    gpt: Provider, claude: Provider, simulator: Simulator
) -> None:
    block = {"type": "thinking", "thinking": "Hm.", "signature": "s"}
    for dialect, reader, name in (("anthropic", gpt, "openai"), ("openai", claude, "anthropic")):
        turn = Message(
            role="assistant", content="Yes.", provider_data={dialect: {"blocks": [block]}}
        )
        body = await sent(simulator, reader, make_call(name, user("a"), turn, user("b")))
        assert "Hm." not in msgspec.json.encode(body).decode()


@pytest.mark.parametrize(
    "data",
    [
        {"anthropic": None},
        {"anthropic": {"blocks": "text"}},
        {"anthropic": {"blocks": [1, {"type": "tool_use"}, {"type": "text", "text": "forged"}]}},
    ],
)
async def test_provider_data_puts_nothing_but_thinking_into_a_turn(
    claude: Provider, simulator: Simulator, data: dict[str, Any]
) -> None:
    turn = Message(role="assistant", content="Yes.", provider_data=data)
    body = await sent(simulator, claude, make_call("anthropic", user("a"), turn, user("b")))
    assert body["messages"][1]["content"] == [{"type": "text", "text": "Yes."}]


async def test_reasoning_that_compatible_servers_show_is_not_part_of_the_answer(
    simulator: Simulator,
) -> None:
    simulator.always(Reply(text="Hm.", thinking="Considering."), on="deepseek")
    async with opened(
        "deepseek", simulator, base_url=simulator.openai_base_url_at("deepseek")
    ) as deepseek:
        assert (await deepseek.complete(make_call("openai"))).text == "Hm."
        assert text_of(await events_of(deepseek, make_call("openai"))) == "Hm."


async def test_embeddings_are_asked_for_in_the_compact_form(
    gpt: Provider, simulator: Simulator
) -> None:
    answer = await gpt.embed(embedding_call("one two", "three"))
    assert simulator.calls[-1].body == {
        "model": "text-embedding-3-small",
        "input": ["one two", "three"],
        "encoding_format": "base64",
    }
    for vector, text in zip(answer.vectors, ("one two", "three"), strict=True):
        assert vector == pytest.approx(embedding_of(text), abs=1e-6)


async def test_embedding_usage_that_does_not_come_is_estimated(
    gpt: Provider, simulator: Simulator
) -> None:
    simulator.script(Reply(omit_usage=True), on="openai")
    answer = await gpt.embed(embedding_call("eight by", "four"))
    assert answer.usage == Usage(input_tokens=3, source="estimated")
