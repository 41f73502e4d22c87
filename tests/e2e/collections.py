"""Collections over the API."""

import asyncio
from typing import Any

import httpx

from tests.knowledge_base import FILES

COLLECTIONS = "/api/v1/collections"
Json = dict[str, Any]


async def make_collection(client: httpx.AsyncClient, name: str = "kb", **settings: Any) -> str:
    """A collection's path."""
    path = f"{COLLECTIONS}/{name}"
    answer = await client.put(path, json=settings)
    assert answer.status_code == 200, answer.text
    return path


async def add(client: httpx.AsyncClient, path: str, **document: Any) -> Json:
    """A document as text, as it was taken in."""
    answer = await client.post(f"{path}/documents", json=document)
    assert answer.status_code == 202, answer.text
    accepted: Json = answer.json()["documents"][0]
    return accepted


async def upload(client: httpx.AsyncClient, path: str, **files: bytes) -> list[Json]:
    """Files by name, as they were taken in; a name's `__` stands for its dot."""
    sent = [("file", (name.replace("__", "."), content)) for name, content in files.items()]
    answer = await client.post(f"{path}/documents/upload", files=sent)
    assert answer.status_code == 202, answer.text
    accepted: list[Json] = answer.json()["documents"]
    return accepted


async def ingested(client: httpx.AsyncClient, path: str) -> dict[str, Json]:
    """All documents of a collection by id (100 at most), once none is under way any more."""
    async with asyncio.timeout(60):
        while True:
            answer = await client.get(f"{path}/documents", params={"limit": 100})
            documents = answer.json()["data"]
            if all(each["status"] in ("ready", "failed") for each in documents):
                return {each["id"]: each for each in documents}
            await asyncio.sleep(0.05)


async def upload_knowledge_base(client: httpx.AsyncClient, path: str) -> None:
    """The thirty documents, ready."""
    await upload(
        client, path, **{file.name.replace(".", "__"): file.read_bytes() for file in FILES}
    )
    states = [each["status"] for each in (await ingested(client, path)).values()]
    assert states == ["ready"] * len(FILES)
