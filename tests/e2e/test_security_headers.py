"""What every answer tells a browser."""

import httpx
import pytest

from tests.e2e.routes import (
    EMBEDDINGS,
    GENERATE,
    GENERATE_STREAM,
    GOOD_BODIES,
    MODELS,
    raw_exchange,
    raw_post,
)
from tests.running import RunningService

EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}
NOTHING = "default-src 'none'; frame-ancestors 'none'"


def assert_sealed(answer: httpx.Response, policy: str = NOTHING) -> None:
    """The answer has each of the headers once."""
    for name, value in (EVERYWHERE | {"content-security-policy": policy}).items():
        assert answer.headers.get_list(name) == [value], name


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/healthz", 200),
        ("HEAD", "/readyz", 200),
        ("GET", "/metrics", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/docs/assets/swagger-ui.css", 200),
        ("GET", "/nothing", 404),
        ("POST", "/healthz", 405),
        ("GET", MODELS, 200),
        ("POST", GENERATE, 200),
        ("POST", EMBEDDINGS, 200),
        ("GET", "/api/v1/nothing", 404),
        ("GET", GENERATE, 405),
    ],
)
async def test_every_answer_has_them_and_the_apis_are_kept_by_no_cache(
    method: str, path: str, status: int, shared_client: httpx.AsyncClient
) -> None:
    answer = await shared_client.request(method, path, json=GOOD_BODIES.get(path))
    assert answer.status_code == status
    assert_sealed(answer)
    assert answer.headers.get("cache-control") == ("no-store" if "/api/" in path else None)


async def test_refusals_before_any_route_have_them_too(shared_service: RunningService) -> None:
    async with shared_service.client(key="sk-ais-wrong") as stranger:
        refused = await stranger.post(GENERATE, json={})
    assert refused.status_code == 401
    assert refused.headers["cache-control"] == "no-store"
    odd_host = await raw_exchange(shared_service, raw_post(GENERATE, b"{}", "Host: ]["))
    assert odd_host.status_code == 400
    no_http = await raw_exchange(shared_service, b"\x16\x03\x01\r\n\r\n")
    assert no_http.status_code == 400
    for answer in (refused, odd_host, no_http):
        assert_sealed(answer)


async def test_a_streams_own_word_on_caching_stands(shared_client: httpx.AsyncClient) -> None:
    answer = await shared_client.post(GENERATE_STREAM, json=GOOD_BODIES[GENERATE_STREAM])
    assert_sealed(answer)
    assert answer.headers.get_list("cache-control") == ["no-cache"]


async def test_the_docs_page_runs_its_own_script_and_no_other(
    shared_client: httpx.AsyncClient,
) -> None:
    """That Swagger UI works under this policy, its own test shows in a browser."""
    answer = await shared_client.get("/docs")
    policy = answer.headers["content-security-policy"]
    assert_sealed(answer, policy)
    sources = dict(part.split(" ", 1) for part in policy.split("; "))
    assert sources["default-src"] == sources["frame-ancestors"] == "'none'"
    assert sources["script-src"].startswith("'self' 'sha256-")
    assert "unsafe" not in policy
    assert "http" not in policy
