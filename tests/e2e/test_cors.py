"""Web pages of other origins: nothing, until the operator names them."""

from collections.abc import Iterator

import httpx
import pytest

from service.generation.endpoints import get_generation
from tests.conftest import ServiceFactory
from tests.e2e.routes import CANARY, GENERATE, GENERATE_STREAM, GOOD_BODIES, MODELS, error_of
from tests.running import RunningService, make_settings
from tests.simulator import Simulator, overloaded
from tests.sse import events_of

APP = "https://app.example.com"
OTHER_APP = "http://localhost:3000"
STRANGERS = [
    "https://evil.example",
    "http://app.example.com",
    "https://app.example.com:444",
    "https://app.example.com.evil.example",
    "https://sub.app.example.com",
    "https://APP.example.com",
    "null",
    "*",
    "",
]
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization, content-type, idempotency-key, last-event-id,"
    " x-api-key, x-request-id, x-signature, x-timestamp",
}
EXPOSED = {
    "idempotency-replayed",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "x-next-after",
    "x-request-id",
}


@pytest.fixture(scope="module")
def open_to_apps(
    _simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningService]:
    """A service that two origins may call."""
    settings = make_settings(
        tmp_path_factory.mktemp("data"),
        anthropic_api_key="sk-ant-simulated",
        anthropic_base_url=_simulator.anthropic_base_url,
        max_attempts=1,
        cors_origins=f"{APP}, {OTHER_APP}",
    )
    with RunningService(settings) as service:
        yield service


def cors_headers(answer: httpx.Response) -> dict[str, str]:
    """What an answer tells a browser about other origins."""
    return {k: v for k, v in answer.headers.items() if k.startswith("access-control-")}


def assert_readable(answer: httpx.Response, origin: str) -> None:
    """A page of `origin` may read the answer and those of its headers that say something to it."""
    assert answer.headers["access-control-allow-origin"] == origin
    exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
    assert set(exposed) >= EXPOSED
    assert "origin" in answer.headers["vary"].lower()
    assert "access-control-allow-credentials" not in answer.headers
    assert answer.headers["x-request-id"]


async def test_without_the_setting_no_origin_gets_anything(
    client: httpx.AsyncClient, service: RunningService
) -> None:
    for origin in (APP, service.url, "null"):
        preflight = await client.options(GENERATE, headers=PREFLIGHT | {"Origin": origin})
        error_of(preflight, 405, "method_not_allowed")
        answer = await client.get(MODELS, headers={"Origin": origin})
        assert answer.status_code == 200
        assert cors_headers(preflight) == cors_headers(answer) == {}
    async with service.client(key=None) as stranger:
        preflight = await stranger.options(GENERATE, headers=PREFLIGHT | {"Origin": APP})
        error_of(preflight, 401, "authentication_error")
        assert cors_headers(preflight) == {}


@pytest.mark.parametrize("origin", [APP, OTHER_APP])
@pytest.mark.parametrize("path", [GENERATE, GENERATE_STREAM, MODELS])
async def test_a_preflight_needs_no_key(
    path: str, origin: str, open_to_apps: RunningService
) -> None:
    async with open_to_apps.client(key=None) as client:
        answer = await client.options(path, headers=PREFLIGHT | {"Origin": origin})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == origin
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    asked = PREFLIGHT["Access-Control-Request-Headers"].split(", ")
    assert all(name in allowed for name in asked)
    assert int(answer.headers["access-control-max-age"]) > 0
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("origin", [APP, OTHER_APP])
async def test_a_named_origin_can_read_answers(origin: str, open_to_apps: RunningService) -> None:
    async with open_to_apps.client() as client:
        body = GOOD_BODIES[GENERATE]
        answer = await client.post(GENERATE, json=body, headers={"Origin": origin})
    assert answer.status_code == 200
    assert_readable(answer, origin)


async def test_a_named_origin_can_read_streams(open_to_apps: RunningService) -> None:
    async with (
        open_to_apps.client() as client,
        client.stream(
            "POST", GENERATE_STREAM, json=GOOD_BODIES[GENERATE], headers={"Origin": APP}
        ) as answer,
    ):
        assert_readable(answer, APP)
        events = [event async for event in events_of(answer)]
    assert events[-1]["type"] == "done"


async def test_a_named_origin_can_read_refusals(open_to_apps: RunningService) -> None:
    async with open_to_apps.client(key=None) as client:
        answer = await client.post(GENERATE, json={}, headers={"Origin": APP, "X-API-Key": CANARY})
        error_of(answer, 401, "authentication_error")
        assert_readable(answer, APP)
    async with open_to_apps.client() as client:
        for path, status in ((GENERATE, 400), ("/api/v1/nothing", 404), (MODELS, 405)):
            answer = await client.post(path, json={}, headers={"Origin": APP})
            assert answer.status_code == status
            assert_readable(answer, APP)


@pytest.mark.parametrize("path", [GENERATE, GENERATE_STREAM])
async def test_a_named_origin_can_read_when_to_come_back(
    path: str, open_to_apps: RunningService, simulator: Simulator
) -> None:
    simulator.always(overloaded(), on="anthropic")
    body = GOOD_BODIES[path] | {"cache": False}
    async with open_to_apps.client() as client:
        answer = await client.post(path, json=body, headers={"Origin": APP})
    error_of(answer, 503, "service_unavailable")
    assert answer.headers["retry-after"]
    assert_readable(answer, APP)


async def fail() -> None:
    """Stands where a use case should be."""
    raise RuntimeError(CANARY)


async def test_a_named_origin_can_read_a_fault_of_the_service(
    start_service: ServiceFactory,
) -> None:
    service = start_service(cors_origins=APP)
    service.app.dependency_overrides[get_generation] = fail
    async with service.client() as client:
        answer = await client.post(GENERATE, json=GOOD_BODIES[GENERATE], headers={"Origin": APP})
    error_of(answer, 500, "server_error")
    assert_readable(answer, APP)


@pytest.mark.parametrize("origin", STRANGERS)
async def test_other_origins_get_nothing(origin: str, open_to_apps: RunningService) -> None:
    async with open_to_apps.client() as client:
        preflight = await client.options(GENERATE, headers=PREFLIGHT | {"Origin": origin})
        error_of(preflight, 400, "validation_error")
        assert cors_headers(preflight) == {}
        answer = await client.get(MODELS, headers={"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers
        assert "origin" in answer.headers["vary"].lower(), "or a cache may serve it to the next one"


async def test_a_method_that_no_route_has_is_refused_in_the_preflight(
    open_to_apps: RunningService,
) -> None:
    headers = {"Origin": APP, "Access-Control-Request-Method": "CONNECT"}
    async with open_to_apps.client(key=None) as client:
        error_of(await client.options(GENERATE, headers=headers), 400, "validation_error")


async def test_a_header_that_no_client_sends_is_refused_in_the_preflight_and_not_repeated(
    open_to_apps: RunningService,
) -> None:
    headers = PREFLIGHT | {"Origin": APP, "Access-Control-Request-Headers": f"x-api-key, {CANARY}"}
    async with open_to_apps.client(key=None) as client:
        answer = await client.options(GENERATE, headers=headers)
    error_of(answer, 400, "validation_error")
    assert CANARY not in str(answer.headers)


async def test_a_star_opens_the_service_to_every_origin(start_service: ServiceFactory) -> None:
    async with start_service(cors_origins="*").client() as client:
        answer = await client.get(MODELS, headers={"Origin": "https://anybody.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
