"""Reading Server-Sent Events in tests, from bytes, as a browser would."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx

Event = dict[str, Any]


async def events_of(response: httpx.Response) -> AsyncIterator[Event]:
    """The JSON objects of the `data:` lines, as they come."""
    buffered = b""
    async for piece in response.aiter_raw():
        buffered += piece
        *whole, buffered = buffered.split(b"\n\n")
        for block in whole:
            for line in block.split(b"\n"):
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])


async def read_stream(client: httpx.AsyncClient, path: str, body: Any) -> list[Event]:
    """Every event of a stream that must begin well."""
    async with client.stream("POST", path, json=body) as response:
        assert response.status_code == 200, (await response.aread()).decode()
        assert response.headers["content-type"].startswith("text/event-stream")
        return [event async for event in events_of(response)]


def text_of(events: list[Event]) -> str:
    """What the tokens say."""
    return "".join(event["content"] for event in events if event["type"] == "token")


def terminal_events(events: list[Event]) -> list[Event]:
    """Those that may end a stream; there must be one, and it must be the last."""
    return [event for event in events if event["type"] in ("done", "error")]
