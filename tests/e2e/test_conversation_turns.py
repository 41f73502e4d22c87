"""Turns of one conversation never interleave, and whatever ends one, the next can begin."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.conftest import ServiceFactory
from tests.contracts.time import until
from tests.e2e.conversations import (
    CONVERSATIONS,
    begin,
    heard,
    look,
    messages_of,
    said_in,
    say,
    turn,
)
from tests.e2e.routes import CHAT, CHAT_STREAM, CHATS, error_of
from tests.ledger import settled_rows
from tests.postgres import Postgres
from tests.process import ServiceProcess
from tests.running import ADMIN_KEY, RunningService
from tests.simulator import Cut, Reply, Simulator, Stall, ToolCall
from tests.sse import events_of, read_stream, text_of

SECRET = "a secret that every replica knows"


@asynccontextmanager
async def turn_under_way(
    client: httpx.AsyncClient, simulator: Simulator, path: str, conversation: str
) -> AsyncIterator["asyncio.Task[httpx.Response]"]:
    """A turn whose model takes its time, until the test releases it."""
    simulator.script(Stall(before_headers=True, reply=Reply(text="One.")), on="anthropic")
    before = simulator.in_flight
    first = asyncio.create_task(client.post(path, json=turn(conversation, "1?")))
    await simulator.wait_for(lambda s: s.in_flight == before + 1)
    yield first
    if not first.done():
        first.cancel()
        await asyncio.wait([first])


@pytest.mark.parametrize("path", CHATS)
async def test_a_second_turn_meanwhile_is_a_conflict(
    path: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    conversation, other = await begin(client), await begin(client)
    async with turn_under_way(client, simulator, path, conversation) as first:
        for second in CHATS:
            error_of(await client.post(second, json=turn(conversation, "2?")), 409, "conflict")
        await say(client, other, "Hi")
        simulator.release()
        assert (await first).status_code == 200
    await say(client, conversation, "2?")
    texts = [text for _, text in await said_in(client, conversation)]
    assert texts[:3] == ["1?", "One.", "2?"]


async def test_a_second_turn_on_another_replica_is_a_conflict(
    start_service: ServiceFactory, simulator: Simulator, postgres: Postgres
) -> None:
    url = postgres.create_database()
    here, there = [start_service(database_url=url, secret_key=SECRET) for _ in range(2)]
    async with here.client() as one, there.client() as two:
        conversation = await begin(one)
        async with turn_under_way(one, simulator, CHAT, conversation) as first:
            error_of(await two.post(CHAT, json=turn(conversation, "2?")), 409, "conflict")
            simulator.release()
            assert (await first).status_code == 200
        await say(two, conversation, "2?")
        assert heard(simulator.calls[-1])[:2] == [("user", "1?"), ("assistant", "One.")]


async def test_of_twenty_turns_at_once_none_interleaves(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    conversation = await begin(client)
    answers = await asyncio.gather(
        *(client.post(CHAT, json=turn(conversation, f"{n}?")) for n in range(20))
    )
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {200, 409}
    assert 200 in statuses
    roles = [role for role, _ in await said_in(client, conversation)]
    assert roles == ["user", "assistant"] * statuses.count(200)


async def test_a_killed_process_frees_its_turn_by_its_lease(
    tmp_path: Path, start_service: ServiceFactory, simulator: Simulator, postgres: Postgres
) -> None:
    url = postgres.create_database()
    environment = {
        "ANTHROPIC_API_KEY": "sk-ant-simulated",
        "ANTHROPIC_BASE_URL": simulator.anthropic_base_url,
        "AI_SERVICE_ADMIN_KEY": ADMIN_KEY,
        "DATABASE_URL": url,
        "AI_SERVICE_SECRET_KEY": SECRET,
        "AI_SERVICE_LEASE_SECONDS": "1",
    }
    living = start_service(database_url=url, secret_key=SECRET)
    with ServiceProcess(tmp_path, **environment) as dying:
        async with dying.client(ADMIN_KEY) as client, living.client() as survivor:
            conversation = await begin(client)
            async with turn_under_way(client, simulator, CHAT, conversation) as lost:
                dying.send(signal.SIGKILL)
                dying.wait()
                with pytest.raises(httpx.TransportError):
                    await lost

            async def is_free() -> bool:
                answer = await survivor.post(CHAT, json=turn(conversation, "2?"))
                assert answer.status_code in (200, 409)
                return answer.status_code == 200

            await until(is_free)
            texts = [text for _, text in await said_in(survivor, conversation)]
            assert texts[0] == "2?"


async def test_a_plain_turn_that_is_hung_up_on_leaves_only_its_cost(
    client: httpx.AsyncClient, simulator: Simulator, tmp_path: Path
) -> None:
    conversation = await begin(client)
    async with turn_under_way(client, simulator, CHAT, conversation) as first:
        first.cancel()
        await simulator.wait_for(lambda s: s.in_flight == 0)
    await is_free_again(client, conversation)
    (row, _) = await settled_rows(tmp_path, 2)
    assert row["outcome"] == "cancelled"
    texts = [text for _, text in await said_in(client, conversation)]
    assert texts[0] == "Next"
    assert (await look(client, conversation))["usage"]["input_tokens"] >= row["input_tokens"] > 0


async def is_free_again(client: httpx.AsyncClient, conversation: str) -> None:
    """The next turn goes through, as soon as the service has noticed the end of the last."""

    async def goes_through() -> bool:
        answer = await client.post(CHAT, json=turn(conversation, "Next"))
        assert answer.status_code in (200, 409), answer.text
        return answer.status_code == 200

    await until(goes_through)


@pytest.mark.parametrize("cache", [True, False])
async def test_of_a_stream_that_is_left_what_was_delivered_is_kept(
    cache: bool, client: httpx.AsyncClient, simulator: Simulator, tmp_path: Path
) -> None:
    conversation = await begin(client)
    simulator.script(Stall(after_words=2, reply=Reply(text="one two three four")), on="anthropic")
    body = turn(conversation, "Count", cache=cache)
    async with client.stream("POST", CHAT_STREAM, json=body) as response:
        events = []
        async for event in events_of(response):
            events.append(event)
            if "two" in text_of(events):
                break
    await is_free_again(client, conversation)
    (row, _) = await settled_rows(tmp_path, 2)
    asked, answered, *_ = await messages_of(client, conversation)
    assert (asked["content"], asked["status"]) == ("Count", "complete")
    assert answered["status"] == "interrupted"
    assert answered["content"].strip() == "one two"
    assert answered["answer_id"] == row["id"]
    # It goes on from there.
    assert heard(simulator.calls[-1])[1][1].strip() == "one two"


async def test_of_a_stream_that_breaks_what_was_delivered_is_kept(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    conversation = await begin(client)
    simulator.script(Cut(after_words=2, reply=Reply(text="one two three")), on="anthropic")
    events = await read_stream(client, CHAT_STREAM, turn(conversation, "Count"))
    assert events[-1]["type"] == "error"
    _, answered = await messages_of(client, conversation)
    assert (answered["status"], answered["content"]) == ("interrupted", text_of(events))
    await say(client, conversation, "Go on")


@pytest.mark.parametrize(
    ("text", "events_before", "heard_next"),
    [
        # Anthropic's dialect makes one turn of two by the same side.
        ("", 6, [("user", "LookGo on")]),
        ("Hm.", 9, [("user", "Look"), ("assistant", "Hm."), ("user", "Go on")]),
    ],
)
async def test_half_a_tool_call_is_kept_but_not_told_to_a_model(
    text: str,
    events_before: int,
    heard_next: list[tuple[str, str]],
    client: httpx.AsyncClient,
    simulator: Simulator,
) -> None:
    wish = ToolCall("look", '{"at": "the far side of the moon"}', id="c1")
    reply = Reply(text=text, tool_calls=(wish,))
    simulator.script(Cut(after_events=events_before, reply=reply), on="anthropic")
    conversation = await begin(client)
    tool = {"type": "function", "function": {"name": "look"}}
    events = await read_stream(client, CHAT_STREAM, turn(conversation, "Look", tools=[tool]))
    assert [event["type"] for event in events[-2:]] == ["tool_call", "error"]
    _, answered = await messages_of(client, conversation)
    assert answered["status"] == "interrupted"
    assert answered["tool_calls"][0]["id"] == "c1"
    await say(client, conversation, "Go on")
    assert heard(simulator.calls[-1]) == heard_next
    assert "tool_use" not in str(simulator.calls[-1].body)


async def test_text_that_was_held_back_was_not_delivered(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    conversation = await begin(client)
    simulator.script(Cut(after_words=2, reply=Reply(text="one two three")), on="anthropic")
    body = turn(conversation, "Count", sanitize="html")
    await client.post(CHAT_STREAM, json=body)
    assert await messages_of(client, conversation) == []
    assert (await look(client, conversation))["usage"]["output_tokens"] > 0


@pytest.mark.parametrize("path", CHATS)
async def test_a_conversation_that_is_deleted_meanwhile_is_a_conflict(
    path: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    conversation = await begin(client)
    async with turn_under_way(client, simulator, path, conversation) as first:
        assert (await client.delete(f"{CONVERSATIONS}/{conversation}")).status_code == 204
        simulator.release()
        answer = await first
    if path == CHAT:
        error_of(answer, 409, "conflict")
    else:
        assert '"type":"conflict"' in answer.text
        assert '"type":"done"' not in answer.text
    error_of(await client.get(f"{CONVERSATIONS}/{conversation}"), 404, "not_found")


@pytest.fixture
def on_postgres(start_service: ServiceFactory, postgres: Postgres) -> RunningService:
    """A service whose database a test can take away."""
    return start_service(database_url=postgres.create_database(), secret_key=SECRET)


async def test_a_database_that_is_away_is_a_503_and_no_call(
    on_postgres: RunningService, simulator: Simulator, postgres: Postgres
) -> None:
    async with on_postgres.client() as client:
        conversation = await begin(client)
        path = f"{CONVERSATIONS}/{conversation}"
        await asyncio.to_thread(postgres.stop)
        try:
            for answer in (
                await client.post(CHAT, json=turn(conversation, "Hi")),
                await client.post(CHAT_STREAM, json=turn(conversation, "Hi")),
                await client.post(CONVERSATIONS, json={}),
                await client.get(CONVERSATIONS),
                await client.get(path),
                await client.get(f"{path}/messages"),
                await client.get(f"{path}/export"),
                await client.post(f"{path}/fork", json={}),
                await client.delete(path),
            ):
                error_of(answer, 503, "service_unavailable")
        finally:
            await asyncio.to_thread(postgres.start)
        assert simulator.calls == []
        await is_free_again(client, conversation)


async def test_a_turn_that_ends_while_the_database_is_away_is_kept_when_it_is_back(
    on_postgres: RunningService, simulator: Simulator, postgres: Postgres
) -> None:
    async with on_postgres.client() as client:
        conversation = await begin(client)
        async with turn_under_way(client, simulator, CHAT, conversation) as first:
            await asyncio.to_thread(postgres.stop)
            try:
                simulator.release()
                assert (await first).json()["message"]["content"] == "One."
            finally:
                await asyncio.to_thread(postgres.start)

        async def is_kept() -> bool:
            answer = await client.get(f"{CONVERSATIONS}/{conversation}")
            return answer.status_code == 200 and answer.json()["message_count"] == 2

        await until(is_kept, timeout_seconds=10)
        await is_free_again(client, conversation)
