"""The running service does what its OpenAPI document says, answer by answer and error by error."""

import sqlite3
from typing import Any

import httpx
import pytest

from service.embeddings.endpoints import get_embedding
from service.generation.endpoints import get_generation
from tests.conftest import ServiceFactory
from tests.e2e.document import Document, Json
from tests.e2e.keys import add_key
from tests.e2e.routes import (
    BATCH,
    CANARY,
    CHAT,
    CHAT_STREAM,
    EMBEDDINGS,
    GENERATE,
    GENERATE_STREAM,
    GOOD_BODIES,
    MODELS,
    POST_ROUTES,
    error_of,
)
from tests.running import RunningService
from tests.simulator import Behaviour, Cut, Reply, Simulator, Stall, ToolCall, bad_key, overloaded
from tests.sse import events_of

STREAMS = (GENERATE_STREAM, CHAT_STREAM)
ASK_MODELS = (GENERATE, GENERATE_STREAM, CHAT, CHAT_STREAM, EMBEDDINGS)
VENDORS = ("anthropic", "openai")
USER = {"role": "user", "content": "What is the weather?"}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}
PROVIDER_ERRORS: dict[int, tuple[str, Behaviour]] = {
    502: ("provider_error", bad_key()),
    503: ("service_unavailable", overloaded()),
    504: ("timeout", Stall(before_headers=True)),
}


@pytest.fixture(scope="module")
async def document(shared_client: httpx.AsyncClient) -> Document:
    """What the service says of itself."""
    return Document((await shared_client.get("/openapi.json")).json())


async def assert_kept(
    document: Document, client: httpx.AsyncClient, path: str, body: Json, status: int = 200
) -> None:
    """Post, and hold the answer against the document: each event, if it is a stream."""
    async with client.stream("POST", path, json=body) as answer:
        assert answer.status_code == status, (await answer.aread()).decode()
        (media,) = document.operation(path)["responses"][str(status)]["content"]
        assert answer.headers["content-type"].partition(";")[0] == media
        schema = document.schema_of(path, status)
        if media == "text/event-stream":
            values: list[Any] = [event async for event in events_of(answer)]
        else:
            await answer.aread()
            values = [answer.json()]
    assert values
    for value in values:
        assert document.mistakes(value, schema) == [], value


@pytest.mark.parametrize("path", POST_ROUTES)
async def test_every_example_of_a_request_is_accepted(
    path: str, document: Document, shared_client: httpx.AsyncClient
) -> None:
    media = document.operation(path)["requestBody"]["content"]["application/json"]
    for example in media["examples"].values():
        await assert_kept(document, shared_client, path, example["value"])


@pytest.mark.parametrize("model", ["anthropic/claude-haiku-5-5", "openai/gpt-6-luna"])
@pytest.mark.parametrize("path", [CHAT, CHAT_STREAM])
async def test_tool_calls_and_thinking_are_answered_as_documented(
    path: str,
    model: str,
    document: Document,
    shared_client: httpx.AsyncClient,
    simulator: Simulator,
) -> None:
    calls = (ToolCall("look", '{"city": "Paris"}'), ToolCall("look", "{}"))
    simulator.script(Reply(thinking="Hm.", tool_calls=calls), on=model.partition("/")[0])
    body = {"messages": [USER], "model": model, "tools": [TOOL], "reasoning_effort": "low"}
    await assert_kept(document, shared_client, path, body | {"cache": False})
    assert simulator.unconsumed == 0


async def test_a_batch_of_which_a_part_fails_is_answered_as_documented(
    document: Document, shared_client: httpx.AsyncClient
) -> None:
    body = {"requests": [{"prompt": "Hi"}, {"messages": [USER]}, {"prompt": "x", "model": "none"}]}
    await assert_kept(document, shared_client, BATCH, body)


@pytest.mark.parametrize("path", STREAMS)
async def test_a_stream_that_breaks_off_ends_as_documented(
    path: str, document: Document, shared_client: httpx.AsyncClient, simulator: Simulator
) -> None:
    simulator.script(Cut(after_words=1), on="anthropic")
    await assert_kept(document, shared_client, path, GOOD_BODIES[path] | {"cache": False})
    assert simulator.unconsumed == 0


@pytest.mark.parametrize("path", [MODELS, "/healthz", "/readyz"])
async def test_what_is_only_read_is_answered_as_documented(
    path: str, document: Document, shared_client: httpx.AsyncClient
) -> None:
    answer = await shared_client.get(path)
    assert answer.status_code == 200
    assert document.mistakes(answer.json(), document.schema_of(path, 200)) == []


async def test_metrics_are_of_the_documented_type(
    document: Document, shared_client: httpx.AsyncClient
) -> None:
    (media,) = document.operation("/metrics")["responses"]["200"]["content"]
    answer = await shared_client.get("/metrics")
    assert answer.headers["content-type"].startswith(media)


async def refused(client: httpx.AsyncClient, path: str, status: int) -> httpx.Response:
    """An answer with this status, for a mistake of the caller's."""
    body = GOOD_BODIES[path]
    if status == 400:
        return await client.post(path, json=body | {"no_such_field": CANARY})
    if status == 401:
        return await client.post(path, json=body, headers={"X-API-Key": CANARY})
    if status == 413:
        return await client.post(path, json=body | {"prompt": "x" * 1_000_000})
    assert status == 415
    return await client.post(path, content=b"{}", headers={"Content-Type": "text/plain"})


@pytest.mark.parametrize("path", POST_ROUTES)
@pytest.mark.parametrize(
    ("status", "error_type"),
    [
        (400, "validation_error"),
        (401, "authentication_error"),
        (413, "payload_too_large"),
        (415, "unsupported_media_type"),
    ],
)
async def test_errors_of_the_callers_own_are_as_documented(
    path: str,
    status: int,
    error_type: str,
    document: Document,
    shared_client: httpx.AsyncClient,
) -> None:
    answer = await refused(shared_client, path, status)
    error_of(answer, status, error_type, field="no_such_field" if status == 400 else None)
    assert_documented(document, path, answer)


async def ask(client: httpx.AsyncClient, path: str) -> httpx.Response:
    """A good request of any route that needs a key."""
    if path == MODELS:
        return await client.get(path)
    return await client.post(
        path, json=GOOD_BODIES[path] | ({"cache": False} if path in CACHES else {})
    )


CACHES = (GENERATE, GENERATE_STREAM, CHAT, CHAT_STREAM)


async def test_a_key_without_the_scope_gets_the_documented_403(
    document: Document, shared_service: RunningService, simulator: Simulator
) -> None:
    key = await add_key(shared_service, scopes=("usage:read",))
    async with shared_service.client(key=key) as client:
        for path in (*POST_ROUTES, MODELS):
            answer = await ask(client, path)
            scope = {EMBEDDINGS: "embed", BATCH: "batch"}.get(path, "generate")
            assert error_of(answer, 403, "authorization_error")["required_scope"] == scope
            assert_documented(document, path, answer)
    assert simulator.calls == []


async def test_a_database_that_cannot_check_keys_is_the_documented_503(
    document: Document, service: RunningService
) -> None:
    with sqlite3.connect(service.settings.data_dir / "ai-service.db") as database:
        database.execute("ALTER TABLE api_keys RENAME TO away")
    database.close()
    async with service.client(key="sk-ais-never-seen-before") as client:
        for path in (*POST_ROUTES, MODELS):
            answer = await ask(client, path)
            error = error_of(answer, 503, "service_unavailable")
            assert int(answer.headers["retry-after"]) >= error["estimated_time_seconds"]
            assert_documented(document, path, answer)


@pytest.mark.parametrize("status", PROVIDER_ERRORS)
async def test_failures_of_the_providers_are_as_documented(
    status: int, document: Document, start_service: ServiceFactory, simulator: Simulator
) -> None:
    error_type, fault = PROVIDER_ERRORS[status]
    for vendor in VENDORS:
        simulator.always(fault, on=vendor)
    patience = 0.2 if status == 504 else 30
    service = start_service(
        max_attempts=1,
        breaker_failures=100,
        request_timeout_seconds=patience,
        stream_first_token_timeout_seconds=patience,
    )
    async with service.client() as client:
        for path in ASK_MODELS:
            answer = await ask(client, path)
            error_of(answer, status, error_type)
            assert_documented(document, path, answer)
            assert ("retry-after" in answer.headers) == (status == 503)


async def fail() -> None:
    """Stands where a use case should be."""
    raise RuntimeError(CANARY)


async def test_a_fault_of_the_services_own_is_the_documented_500_and_says_nothing(
    document: Document, service: RunningService
) -> None:
    service.app.dependency_overrides |= {get_generation: fail, get_embedding: fail}
    async with service.client() as client:
        for path in POST_ROUTES:
            answer = await ask(client, path)
            error = error_of(answer, 500, "server_error")
            assert error["message"] == "An internal error occurred"
            assert_documented(document, path, answer)


def assert_documented(document: Document, path: str, answer: httpx.Response) -> None:
    """The status is documented, and so is the shape of what came with it."""
    responses = document.operation(path)["responses"]
    assert str(answer.status_code) in responses
    schema = document.schema_of(path, answer.status_code)
    assert document.mistakes(answer.json(), schema) == []
    example = responses[str(answer.status_code)]["content"]["application/json"]["example"]
    assert example["error"]["type"] == answer.json()["error"]["type"]
    assert set(example["error"]) <= set(answer.json()["error"])
