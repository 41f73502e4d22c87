"""`Idempotency-Key`: one answer, however often it is asked for."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ServiceFactory
from tests.contracts.databases import SqliteDatabase
from tests.e2e.keys import add_key
from tests.e2e.routes import (
    BATCH,
    CHAT,
    CHAT_STREAM,
    EMBEDDINGS,
    GENERATE,
    GENERATE_STREAM,
    GOOD_BODIES,
    JSON_TYPE,
    POST_ROUTES,
    error_of,
    raw_exchange,
    raw_post,
)
from tests.ledger import ledger_rows, settled_rows
from tests.running import RunningService
from tests.simulator import Cut, Reply, Simulator, Stall, bad_key
from tests.sse import events_of

Headers = dict[str, str]

KEY = {"Idempotency-Key": "order-4711/summary"}
REPLAYED = "idempotency-replayed"
PROMPT = {"prompt": "Hello", "cache": False}
CHAT_BODY = {"messages": [{"role": "user", "content": "Hello"}], "cache": False}
# Without the response cache, which would spare a second call too.
BODIES: dict[str, dict[str, Any]] = {
    GENERATE: PROMPT,
    GENERATE_STREAM: PROMPT,
    CHAT: CHAT_BODY,
    CHAT_STREAM: CHAT_BODY,
    EMBEDDINGS: {"input": "Hello"},
    BATCH: {"requests": [PROMPT, CHAT_BODY]},
}
VENDOR = {EMBEDDINGS: "openai"}
ROUTES = pytest.mark.parametrize("path", POST_ROUTES)
PLAIN_AND_STREAM = pytest.mark.parametrize("path", [GENERATE, GENERATE_STREAM])


def replayed(answer: httpx.Response) -> bool:
    """Whether an answer says that it is a replay."""
    assert answer.status_code == 200, answer.text
    assert answer.headers.get(REPLAYED) in (None, "true")
    return REPLAYED in answer.headers


async def send(client: httpx.AsyncClient, path: str, headers: Headers = KEY) -> httpx.Response:
    """The route's request with a key."""
    return await client.post(path, json=BODIES[path], headers=headers)


@ROUTES
async def test_a_repeated_request_is_answered_byte_for_byte_and_costs_nothing(
    path: str, client: httpx.AsyncClient, simulator: Simulator, tmp_path: Path
) -> None:
    first = await send(client, path)
    calls = len(simulator.calls)
    rows = await settled_rows(tmp_path, calls)
    for _ in range(2):
        again = await send(client, path)
        assert again.content == first.content
        assert again.headers["content-type"] == first.headers["content-type"]
        assert again.headers["x-request-id"] != first.headers["x-request-id"]
        assert replayed(again)
    assert not replayed(first)
    assert len(simulator.calls) == calls
    assert ledger_rows(tmp_path) == rows


@ROUTES
async def test_without_a_key_every_request_is_a_call_of_its_own(
    path: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    assert not replayed(await send(client, path, {}))
    calls = len(simulator.calls)
    assert not replayed(await send(client, path, {}))
    assert len(simulator.calls) == 2 * calls


@ROUTES
async def test_another_body_with_the_same_key_is_a_conflict(
    path: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    await send(client, path)
    calls = len(simulator.calls)
    other = (GOOD_BODIES | {EMBEDDINGS: {"input": ["Hello"]}})[path]
    answer = await client.post(path, json=other, headers=KEY)
    error_of(answer, 409, "conflict")
    assert len(simulator.calls) == calls
    assert replayed(await send(client, path)), "the conflict has not touched the recorded answer"


@PLAIN_AND_STREAM
async def test_another_body_is_a_conflict_while_the_first_is_in_flight(
    path: str, service: RunningService, simulator: Simulator
) -> None:
    simulator.script(Stall(before_headers=True), on="anthropic")
    async with service.client() as client:
        first = asyncio.create_task(send(client, path))
        await simulator.wait_for(lambda s: s.in_flight == 1)
        answer = await client.post(path, json={"prompt": "Another"}, headers=KEY)
        error_of(answer, 409, "conflict")
        simulator.release()
        assert not replayed(await first)


async def test_the_same_body_on_another_route_is_a_conflict(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    await send(client, GENERATE)
    error_of(await send(client, GENERATE_STREAM), 409, "conflict")
    assert len(simulator.calls) == 1


async def test_the_layout_of_the_json_does_not_matter(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    layouts = (
        '{"prompt":"Zoë","metadata":{"a":"1","b":"2"},"cache":false}',
        '{ "cache": false,\n "metadata": {"b": "2", "a": "1"}, "prompt": "Zo\\u00eb" }',
    )
    answers = [
        await client.post(GENERATE, content=layout.encode(), headers=KEY | JSON_TYPE)
        for layout in layouts
    ]
    assert [replayed(answer) for answer in answers] == [False, True]
    assert len(simulator.calls) == 1


async def test_another_key_is_another_request(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    await send(client, GENERATE)
    assert not replayed(await send(client, GENERATE, {"Idempotency-Key": "order-4712/summary"}))
    assert len(simulator.calls) == 2


@ROUTES
async def test_twenty_at_once_are_one_call_and_twenty_equal_answers(
    path: str, service: RunningService, simulator: Simulator, tmp_path: Path
) -> None:
    vendor = VENDOR.get(path, "anthropic")
    simulator.always(Stall(before_headers=True), on=vendor)
    async with service.client() as client:
        asked = [asyncio.create_task(send(client, path)) for _ in range(20)]
        expected = len(BODIES[path].get("requests", [1]))
        await simulator.wait_for(lambda s: s.in_flight == expected)
        simulator.always(None, on=vendor)
        simulator.release()
        answers = await asyncio.gather(*asked)
    assert len({answer.content for answer in answers}) == 1
    assert sum(replayed(answer) for answer in answers) == 19
    assert len(simulator.calls) == expected
    assert len(await settled_rows(tmp_path, expected)) == expected


@ROUTES
async def test_a_failure_frees_the_key(
    path: str, start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(max_attempts=1)
    for vendor in ("anthropic", "openai"):
        simulator.always(bad_key(), on=vendor)
    async with service.client() as client:
        failed = await send(client, path)
        if path == BATCH:
            assert all("error" in result for result in failed.json()["results"])
        else:
            error_of(failed, 502, "provider_error")
        for vendor in ("anthropic", "openai"):
            simulator.always(None, on=vendor)
        assert not replayed(await send(client, path))
        assert replayed(await send(client, path))


async def test_a_batch_that_is_answered_in_part_is_recorded(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    body = {"requests": [PROMPT, PROMPT | {"model": "no-such-model"}]}
    first = await client.post(BATCH, json=body, headers=KEY)
    again = await client.post(BATCH, json=body, headers=KEY)
    assert "error" in first.json()["results"][1]
    assert replayed(again)
    assert again.content == first.content
    assert len(simulator.calls) == 1


@pytest.mark.parametrize("path", [GENERATE_STREAM, CHAT_STREAM])
async def test_a_stream_that_ends_in_an_error_event_frees_the_key(
    path: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Cut(after_words=1, how="close"), on="anthropic")
    failed = await send(client, path)
    assert b'"type":"error"' in failed.content
    again = await send(client, path)
    assert not replayed(again)
    assert b'"type":"done"' in again.content
    assert len(simulator.calls) == 2


async def test_a_refused_body_does_not_take_the_key(client: httpx.AsyncClient) -> None:
    error_of(
        await client.post(GENERATE, json={}, headers=KEY), 400, "validation_error", field="prompt"
    )
    assert not replayed(await send(client, GENERATE))


@ROUTES
async def test_hanging_up_frees_the_key(
    path: str, service: RunningService, simulator: Simulator
) -> None:
    vendor = VENDOR.get(path, "anthropic")
    simulator.always(Stall(before_headers=True), on=vendor)
    async with service.client() as client:
        gone = asyncio.create_task(send(client, path))
        await simulator.wait_for(lambda s: s.in_flight > 0)
        simulator.always(None, on=vendor)
        gone.cancel()
        await asyncio.wait([gone])
        await simulator.wait_for(lambda s: s.in_flight == 0)
        assert not replayed(await send(client, path))
        assert replayed(await send(client, path))


async def test_hanging_up_in_mid_stream_frees_the_key(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Stall(after_words=2), on="anthropic")
    body = {"prompt": "one two three four", "cache": False}
    async with client.stream("POST", GENERATE_STREAM, json=body, headers=KEY) as response:
        await anext(events_of(response))
    again = await client.post(GENERATE_STREAM, json=body, headers=KEY)
    assert not replayed(again)
    assert b'"type":"done"' in again.content
    assert len(simulator.calls) == 2


async def test_who_has_seen_the_end_of_a_stream_gets_the_replay(
    client: httpx.AsyncClient, simulator: Simulator, tmp_path: Path
) -> None:
    for n in range(1, 11):
        key = {"Idempotency-Key": f"stream-{n}"}
        async with client.stream("POST", GENERATE_STREAM, json=PROMPT, headers=key) as response:
            async for event in events_of(response):
                if event["type"] == "done":
                    assert recorded_answers(tmp_path) == n
                    break
        assert replayed(await send(client, GENERATE_STREAM, key))
    assert len(simulator.calls) == 10


def recorded_answers(data_dir: Path) -> int:
    """How many answers an embedded database holds at this moment."""
    with sqlite3.connect(data_dir / "ai-service.db", timeout=5) as database:
        query = "SELECT count(*) FROM idempotency_keys WHERE body IS NOT NULL"
        count: int = database.execute(query).fetchone()[0]
    database.close()
    return count


@PLAIN_AND_STREAM
async def test_a_waiter_who_hangs_up_hurts_nobody(
    path: str, service: RunningService, simulator: Simulator
) -> None:
    simulator.script(Stall(before_headers=True), on="anthropic")
    async with service.client() as client, service.client() as impatient:
        first = asyncio.create_task(send(client, path))
        await simulator.wait_for(lambda s: s.in_flight == 1)
        other = asyncio.create_task(send(client, path))
        with pytest.raises(httpx.ReadTimeout):
            await impatient.post(path, json=BODIES[path], headers=KEY, timeout=0.2)
        simulator.release()
        assert (await first).content == (await other).content
    assert len(simulator.calls) == 1
    assert not replayed(await first)
    assert replayed(await other)


@PLAIN_AND_STREAM
async def test_a_waiter_takes_over_when_the_first_hangs_up(
    path: str, service: RunningService, simulator: Simulator
) -> None:
    simulator.script(Stall(before_headers=True), on="anthropic")
    async with service.client() as client:
        first = asyncio.create_task(send(client, path))
        await simulator.wait_for(lambda s: s.in_flight == 1)
        waiters = [asyncio.create_task(send(client, path)) for _ in range(3)]
        await asyncio.sleep(0)
        first.cancel()
        answers = await asyncio.gather(*waiters)
    assert len({answer.content for answer in answers}) == 1
    assert sum(replayed(answer) for answer in answers) == 2
    assert len(simulator.calls) == 2


async def test_a_waiting_stream_is_kept_alive_and_gets_the_recorded_events(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(stream_heartbeat_seconds=0.05)
    simulator.script(Stall(before_headers=True), on="anthropic")
    async with service.client() as client:
        first = asyncio.create_task(send(client, GENERATE_STREAM))
        await simulator.wait_for(lambda s: s.in_flight == 1)
        async with client.stream("POST", GENERATE_STREAM, json=PROMPT, headers=KEY) as waiting:
            pieces = waiting.aiter_raw()
            seen = await anext(pieces)
            assert seen.startswith(b": heartbeat")
            simulator.release()
            seen += b"".join([piece async for piece in pieces])
    events = (await first).content.replace(b": heartbeat\n\n", b"")
    assert seen.replace(b": heartbeat\n\n", b"") == events
    assert len(simulator.calls) == 1


@ROUTES
@pytest.mark.parametrize("key", ["", "a b", "k" * 256, "Zo\xeb"])
async def test_what_cannot_be_a_key_is_refused(
    path: str, key: str, refusing: httpx.AsyncClient
) -> None:
    headers = httpx.Headers({"Idempotency-Key": key}, encoding="latin-1")
    answer = await refusing.post(path, json=BODIES[path], headers=headers)
    error_of(answer, 400, "validation_error", field="Idempotency-Key")


async def test_two_keys_are_refused(shared_service: RunningService) -> None:
    request = raw_post(
        GENERATE, b'{"prompt":"x"}', "Host: x", "Idempotency-Key: a", "Idempotency-Key: b"
    )
    answer = await raw_exchange(shared_service, request)
    error_of(answer, 400, "validation_error", field="Idempotency-Key")


@pytest.mark.parametrize("key", ["k", "~" * 255, '"8e03978e-40d5-43e8-bc93-6894a57f9324"'])
async def test_every_visible_character_can_be_in_a_key(key: str, client: httpx.AsyncClient) -> None:
    assert not replayed(await send(client, GENERATE, {"Idempotency-Key": key}))
    assert replayed(await send(client, GENERATE, {"Idempotency-Key": key}))


async def test_tenants_have_keys_of_their_own(
    service: RunningService, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    mine = await send(client, GENERATE)
    async with service.client(key=await add_key(service, tenant="globex")) as other:
        theirs = await send(other, GENERATE)
        conflict = await other.post(GENERATE, json={"prompt": "y"}, headers=KEY)
    assert not replayed(theirs)
    assert theirs.json()["id"] != mine.json()["id"]
    error_of(conflict, 409, "conflict")
    assert (await send(client, GENERATE)).content == mine.content
    assert len(simulator.calls) == 2


async def test_a_replay_needs_the_scope_that_the_answer_needed(
    service: RunningService, client: httpx.AsyncClient
) -> None:
    await send(client, GENERATE)
    async with service.client(key=await add_key(service, scopes=("embed",))) as other:
        error_of(await send(other, GENERATE), 403, "authorization_error")
    async with service.client(key=await add_key(service)) as colleague:
        assert replayed(await send(colleague, GENERATE)), "a key of the same tenant"


async def test_an_answer_is_replayed_by_the_next_process(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    answers = []
    for _ in range(2):
        async with start_service().client() as client:
            answers.append(await send(client, GENERATE))
    assert answers[0].content == answers[1].content
    assert replayed(answers[1])
    assert len(simulator.calls) == 1


@PLAIN_AND_STREAM
async def test_an_answer_above_the_limit_is_sent_but_not_recorded(
    path: str, start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(idempotency_max_answer_bytes=100)
    async with service.client() as client:
        assert not replayed(await send(client, path))
        assert not replayed(await send(client, path))
    assert len(simulator.calls) == 2


async def test_an_answer_is_forgotten_after_the_time_that_is_set(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(idempotency_retention_seconds=1e-6)
    async with service.client() as client:
        assert not replayed(await send(client, GENERATE))
        assert not replayed(await send(client, GENERATE))
    assert len(simulator.calls) == 2


@PLAIN_AND_STREAM
async def test_nothing_is_called_while_keys_cannot_be_checked(
    path: str, client: httpx.AsyncClient, simulator: Simulator, tmp_path: Path
) -> None:
    await send(client, path)
    async with SqliteDatabase(tmp_path / "ai-service.db").away():
        answer = await send(client, path)
        error_of(answer, 503, "service_unavailable")
        assert int(answer.headers["retry-after"]) > 0
    assert replayed(await send(client, path))
    assert len(simulator.calls) == 1


@PLAIN_AND_STREAM
async def test_an_answer_that_cannot_be_recorded_is_sent_and_its_lease_frees_the_key(
    path: str, start_service: ServiceFactory, simulator: Simulator, tmp_path: Path
) -> None:
    service = start_service(lease_seconds=0.5)
    simulator.script(Stall(before_headers=True, reply=Reply(text="paid")), on="anthropic")
    async with service.client() as client:
        first = asyncio.create_task(send(client, path))
        await simulator.wait_for(lambda s: s.in_flight == 1)
        async with SqliteDatabase(tmp_path / "ai-service.db").away():
            simulator.release()
            answer = await first
        assert not replayed(answer)
        assert b"paid" in answer.content
        async with asyncio.timeout(20):
            while (again := await send(client, path)).status_code == 503:
                pass  # the ledger takes a moment to find its database again
        assert not replayed(again)
    assert len(simulator.calls) == 2
