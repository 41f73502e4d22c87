"""What LangChain's suites do not ask: what reaches the vendor, what it cost, and how a stream is left."""

import asyncio
import base64
import gc
from copy import deepcopy
from typing import Any
from weakref import ref

import pytest
from ai_service_sdk import AIServiceError, AIServiceSDK, AuthenticationError, ServerError
from ai_service_sdk._integrations import SharedClients
from ai_service_sdk.langchain import AIServiceEmbeddings, ChatAIService
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    BaseMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from pydantic import BaseModel, Field, SecretStr

from tests.running import ADMIN_KEY, RunningService
from tests.sdks.integrations.conftest import Clients
from tests.simulator import Cut, Reply, Simulator, ToolCall, Usage, Words, embedding_of

PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"\x00" * 16).decode()


class City(BaseModel):
    """A city."""

    name: str = Field(description="What it is called.")
    districts: list["District"] = Field(default=[], description="What it has.")


class District(BaseModel):
    """A part of a city."""

    name: str


def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"{city}: sunny"


def get_time(city: str) -> str:
    """The time in a city."""
    return f"{city}: noon"


@pytest.fixture
def model(clients: Clients, simulator: Simulator) -> ChatAIService:
    return ChatAIService(**clients)


def _sent(simulator: Simulator) -> Any:
    """The last request that a vendor got."""
    return simulator.calls[-1].body


def test_an_answer_tells_its_tokens_its_cost_and_who_answered(
    model: ChatAIService, simulator: Simulator
) -> None:
    usage = Usage(input_tokens=100, output_tokens=20, cache_read_tokens=40)
    simulator.script(Reply(text="Hi.", usage=usage), on="anthropic")
    answer = model.invoke("Hello")
    assert answer.text == "Hi."
    assert answer.usage_metadata == {
        "input_tokens": 100,
        "output_tokens": 20,
        "total_tokens": 120,
        "input_token_details": {"cache_read": 40},
    }
    told = answer.response_metadata
    assert told["cost_usd"] > 0
    assert told["cache_hit"] is False
    assert told["finish_reason"] == "stop"
    assert (told["model"], told["model_name"]) == ("haiku", "claude-haiku-5-5")
    assert told["provider"] == "anthropic"
    assert told["id"].startswith("req_")


def test_a_stream_says_the_same_in_pieces(model: ChatAIService) -> None:
    whole = model.invoke("One two three")
    chunks = list(model.stream("One two three"))
    assert len([chunk for chunk in chunks if chunk.text]) > 1
    assert chunks[-1].chunk_position == "last"
    assert chunks[-1].usage_metadata == whole.usage_metadata
    joined = _joined(chunks)
    assert joined.text == whole.text
    assert joined.usage_metadata == whole.usage_metadata
    assert joined.response_metadata.keys() == whole.response_metadata.keys()
    assert joined.response_metadata["cost_usd"] == whole.response_metadata["cost_usd"]


def test_langchains_own_counter_sums_the_tokens_by_model(model: ChatAIService) -> None:
    with get_usage_metadata_callback() as totals:
        first = model.invoke("Hello")
        second = model.invoke("And again")
    assert first.usage_metadata
    assert second.usage_metadata
    total = first.usage_metadata["total_tokens"] + second.usage_metadata["total_tokens"]
    assert totals.usage_metadata["claude-haiku-5-5"]["total_tokens"] == total


async def test_leaving_the_loop_stops_the_model(model: ChatAIService, simulator: Simulator) -> None:
    simulator.script(Words(1000, interval_seconds=0.01), on="anthropic")
    for chunk in model.stream("Count"):
        assert chunk.text == "w0"
        break
    await simulator.wait_for(lambda s: s.calls[0].client_left_at is not None)


async def test_leaving_the_async_loop_stops_the_model(
    model: ChatAIService, simulator: Simulator
) -> None:
    simulator.script(Words(1000, interval_seconds=0.01), on="anthropic")
    async for chunk in model.astream("Count"):
        assert chunk.text == "w0"
        break
    await simulator.wait_for(lambda s: s.calls[0].client_left_at is not None)


async def test_a_cancelled_call_stops_the_model(model: ChatAIService, simulator: Simulator) -> None:
    simulator.script(Words(1000, delay_seconds=60), on="anthropic")
    async with asyncio.TaskGroup() as tasks:
        call = tasks.create_task(model.ainvoke("Count"))
        await simulator.wait_for(lambda s: s.in_flight == 1)
        call.cancel()
    await simulator.wait_for(lambda s: s.calls[0].client_left_at is not None)


def test_a_stream_that_fails_in_the_middle_raises(
    model: ChatAIService, simulator: Simulator
) -> None:
    simulator.script(Cut(after_words=2), on="anthropic")
    texts = []
    with pytest.raises(ServerError):
        texts += [chunk.text for chunk in model.stream("One two three four")]
    assert simulator.unconsumed == 0


def test_options_of_the_model_and_of_the_call_reach_the_vendor(
    clients: Clients, simulator: Simulator
) -> None:
    model = ChatAIService(
        **clients,
        model="gpt",
        max_tokens=50,
        stop=["ONE"],
        model_kwargs={"reasoning_effort": "low"},
    )
    model.invoke("Hello")
    sent = _sent(simulator)
    assert sent["max_completion_tokens"] == 50
    assert sent["reasoning_effort"] == "low"
    answer = model.invoke("Hello", stop=["TWO"], max_tokens=60, model="haiku")
    sent = _sent(simulator)
    assert (sent["max_tokens"], sent["stop_sequences"]) == (60, ["TWO"])
    assert answer.response_metadata["provider"] == "anthropic"


def test_a_conversation_of_more_than_ten_messages_arrives_whole(
    model: ChatAIService, simulator: Simulator
) -> None:
    turns: list[BaseMessage] = [
        kind(f"turn {number}") for number in range(20) for kind in (HumanMessage, AIMessage)
    ]
    model.invoke([SystemMessage("Be brief."), *turns, HumanMessage("And now?")])
    sent = _sent(simulator)
    assert len(sent["messages"]) == 41
    assert "Be brief." in str(sent["system"])


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}},
        {"type": "image_url", "image_url": f"data:image/png;base64,{PIXEL}"},
        {"type": "image", "base64": PIXEL, "mime_type": "image/png"},
        {"type": "image", "source_type": "base64", "data": PIXEL, "mime_type": "image/png"},
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": PIXEL},
        },
    ],
    ids=["OpenAI", "OpenAI in short", "LangChain 1", "LangChain 0", "Anthropic"],
)
def test_a_picture_reaches_the_vendor(
    block: dict[str, Any], model: ChatAIService, simulator: Simulator
) -> None:
    model.invoke([HumanMessage([{"type": "text", "text": "What is this?"}, block])])
    text, picture = _sent(simulator)["messages"][0]["content"]
    assert text["text"] == "What is this?"
    assert picture["source"] == {"type": "base64", "media_type": "image/png", "data": PIXEL}


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}},
        {"type": "image", "url": "https://example.com/cat.png"},
    ],
    ids=["OpenAI", "LangChain"],
)
def test_a_picture_may_be_elsewhere(
    block: dict[str, Any], model: ChatAIService, simulator: Simulator
) -> None:
    model.invoke([HumanMessage(["What is this?", block])])
    picture = _sent(simulator)["messages"][0]["content"][1]
    assert picture["source"] == {"type": "url", "url": "https://example.com/cat.png"}


def test_a_tool_may_answer_with_a_picture(model: ChatAIService, simulator: Simulator) -> None:
    wish = AIMessage("", tool_calls=[{"name": "draw", "args": {}, "id": "call_1"}])
    picture = {"type": "image", "base64": PIXEL, "mime_type": "image/png"}
    model.invoke([HumanMessage("Draw"), wish, ToolMessage([picture], tool_call_id="call_1")])
    (result,) = _sent(simulator)["messages"][2]["content"]
    assert result["tool_use_id"] == "call_1"
    assert result["content"][0]["source"]["data"] == PIXEL


@pytest.mark.parametrize(
    "message",
    [
        HumanMessage([{"type": "audio", "base64": "AAAA", "mime_type": "audio/wav"}]),
        FunctionMessage(content="3", name="add"),
    ],
    ids=["sound", "a message of another kind"],
)
def test_what_the_api_has_no_words_for_is_refused(
    message: BaseMessage, model: ChatAIService, simulator: Simulator
) -> None:
    with pytest.raises(ValueError, match="has no counterpart in the API"):
        model.invoke([message])
    assert not simulator.calls


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        ("any", {"type": "any"}),
        ("required", {"type": "any"}),
        (True, {"type": "any"}),
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("get_time", {"type": "tool", "name": "get_time"}),
        (
            {"type": "function", "function": {"name": "get_time"}},
            {"type": "tool", "name": "get_time"},
        ),
    ],
)
def test_which_tool_must_be_called_reaches_the_vendor(
    choice: str | bool | dict[str, Any],
    sent: dict[str, str],
    model: ChatAIService,
    simulator: Simulator,
) -> None:
    model.bind_tools([get_weather, get_time], tool_choice=choice).invoke("Hello")
    assert _sent(simulator)["tool_choice"] == sent
    assert [tool["name"] for tool in _sent(simulator)["tools"]] == ["get_weather", "get_time"]


def test_a_choice_that_is_no_tool_is_refused(model: ChatAIService) -> None:
    with pytest.raises(ValueError, match="'get_tide', which is none of the tools"):
        model.bind_tools([get_weather], tool_choice="get_tide")


@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
def test_thinking_and_calls_go_back_to_the_vendor_with_the_tools_answer(
    streaming: bool, clients: Clients, simulator: Simulator
) -> None:
    model = ChatAIService(**clients, streaming=streaming).bind_tools([get_weather])
    wish = ToolCall("get_weather", '{"city": "Paris"}', id="toolu_1")
    simulator.script(Reply(thinking="Let me look.", tool_calls=(wish,)), on="anthropic")
    asked = HumanMessage("How is the weather in Paris?")
    answer = model.invoke([asked])
    assert answer.tool_calls == [
        {"name": "get_weather", "args": {"city": "Paris"}, "id": "toolu_1", "type": "tool_call"}
    ]
    model.invoke([asked, answer, ToolMessage("Paris: sunny", tool_call_id="toolu_1")])
    _, assistant, result = _sent(simulator)["messages"]
    thinking, use = assistant["content"]
    assert (thinking["type"], thinking["thinking"]) == ("thinking", "Let me look.")
    assert (use["name"], use["input"]) == ("get_weather", {"city": "Paris"})
    assert result["content"][0]["tool_use_id"] == "toolu_1"


@pytest.mark.parametrize("arguments", ['{"city": ', '["Paris"]'], ids=["cut", "no object"])
def test_a_call_with_broken_arguments_is_kept_apart(
    arguments: str, clients: Clients, simulator: Simulator
) -> None:
    model = ChatAIService(**clients, model="gpt").bind_tools([get_weather])
    simulator.script(
        Reply(tool_calls=(ToolCall("get_weather", arguments, id="call_1"),)), on="openai"
    )
    answer = model.invoke("Hello")
    assert answer.tool_calls == []
    assert [(call["id"], call["args"]) for call in answer.invalid_tool_calls] == [
        ("call_1", arguments)
    ]
    model.invoke(["Hello", answer, ToolMessage("Not JSON.", tool_call_id="call_1")])
    assert _sent(simulator)["messages"][1]["tool_calls"][0]["function"]["arguments"] == arguments


def test_a_turn_in_which_nothing_was_said_is_left_out(
    model: ChatAIService, simulator: Simulator
) -> None:
    silent = [AIMessage(""), AIMessage([{"type": "text", "text": ""}])]
    model.invoke([HumanMessage("Hello"), *silent, HumanMessage("Are you there?")])
    assert "assistant" not in [message["role"] for message in _sent(simulator)["messages"]]


def test_a_call_may_say_whether_it_streams(clients: Clients, simulator: Simulator) -> None:
    model = ChatAIService(**clients, streaming=True)
    model.invoke("Hello")
    model.invoke("Hello", stream=False)
    assert [call.stream for call in simulator.calls] == [True, False]


def test_structured_output_is_asked_for_by_a_closed_schema(
    model: ChatAIService, simulator: Simulator
) -> None:
    simulator.script(Reply(text='{"name": "Paris", "districts": []}'), on="anthropic")
    city = model.with_structured_output(City).invoke("A city, please.")
    assert city == City(name="Paris")
    schema = _sent(simulator)["output_config"]["format"]["schema"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["districts"]["items"]["additionalProperties"] is False


def test_a_schema_has_a_name_that_vendors_take(clients: Clients, simulator: Simulator) -> None:
    district = {"type": "object", "properties": {"name": {"type": "string"}}}
    schema = {"title": "A city's parts", "type": "object", "properties": {"centre": district}}
    before = deepcopy(schema)
    model = ChatAIService(**clients, model="gpt").with_structured_output(schema, strict=True)
    assert model.invoke("A city, please.") == {"centre": {"name": "Paris"}}
    asked = _sent(simulator)["response_format"]["json_schema"]
    assert (asked["name"], asked["strict"]) == ("A_city_s_parts", True)
    assert schema == before


def test_structured_output_by_a_tool(model: ChatAIService, simulator: Simulator) -> None:
    wish = ToolCall("City", '{"name": "Paris", "districts": []}')
    simulator.script(Reply(tool_calls=(wish,)), on="anthropic")
    by_tool = model.with_structured_output(City, method="function_calling")
    assert by_tool.invoke("A city, please.") == City(name="Paris")
    assert _sent(simulator)["tool_choice"] == {"type": "any"}


def test_the_raw_answer_comes_with_what_parsing_said(
    model: ChatAIService, simulator: Simulator
) -> None:
    structured = model.with_structured_output(City, include_raw=True)
    simulator.script(Reply(text='{"name": "Paris"}'), on="anthropic")
    good: Any = structured.invoke("A city, please.")
    assert good["parsed"] == City(name="Paris")
    assert good["parsing_error"] is None
    assert good["raw"].response_metadata["cost_usd"] > 0
    simulator.script(Reply(text="I will not."), on="anthropic")
    bad: Any = structured.invoke("A city, please.")
    assert bad["parsed"] is None
    assert bad["raw"].text == "I will not."
    assert "I will not." in str(bad["parsing_error"])


def test_errors_are_those_of_the_sdk(shared_service: RunningService) -> None:
    with AIServiceSDK("sk-ais-wrong", shared_service.url) as client:
        model = ChatAIService(client=client)
        with pytest.raises(AuthenticationError) as raised:
            model.invoke("Hello")
    assert raised.value.request_id


def test_the_key_is_asked_for_when_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AI_SERVICE_API_KEY", raising=False)
    model = ChatAIService()
    with pytest.raises(AIServiceError, match="No API key"):
        model.invoke("Hello")


def test_the_key_is_not_shown() -> None:
    key = SecretStr("sk-ais-secret")
    model, embeddings = ChatAIService(api_key=key), AIServiceEmbeddings(api_key=key)
    shown = [repr(model), str(model.asdict()), model.model_dump_json(), repr(embeddings)]
    assert "sk-ais-secret" not in "".join(shown)


def test_each_event_loop_has_a_client_that_goes_with_it(shared_service: RunningService) -> None:
    clients = SharedClients(api_key=ADMIN_KEY, base_url=shared_service.url)
    used = []

    async def ask() -> str:
        async with clients.of_this_loop as client:
            assert clients.of_this_loop is client
            used.append(ref(client))
            return (await client.generate("Hello")).text

    for _ in range(2):
        with asyncio.Runner() as runner:
            assert runner.run(ask()) == "Echo: Hello"
    gc.collect()
    assert [client() is None for client in used] == [True, False]


def test_vectors_come_in_the_order_of_the_texts_however_many_there_are(
    clients: Clients, simulator: Simulator
) -> None:
    embeddings = AIServiceEmbeddings(**clients, chunk_size=3)
    texts = [f"text {number}" for number in range(8)]
    vectors = embeddings.embed_documents(texts)
    assert len(simulator.calls_to("openai", "/v1/embeddings")) == 3
    assert vectors == [pytest.approx(embedding_of(text), abs=1e-6) for text in texts]
    assert embeddings.embed_query("text 7") == vectors[7]
    assert embeddings.embed_documents([]) == []


def _joined(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    joined = chunks[0]
    for chunk in chunks[1:]:
        joined += chunk
    return joined
