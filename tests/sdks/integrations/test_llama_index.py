"""LlamaIndex over the running service: an index that is queried, agents, streams and what they cost."""

import base64
from typing import Any

import pytest
from ai_service_sdk import AIServiceSDK, AuthenticationError, ServerError
from ai_service_sdk.llama_index import AIServiceEmbedding, AIServiceLLM
from llama_index.core import Document, VectorStoreIndex
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    ImageBlock,
    MessageRole,
    TextBlock,
)
from llama_index.core.callbacks import CallbackManager, TokenCountingHandler
from llama_index.core.node_parser import SentenceSplitter
from llama_index.core.prompts import PromptTemplate
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel, SecretStr

from tests.running import RunningService
from tests.sdks.integrations.conftest import Clients
from tests.simulator import Cut, Reply, Simulator, ToolCall, Usage, Words, embedding_of

PICTURE = b"\x89PNG\r\n\x1a\n" + b"\x00" * 16
DOCUMENTS = [
    Document(text="The refund policy: money is returned within thirty days.", id_="refunds"),
    Document(text="Parcels leave our warehouse in Ghent every evening.", id_="parcels"),
    Document(text="Lions sleep twenty hours a day, mostly in the shade.", id_="lions"),
]
QUESTION = "What is the refund policy?"


class City(BaseModel):
    """A city."""

    name: str


def get_weather(city: str) -> str:
    """The weather of a city."""
    return f"{city}: sunny"


@pytest.fixture
def llm(clients: Clients, simulator: Simulator) -> AIServiceLLM:
    return AIServiceLLM(**clients)


@pytest.fixture
def index(clients: Clients, simulator: Simulator) -> VectorStoreIndex:
    return VectorStoreIndex.from_documents(
        DOCUMENTS,
        embed_model=AIServiceEmbedding(**clients),
        transformations=[SentenceSplitter(chunk_size=512)],
    )


def _sent(simulator: Simulator) -> Any:
    """The last request that a vendor got."""
    return simulator.calls[-1].body


def test_a_query_is_answered_from_what_is_nearest(
    index: VectorStoreIndex, llm: AIServiceLLM, simulator: Simulator
) -> None:
    simulator.script(Reply(text="Thirty days."), on="anthropic")
    answer = index.as_query_engine(llm=llm, similarity_top_k=2).query(QUESTION)
    assert str(answer) == "Thirty days."
    first, second = answer.source_nodes
    assert first.node.ref_doc_id == "refunds"
    assert (first.score or 0) > (second.score or 0)
    prompt = str(_sent(simulator)["messages"])
    assert "money is returned within thirty days" in prompt
    assert QUESTION in prompt


async def test_a_query_is_answered_in_an_event_loop(
    index: VectorStoreIndex, llm: AIServiceLLM, simulator: Simulator
) -> None:
    simulator.script(Reply(text="Thirty days."), on="anthropic")
    answer = await index.as_query_engine(llm=llm, similarity_top_k=1).aquery(QUESTION)
    assert str(answer) == "Thirty days."
    assert [node.node.ref_doc_id for node in answer.source_nodes] == ["refunds"]


def test_a_query_is_answered_word_by_word(
    index: VectorStoreIndex, llm: AIServiceLLM, simulator: Simulator
) -> None:
    simulator.script(Reply(text="Within thirty days."), on="anthropic")
    answer: Any = index.as_query_engine(llm=llm, streaming=True).query(QUESTION)
    pieces = list(answer.response_gen)
    assert "".join(pieces) == "Within thirty days."
    assert len([piece for piece in pieces if piece]) == 3


def test_all_documents_are_embedded_in_one_request(
    index: VectorStoreIndex, simulator: Simulator
) -> None:
    (call,) = simulator.calls_to("openai", "/v1/embeddings")
    assert len(call.body["input"]) == len(DOCUMENTS)


async def test_vectors_are_those_of_the_texts(clients: Clients, simulator: Simulator) -> None:
    embedding = AIServiceEmbedding(**clients, embed_batch_size=2)
    texts = ["one", "two", "three"]
    expected = [pytest.approx(embedding_of(text), abs=1e-6) for text in texts]
    assert embedding.get_text_embedding_batch(texts) == expected
    assert await embedding.aget_text_embedding_batch(texts) == expected
    assert len(simulator.calls_to("openai")) == 4
    assert embedding.get_query_embedding("one") == expected[0]
    assert await embedding.aget_query_embedding("one") == expected[0]


def test_a_response_tells_its_tokens_its_cost_and_who_answered(
    llm: AIServiceLLM, simulator: Simulator
) -> None:
    simulator.script(Reply(text="Hi.", usage=Usage(100, 20)), on="anthropic")
    response = llm.complete("Hello")
    told = response.additional_kwargs
    assert response.text == "Hi."
    assert (told["input_tokens"], told["output_tokens"], told["total_tokens"]) == (100, 20, 120)
    assert told["cost_usd"] > 0
    assert (told["provider"], told["provider_model"]) == ("anthropic", "claude-haiku-5-5")
    assert told["id"].startswith("req_")


def test_llama_indexs_own_counter_counts_the_vendors_tokens(
    clients: Clients, simulator: Simulator
) -> None:
    counter = TokenCountingHandler(tokenizer=str.split)
    llm = AIServiceLLM(**clients, callback_manager=CallbackManager([counter]))
    simulator.script(Reply(text="Hi.", usage=Usage(100, 20)), on="anthropic")
    llm.chat([ChatMessage("Hello")])
    assert (counter.prompt_llm_token_count, counter.completion_llm_token_count) == (100, 20)


async def test_every_way_to_ask_gives_the_same_answer(llm: AIServiceLLM) -> None:
    asked = [ChatMessage("One two three")]
    streamed = [*llm.stream_complete("One two three")]
    chatted = [*llm.stream_chat(asked)]
    streamed_later = [each async for each in await llm.astream_complete("One two three")]
    chatted_later = [each async for each in await llm.astream_chat(asked)]
    for responses in (streamed, chatted, streamed_later, chatted_later):
        assert "".join(each.delta or "" for each in responses) == "Echo: One two three"
        assert len(responses) > 2
    ends = [streamed[-1], chatted[-1], streamed_later[-1], chatted_later[-1]]
    whole = [
        llm.complete("One two three"),
        llm.chat(asked),
        await llm.acomplete("One two three"),
        await llm.achat(asked),
    ]
    costs = {each.additional_kwargs["cost_usd"] for each in (*ends, *whole)}
    texts = {
        each.message.content if hasattr(each, "message") else each.text for each in (*ends, *whole)
    }
    assert len(costs) == 1
    assert texts == {"Echo: One two three"}


async def test_leaving_the_loop_stops_the_model(llm: AIServiceLLM, simulator: Simulator) -> None:
    simulator.script(Words(1000, interval_seconds=0.01), on="anthropic")
    for response in llm.stream_chat([ChatMessage("Count")]):
        assert response.delta == "w0"
        break
    await simulator.wait_for(lambda s: s.calls[0].client_left_at is not None)


async def test_leaving_the_async_loop_stops_the_model(
    llm: AIServiceLLM, simulator: Simulator
) -> None:
    simulator.script(Words(1000, interval_seconds=0.01), on="anthropic")
    async for response in await llm.astream_complete("Count"):
        assert response.delta == "w0"
        break
    await simulator.wait_for(lambda s: s.calls[0].client_left_at is not None)


def test_a_stream_that_fails_in_the_middle_raises(llm: AIServiceLLM, simulator: Simulator) -> None:
    simulator.script(Cut(after_words=2), on="anthropic")
    with pytest.raises(ServerError):
        list(llm.stream_complete("One two three four"))
    assert simulator.unconsumed == 0


def test_a_conversation_of_more_than_ten_messages_arrives_whole(
    llm: AIServiceLLM, simulator: Simulator
) -> None:
    roles = (MessageRole.USER, MessageRole.ASSISTANT)
    turns = [ChatMessage(f"turn {n}", role=role) for n in range(20) for role in roles]
    system = ChatMessage("Be brief.", role=MessageRole.SYSTEM)
    silent = ChatMessage("", role=MessageRole.ASSISTANT)
    llm.chat([system, *turns, silent, ChatMessage("And now?")])
    sent = _sent(simulator)
    assert len(sent["messages"]) == 41
    assert "Be brief." in str(sent["system"])


def test_options_of_the_model_and_of_the_call_reach_the_vendor(
    clients: Clients, simulator: Simulator
) -> None:
    llm = AIServiceLLM(
        **clients, model="gpt", max_tokens=50, additional_kwargs={"reasoning_effort": "low"}
    )
    llm.complete("Hello")
    sent = _sent(simulator)
    assert (sent["max_completion_tokens"], sent["reasoning_effort"]) == (50, "low")
    llm.complete("Hello", max_tokens=60, model="haiku")
    assert _sent(simulator)["max_tokens"] == 60


@pytest.mark.parametrize(
    ("block", "source"),
    [
        (
            ImageBlock(image=PICTURE, image_mimetype="image/png"),
            {
                "type": "base64",
                "media_type": "image/png",
                "data": base64.b64encode(PICTURE).decode(),
            },
        ),
        (
            ImageBlock(url="https://example.com/cat.png"),
            {"type": "url", "url": "https://example.com/cat.png"},
        ),
    ],
    ids=["its bytes", "its address"],
)
def test_a_picture_reaches_the_vendor(
    block: ImageBlock, source: dict[str, str], llm: AIServiceLLM, simulator: Simulator
) -> None:
    llm.chat([ChatMessage([TextBlock(text="What is this?"), block])])
    text, picture = _sent(simulator)["messages"][0]["content"]
    assert text["text"] == "What is this?"
    assert picture["source"] == source


def test_what_the_api_has_no_words_for_is_refused(llm: AIServiceLLM, simulator: Simulator) -> None:
    with pytest.raises(ValueError, match="AudioBlock has no counterpart in the API"):
        llm.chat([ChatMessage([AudioBlock(audio=b"sound", format="wav")])])
    assert not simulator.calls


def test_a_tool_is_called_with_what_the_model_says(llm: AIServiceLLM, simulator: Simulator) -> None:
    simulator.script(
        Reply(tool_calls=(ToolCall("get_weather", '{"city": "Paris"}'),)), on="anthropic"
    )
    answer = llm.predict_and_call([FunctionTool.from_defaults(get_weather)], "How is the weather?")
    assert str(answer) == "Paris: sunny"


def test_one_call_at_most_where_only_one_is_allowed(
    llm: AIServiceLLM, simulator: Simulator
) -> None:
    calls = (ToolCall("get_weather", '{"city": "Paris"}'), ToolCall("get_weather", "{}"))
    tool = FunctionTool.from_defaults(get_weather)
    simulator.script(Reply(tool_calls=calls), Reply(tool_calls=calls), on="anthropic")
    both = llm.chat_with_tools([tool], "Hello", allow_parallel_tool_calls=True)
    assert len(llm.get_tool_calls_from_response(both)) == 2
    (one,) = llm.get_tool_calls_from_response(llm.chat_with_tools([tool], "Hello"))
    assert one.tool_kwargs == {"city": "Paris"}


def test_an_answer_without_calls_is_told(llm: AIServiceLLM) -> None:
    response = llm.chat_with_tools([FunctionTool.from_defaults(get_weather)], "Hello")
    assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
    with pytest.raises(ValueError, match="asked for no tool"):
        llm.get_tool_calls_from_response(response)


@pytest.mark.parametrize("arguments", ['{"city": ', '["Paris"]'], ids=["cut", "no object"])
def test_broken_arguments_are_none(arguments: str, clients: Clients, simulator: Simulator) -> None:
    llm = AIServiceLLM(**clients, model="gpt")
    simulator.script(Reply(tool_calls=(ToolCall("get_weather", arguments),)), on="openai")
    response = llm.chat_with_tools([FunctionTool.from_defaults(get_weather)], "Hello")
    (call,) = llm.get_tool_calls_from_response(response)
    assert (call.tool_name, call.tool_kwargs) == ("get_weather", {})


# LlamaIndex's agents look at every attribute of theirs, the deprecated ones of pydantic as well.
@pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince20")
@pytest.mark.filterwarnings("ignore::pydantic.PydanticDeprecatedSince211")
@pytest.mark.parametrize("streaming", [False, True], ids=["whole", "streamed"])
async def test_an_agent_goes_on_with_the_tools_answer(
    streaming: bool, llm: AIServiceLLM, simulator: Simulator
) -> None:
    wish = ToolCall("get_weather", '{"city": "Paris"}', id="toolu_1")
    simulator.script(
        Reply(thinking="Let me look.", tool_calls=(wish,)), Reply(text="Sunny."), on="anthropic"
    )
    agent = FunctionAgent(tools=[get_weather], llm=llm, streaming=streaming)
    assert str(await agent.run("How is the weather in Paris?")) == "Sunny."
    _, assistant, result = _sent(simulator)["messages"]
    thinking, use = assistant["content"]
    assert (thinking["type"], thinking["thinking"]) == ("thinking", "Let me look.")
    assert (use["name"], use["input"]) == ("get_weather", {"city": "Paris"})
    assert result["content"][0]["tool_use_id"] == "toolu_1"
    assert "Paris: sunny" in str(result["content"][0]["content"])


def test_structured_answers_are_instances(llm: AIServiceLLM, simulator: Simulator) -> None:
    wish = Reply(tool_calls=(ToolCall("City", '{"name": "Paris"}'),))
    simulator.script(wish, wish, on="anthropic")
    asked = PromptTemplate("A city, please.")
    assert llm.structured_predict(City, asked) == City(name="Paris")
    assert _sent(simulator)["tool_choice"] == {"type": "any"}
    *_, last = llm.stream_structured_predict(City, asked)
    assert last == City(name="Paris")


def test_errors_are_those_of_the_sdk(shared_service: RunningService) -> None:
    with AIServiceSDK("sk-ais-wrong", shared_service.url) as client:
        with pytest.raises(AuthenticationError):
            AIServiceLLM(client=client).complete("Hello")
        with pytest.raises(AuthenticationError):
            AIServiceEmbedding(client=client).get_text_embedding("Hello")


def test_the_key_is_not_shown() -> None:
    key = SecretStr("sk-ais-secret")
    llm, embedding = AIServiceLLM(api_key=key), AIServiceEmbedding(api_key=key)
    shown = [repr(llm), llm.to_json(), str(llm.to_payload()), repr(embedding), embedding.to_json()]
    assert "sk-ais-secret" not in "".join(shown)
