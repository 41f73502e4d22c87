"""Every operation, called as users call it: what the service keeps, and what it makes of it."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ai_service_sdk import NotFoundError
from ai_service_sdk.types import (
    BatchResultLine,
    ChatResponse,
    ConversationResponse,
    DoneEvent,
    GenerateResponse,
    QueryDoneEvent,
    SourceNode,
    SourcesEvent,
    StreamResult,
    TokenEvent,
)

from scripts.generate_python_sdk import DOCUMENT
from tests.sdks.python.callers import Caller
from tests.sdks.python.leaving import FOREVER, provider_is_left
from tests.simulator import Simulator

QUESTION = "How long do refunds take?"
GREET = {"template": "Greet {name}.", "defaults": {"max_tokens": 50}}
SAY = {"variables": {"name": "Ada"}}


async def once(condition: Callable[[Any], bool], sdk: Caller, name: str, *arguments: Any) -> Any:
    """What a call returns, as soon as it is as it should be."""
    async with asyncio.timeout(30):
        while not condition(found := await sdk.call(name, *arguments)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return found


def has_ended(found: Any) -> bool:
    return found.status in ("completed", "failed", "cancelled", "ready")


def test_every_operation_is_called_by_a_test() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    operations = [
        operation["operationId"]
        for path in json.loads(DOCUMENT.read_text())["paths"].values()
        for operation in path.values()
        if not operation.get("x-sdk-ignore")
    ]
    called = set(re.findall(r'"(\w+)"', tests))
    assert [name for name in operations if name not in called] == []


async def test_a_conversation_remembers_is_forked_and_exported(sdk: Caller) -> None:
    begun = await sdk.call("create_conversation", system="Be brief.", metadata={"of": "Ada"})
    assert isinstance(begun, ConversationResponse)
    question = {"role": "user", "content": "I am Ada."}
    await sdk.call("chat", [question], conversation_id=begun.id)
    await sdk.final("stream_chat", [question], conversation_id=begun.id)
    messages = await sdk.read("list_conversation_messages", begun.id, limit=3)
    assert [each.role for each in messages] == ["user", "assistant"] * 2
    fork = await sdk.call("fork_conversation", begun.id, at_message_id=messages[1].id)
    exported = await sdk.call("export_conversation", fork.id)
    assert [each.content for each in exported.messages] == ["I am Ada.", "Echo: I am Ada."]
    assert (await sdk.call("get_conversation", begun.id)).usage.total_tokens > 0
    listed = await sdk.read("list_conversations", limit=1)
    assert {begun.id, fork.id} <= {each.id for each in listed}
    await sdk.call("delete_conversation", begun.id)
    with pytest.raises(NotFoundError):
        await sdk.call("get_conversation", begun.id)


async def test_a_prompt_has_versions_and_labels(sdk: Caller) -> None:
    name = f"greeting-{id(sdk)}"
    await sdk.call("put_prompt", name, **GREET)
    made = await sdk.call("put_prompt", name, **GREET, system="Be kind.")
    assert (made.version, made.defaults.max_tokens) == (2, 50)
    assert (await sdk.call("put_prompt_label", name, "live", version=1)).labels == {"live": 1}
    rendered = await sdk.call("render_prompt", name, **SAY, label="live")
    assert [each.content for each in rendered.messages] == ["Greet Ada."]
    assert [each.version for each in await sdk.read("list_prompt_versions", name, limit=1)] == [
        2,
        1,
    ]
    assert name in [each.name for each in await sdk.read("list_prompts", limit=1)]
    await sdk.call("delete_prompt_label", name, "live")
    assert (await sdk.call("get_prompt", name)).labels == {}
    await sdk.call("delete_prompt", name)
    with pytest.raises(NotFoundError):
        await sdk.call("render_prompt", name, **SAY)


async def test_a_prompt_is_asked_with_plain_and_streamed(sdk: Caller) -> None:
    name = f"asking-{id(sdk)}"
    await sdk.call("put_prompt", name, **GREET)
    generated = await sdk.call("generate_with_prompt", name, **SAY)
    assert isinstance(generated, GenerateResponse)
    assert generated.text == "Echo: Greet Ada."
    chatted = await sdk.call("chat_with_prompt", name, **SAY)
    assert isinstance(chatted, ChatResponse)
    assert chatted.message.content == "Echo: Greet Ada."
    for streamed in ("stream_generate_with_prompt", "stream_chat_with_prompt"):
        *tokens, done = await sdk.read(streamed, name, **SAY)
        assert {type(each) for each in tokens} == {TokenEvent}
        assert isinstance(done, DoneEvent)
        whole = await sdk.final(streamed, name, **SAY)
        assert isinstance(whole, StreamResult)
        assert whole.text == "Echo: Greet Ada."


@pytest.mark.parametrize("streamed", ["stream_generate_with_prompt", "stream_chat_with_prompt"])
async def test_leaving_a_stream_with_a_prompt_stops_the_provider(
    sdk: Caller, simulator: Simulator, streamed: str
) -> None:
    name = f"left-{id(sdk)}"
    await sdk.call("put_prompt", name, **GREET)
    simulator.script(FOREVER, on="anthropic")
    await sdk.read_until(lambda _: True, streamed, name, **SAY)
    await provider_is_left(simulator)


async def test_documents_are_uploaded_searched_and_asked_about(
    sdk: Caller, simulator: Simulator, tmp_path: Path
) -> None:
    name = f"kb-{id(sdk)}"
    made = await sdk.call("put_collection", name, chunk_size=128, chunk_overlap=0)
    assert (made.name, made.chunk_size) == (name, 128)
    path = tmp_path / "refunds.md"
    path.write_text("Refunds take thirty days.")
    with path.with_name("wheels.txt").open("wb+") as opened:
        opened.write(b"Bicycles have two wheels.")
        files = [path, opened, ("notes.html", b"<p>We open at nine.</p>", "text/html")]
        taken = await sdk.call("upload_documents", name, file=files)
    assert [each.file_name for each in taken.documents] == [
        "refunds.md",
        "wheels.txt",
        "notes.html",
    ]
    added = await sdk.call("add_documents", name, text="We are in Oslo.", id="where")
    for document in taken.documents + added.documents:
        ended = await once(has_ended, sdk, "get_document", name, document.id)
        assert ended.status == "ready", ended.error
    assert len(await sdk.read("list_documents", name, limit=3)) == 4
    found = await sdk.call("retrieve", name, question=QUESTION, top_k=1)
    (node,) = found.source_nodes
    assert isinstance(node, SourceNode)
    assert node.metadata["file_name"] == "refunds.md"
    answer = await sdk.call("query_collection", name, question=QUESTION)
    assert answer.answer
    assert answer.source_nodes[0].document_id == node.document_id
    sources, *tokens, done = await sdk.read("stream_query_collection", name, question=QUESTION)
    assert isinstance(sources, SourcesEvent)
    assert {type(each) for each in tokens} == {TokenEvent}
    assert isinstance(done, QueryDoneEvent)
    whole = await sdk.final("stream_query_collection", name, question=QUESTION)
    assert whole.source_nodes == sources.source_nodes
    assert whole.text == "".join(token.content for token in tokens)
    assert whole.cost_usd is not None
    simulator.script(FOREVER, on="anthropic")
    await sdk.read_until(
        lambda event: event.type == "token", "stream_query_collection", name, question=QUESTION
    )
    await provider_is_left(simulator)
    await sdk.call("delete_document", name, "where")
    assert (await sdk.call("get_collection", name)).document_count == 3
    assert name in [each.name for each in await sdk.read("list_collections", limit=1)]
    await sdk.call("delete_collection", name)
    with pytest.raises(NotFoundError):
        await sdk.call("get_collection", name)


async def test_a_batch_is_uploaded_once_and_read_page_by_page(sdk: Caller, tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    asked: list[dict[str, Any]] = [
        {"prompt": "a"},
        {"messages": [{"role": "user", "content": "b"}]},
        {"prompt": "c"},
    ]
    lines = [json.dumps(each | {"custom_id": f"{n}"}) for n, each in enumerate(asked)]
    path.write_text("\n".join(lines))
    key = f"upload-{id(sdk)}"
    batch = await sdk.call("upload_batch", path, max_concurrency=2, idempotency_key=key)
    again = await sdk.call("upload_batch", path, max_concurrency=2, idempotency_key=key)
    assert again.id == batch.id
    ended = await once(has_ended, sdk, "get_batch", batch.id)
    assert (ended.status, ended.counts.completed) == ("completed", 3)
    results = await sdk.read("get_batch_results", batch.id, limit=2)
    assert [type(each) for each in results] == [BatchResultLine] * 3
    assert [each.custom_id for each in results] == ["0", "1", "2"]
    assert results[0].response.text == "Echo: a"
    assert results[1].response.message.content == "Echo: b"
    pages = await sdk.pages("get_batch_results", batch.id, limit=2)
    assert [[each.index for each in page.data] for page in pages] == [[0, 1], [2]]
    assert await sdk.read("get_batch_results", batch.id, after=0) == results[1:]
    assert await sdk.read("get_batch_results", batch.id) == results


async def test_a_batch_is_created_listed_and_cancelled(sdk: Caller, simulator: Simulator) -> None:
    simulator.always(FOREVER, on="anthropic")
    batch = await sdk.call("create_batch", requests=[{"prompt": "a", "max_tokens": 9}] * 3)
    assert batch.id in [each.id for each in await sdk.read("list_batches", limit=1)]
    await sdk.call("cancel_batch", batch.id)
    assert (await once(has_ended, sdk, "get_batch", batch.id)).status == "cancelled"


async def test_a_webhook_endpoint_is_kept_tried_and_its_deliveries_listed(sdk: Caller) -> None:
    made = await sdk.call("create_webhook_endpoint", "http://127.0.0.1:1/hooks", events=["batch.*"])
    assert made.secret.startswith("whsec_")
    rotated = await sdk.call("rotate_webhook_secret", made.id, overlap_seconds=0)
    assert rotated.secret != made.secret
    tried = await sdk.call("test_webhook_endpoint", made.id)
    listed = await sdk.read("list_webhook_deliveries", made.id, limit=1)
    assert [each.id for each in listed] == [tried.id]
    assert (await sdk.call("redeliver_webhook", tried.id)).endpoint_id == made.id
    assert (await sdk.call("redeliver_failed_webhooks", made.id)).redelivered == 0
    await sdk.call("change_webhook_endpoint", made.id, enabled=False)
    assert (await sdk.call("get_webhook_endpoint", made.id)).status == "disabled"
    assert made.id in [each.id for each in await sdk.read("list_webhook_endpoints", limit=1)]
    await sdk.call("delete_webhook_endpoint", made.id)
    with pytest.raises(NotFoundError):
        await sdk.call("get_webhook_endpoint", made.id)


async def test_keys_rotate_and_mint_and_tenants_have_bounds(sdk: Caller) -> None:
    made = await sdk.call("create_key", "Billing", scopes=["generate"])
    assert (await sdk.call("rotate_key", made.id, overlap_seconds=0)).key != made.key
    assert (await sdk.call("mint_token", made.id, ttl_seconds=60)).parent_id == made.id
    limits = {"requests_per_minute": 1000}
    await sdk.call("put_tenant", "bounded", limits=limits)
    assert (await sdk.call("get_tenant", "bounded")).limits.requests_per_minute == 1000


async def test_the_service_tells_of_itself_and_of_each_request(sdk: Caller) -> None:
    assert (await sdk.call("get_health")).status == "ok"
    assert (await sdk.call("get_readiness")).status == "ready"
    assert "haiku" in [each.id for each in (await sdk.call("list_models")).data]
    answer = await sdk.call("generate", "Hello", metadata={"team": "blue"})
    assert (await sdk.call("get_request", answer.id)).status == "completed"
    usage = await sdk.call("get_usage", group_by="tag:team")
    assert "blue" in [each.group for each in usage.data]
