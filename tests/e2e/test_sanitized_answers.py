"""`sanitize`: what a web page may show as it is."""

import asyncio
import html
import time
from pathlib import Path
from typing import Any

import httpx
import nh3
import pytest

from tests.conftest import ServiceFactory
from tests.e2e.routes import BATCH, CHAT, CHAT_STREAM, GENERATE, GENERATE_STREAM
from tests.ledger import settled_rows
from tests.simulator import Cut, Reply, Simulator, Stall, ToolCall, Words
from tests.sse import events_of, read_stream, terminal_events, text_of

HOSTILE = (
    "<b>bold</b> <scr ipt>alert('1')</scr ipt> <script>alert(2)</script> <i>never closed & more"
)
SAFE = {"none": HOSTILE, "html": nh3.clean(HOSTILE), "text": html.escape(HOSTILE)}
EACH = pytest.mark.parametrize("how", list(SAFE))
MESSAGES = [{"role": "user", "content": "Hello"}]
PROMPTS: dict[str, dict[str, Any]] = {
    GENERATE: {"prompt": "Hello"},
    CHAT: {"messages": MESSAGES},
}


def text_in(answer: dict[str, Any]) -> str:
    """What a generate or a chat answer says."""
    text: str = answer["text"] if "text" in answer else answer["message"]["content"]
    return text


@EACH
@pytest.mark.parametrize("path", list(PROMPTS))
async def test_an_answer_is_sanitised_as_asked(
    path: str, how: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(text=HOSTILE), on="anthropic")
    answer = await client.post(path, json=PROMPTS[path] | {"sanitize": how})
    assert text_in(answer.json()) == SAFE[how]


@EACH
@pytest.mark.parametrize("path", [GENERATE_STREAM, CHAT_STREAM])
async def test_a_stream_is_sanitised_as_asked_wherever_its_tags_were_cut(
    path: str, how: str, client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(text=HOSTILE), on="anthropic")  # an event for each word
    body = PROMPTS[path.removesuffix("/stream")] | {"sanitize": how}
    events = await read_stream(client, path, body)
    assert text_of(events) == SAFE[how]
    assert [event["type"] for event in terminal_events(events)] == ["done"]


async def test_nothing_is_touched_unless_asked(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(text=HOSTILE), on="anthropic")
    assert (await client.post(GENERATE, json={"prompt": "x"})).json()["text"] == HOSTILE


async def test_one_call_is_shared_by_requests_that_want_it_differently(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Reply(text=HOSTILE), on="anthropic")
    for how in ("html", "none", "text", "html"):
        body = {"prompt": "shared", "sanitize": how}
        assert (await client.post(GENERATE, json=body)).json()["text"] == SAFE[how]
        assert text_of(await read_stream(client, GENERATE_STREAM, body)) == SAFE[how]
    assert len(simulator.calls) == 1


async def test_items_of_a_batch_are_sanitised_each_as_it_asks(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.always(Reply(text=HOSTILE), on="anthropic")
    items = [
        {"prompt": "a", "sanitize": "html"},
        {"messages": MESSAGES, "sanitize": "text"},
        {"prompt": "b"},
    ]
    batch = (await client.post(BATCH, json={"requests": items})).json()
    texts = [text_in(result["response"]) for result in batch["results"]]
    assert texts == [SAFE["html"], SAFE["text"], SAFE["none"]]


async def test_the_arguments_of_tool_calls_are_left_alone(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    arguments = '{"html":"<script>&amp;</script>"}'
    call = ToolCall("render", arguments, id="call_1")
    simulator.always(Reply(text="<b>see", tool_calls=(call,)), on="anthropic")
    tools = [{"type": "function", "function": {"name": "render"}}]
    for how in ("html", "text"):
        body = {"messages": MESSAGES, "tools": tools, "sanitize": how, "cache": False}
        message = (await client.post(CHAT, json=body)).json()["message"]
        assert message["tool_calls"][0]["function"]["arguments"] == arguments
        events = await read_stream(client, CHAT_STREAM, body)
        pieces = [event["arguments"] for event in events if event["type"] == "tool_call"]
        assert "".join(pieces) == arguments
        assert text_of(events) == message["content"] != "<b>see"


async def test_an_unknown_way_to_sanitise_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post(GENERATE, json={"prompt": "x", "sanitize": "markdown"})
    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "sanitize"


async def test_heartbeats_keep_an_html_stream_alive_while_its_text_is_held_back(
    start_service: ServiceFactory, simulator: Simulator
) -> None:
    service = start_service(stream_heartbeat_seconds=0.05)
    simulator.script(Stall(after_words=2, reply=Words(count=9)), on="anthropic")
    body = {"prompt": "x", "sanitize": "html"}
    async with (
        service.client() as client,
        client.stream("POST", GENERATE_STREAM, json=body) as response,
    ):
        raw = response.aiter_raw()
        assert (await anext(raw)).startswith(b": heartbeat")
        simulator.release()
        rest = b"".join([piece async for piece in raw])
    assert rest.count(b'"type":"token"') == 1
    assert b"w0 w1 w2 w3 w4 w5 w6 w7 w8" in rest


async def test_hanging_up_while_text_is_held_back_stops_the_provider_and_pays_for_what_came(
    start_service: ServiceFactory, simulator: Simulator, tmp_path: Path
) -> None:
    service = start_service(stream_heartbeat_seconds=0.05)
    simulator.always(Words(count=10_000, interval_seconds=0.005), on="anthropic")
    delays = []
    async with service.client() as client:
        for n in range(3):
            body = {"prompt": f"Count {n}", "sanitize": "html"}
            async with client.stream("POST", GENERATE_STREAM, json=body) as response:
                raw = response.aiter_raw()
                for _ in range(5):
                    assert (await anext(raw)).startswith(b": heartbeat")
            hung_up_at = time.monotonic()
            await simulator.wait_for(lambda s: s.calls[-1].client_left_at is not None)
            delays.append((simulator.calls[-1].client_left_at or 0) - hung_up_at)
    assert min(delays) < 0.1  # a busy machine may delay any of them
    for row in await settled_rows(tmp_path, 3):
        assert row["outcome"] == "cancelled"
        assert row["output_tokens"] > 0


async def test_hanging_up_on_an_html_stream_that_has_not_begun_stops_the_provider(
    client: httpx.AsyncClient, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.script(Stall(after_words=3, reply=Words(count=9)), on="anthropic")
    body = {"prompt": "x", "sanitize": "html"}
    call = asyncio.create_task(client.post(GENERATE_STREAM, json=body))
    await simulator.wait_for(lambda s: s.calls)
    call.cancel()
    await asyncio.wait([call])
    await simulator.wait_for(lambda s: s.calls[0].client_left_at is not None)
    (row,) = await settled_rows(tmp_path, 1)
    assert row["outcome"] == "cancelled"


async def test_an_html_stream_that_breaks_off_delivers_nothing_and_is_metered(
    start_service: ServiceFactory, simulator: Simulator, tmp_path: Path
) -> None:
    service = start_service(stream_heartbeat_seconds=0.05)
    broken = Cut(after_words=3, reply=Words(count=9, interval_seconds=0.1))
    simulator.script(broken, on="anthropic")
    body = {"prompt": "x", "sanitize": "html"}
    async with (
        service.client() as client,
        client.stream("POST", GENERATE_STREAM, json=body) as response,
    ):
        assert response.status_code == 200
        events = [event async for event in events_of(response)]
    assert [event["type"] for event in events] == ["error"]
    (row,) = await settled_rows(tmp_path, 1)
    assert row["outcome"] == "failed"
    assert row["output_tokens"] > 0


async def test_an_html_stream_that_breaks_off_before_it_began_is_a_plain_error(
    client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Cut(after_words=3), on="anthropic")
    answer = await client.post(GENERATE_STREAM, json={"prompt": "x", "sanitize": "html"})
    assert answer.status_code >= 500
    assert answer.json()["error"]["type"] in ("provider_error", "service_unavailable")
