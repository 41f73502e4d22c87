"""Conversations as their owners see them: made, listed, read, forked, exported, deleted."""

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
from tests.e2e.routes import BATCH, CANARY, CHATS, error_of
from tests.running import RunningService
from tests.simulator import Reply, Simulator


async def test_a_new_conversation_is_empty_and_has_cost_nothing(
    shared_client: httpx.AsyncClient,
) -> None:
    body = {"system": "Be brief.", "metadata": {"user": "u-1"}}
    made = (await shared_client.post(CONVERSATIONS, json=body)).json()
    assert made["id"].startswith("conv_")
    assert (made["system"], made["metadata"]) == ("Be brief.", {"user": "u-1"})
    assert (made["message_count"], made["cost_usd"], made["forked_from"]) == (0, 0, None)
    assert made["usage"]["total_tokens"] == 0
    assert await look(shared_client, made["id"]) == made
    assert await messages_of(shared_client, made["id"]) == []


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("system", {"system": ""}),
        ("system", {"system": "a\x00b"}),
        ("system", {"system": 5}),
        ("metadata", {"metadata": {str(n): "x" for n in range(17)}}),
        ("metadata.a", {"metadata": {"a": 1}}),
        ("title", {"title": CANARY}),
    ],
)
async def test_what_a_conversation_cannot_begin_with_is_named(
    field: str, body: Json, shared_client: httpx.AsyncClient
) -> None:
    error_of(
        await shared_client.post(CONVERSATIONS, json=body), 400, "validation_error", field=field
    )


async def test_conversations_are_listed_in_pages_newest_first(
    shared_service: RunningService, shared_client: httpx.AsyncClient
) -> None:
    key = await make_key(shared_client, "generate", tenant="lists")
    async with shared_service.client(key=key["key"]) as client:
        made = [await begin(client) for _ in range(3)]
        first = (await client.get(CONVERSATIONS, params={"limit": 2})).json()
        rest = (
            await client.get(CONVERSATIONS, params={"limit": 2, "cursor": first["next_cursor"]})
        ).json()
    assert [each["id"] for each in first["data"] + rest["data"]] == made[::-1]
    assert rest["next_cursor"] is None


async def test_messages_are_listed_in_pages_oldest_first(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(text="One."), Reply(text="Two."), on="anthropic")
    conversation = await begin(shared_client)
    await say(shared_client, conversation, "1?")
    await say(shared_client, conversation, "2?")
    path = f"{CONVERSATIONS}/{conversation}/messages"
    first = (await shared_client.get(path, params={"limit": 3})).json()
    rest = (
        await shared_client.get(path, params={"limit": 3, "cursor": first["next_cursor"]})
    ).json()
    assert first["data"] + rest["data"] == await messages_of(shared_client, conversation)
    assert [each["content"] for each in first["data"]] == ["1?", "One.", "2?"]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize("cursor", ["Y29udl8x", "OTk5OTk5OTk5OTk5", "wqI"])
async def test_a_cursor_of_another_list_is_refused(
    cursor: str, shared_client: httpx.AsyncClient
) -> None:
    path = f"{CONVERSATIONS}/{await begin(shared_client)}/messages"
    answer = await shared_client.get(path, params={"cursor": cursor})
    error_of(answer, 400, "validation_error", field="cursor")


async def test_the_export_holds_everything(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(text="A cat."), on="anthropic")
    conversation = await begin(shared_client, system="Be brief.", metadata={"user": "u-1"})
    parts = [
        {"type": "text", "text": "What are these?"},
        {"type": "image", "source": {"type": "url", "url": "https://x.test/cat.png"}},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}},
    ]
    answer = await say(shared_client, conversation, {"role": "user", "content": parts})
    export = await look(shared_client, conversation, "/export")
    asked, answered = export.pop("messages")
    assert export == await look(shared_client, conversation)
    assert (asked["role"], asked["content"]) == ("user", parts)
    assert (answered["role"], answered["content"]) == ("assistant", "A cat.")
    assert (answered["status"], answered["answer_id"]) == ("complete", answer["id"])
    assert asked["created_at"] <= answered["created_at"]
    # What is absent is absent: each message goes back to chat as it is, but for what is the service's own.
    assert set(asked) == {"id", "role", "content", "status", "created_at"}


async def test_a_fork_goes_on_by_itself(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    replies = [Reply(text=text) for text in ("One.", "Two.", "Three.", "Four.")]
    simulator.script(*replies, on="anthropic")
    source = await begin(shared_client, system="Be brief.", metadata={"user": "u-1"})
    await say(shared_client, source, "1?")
    await say(shared_client, source, "2?")
    before = await look(shared_client, source, "/export")
    at = before["messages"][1]["id"]
    answer = await shared_client.post(f"{CONVERSATIONS}/{source}/fork", json={"at_message_id": at})
    assert answer.status_code == 201
    fork = answer.json()
    assert (fork["forked_from"], fork["message_count"]) == (source, 2)
    assert (fork["system"], fork["metadata"]) == ("Be brief.", {"user": "u-1"})
    assert (fork["cost_usd"], fork["usage"]["total_tokens"]) == (0, 0)
    assert await look(shared_client, fork["id"]) == fork
    await say(shared_client, fork["id"], "Else?")
    assert heard(simulator.calls[-1]) == [
        ("user", "1?"), ("assistant", "One."), ("user", "Else?"),
    ]  # fmt: skip
    assert await look(shared_client, source, "/export") == before
    await shared_client.delete(f"{CONVERSATIONS}/{source}")
    assert [text for _, text in await said_in(shared_client, fork["id"])] == [
        "1?", "One.", "Else?", "Three.",
    ]  # fmt: skip


async def test_a_fork_without_a_message_has_all_of_them(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    source = await begin(shared_client)
    await say(shared_client, source, "1?")
    fork = (await shared_client.post(f"{CONVERSATIONS}/{source}/fork", json={})).json()
    assert await said_in(shared_client, fork["id"]) == await said_in(shared_client, source)
    ids = {
        each["id"] for one in (source, fork["id"]) for each in await messages_of(shared_client, one)
    }
    assert len(ids) == 4


async def test_a_fork_at_a_message_of_elsewhere_is_refused(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    source, other = await begin(shared_client), await begin(shared_client)
    await say(shared_client, other, "1?")
    elsewhere = (await messages_of(shared_client, other))[0]["id"]
    for at in (elsewhere, "msg_0", "x"):
        answer = await shared_client.post(
            f"{CONVERSATIONS}/{source}/fork", json={"at_message_id": at}
        )
        error_of(answer, 400, "validation_error", field="at_message_id")


async def test_a_conversation_that_is_full_takes_no_further_turn(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    simulator.script(Reply(text="Indeed."), on="anthropic")
    service = start_service(conversation_max_bytes=3_500)
    async with service.client() as client:
        conversation = await begin(client)
        await say(client, conversation, "x" * 1_000)
        before = await look(client, conversation, "/export")
        for path in CHATS:
            answer = await client.post(path, json=turn(conversation, "x" * 1_000))
            assert error_of(answer, 413, "payload_too_large")["limit_bytes"] == 3_500
        assert len(simulator.calls) == 1
        assert await look(client, conversation, "/export") == before
        await say(client, conversation, "Goodbye.")
        # Its fork is as full.
        fork = await client.post(f"{CONVERSATIONS}/{conversation}/fork", json={})
        assert fork.json()["size_bytes"] == (await look(client, conversation))["size_bytes"]


async def test_a_deleted_conversation_is_gone(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    conversation = await begin(shared_client)
    await say(shared_client, conversation, "1?")
    path = f"{CONVERSATIONS}/{conversation}"
    assert (await shared_client.delete(path)).status_code == 204
    for answer in (
        await shared_client.get(path),
        await shared_client.get(f"{path}/messages"),
        await shared_client.get(f"{path}/export"),
        await shared_client.delete(path),
        await shared_client.post(f"{path}/fork", json={}),
    ):
        error_of(answer, 404, "not_found")


@pytest.mark.parametrize(
    ("how", "text"),
    [("text", "&lt;b&gt;Hi&lt;/b&gt;&lt;script&gt;x&lt;/script&gt;"), ("html", "<b>Hi</b>")],
)
async def test_texts_are_kept_raw_and_made_safe_when_they_are_read(
    how: str, text: str, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    raw = "<b>Hi</b><script>x</script>"
    simulator.script(Reply(text=raw), Reply(text="Two."), on="anthropic")
    conversation = await begin(shared_client)
    parts = [{"type": "text", "text": raw}]
    answer = await say(
        shared_client, conversation, {"role": "user", "content": parts}, sanitize=how
    )
    assert answer["message"]["content"] == text
    for part, listed in (("/messages", "data"), ("/export", "messages")):
        path = f"{CONVERSATIONS}/{conversation}{part}"
        asked, answered = (await shared_client.get(path, params={"sanitize": how})).json()[listed]
        assert asked["content"] == [{"type": "text", "text": text}]
        assert answered["content"] == text
    # The model gets its own words back.
    await say(shared_client, conversation, "And?")
    assert heard(simulator.calls[-1])[:2] == [("user", raw), ("assistant", raw)]


async def test_a_key_that_sanitizes_reads_what_is_safe(
    shared_service: RunningService, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(text="<b>Hi</b>"), on="anthropic")
    key = await make_key(shared_client, "generate", sanitize="text")
    async with shared_service.client(key=key["key"]) as client:
        conversation = await begin(client)
        await say(client, conversation, "Hi")
        assert (await said_in(client, conversation))[1] == ("assistant", "&lt;b&gt;Hi&lt;/b&gt;")


async def test_a_browser_token_has_only_the_conversations_that_it_began(
    shared_service: RunningService, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    key = await make_key(shared_client, "generate", tenant="visited")
    tokens = [
        (await shared_client.post(f"/api/v1/keys/{key['id']}/tokens", json={})).json()["key"]
        for _ in range(2)
    ]
    async with (
        shared_service.client(key=key["key"]) as backend,
        shared_service.client(key=tokens[0]) as visitor,
        shared_service.client(key=tokens[1]) as other,
    ):
        own, backends = await begin(visitor), await begin(backend)
        await say(visitor, own, "My secret")
        for conversation in (own, backends):
            path = f"{CONVERSATIONS}/{conversation}"
            error_of(await other.get(path), 404, "not_found")
            error_of(await other.get(f"{path}/export"), 404, "not_found")
            answer = await other.post(
                CHATS[0],
                json={
                    "messages": [{"role": "user", "content": "x"}],
                    "conversation_id": conversation,
                },
            )
            error_of(answer, 404, "not_found")
        assert await ids(visitor) == [own]
        assert await ids(other) == []
        assert await ids(backend) == [backends, own]
        await say(backend, own, "Go on")


async def ids(client: httpx.AsyncClient) -> list[str]:
    """The conversations that this caller sees."""
    return [each["id"] for each in (await client.get(CONVERSATIONS)).json()["data"]]


async def test_items_of_a_batch_take_no_turns(
    shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    conversation = await begin(shared_client)
    item = {"messages": [{"role": "user", "content": "x"}], "conversation_id": conversation}
    body = {"requests": [{"prompt": "x"}, item]}
    error_of(
        await shared_client.post(BATCH, json=body),
        400,
        "validation_error",
        field="requests.1.conversation_id",
    )
    assert simulator.calls == []


@pytest.mark.parametrize("path", CHATS)
@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("conversation_id", {"conversation_id": CANARY}),
        ("conversation_id", {"conversation_id": ""}),
        ("history_token_budget", {"history_token_budget": 0}),
        ("history_token_budget", {"history_token_budget": 1.5}),
        ("summarize_history", {"summarize_history": True}),
    ],
)
async def test_what_chat_cannot_remember_by_is_named(
    field: str,
    options: dict[str, Any],
    path: str,
    shared_client: httpx.AsyncClient,
    simulator: Simulator,
) -> None:
    body = {"messages": [{"role": "user", "content": "x"}]} | options
    error_of(await shared_client.post(path, json=body), 400, "validation_error", field=field)
    assert simulator.calls == []
