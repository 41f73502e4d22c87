"""Chat at the wire of each vendor: messages, images, tools, formats, and how much history goes out."""

from typing import Any

import httpx
import pytest

from tests.e2e.routes import CHAT, CHAT_STREAM, CHATS
from tests.simulator import Call, Reply, Simulator, ToolCall

MODELS = {"anthropic": "anthropic/claude-haiku-5-5", "openai": "openai/gpt-6-luna"}
BOTH = pytest.mark.parametrize("server", list(MODELS))
EITHER_PATH = pytest.mark.parametrize("path", CHATS)
Body = dict[str, Any]

PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FUNCTION = {"name": "look", "description": "Looks", "parameters": PARAMETERS, "strict": True}
TOOLS = [
    {"type": "function", "function": FUNCTION},
    {"type": "function", "function": {"name": "wait", "parameters": {"type": "object"}}},
]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def user(content: Any) -> Body:
    """A message of the user."""
    return {"role": "user", "content": content}


def assistant(content: str | None, *call_ids: str) -> Body:
    """A message of the model, with calls of `look`."""
    function = {"name": "look", "arguments": '{"city": "Paris"}'}
    calls = [{"id": call_id, "type": "function", "function": function} for call_id in call_ids]
    return {"role": "assistant", "content": content} | ({"tool_calls": calls} if calls else {})


def result(call_id: str) -> Body:
    """What a tool gave back."""
    return {"role": "tool", "content": f"result of {call_id}", "tool_call_id": call_id}


async def sent(
    client: httpx.AsyncClient, simulator: Simulator, path: str, body: Body, server: str
) -> Call:
    """The one call that a request makes."""
    answer = await client.post(path, json={"cache": False, "model": MODELS[server]} | body)
    assert answer.status_code == 200, answer.text
    (call,) = simulator.calls_to(server)
    return call


@EITHER_PATH
async def test_a_conversation_as_it_reaches_anthropic(
    path: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        user("Paris?"),
        assistant("Let me look.", "c1", "c2"),
        result("c1"),
        result("c2"),
        {"role": "system", "content": "Be kind."},
        assistant("It is wet."),
        user([{"type": "text", "text": "And"}, {"type": "text", "text": "Rome?"}]),
    ]
    call = await sent(shared_client, simulator, path, {"messages": messages}, "anthropic")
    uses = [
        {"type": "tool_use", "id": name, "name": "look", "input": {"city": "Paris"}}
        for name in ("c1", "c2")
    ]
    results = [
        {
            "type": "tool_result",
            "tool_use_id": name,
            "content": [{"type": "text", "text": f"result of {name}"}],
        }
        for name in ("c1", "c2")
    ]
    assert call.body["system"] == "Be brief.\n\nBe kind."
    assert call.body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "Paris?"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "Let me look."}, *uses]},
        {"role": "user", "content": results},
        {"role": "assistant", "content": [{"type": "text", "text": "It is wet."}]},
        {
            "role": "user",
            "content": [{"type": "text", "text": "And"}, {"type": "text", "text": "Rome?"}],
        },
    ]


@EITHER_PATH
async def test_a_conversation_as_it_reaches_openai(
    path: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        user("Paris?"),
        assistant(None, "c1"),
        result("c1"),
        assistant("It is wet."),
        user("Rome?"),
    ]
    call = await sent(shared_client, simulator, path, {"messages": messages}, "openai")
    assert call.body["messages"] == messages


IMAGES = [
    {"type": "text", "text": "What is this?"},
    {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
]


@EITHER_PATH
@BOTH
async def test_images_in_each_vendors_own_form(
    server: str, path: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    call = await sent(shared_client, simulator, path, {"messages": [user(IMAGES)]}, server)
    (message,) = call.body["messages"]
    if server == "anthropic":
        assert message["content"] == IMAGES
    else:
        assert message["content"][1:] == [
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
        ]


@EITHER_PATH
async def test_tools_as_they_reach_anthropic(
    path: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {"messages": [user("Hi")], "tools": TOOLS}
    call = await sent(shared_client, simulator, path, body, "anthropic")
    assert call.body["tools"] == [
        {"name": "look", "description": "Looks", "input_schema": PARAMETERS, "strict": True},
        {"name": "wait", "input_schema": {"type": "object"}},
    ]
    assert "tool_choice" not in call.body


@EITHER_PATH
async def test_tools_as_they_reach_openai(
    path: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {"messages": [user("Hi")], "tools": TOOLS}
    call = await sent(shared_client, simulator, path, body, "openai")
    assert call.body["tools"] == TOOLS
    assert "tool_choice" not in call.body


NAMED = {"type": "function", "function": {"name": "look"}}


@BOTH
@pytest.mark.parametrize(
    ("choice", "anthropics"),
    [
        ("auto", {"type": "auto"}),
        ("none", {"type": "none"}),
        ("required", {"type": "any"}),
        (NAMED, {"type": "tool", "name": "look"}),
    ],
    ids=["auto", "none", "required", "named"],
)
async def test_tool_choice_in_each_vendors_own_words(
    choice: str | Body,
    anthropics: Body,
    server: str,
    shared_client: httpx.AsyncClient,
    simulator: Simulator,
) -> None:
    body = {"messages": [user("Hi")], "tools": TOOLS, "tool_choice": choice}
    call = await sent(shared_client, simulator, CHAT, body, server)
    assert call.body["tool_choice"] == (anthropics if server == "anthropic" else choice)


@BOTH
async def test_a_call_of_a_tool_is_answered_and_its_result_goes_back(
    server: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    wish = ToolCall("look", '{"city": "Paris"}', id="call_9")
    simulator.script(Reply(tool_calls=(wish,)), on=server)
    ask = {"messages": [user("Paris?")], "tools": TOOLS, "model": MODELS[server], "cache": False}
    answer = (await shared_client.post(CHAT, json=ask)).json()
    assert answer["finish_reason"] == "tool_calls"
    message = answer["message"]
    assert message["role"] == "assistant"
    assert message["content"] is None
    (call,) = message["tool_calls"]
    assert (call["id"], call["type"], call["function"]["name"]) == ("call_9", "function", "look")
    back = ask | {"messages": [user("Paris?"), message, result("call_9")]}
    simulator.script(Reply(text="It is wet."), on=server)
    answer = (await shared_client.post(CHAT, json=back)).json()
    assert answer["message"] == {"role": "assistant", "content": "It is wet."}
    assert "result of call_9" in str(simulator.calls[1].body["messages"][-1])


@BOTH
async def test_a_json_schema_reaches_the_provider_and_the_answer_follows_it(
    server: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    wanted = {"name": "place", "schema": SCHEMA, "strict": True, "description": "A place"}
    response_format = {"type": "json_schema", "json_schema": wanted}
    body = {"messages": [user("Where?")], "response_format": response_format}
    call = await sent(shared_client, simulator, CHAT, body, server)
    if server == "anthropic":
        assert call.body["output_config"] == {"format": {"type": "json_schema", "schema": SCHEMA}}
    else:
        assert call.body["response_format"] == response_format


@BOTH
async def test_the_text_format_is_the_default_and_is_not_sent(
    server: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {"messages": [user("Where?")], "response_format": {"type": "text"}}
    call = await sent(shared_client, simulator, CHAT, body, server)
    assert {"response_format", "output_config"}.isdisjoint(call.body)


SYSTEM = {"role": "system", "content": "Be brief."}
LONG = [SYSTEM, *(user(f"q{n}") if n % 2 == 0 else assistant(f"a{n}") for n in range(21))]
WITH_TOOLS = [
    SYSTEM,
    user("old"),
    assistant("older"),
    user("Paris and Rome?"),
    assistant(None, "c1", "c2"),
    result("c1"),
    result("c2"),
]


@EITHER_PATH
@pytest.mark.parametrize(
    ("messages", "limit", "kept"),
    [
        (LONG, None, [SYSTEM, *LONG[-10:]]),
        (LONG, 1, [SYSTEM, LONG[-1]]),
        (LONG, 3, [SYSTEM, *LONG[-3:]]),
        (LONG, 1000, LONG),
        ([*LONG, SYSTEM], 1, [SYSTEM, LONG[-1], SYSTEM]),
        (WITH_TOOLS, 1, [SYSTEM, *WITH_TOOLS[-3:]]),
        (WITH_TOOLS, 2, [SYSTEM, *WITH_TOOLS[-3:]]),
        (WITH_TOOLS, 3, [SYSTEM, *WITH_TOOLS[-3:]]),
        (WITH_TOOLS, 4, [SYSTEM, *WITH_TOOLS[-4:]]),
    ],
)
async def test_the_last_messages_go_out_with_every_system_message_and_every_call_of_a_result(
    messages: list[Body],
    limit: int | None,
    kept: list[Body],
    path: str,
    shared_client: httpx.AsyncClient,
    simulator: Simulator,
) -> None:
    body: Body = {"messages": messages} | ({"history_limit": limit} if limit else {})
    call = await sent(shared_client, simulator, path, body, "openai")
    assert call.body["messages"] == kept


async def test_a_system_message_at_the_end_is_no_reason_to_lose_the_question(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {"messages": [*LONG, SYSTEM], "history_limit": 1}
    call = await sent(shared_client, simulator, CHAT_STREAM, body, "anthropic")
    assert call.body["system"] == "Be brief.\n\nBe brief."
    assert call.body["messages"] == [{"role": "user", "content": [{"type": "text", "text": "q20"}]}]
