"""The routes that take a body, a good body for each, and what a refusal must look like."""

import asyncio
from typing import Any

import httpx

from tests.running import ADMIN_KEY, RunningService

Body = dict[str, Any]

GENERATE = "/api/v1/generate"
GENERATE_STREAM = "/api/v1/generate/stream"
CHAT = "/api/v1/chat"
CHAT_STREAM = "/api/v1/chat/stream"
EMBEDDINGS = "/api/v1/embeddings"
BATCH = "/api/v1/batch"
BATCHES = "/api/v1/batches"
MODELS = "/api/v1/models"

GOOD_BODIES: dict[str, Body] = {
    GENERATE: {"prompt": "Hello"},
    GENERATE_STREAM: {"prompt": "Hello"},
    CHAT: {"messages": [{"role": "user", "content": "Hello"}]},
    CHAT_STREAM: {"messages": [{"role": "user", "content": "Hello"}]},
    EMBEDDINGS: {"input": "Hello"},
    BATCH: {"prompts": ["Hello"]},
}
POST_ROUTES = tuple(GOOD_BODIES)
GENERATES = (GENERATE, GENERATE_STREAM)
CHATS = (CHAT, CHAT_STREAM)

CANARY = "canary-7f3a9c"
"""Put where a refused value stands: no answer may repeat it."""
JSON_TYPE = {"Content-Type": "application/json"}


def error_of(
    answer: httpx.Response, status: int, error_type: str, *, field: str | None = None
) -> Body:
    """The inner object of a refusal that is in the contract's envelope and gives nothing away."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"error"}
    error: Body = body["error"]
    assert error["type"] == error_type
    assert error["message"]
    assert error["request_id"] == answer.headers["x-request-id"]
    assert error.get("field") == field, error
    for leak in (CANARY, "Traceback", 'File "', "pydantic"):
        assert leak not in answer.text
    return error


async def raw_exchange(service: RunningService, request: bytes) -> httpx.Response:
    """Send bytes that no HTTP client would, and read one answer with a Content-Length."""
    host, port = service.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(request)
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
            status, *lines = head.decode("latin-1").splitlines()
            headers = httpx.Headers(
                [(name, value) for name, _, value in map(_parts, lines) if name]
            )
            body = await reader.readexactly(int(headers["content-length"]))
    finally:
        writer.close()
    return httpx.Response(int(status.split()[1]), headers=headers, content=body)


def _parts(line: str) -> tuple[str, str, str]:
    return line.partition(": ")


def raw_post(path: str, body: bytes, *headers: str, key: str = ADMIN_KEY) -> bytes:
    """The bytes of a POST with these header lines beside the key, the type and the length."""
    lines = [
        f"POST {path} HTTP/1.1",
        *headers,
        f"X-API-Key: {key}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
