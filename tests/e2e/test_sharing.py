"""The response cache and single flight: what is known or under way is not paid for again."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import ServiceFactory
from tests.ledger import ledger_rows, settled_rows
from tests.running import RunningService
from tests.simulator import Cut, Reply, Simulator, Stall, ToolCall, server_error
from tests.sse import events_of, read_stream, terminal_events, text_of

PLAIN = "/api/v1/generate"
STREAM = "/api/v1/generate/stream"
BODY = {"prompt": "What is the capital of France?", "model": "haiku"}


async def joined(client: httpx.AsyncClient, count: int) -> None:
    """Wait until `count` requests have joined a call that is under way."""
    line = f'ai_service_cache_requests_total{{result="joined"}} {count}.0'
    async with asyncio.timeout(5):
        while line not in (await client.get("/metrics")).text:
            pass


async def test_a_repeated_request_is_answered_from_memory_at_no_cost(
    client: httpx.AsyncClient, simulator: Simulator, tmp_path: Path
) -> None:
    first = (await client.post(PLAIN, json=BODY)).json()
    again = (await client.post(PLAIN, json=BODY)).json()
    assert (first["cache_hit"], again["cache_hit"]) == (False, True)
    assert again["cost_usd"] == 0
    assert again["id"] != first["id"]
    for field in ("text", "usage", "provider", "provider_model", "finish_reason", "model"):
        assert again[field] == first[field]
    assert len(simulator.calls) == 1
    paid, free = await settled_rows(tmp_path, 2)
    assert (paid["id"], paid["cache_hit"]) == (first["id"], 0)
    assert (free["id"], free["cache_hit"], free["cost_usd"]) == (again["id"], 1, 0)
    assert free["output_tokens"] == paid["output_tokens"]
    metrics = (await client.get("/metrics")).text
    assert 'ai_service_cache_requests_total{result="hit"} 1.0' in metrics
    assert 'ai_service_cache_requests_total{result="miss"} 1.0' in metrics


async def test_a_stream_and_a_plain_request_share_one_entry_either_way(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    plain = (await client.post(PLAIN, json=BODY)).json()
    replay = await read_stream(client, STREAM, BODY)
    assert text_of(replay) == plain["text"]
    assert len([event for event in replay if event["type"] == "token"]) > 1
    (done,) = terminal_events(replay)
    assert (done["cache_hit"], done["cost_usd"], done["usage"]) == (True, 0, plain["usage"])

    other = BODY | {"prompt": "And of Italy?"}
    streamed = await read_stream(client, STREAM, other)
    taken = (await client.post(PLAIN, json=other)).json()
    assert taken["text"] == text_of(streamed)
    assert taken["cache_hit"] is True
    assert len(simulator.calls) == 2


async def test_tool_calls_are_replayed_whole(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    call = ToolCall("get_weather", '{"city": "Paris"}', id="call_1")
    simulator.script(Reply(text="Let me see.", tool_calls=(call,)), on="anthropic")
    body = {
        "messages": [{"role": "user", "content": "Weather?"}],
        "tools": [{"type": "function", "function": {"name": "get_weather"}}],
    }
    await read_stream(client, "/api/v1/chat/stream", body)
    message = (await client.post("/api/v1/chat", json=body)).json()["message"]
    assert message["content"] == "Let me see."
    assert message["tool_calls"][0]["function"]["arguments"] == '{"city": "Paris"}'
    assert message["tool_calls"][0]["id"] == "call_1"


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "another"},
        {"system": "Be brief."},
        {"max_tokens": 7},
        {"temperature": 0.1},
        {"top_p": 0.5},
        {"stop": ["x"]},
        {"model": "claude-haiku-5-5"},
        {"reasoning_effort": "low"},
        {"provider_options": {"anthropic": {"top_k": 3}}},
    ],
    ids=lambda change: next(iter(change)),
)
async def test_another_request_is_another_answer(
    change: dict[str, Any], client: httpx.AsyncClient, simulator: Simulator
) -> None:
    await client.post(PLAIN, json=BODY)
    answer = await client.post(PLAIN, json=BODY | change)
    assert answer.json().get("cache_hit") is not True
    assert len(simulator.calls) == 2


async def test_metadata_and_timeout_do_not_make_another_request(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    await client.post(PLAIN, json=BODY)
    answer = await client.post(PLAIN, json=BODY | {"metadata": {"a": "b"}, "timeout_seconds": 9})
    assert answer.json()["cache_hit"] is True
    assert len(simulator.calls) == 1


async def test_a_request_without_cache_neither_takes_nor_leaves_an_answer(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    fresh = BODY | {"cache": False}
    await client.post(PLAIN, json=BODY)
    assert (await client.post(PLAIN, json=fresh)).json()["cache_hit"] is False
    alone = {"prompt": "alone", "cache": False}
    await client.post(PLAIN, json=alone)
    assert (await client.post(PLAIN, json=alone | {"cache": True})).json()["cache_hit"] is False
    assert len(simulator.calls) == 4


async def test_a_lifetime_of_nothing_turns_sharing_off(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    async with start_service(cache_ttl_seconds=0).client() as client:
        for _ in range(2):
            assert (await client.post(PLAIN, json=BODY)).json()["cache_hit"] is False
        assert (await client.get("/readyz")).json()["checks"]["cache"] == "off"
    assert len(simulator.calls) == 2


async def test_what_did_not_end_well_is_not_stored(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    simulator.script(
        Cut(after_words=1), Reply(refusal="No."), server_error(), Reply(text="fine"), on="anthropic"
    )
    model = BODY | {"model": "claude-haiku-5-5"}
    async with start_service(max_attempts=1).client() as client:
        assert (await read_stream(client, STREAM, model))[-1]["type"] == "error"
        assert (await client.post(PLAIN, json=model)).json()["finish_reason"] == "content_filter"
        assert (await client.post(PLAIN, json=model)).status_code == 503
        assert (await client.post(PLAIN, json=model)).json()["text"] == "fine"
    assert len(simulator.calls) == 4


@pytest.mark.parametrize("path", [PLAIN, STREAM])
async def test_a_stampede_is_one_call_and_is_billed_once(
    path: str, service: RunningService, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.always(Stall(before_headers=True), on="anthropic")
    async with service.client() as client:
        calls = [asyncio.create_task(client.post(path, json=BODY)) for _ in range(60)]
        await simulator.wait_for(lambda s: s.in_flight == 1)
        await joined(client, 59)
        simulator.release()
        answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} == {200}
    assert len(simulator.calls) == 1
    rows = await settled_rows(tmp_path, 60)
    assert len(rows) == 60
    assert len([row for row in rows if row["cost_usd"] > 0]) == 1
    assert len({row["id"] for row in rows}) == 60
    assert sum(row["cache_hit"] for row in rows) == 59


async def test_the_first_caller_may_hang_up_without_hurting_the_others(
    service: RunningService, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script(Stall(after_words=3), on="anthropic")
    prompt = {"prompt": "one two three four five six", "model": "haiku"}
    async with service.client() as client:
        async with client.stream("POST", STREAM, json=prompt) as first:
            events_of_first = events_of(first)  # kept: a generator that is dropped hangs up
            await anext(events_of_first)
            plain = asyncio.create_task(client.post(PLAIN, json=prompt))
            stream = asyncio.create_task(read_stream(client, STREAM, prompt))
            await joined(client, 2)
        simulator.release()
        events = await stream
        answer = (await plain).json()
    assert events[-1]["type"] == "done"
    assert text_of(events) == "Echo: one two three four five six"
    assert answer["text"] == text_of(events)
    assert (answer["cache_hit"], answer["cost_usd"]) == (True, 0)
    (call,) = simulator.calls
    assert call.client_left_at is None
    rows = await settled_rows(tmp_path, 3)
    assert [row["outcome"] for row in rows] == ["completed"] * 3
    assert len([row for row in rows if row["cost_usd"] > 0]) == 1


async def test_the_call_ends_when_the_last_one_has_gone(
    service: RunningService, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.always(Stall(before_headers=True), on="anthropic")
    async with service.client() as client:
        callers = [asyncio.create_task(client.post(PLAIN, json=BODY)) for _ in range(3)]
        callers += [asyncio.create_task(client.post(STREAM, json=BODY)) for _ in range(3)]
        await joined(client, 5)
        await simulator.wait_for(lambda s: s.in_flight == 1)
        gone_at = time.monotonic()
        for caller in callers:
            caller.cancel()
        await asyncio.wait(callers)
    await simulator.wait_for(lambda s: s.in_flight == 0)
    assert (simulator.calls[0].client_left_at or 0) - gone_at < 0.1
    rows = await settled_rows(tmp_path, 6)
    assert {row["outcome"] for row in rows} == {"cancelled"}
    assert len([row for row in rows if row["cost_usd"] > 0]) == 1


async def test_who_joins_late_is_given_what_has_come_first(
    service: RunningService, simulator: Simulator
) -> None:
    simulator.script(Stall(after_words=4), on="anthropic")
    prompt = {"prompt": "one two three four five six", "model": "haiku"}
    async with service.client() as client:
        early = asyncio.create_task(read_stream(client, STREAM, prompt))
        await simulator.wait_for(lambda s: s.calls and s.calls[0].events_sent >= 7)
        async with client.stream("POST", STREAM, json=prompt) as response:
            stream = events_of(response)
            seen = [await anext(stream) for _ in range(4)]
            simulator.release()
            seen += [event async for event in stream]
        assert text_of(seen) == text_of(await early)
    assert seen[-1]["cache_hit"] is True
    assert len(simulator.calls) == 1


async def test_an_impatient_caller_leaves_alone(
    service: RunningService, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script(Reply(text="at last", delay_seconds=0.6), on="anthropic")
    async with service.client() as client:
        hasty = client.post(PLAIN, json=BODY | {"timeout_seconds": 0.2})
        patient = client.post(PLAIN, json=BODY)
        first, second = await asyncio.gather(hasty, patient)
    assert first.status_code == 504
    assert second.json()["text"] == "at last"
    assert len(simulator.calls) == 1
    rows = ledger_rows(tmp_path)
    assert sum(row["cost_usd"] > 0 for row in rows) == 1


async def test_a_failure_fails_everyone_who_waited_and_costs_nothing(
    start_service: ServiceFactory, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.always(Reply(text="x", delay_seconds=30), on="anthropic")
    service = start_service(request_timeout_seconds=0.4)
    async with service.client() as client:
        answers = await asyncio.gather(*(client.post(PLAIN, json=BODY) for _ in range(5)))
    assert [answer.status_code for answer in answers] == [504] * 5
    assert len(simulator.calls) == 1
    rows = await settled_rows(tmp_path, 5)
    assert {row["outcome"] for row in rows} == {"failed"}
    assert len([row for row in rows if row["cost_usd"]]) <= 1
