"""What a vendor wants back unread (signed thinking) travels through the caller and comes back whole."""

from typing import Any

import httpx
import pytest

from tests.e2e.routes import CHAT, CHAT_STREAM, CHATS
from tests.simulator import Call, Reply, Simulator, ToolCall
from tests.sse import read_stream, text_of

ANTHROPIC = "anthropic/claude-haiku-5-5"
USER = {"role": "user", "content": "How far is the moon?"}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
ASK: dict[str, Any] = {
    "messages": [USER],
    "model": ANTHROPIC,
    "reasoning_effort": "low",
    "tools": [TOOL],
    "cache": False,
}
Body = dict[str, Any]


async def first_turn(client: httpx.AsyncClient, path: str, effort: str = "low") -> Body:
    """The assistant's message of an answer, put together by the caller if it was streamed."""
    ask = ASK | {"reasoning_effort": effort}
    if path == CHAT:
        message: Body = (await client.post(path, json=ask)).json()["message"]
        return message
    events = await read_stream(client, path, ask)
    calls: dict[int, Body] = {}
    for event in events:
        if event["type"] == "tool_call":
            call = calls.setdefault(event["index"], {"arguments": ""})
            call["arguments"] += event["arguments"]
            call |= {name: event[name] for name in ("id", "name") if name in event}
    message = {"role": "assistant", "content": text_of(events) or None}
    if calls:
        message["tool_calls"] = [
            {"id": call.pop("id"), "type": "function", "function": call} for call in calls.values()
        ]
    if "provider_data" in events[-1]:
        message["provider_data"] = events[-1]["provider_data"]
    return message


async def second_turn(
    client: httpx.AsyncClient, simulator: Simulator, path: str, *messages: Body, model: str
) -> Call:
    """The call that the next turn makes."""
    before = len(simulator.calls)
    body = ASK | {"messages": [USER, *messages], "model": model}
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    (call,) = simulator.calls[before:]
    return call


@pytest.mark.parametrize("path", CHATS)
async def test_thinking_goes_back_to_its_vendor_before_the_text_it_led_to(
    path: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(thinking="Light takes 1.3 s.", text="Far."), on="anthropic")
    message = await first_turn(shared_client, path)
    assert message["content"] == "Far."
    follow_up = {"role": "user", "content": "In km?"}
    call = await second_turn(shared_client, simulator, path, message, follow_up, model=ANTHROPIC)
    thinking, text = call.body["messages"][1]["content"]
    assert thinking["type"] == "thinking"
    assert thinking["thinking"] == "Light takes 1.3 s."
    assert thinking["signature"]
    assert text == {"type": "text", "text": "Far."}


@pytest.mark.parametrize("path", CHATS)
async def test_thinking_goes_back_with_the_tool_calls_it_led_to(
    path: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    wish = ToolCall("look", '{"at": "moon"}', id="c1")
    simulator.script(Reply(thinking="Let me look.", tool_calls=(wish,)), on="anthropic")
    message = await first_turn(shared_client, path)
    result = {"role": "tool", "content": "384400 km", "tool_call_id": "c1"}
    call = await second_turn(shared_client, simulator, path, message, result, model=ANTHROPIC)
    thinking, use = call.body["messages"][1]["content"]
    assert (thinking["type"], thinking["thinking"]) == ("thinking", "Let me look.")
    assert (use["type"], use["id"], use["input"]) == ("tool_use", "c1", {"at": "moon"})


@pytest.mark.parametrize("path", CHATS)
async def test_thinking_that_is_not_shown_goes_back_by_its_signature(
    path: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(thinking="", text="Far."), on="anthropic")
    message = await first_turn(shared_client, path)
    follow_up = {"role": "user", "content": "In km?"}
    call = await second_turn(shared_client, simulator, path, message, follow_up, model=ANTHROPIC)
    thinking = call.body["messages"][1]["content"][0]
    assert (thinking["type"], thinking["thinking"]) == ("thinking", "")
    assert thinking["signature"]


@pytest.mark.parametrize("path", CHATS)
async def test_another_vendor_does_not_get_it(
    path: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(thinking="Light takes 1.3 s.", text="Far."), on="anthropic")
    message = await first_turn(shared_client, path)
    follow_up = {"role": "user", "content": "In km?"}
    call = await second_turn(
        shared_client, simulator, path, message, follow_up, model="openai/gpt-6-luna"
    )
    assert call.server == "openai"
    assert call.body["messages"][1] == {"role": "assistant", "content": "Far."}
    assert "Light takes" not in str(call.body)


async def test_an_answer_without_thinking_has_nothing_to_send_back(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(text="Far."), Reply(text="Far."), on="anthropic")
    assert "provider_data" not in await first_turn(shared_client, CHAT, "none")
    assert "provider_data" not in await first_turn(shared_client, CHAT_STREAM, "none")


@pytest.mark.parametrize(
    "made_up",
    [
        {"anthropic": "thinking"},
        {"anthropic": {"blocks": "all"}},
        {"anthropic": {"blocks": [5, {"type": "tool_use", "name": "x"}, {"type": "document"}]}},
        {"elsewhere": {"blocks": [{"type": "thinking", "thinking": "x"}]}},
    ],
)
async def test_made_up_data_does_not_reach_the_vendor(
    made_up: Body, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    message = {"role": "assistant", "content": "Far.", "provider_data": made_up}
    call = await second_turn(
        shared_client, simulator, CHAT, message, {"role": "user", "content": "?"}, model=ANTHROPIC
    )
    assert call.body["messages"][1]["content"] == [{"type": "text", "text": "Far."}]
