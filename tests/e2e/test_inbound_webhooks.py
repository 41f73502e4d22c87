"""`POST /webhooks/llm-provider`: what providers report."""

import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import ServiceFactory
from tests.contracts.databases import SqliteDatabase
from tests.e2e.keys import add_key
from tests.e2e.routes import CANARY, GENERATE, error_of
from tests.e2e.webhook_signatures import (
    OTHER_SECRET,
    SECRET,
    Headers,
    encoded,
    plain,
    standard,
)
from tests.running import RunningService, make_settings

PATH = "/api/v1/webhooks/llm-provider"
REQUESTS = "/api/v1/requests"
RECEIVED = {"received": True}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A service whose providers' webhooks have a secret."""
    settings = make_settings(
        tmp_path_factory.mktemp("data"), webhook_secret=SECRET, max_body_bytes=5_000_000
    )
    with RunningService(settings) as service:
        yield service


@pytest.fixture
async def provider(service: RunningService) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a key."""
    async with service.client(key=None) as client:
        yield client


@pytest.fixture
async def request_id(client: httpx.AsyncClient) -> str:
    """The id of an answer to the admin."""
    answer = await client.post(GENERATE, json={"prompt": "Hi", "cache": False})
    return str(answer.json()["id"])


def about(request_id: str, **more: Any) -> Json:
    """An event that a generation is complete."""
    data = {"request_id": request_id, "result": CANARY, "output_tokens": 7}
    return {"type": "generation.completed", "data": data} | more


def failed(request_id: str, **more: Any) -> Json:
    """An event that it has failed."""
    error = {"type": "overloaded_error", "message": CANARY}
    return {
        "type": "generation.failed",
        "data": {"request_id": request_id, "error": error},
    } | more


async def post(provider: httpx.AsyncClient, event: Any, headers: Headers | None = None) -> Any:
    """Send it, signed in the guide's form unless otherwise."""
    body = encoded(event)
    answer = await provider.post(PATH, content=body, headers=headers or plain(body))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def report_on(client: httpx.AsyncClient, request_id: str) -> Any:
    record = (await client.get(f"{REQUESTS}/{request_id}")).json()
    return record["provider_report"]


def outbox(service: RunningService, request_id: str) -> list[tuple[str, str, Json]]:
    """Tenant, type and data of what is to be told about a request."""
    with sqlite3.connect(service.settings.data_dir / "ai-service.db", timeout=5) as database:
        rows = database.execute("SELECT tenant, type, data FROM events ORDER BY id").fetchall()
    database.close()
    found = [(tenant, type_, json.loads(data)) for tenant, type_, data in rows]
    return [each for each in found if each[2]["request_id"] == request_id]


@pytest.mark.parametrize("sign", [plain, standard])
async def test_a_signed_report_is_shown_with_the_request_and_told_to_its_owner(
    sign: Callable[[bytes], Headers],
    service: RunningService,
    provider: httpx.AsyncClient,
) -> None:
    async with service.client(key=await add_key(service, tenant="globex")) as owner:
        answer = await owner.post(GENERATE, json={"prompt": "Hi", "cache": False})
        request_id = answer.json()["id"]
        before = (await owner.get(f"{REQUESTS}/{request_id}")).json()
        assert before["provider_report"] is None
        event = failed(request_id, timestamp="2026-11-23T11:00:00+01:00")
        assert await post(provider, event, sign(encoded(event))) == RECEIVED
        report = {
            "type": "generation.failed",
            "reported_at": "2026-11-23T10:00:00Z",
            "error_type": "overloaded_error",
            "figures": {},
        }
        record = (await owner.get(f"{REQUESTS}/{request_id}")).json()
    assert record == before | {"provider_report": report | {"content": None}}
    assert outbox(service, request_id) == [
        ("globex", "generation.failed", {"request_id": request_id, "provider_report": report})
    ]


async def test_figures_are_told_and_texts_are_not(
    service: RunningService, provider: httpx.AsyncClient, client: httpx.AsyncClient, request_id: str
) -> None:
    event = about(request_id)
    event["data"] |= {"model": CANARY, "seconds": 1.5, "flag": True, f"the {CANARY}": 1}
    await post(provider, event)
    assert (await report_on(client, request_id))["figures"] == {"output_tokens": 7, "seconds": 1.5}
    assert CANARY not in str(outbox(service, request_id))
    for path in service.settings.data_dir.glob("ai-service.db*"):
        assert CANARY.encode() not in path.read_bytes()


async def test_a_usage_alert_on_a_request_is_told_to_its_owner(
    service: RunningService, provider: httpx.AsyncClient, client: httpx.AsyncClient, request_id: str
) -> None:
    data = {"request_id": request_id, "percent": 80}
    await post(provider, {"type": "usage.threshold_reached", "data": data})
    ((tenant, type_, told),) = outbox(service, request_id)
    assert (tenant, type_) == ("default", "usage.threshold_reached")
    assert told["provider_report"]["figures"] == {"percent": 80}
    assert (await report_on(client, request_id))["type"] == "usage.threshold_reached"


async def test_the_content_is_shown_where_content_is_kept(start_service: ServiceFactory) -> None:
    service = start_service(webhook_secret=SECRET, content_logging=True, log_level="error")
    async with service.client() as client, service.client(key=None) as provider:
        answer = await client.post(GENERATE, json={"prompt": "Hi"})
        event = about(answer.json()["id"])
        event["data"]["result"] = "Zoë \0 said"  # NUL is valid JSON
        await post(provider, event)
        report = await report_on(client, answer.json()["id"])
    assert json.loads(report["content"]) == event
    assert "said" not in str(outbox(service, answer.json()["id"]))


BODY = encoded({"type": "generation.completed", "data": {"request_id": "req_1"}})
STANDARD = standard(BODY)
UNSIGNED: dict[str, Headers] = {
    "none": {},
    "empty": {"X-Webhook-Signature": ""},
    "another body's": plain(BODY + b" "),
    "another secret's": plain(BODY, OTHER_SECRET),
    "keyed by the decoded secret": plain(BODY, SECRET.removeprefix("whsec_")),
    "cut": {"X-Webhook-Signature": plain(BODY)["X-Webhook-Signature"][:-1]},
    "beyond ASCII": {"X-Webhook-Signature": "é" * 64},
    "the standard's in the other header": {"X-Webhook-Signature": STANDARD["webhook-signature"]},
    "standard: another body's": standard(BODY + b" "),
    "standard: another secret's": standard(BODY, secret=OTHER_SECRET),
    "standard: another id": STANDARD | {"webhook-id": "wh_2"},
    "standard: another time": STANDARD
    | {"webhook-timestamp": str(int(STANDARD["webhook-timestamp"]) - 1)},
    "standard: too old": standard(BODY, age_seconds=86_400),
    "standard: too early": standard(BODY, age_seconds=-86_400),
    "standard: no version": STANDARD | {"webhook-signature": "abc"},
    "standard: no base64": STANDARD | {"webhook-signature": "v1,é"},
    "standard: too many commas": STANDARD | {"webhook-signature": "v1,a,b"},
    "standard: no number": STANDARD | {"webhook-timestamp": "now"},
    "standard: not a number": STANDARD | {"webhook-timestamp": "nan"},
    "standard: no id": {name: STANDARD[name] for name in STANDARD if name != "webhook-id"},
    "a key instead": {"X-API-Key": "sk-ais-tests-0123456789abcdefghijklmnopqrstuv"},
}


@pytest.mark.parametrize("headers", UNSIGNED.values(), ids=UNSIGNED)
async def test_without_a_good_signature_every_body_is_the_same_401(
    headers: Headers, service: RunningService, provider: httpx.AsyncClient
) -> None:
    raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    answer = await provider.post(PATH, content=BODY, headers=raw)
    error = error_of(answer, 401, "authentication_error")
    assert error["message"] == "Invalid or missing webhook signature"


async def test_a_body_that_is_no_json_is_refused_for_its_signature_first(
    provider: httpx.AsyncClient,
) -> None:
    for body in (b"{", b"", b"\xff\xfe", b"[" * 100_000):
        error_of(await provider.post(PATH, content=body), 401, "authentication_error")
        answer = await provider.post(PATH, content=body, headers=plain(body))
        error_of(answer, 400, "validation_error")


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ([], None),
        ({"data": {}}, "type"),
        ({"type": 1, "data": {}}, "type"),
        ({"type": "new\0", "data": {}}, "type"),
        ({"type": "new", "data": []}, "data"),
        ({"type": "generation.completed", "data": {}}, "data.request_id"),
        ({"type": "generation.failed", "data": {"request_id": 1}}, "data.request_id"),
        ({"type": "batch.expired", "data": {"request_id": "x"}}, "data.id"),
        ({"type": "new", "data": {}, "timestamp": "yesterday"}, "timestamp"),
        ({"type": "new", "data": {}, "timestamp": -1}, "timestamp"),
        ({"type": "new", "data": {}, "timestamp": "0001-01-01T00:00:00+14:00"}, "timestamp"),
        ({"type": "new", "data": {}, "timestamp": 1e300}, "timestamp"),
        ({"type": "new", "data": {}, "id": 7}, "id"),
    ],
)
async def test_a_signed_event_of_the_wrong_shape_is_told_which_field_it_is(
    event: Any, field: str | None, provider: httpx.AsyncClient
) -> None:
    body = encoded(event)
    answer = await provider.post(PATH, content=body, headers=plain(body))
    error_of(answer, 400, "validation_error", field=field)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.completed", "data": {"id": "resp_1", "request_id": 7}},
        {"type": "new"},
        {
            "type": "event",
            "id": "wevt_1",
            "created_at": "2026-11-23T10:00:00Z",
            "data": {"id": "session_1", "type": "session.status_idled"},
        },
        {
            "type": "batch.completed",
            "id": "evt_1",
            "object": "event",
            "created_at": 1_763_892_000,
            "data": {"id": "batch_1"},
        },
        {"type": "usage.threshold_reached", "data": {"tenant": "default", "percent": 80}},
        about("req_unknown"),
        about("nul \0"),
        about("x" * 100_000),
        about("x", timestamp=None, id=None),
        about("x", timestamp=1e11),
        about("x", timestamp="9999-12-31T23:59:59-14:00"),
    ],
    ids=lambda event: str(event)[:60],
)
async def test_what_has_no_effect_here_is_received(
    event: Json, provider: httpx.AsyncClient
) -> None:
    for _ in range(2):
        assert await post(provider, event) == RECEIVED


async def test_a_repeat_is_received_and_has_no_second_effect(
    service: RunningService, provider: httpx.AsyncClient, request_id: str
) -> None:
    event = about(request_id)
    for _ in range(3):
        assert await post(provider, event) == RECEIVED
    assert len(outbox(service, request_id)) == 1


async def test_a_repeat_is_known_by_its_id_whatever_its_body(
    service: RunningService, provider: httpx.AsyncClient, request_id: str
) -> None:
    await post(provider, about(request_id, id="evt_a"))
    await post(provider, failed(request_id, id="evt_a"))
    assert len(outbox(service, request_id)) == 1
    for id_, known in (("wh_a", 2), ("wh_a", 2), ("wh_b", 3)):
        event = failed(request_id, id="evt_a")
        await post(provider, event, standard(encoded(event), id_))
        assert len(outbox(service, request_id)) == known


async def test_an_id_that_nobody_signed_makes_no_repeat_new(
    service: RunningService, provider: httpx.AsyncClient, request_id: str
) -> None:
    event = about(request_id)
    await post(provider, event)
    await post(provider, event, plain(encoded(event)) | {"webhook-id": "wh_new"})
    assert len(outbox(service, request_id)) == 1


async def test_of_two_events_the_later_one_stays_in_whatever_order_they_come(
    service: RunningService, provider: httpx.AsyncClient, client: httpx.AsyncClient, request_id: str
) -> None:
    await post(provider, about(request_id, timestamp=1_763_892_060))
    await post(provider, failed(request_id, timestamp="2025-11-23T10:00:00Z"))
    assert (await report_on(client, request_id))["type"] == "generation.completed"
    assert len(outbox(service, request_id)) == 1, "who was told of the later one is not told more"
    await post(provider, failed(request_id))
    assert (await report_on(client, request_id))["type"] == "generation.failed"


async def test_one_good_signature_among_several_is_enough(
    provider: httpx.AsyncClient,
) -> None:
    signed = standard(BODY)
    old = standard(BODY, secret=OTHER_SECRET)["webhook-signature"]
    signed["webhook-signature"] = f"v1a,xyz {old} {signed['webhook-signature']}"
    for headers in (signed, signed | {"X-Webhook-Signature": "wrong"}):
        answer = await provider.post(PATH, content=BODY, headers=headers)
        assert answer.json() == RECEIVED


async def test_a_body_over_the_limit_is_refused_before_all_of_it_has_come(
    provider: httpx.AsyncClient,
) -> None:
    body = b" " * (1024 * 1024 + 1)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(9):
            yield b" " * 131_072

    for content in (body, pieces()):
        answer = await provider.post(PATH, content=content, headers=plain(body))
        error = error_of(answer, 413, "payload_too_large")
        assert error["limit_bytes"] == 1024 * 1024


async def test_the_services_own_limit_holds_where_it_is_smaller(
    start_service: ServiceFactory,
) -> None:
    service = start_service(webhook_secret=SECRET, max_body_bytes=1000)
    async with service.client(key=None) as provider:
        body = encoded({"type": "new", "data": {"text": "x" * 1000}})
        answer = await provider.post(PATH, content=body, headers=plain(body))
    assert error_of(answer, 413, "payload_too_large")["limit_bytes"] == 1000


async def test_without_a_secret_there_is_nothing(start_service: ServiceFactory) -> None:
    service = start_service()
    for key in (None, "sk-ais-wrong"):
        async with service.client(key=key) as client:
            for headers in ({}, plain(BODY), standard(BODY)):
                answer = await client.post(PATH, content=BODY, headers=headers)
                error_of(answer, 404, "not_found")


async def test_its_neighbours_need_a_key(provider: httpx.AsyncClient) -> None:
    for path in (f"{PATH}/", f"{PATH}/x", "/api/v1/webhooks", f"{PATH}x", "/api/v1//webhooks"):
        answer = await provider.post(path, content=BODY, headers=plain(BODY))
        error_of(answer, 401, "authentication_error")
    error_of(await provider.get(PATH), 405, "method_not_allowed")


async def test_it_needs_no_signature_of_the_other_kind(start_service: ServiceFactory) -> None:
    service = start_service(webhook_secret=SECRET, request_signing="required")
    async with service.client(key=None) as provider:
        assert await post(provider, {"type": "new", "data": {}}) == RECEIVED


async def test_an_event_that_cannot_be_kept_is_a_503_and_has_its_effect_when_it_comes_again(
    service: RunningService, provider: httpx.AsyncClient, client: httpx.AsyncClient, request_id: str
) -> None:
    body = encoded(about(request_id))
    async with SqliteDatabase(service.settings.data_dir / "ai-service.db").away():
        answer = await provider.post(PATH, content=body, headers=plain(body))
        error_of(answer, 503, "service_unavailable")
        assert "retry-after" in answer.headers
    assert await post(provider, about(request_id)) == RECEIVED
    assert (await report_on(client, request_id))["type"] == "generation.completed"
