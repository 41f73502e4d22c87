"""Streams that never lie about how they ended."""

from pathlib import Path

import httpx
import pytest

from tests.conftest import ServiceFactory
from tests.ledger import settled_rows
from tests.simulator import (
    Cut,
    InBandError,
    Malformed,
    Reply,
    Simulator,
    SplitBytes,
    Stall,
    ToolCall,
    Words,
    overloaded,
)
from tests.sse import events_of, read_stream, terminal_events, text_of

MODELS = {"anthropic": "anthropic/claude-haiku-5-5", "openai": "openai/gpt-6-luna"}
VENDORS = pytest.mark.parametrize("vendor", list(MODELS))
GENERATE = "/api/v1/generate/stream"
CHAT = "/api/v1/chat/stream"


@VENDORS
async def test_a_stream_brings_every_token_and_ends_in_one_done(
    vendor: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Words(count=50), on=vendor)
    events = await read_stream(client, GENERATE, {"prompt": "Count", "model": MODELS[vendor]})
    assert text_of(events).split() == [f"w{n}" for n in range(50)]
    (done,) = terminal_events(events)
    assert events[-1] is done
    assert done["type"] == "done"
    assert done["finish_reason"] == "stop"
    assert done["provider"] == vendor
    assert done["usage"]["output_tokens"] == 50
    assert done["cost_usd"] > 0
    assert done["id"].startswith("req_")


@VENDORS
async def test_the_done_event_has_every_field_of_a_plain_answer_but_the_text(
    vendor: str, client: httpx.AsyncClient
) -> None:
    body = {"prompt": "Hello", "model": MODELS[vendor], "cache": False}
    plain = (await client.post("/api/v1/generate", json=body)).json()
    events = await read_stream(client, GENERATE, body)
    assert set(events[-1]) - {"type"} == set(plain) - {"text"}
    assert text_of(events) == plain["text"]
    assert events[-1]["usage"] == plain["usage"]
    assert events[-1]["cost_usd"] == plain["cost_usd"]


@VENDORS
@pytest.mark.parametrize("size", [1, 7, 64])
async def test_a_stream_is_whole_however_the_wire_splits_it(
    vendor: str, size: int, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    text = "Grüße \u2028 an 世界 🎉 \u0085 und so weiter"
    simulator.script(SplitBytes(size, crlf=True, reply=Reply(text=text)), on=vendor)
    events = await read_stream(client, GENERATE, {"prompt": "x", "model": MODELS[vendor]})
    assert text_of(events) == text
    assert events[-1]["type"] == "done"


@VENDORS
@pytest.mark.parametrize(
    "fault",
    [
        Cut(after_words=3, how="clean"),
        Cut(after_words=3, how="close"),
        Cut(after_words=3, how="reset"),
        Malformed("json", after_words=3),
        Malformed("sse", after_words=3),
        Malformed("utf8", after_words=3),
        Malformed("not_an_object", after_words=3),
        InBandError(after_words=3),
    ],
    ids=lambda fault: f"{type(fault).__name__}-{getattr(fault, 'how', getattr(fault, 'kind', ''))}",
)
async def test_a_provider_that_breaks_off_is_one_error_event_and_is_metered(
    vendor: str,
    fault: Cut,
    client: httpx.AsyncClient,
    simulator: Simulator,
    tmp_path: Path,
) -> None:
    simulator.script(fault, on=vendor)
    prompt = "one two three four five six"
    events = await read_stream(client, GENERATE, {"prompt": prompt, "model": MODELS[vendor]})
    # A reset may take the last words with it: the transport drops what it had not handed over.
    assert 1 <= len([event for event in events if event["type"] == "token"]) <= 3
    (error,) = terminal_events(events)
    assert events[-1] is error
    assert error["type"] == "error"
    assert error["error"]["type"] in ("provider_error", "service_unavailable")
    assert error["error"]["request_id"]
    (row,) = await settled_rows(tmp_path, 1)
    assert row["outcome"] == "failed"
    assert row["usage_source"] == "estimated"
    assert row["output_tokens"] > 0
    assert row["cost_usd"] > 0
    assert len(simulator.calls) == 1, "nothing is retried after the first token"


@VENDORS
async def test_silence_in_mid_stream_is_an_error_after_the_idle_limit(
    vendor: str, start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(stream_idle_timeout_seconds=0.2)
    simulator.script(Stall(after_words=2), on=vendor)
    async with service.client() as client:
        events = await read_stream(
            client, GENERATE, {"prompt": "one two three", "model": MODELS[vendor]}
        )
    assert events[-1]["type"] == "error"
    assert events[-1]["error"]["type"] == "provider_error"
    await simulator.wait_for(lambda s: s.in_flight == 0)


async def test_a_stream_that_outlives_its_total_limit_is_a_timeout_error(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(stream_total_timeout_seconds=0.4)
    simulator.script(Words(count=1000, interval_seconds=0.02), on="anthropic")
    async with service.client() as client:
        events = await read_stream(client, GENERATE, {"prompt": "x"})
    assert events[-1]["error"]["type"] == "timeout"


async def test_a_silent_first_target_falls_back_before_the_first_token(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(stream_first_token_timeout_seconds=0.2)
    simulator.script(Stall(before_headers=True), on="anthropic")
    async with service.client() as client:
        events = await read_stream(client, GENERATE, {"prompt": "x"})
    assert events[-1]["type"] == "done"
    assert events[-1]["provider"] == "openai"


async def test_a_failure_before_the_first_token_is_a_plain_http_error(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    simulator.always(overloaded(), on="anthropic")
    simulator.always(overloaded(), on="openai")
    async with start_service(max_attempts=1).client() as client:
        answer = await client.post(GENERATE, json={"prompt": "x"})
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["error"]["type"] == "service_unavailable"
    assert int(answer.headers["retry-after"]) >= 1


async def test_a_slow_first_token_gets_headers_and_heartbeats_then_its_answer(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(stream_heartbeat_seconds=0.1)
    simulator.script(Reply(text="at last", delay_seconds=0.5), on="anthropic")
    async with (
        service.client() as client,
        client.stream("POST", GENERATE, json={"prompt": "x"}) as response,
    ):
        raw = await response.aread()
    assert raw.startswith(b": heartbeat\n\n")
    assert raw.rstrip().endswith(b'"type":"done"}') or b'"type":"done"' in raw
    assert raw.count(b'"type":"token"') >= 1


async def test_a_failure_after_the_response_has_begun_comes_in_band(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(stream_heartbeat_seconds=0.1, max_attempts=1)
    simulator.script(overloaded(), on="openai")
    simulator.script(Stall(before_headers=True), on="anthropic")
    async with (
        service.client() as client,
        client.stream("POST", GENERATE, json={"prompt": "x", "timeout_seconds": 0.5}) as response,
    ):
        assert response.status_code == 200
        events = [event async for event in events_of(response)]
    assert [event["type"] for event in events] == ["error"]
    assert events[0]["error"]["type"] == "timeout"


async def test_stream_headers_keep_proxies_from_buffering(client: httpx.AsyncClient) -> None:
    async with client.stream("POST", GENERATE, json={"prompt": "x"}) as response:
        assert response.headers["cache-control"] == "no-cache"
        assert response.headers["x-accel-buffering"] == "no"
        assert response.headers["x-request-id"]
        await response.aread()


@VENDORS
async def test_tool_calls_stream_as_deltas_of_json_text(
    vendor: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    calls = (
        ToolCall("get_weather", '{"city": "Paris"}', id="call_1"),
        ToolCall("get_time", '{"zone": "CET"}', id="call_2"),
    )
    simulator.script(Reply(text="Let me see.", tool_calls=calls), on=vendor)
    tools = [
        {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}}
        for name in ("get_weather", "get_time")
    ]
    events = await read_stream(
        client,
        CHAT,
        {
            "messages": [{"role": "user", "content": "Weather and time?"}],
            "model": MODELS[vendor],
            "tools": tools,
        },
    )
    pieces: dict[int, dict[str, str]] = {}
    for event in events:
        if event["type"] == "tool_call":
            call = pieces.setdefault(event["index"], {"arguments": ""})
            call["arguments"] += event["arguments"]
            call |= {key: event[key] for key in ("id", "name") if key in event}
    assert [pieces[index] for index in sorted(pieces)] == [
        {"arguments": '{"city": "Paris"}', "id": "call_1", "name": "get_weather"},
        {"arguments": '{"zone": "CET"}', "id": "call_2", "name": "get_time"},
    ]
    assert events[-1]["finish_reason"] == "tool_calls"
    assert text_of(events) == "Let me see."
