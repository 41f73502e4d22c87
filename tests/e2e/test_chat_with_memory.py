"""Chat in a kept conversation: what the model hears, and what is kept of what it says."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ServiceFactory
from tests.e2e.conversations import (
    CONVERSATIONS,
    Json,
    begin,
    heard,
    look,
    messages_of,
    said_in,
    say,
    turn,
)
from tests.e2e.keys import make_key
from tests.e2e.routes import CHAT, CHAT_STREAM, CHATS, GENERATE, error_of
from tests.ledger import settled_rows
from tests.running import RunningService
from tests.simulator import Cut, Reply, Simulator, ToolCall, Usage, server_error
from tests.sse import read_stream, terminal_events, text_of

TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
NANOS = Decimal(10) ** 9


async def speak(client: httpx.AsyncClient, path: str, body: Json) -> Json:
    """A turn that goes well, plain or streamed: its answer, or its `done` event."""
    if path == CHAT:
        answer = await client.post(path, json=body)
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found
    done = (await read_stream(client, path, body))[-1]
    assert done["type"] == "done"
    return done


@pytest.mark.parametrize("path", CHATS)
async def test_the_model_hears_what_was_said_before(
    path: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(text="Hello, Ada."), Reply(text="Ada."), on="anthropic")
    conversation = await begin(client, system="Be brief.")
    first = await speak(client, path, turn(conversation, "I am Ada."))
    second = await speak(client, path, turn(conversation, "Who am I?"))
    assert first["conversation_id"] == second["conversation_id"] == conversation
    call = simulator.calls[-1]
    assert call.body["system"] == "Be brief."
    assert heard(call) == [
        ("user", "I am Ada."), ("assistant", "Hello, Ada."), ("user", "Who am I?"),
    ]  # fmt: skip
    assert await said_in(client, conversation) == [*heard(call), ("assistant", "Ada.")]
    kept = await messages_of(client, conversation)
    assert [each.get("answer_id") for each in kept] == [None, first["id"], None, second["id"]]
    assert {each["status"] for each in kept} == {"complete"}


async def test_an_answer_outside_of_a_conversation_names_none(client: httpx.AsyncClient) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}]}
    assert "conversation_id" not in (await client.post(CHAT, json=body)).json()
    assert "conversation_id" not in (await read_stream(client, CHAT_STREAM, body))[-1]
    assert "conversation_id" not in (await client.post(GENERATE, json={"prompt": "Hi"})).json()


async def test_system_messages_of_a_request_hold_for_one_turn(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    conversation = await begin(client, system="Be brief.")
    today = {"role": "system", "content": "Today is Monday."}
    await say(client, conversation, today, "What day is it?")
    await say(client, conversation, "And now?")
    assert [call.body["system"] for call in simulator.calls] == [
        "Be brief.\n\nToday is Monday.",
        "Be brief.",
    ]
    assert [role for role, _ in await said_in(client, conversation)] == ["user", "assistant"] * 2


async def test_the_history_limit_bounds_what_goes_not_what_is_kept(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(*(Reply(text=f"{n}.") for n in range(4)), on="anthropic")
    conversation = await begin(client, system="Be brief.")
    for n in range(3):
        await say(client, conversation, f"{n}?")
    await say(client, conversation, "3?", history_limit=3)
    call = simulator.calls[-1]
    assert [text for _, text in heard(call)] == ["2?", "2.", "3?"]
    assert call.body["system"] == "Be brief."
    assert (await look(client, conversation))["message_count"] == 8


async def test_the_token_budget_leaves_out_the_oldest(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(text="a" * 400), Reply(text="b" * 40), on="anthropic")
    conversation = await begin(client, system="s" * 4000)
    await say(client, conversation, "1?")
    await say(client, conversation, "2?")
    for budget, texts in ((50, ["2?", "b" * 40, "3?"]), (1, ["4" * 40])):
        await say(client, conversation, texts[-1], history_token_budget=budget)
        assert [text for _, text in heard(simulator.calls[-1])] == texts


async def test_the_token_budget_holds_without_a_conversation_too(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {
        "messages": [
            {"role": "user", "content": "a" * 400},
            {"role": "assistant", "content": "b"},
            {"role": "user", "content": "c"},
        ],
        "history_token_budget": 50,
    }
    for path in CHATS:
        await speak(client, path, body | {"cache": False})
        assert [text for _, text in heard(simulator.calls[-1])] == ["b", "c"]


@pytest.mark.parametrize("path", CHATS)
async def test_a_turn_with_tools_round_trips(
    path: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    wish = ToolCall("look", '{"at": "moon"}', id="c1")
    simulator.script(
        Reply(text="Let me see.", thinking="The moon…", tool_calls=(wish,)),
        Reply(text="Far."),
        on="anthropic",
    )
    options = {"tools": [TOOL], "model": "anthropic/claude-haiku-5-5", "reasoning_effort": "low"}
    conversation = await begin(client)
    await speak(client, path, turn(conversation, "How far?", **options))
    result = {"role": "tool", "content": "384400 km", "tool_call_id": "c1"}
    # The limit alone would leave out the call that the result answers.
    await speak(client, path, turn(conversation, result, history_limit=1, **options))
    called, answered = simulator.calls[-1].body["messages"]
    thinking, text, use = called["content"]
    assert (thinking["type"], thinking["thinking"]) == ("thinking", "The moon…")
    assert text["text"] == "Let me see."
    assert (use["type"], use["id"], use["input"]) == ("tool_use", "c1", {"at": "moon"})
    assert answered["content"][0]["tool_use_id"] == "c1"
    kept = await messages_of(client, conversation)
    assert [each["role"] for each in kept] == ["user", "assistant", "tool", "assistant"]
    function = kept[1]["tool_calls"][0]["function"]
    assert (function["name"], json.loads(function["arguments"])) == ("look", {"at": "moon"})
    assert kept[1]["provider_data"]["anthropic"]
    assert kept[2]["tool_call_id"] == "c1"


async def test_a_turn_that_the_cache_answers_is_kept_too(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(text="Hello."), on="anthropic")
    for path in (CHAT, CHAT, CHAT_STREAM):
        conversation = await begin(client)
        answer = await speak(client, path, turn(conversation, "Hi", cache=True))
        assert await said_in(client, conversation) == [("user", "Hi"), ("assistant", "Hello.")]
        assert answer["conversation_id"] == conversation
        found = await look(client, conversation)
        assert (found["usage"], found["cost_usd"]) == (answer["usage"], answer["cost_usd"])
    assert answer["cache_hit"] is True
    assert len(simulator.calls) == 1


@pytest.mark.parametrize("path", CHATS)
async def test_a_replayed_request_is_no_further_turn(
    path: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    conversation = await begin(client)
    body, key = turn(conversation, "Hi"), {"Idempotency-Key": "turn-1"}
    answers = [await client.post(path, json=body, headers=key) for _ in range(2)]
    assert answers[0].content == answers[1].content
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert (await look(client, conversation))["message_count"] == 2


async def test_usage_and_cost_are_the_sums_of_the_ledgers_rows(
    client: httpx.AsyncClient, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script(
        Reply(text="One.", usage=Usage(input_tokens=100, output_tokens=20, cache_read_tokens=40)),
        Cut(after_words=3, reply=Reply(text="one two three four five")),
        on="anthropic",
    )
    conversation = await begin(client)
    await say(client, conversation, "1?")
    await read_stream(client, CHAT_STREAM, turn(conversation, "2?"))
    simulator.always(server_error(), on="anthropic")
    simulator.always(server_error(), on="openai")
    await client.post(CHAT, json=turn(conversation, "3?"))
    rows = await settled_rows(tmp_path, 3)
    assert [row["outcome"] for row in rows] == ["completed", "failed", "failed"]
    found = await look(client, conversation)
    for name in ("input_tokens", "output_tokens", "cached_input_tokens"):
        assert found["usage"][name] == sum(row[name] for row in rows) > 0
    assert Decimal(str(found["cost_usd"])) == sum(row["cost_usd"] for row in rows) / NANOS
    assert rows[1]["cost_usd"] > 0
    # Of the second there is what came, of the third nothing.
    assert found["message_count"] == 4


@pytest.mark.parametrize("path", CHATS)
async def test_a_turn_that_fails_leaves_nothing_and_can_be_tried_again(
    path: str, start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(max_attempts=1)
    async with service.client() as client:
        conversation = await begin(client)
        simulator.script(server_error(), on="anthropic")
        simulator.script(server_error(), on="openai")
        error_of(await client.post(path, json=turn(conversation, "Hi")), 503, "service_unavailable")
        unknown = turn(conversation, "Hi", model="no-such-model")
        error_of(await client.post(path, json=unknown), 400, "validation_error", field="model")
        assert await messages_of(client, conversation) == []
        await speak(client, path, turn(conversation, "Hi"))
        assert (await look(client, conversation))["message_count"] == 2


@pytest.mark.parametrize("path", CHATS)
async def test_what_is_not_this_tenants_is_no_conversation(
    path: str, service: RunningService, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    conversation = await begin(client)
    other = await make_key(client, "generate", tenant="globex")
    async with service.client(key=other["key"]) as stranger:
        error_of(await stranger.post(path, json=turn(conversation, "Hi")), 404, "not_found")
    error_of(await client.post(path, json=turn("conv_0", "Hi")), 404, "not_found")
    assert simulator.calls == []


async def test_what_falls_out_of_the_history_goes_on_as_a_summary(
    client: httpx.AsyncClient, simulator: Simulator, tmp_path: Path
) -> None:
    replies = ["One.", "Two.", "SUMMARY A", "Three.", "SUMMARY B", "Four.", "Five."]
    simulator.script(*(Reply(text=text) for text in replies), on="anthropic")
    conversation = await begin(client, system="Be brief.")
    short = {"history_limit": 3, "summarize_history": True}
    await say(client, conversation, "I am Ada.", **short)
    await say(client, conversation, "2?", **short)
    assert len(simulator.calls) == 2  # nothing has fallen out yet
    await say(client, conversation, "3?", **short)
    made, told = simulator.calls[-2:]
    assert "user: I am Ada.\nassistant: One." in heard(made)[0][1]
    assert "2?" not in heard(made)[0][1]
    assert told.body["system"].startswith("Be brief.\n\nSummary of")
    assert told.body["system"].endswith("SUMMARY A")
    assert [text for _, text in heard(told)] == ["2?", "Two.", "3?"]
    await say(client, conversation, "4?", **short)
    made, told = simulator.calls[-2:]
    # Only what is new is worked in.
    assert "Summary so far: SUMMARY A" in heard(made)[0][1]
    assert "user: 2?\nassistant: Two." in heard(made)[0][1]
    assert "Ada" not in heard(made)[0][1]
    assert told.body["system"].endswith("SUMMARY B")
    await say(client, conversation, "5?", history_limit=3)
    assert simulator.calls[-1].body["system"] == "Be brief."  # it was not asked for
    rows = await settled_rows(tmp_path, 7)
    found = await look(client, conversation)
    assert Decimal(str(found["cost_usd"])) == sum(row["cost_usd"] for row in rows) / NANOS
    assert found["message_count"] == 10


async def test_a_summary_that_cannot_be_made_fails_no_turn(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(max_attempts=1)
    short: dict[str, Any] = {"history_limit": 1, "summarize_history": True, "model": "gpt"}
    async with service.client() as client:
        conversation = await begin(client)
        simulator.script(Reply(text="SUMMARY"), on="anthropic")
        told = []
        for text in ("1?", "2?", "3?"):
            await say(client, conversation, text, **short)
            messages = simulator.calls[-1].body["messages"]
            told.append([message["content"] for message in messages])
            if text == "2?":  # from now on, none can be made
                simulator.script(server_error(), on="anthropic")
                simulator.script(server_error(), on="openai")
    assert simulator.unconsumed == 0
    assert told[0] == ["1?"]
    assert told[1][0].endswith("SUMMARY")
    # The last one that was made still goes.
    assert told[2] == [told[1][0], "3?"]


async def test_the_model_of_summaries_is_a_setting(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(conversation_summary_model="openai/gpt-6-luna")
    async with service.client() as client:
        conversation = await begin(client)
        await say(client, conversation, "1?")
        await say(client, conversation, "2?", history_limit=1, summarize_history=True)
    assert [call.server for call in simulator.calls] == ["anthropic", "openai", "anthropic"]


async def test_a_fork_has_the_summary_of_what_it_has(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    replies = ["One.", "SUMMARY", "Two.", "Else."]
    simulator.script(*(Reply(text=text) for text in replies), on="anthropic")
    short = {"history_limit": 1, "summarize_history": True}
    conversation = await begin(client)
    await say(client, conversation, "1?")
    await say(client, conversation, "2?", **short)
    kept = await messages_of(client, conversation)
    path = f"{CONVERSATIONS}/{conversation}/fork"
    whole = (await client.post(path, json={"at_message_id": kept[1]["id"]})).json()["id"]
    part = (await client.post(path, json={"at_message_id": kept[0]["id"]})).json()["id"]
    before = len(simulator.calls)
    await say(client, whole, "Else?", **short)
    (call,) = simulator.calls[before:]
    assert call.body["system"].endswith("SUMMARY")
    await say(client, part, "Else?", **short)
    assert len(simulator.calls) == before + 3  # the fork makes one of its own


async def test_a_stream_is_kept_before_its_last_event_goes_out(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(text="one two"), on="anthropic")
    conversation = await begin(client)
    events = await read_stream(client, CHAT_STREAM, turn(conversation, "Hi"))
    assert len(terminal_events(events)) == 1
    assert await said_in(client, conversation) == [("user", "Hi"), ("assistant", text_of(events))]
