"""Durable batches over HTTP, for the suites that need some."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx

from tests.e2e.routes import BATCHES

UPLOAD = f"{BATCHES}/upload"
Json = dict[str, Any]


async def create(client: httpx.AsyncClient, **body: Any) -> Json:
    """A batch that was taken."""
    answer = await client.post(BATCHES, json=body)
    assert answer.status_code == 202, answer.text
    batch: Json = answer.json()
    assert batch["id"].startswith("batch_")
    return batch


async def upload(client: httpx.AsyncClient, lines: bytes, **form: str) -> httpx.Response:
    """The answer to an upload of these lines."""
    return await client.post(UPLOAD, files={"file": ("batch.jsonl", lines)}, data=form)


async def status(client: httpx.AsyncClient, batch: Json) -> Json:
    """The batch as it stands."""
    answer = await client.get(f"{BATCHES}/{batch['id']}")
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def once(
    client: httpx.AsyncClient, batch: Json, *statuses: str, timeout_seconds: float = 30
) -> Json:
    """The batch, once it has one of the statuses."""
    return await once_it(
        client, batch, lambda found: found["status"] in statuses, timeout_seconds=timeout_seconds
    )


async def once_it(
    client: httpx.AsyncClient,
    batch: Json,
    condition: Callable[[Json], bool],
    *,
    timeout_seconds: float = 30,
) -> Json:
    """The batch, once it is as it should be."""
    async with asyncio.timeout(timeout_seconds):
        while not condition(found := await status(client, batch)):  # noqa: ASYNC110 - as a caller does
            await asyncio.sleep(0.05)
    return found


async def finished(client: httpx.AsyncClient, batch: Json, *, timeout_seconds: float = 30) -> Json:
    """The batch, once it has ended."""
    ends = ("completed", "failed", "cancelled", "expired")
    return await once(client, batch, *ends, timeout_seconds=timeout_seconds)


async def results(client: httpx.AsyncClient, batch: Json, **query: int) -> list[Json]:
    """The lines of its results."""
    answer = await client.get(f"{BATCHES}/{batch['id']}/results", params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]
