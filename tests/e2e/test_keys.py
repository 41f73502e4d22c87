"""Keys over HTTP: made, listed, changed, rotated, revoked; and who may."""

import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zlib import crc32

import httpx
import pytest

from service.access.ports import ALL_SCOPES
from tests.conftest import ServiceFactory
from tests.e2e.document import Document
from tests.e2e.keys import KEYS, Json, add_key, make_key
from tests.e2e.routes import MODELS, error_of
from tests.running import RunningService

TENANTS = "/api/v1/tenants"
TENANT_SCOPES = tuple(scope for scope in ALL_SCOPES if scope != "operator")


class AdminClient(httpx.AsyncClient):
    """A client whose key is `admin` of a tenant of the test's own, and no operator."""

    tenant: str
    key_id: str


@pytest.fixture
async def admin(
    shared_service: RunningService, shared_client: httpx.AsyncClient, request: pytest.FixtureRequest
) -> AsyncIterator[AdminClient]:
    """An admin of its own tenant."""
    tenant = f"t{crc32(request.node.name.encode())}"
    made = await make_key(shared_client, *TENANT_SCOPES, tenant=tenant)
    headers = {"X-API-Key": made["key"]}
    async with AdminClient(base_url=shared_service.url, headers=headers, timeout=30) as client:
        client.tenant = tenant
        client.key_id = made["id"]
        yield client


async def opens(service: RunningService, secret: str, path: str = MODELS) -> bool:
    """Whether a secret with the scope `generate` gets through."""
    async with service.client(key=secret) as client:
        answer = await client.get(path)
    if answer.status_code != 200:
        error_of(answer, 401, "authentication_error")
    return answer.status_code == 200


async def test_key_is_made_with_its_secret_which_is_never_shown_again(
    admin: AdminClient, shared_service: RunningService
) -> None:
    body = {
        "name": "Zoë's backend 🔑",
        "scopes": ["embed", "generate", "embed"],
        "limits": {"requests_per_minute": 60, "tokens_per_minute": None},
        "budget": {"limit_usd": 12.5, "period": "month"},
        "expires_at": "2199-01-01T01:00:00+01:00",
        "sanitize": "html",
        "rotate_after_days": 90,
    }
    answer = await admin.post(KEYS, json=body)
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    made = answer.json()
    secret = made.pop("key")
    assert await opens(shared_service, secret)
    shown = (await admin.get(f"{KEYS}/{made['id']}")).json()
    made["last_used_at"] = shown["last_used_at"]
    assert shown == made
    expected = body | {
        "tenant": admin.tenant,
        "scopes": ["generate", "embed"],
        "expires_at": "2199-01-01T00:00:00Z",
        "prefix": secret[:13],
        "status": "active",
        "parent_id": None,
        "previous_key_expires_at": None,
    }
    assert {field: shown[field] for field in expected} == expected


async def test_answers_are_as_documented(admin: AdminClient) -> None:
    document = Document((await admin.get("/openapi.json")).json())
    key = await make_key(admin, "generate")
    path = f"{KEYS}/{key['id']}"
    calls: list[tuple[str, str, Any, str]] = [
        ("POST", KEYS, {"name": "x", "scopes": ["batch"]}, KEYS),
        ("GET", KEYS, None, KEYS),
        ("GET", path, None, f"{KEYS}/{{key_id}}"),
        ("PATCH", path, {"budget": {"limit_usd": 1, "period": "day"}}, f"{KEYS}/{{key_id}}"),
        ("POST", f"{path}/rotate", {}, f"{KEYS}/{{key_id}}/rotate"),
        ("POST", f"{path}/tokens", {}, f"{KEYS}/{{key_id}}/tokens"),
        ("GET", f"{TENANTS}/{admin.tenant}", None, f"{TENANTS}/{{tenant_id}}"),
    ]
    for method, url, body, template in calls:
        answer = await admin.request(method, url, json=body)
        responses = document.content["paths"][template][method.lower()]["responses"]
        schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
        assert document.mistakes(answer.json(), schema) == [], url


async def test_keys_are_listed_newest_first_page_by_page(admin: AdminClient) -> None:
    made = [(await make_key(admin, "generate"))["id"] for _ in range(5)]
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = (await admin.get(KEYS, params=query)).json()
        assert len(page["data"]) <= 2
        assert all("key" not in key for key in page["data"])
        seen += [key["id"] for key in page["data"]]
        cursor = page["next_cursor"]
    assert seen == [*made[::-1], admin.key_id]


async def test_operator_lists_all_tenants_or_one(
    admin: AdminClient, shared_client: httpx.AsyncClient
) -> None:
    key = await make_key(admin, "generate")
    every = (await shared_client.get(KEYS, params={"limit": "100"})).json()["data"]
    assert {"key_admin", key["id"]} <= {each["id"] for each in every}
    mine = await shared_client.get(KEYS, params={"tenant": admin.tenant})
    assert {each["tenant"] for each in mine.json()["data"]} == {admin.tenant}
    refused = await admin.get(KEYS, params={"tenant": "default"})
    assert error_of(refused, 403, "authorization_error")["required_scope"] == "operator"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"cursor": "no cursor!"}, "cursor"),
        ({"cursor": "AAAA"}, "cursor"),
        ({"cursor": "_w"}, "cursor"),
        ({"cursor": "é"}, "cursor"),
        ({"cursor": "x" * 500}, "cursor"),
        ({"tenant": "../other"}, "tenant"),
    ],
)
async def test_bad_page_is_refused(
    query: dict[str, str], field: str, shared_client: httpx.AsyncClient
) -> None:
    error_of(await shared_client.get(KEYS, params=query), 400, "validation_error", field=field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "\x1b[31m"}, "name"),
        ({"name": None}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["root"]}, "scopes.0"),
        ({"tenant": "a b"}, "tenant"),
        ({"tenant": ""}, "tenant"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2199-01-01T00:00:00"}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({"expires_at": 9_999_999_999}, "expires_at"),
        ({"limits": {"requests_per_minute": 0}}, "limits.requests_per_minute"),
        ({"limits": {"tokens_per_minute": 10**10}}, "limits.tokens_per_minute"),
        ({"limits": {"requests": 1}}, "limits.requests"),
        ({"limits": None}, "limits"),
        ({"budget": {"limit_usd": 0, "period": "day"}}, "budget.limit_usd"),
        ({"budget": {"limit_usd": -1, "period": "day"}}, "budget.limit_usd"),
        ({"budget": {"limit_usd": 1e300, "period": "day"}}, "budget.limit_usd"),
        ({"budget": {"limit_usd": "5", "period": "day"}}, "budget.limit_usd"),
        ({"budget": {"limit_usd": 5, "period": "week"}}, "budget.period"),
        ({"budget": {"limit_usd": 5}}, "budget.period"),
        ({"sanitize": "all"}, "sanitize"),
        ({"rotate_after_days": 0}, "rotate_after_days"),
        ({"rotate_after_days": 10**6}, "rotate_after_days"),
    ],
)
async def test_key_that_cannot_be_is_refused_with_its_field(
    body: Json, field: str, admin: AdminClient
) -> None:
    good = {"name": "x", "scopes": ["generate"]}
    made = await make_key(admin, "generate")
    answers = [await admin.post(KEYS, json=good | body)]
    if "tenant" not in body:
        answers.append(await admin.patch(f"{KEYS}/{made['id']}", json=body))
    for answer in answers:
        error_of(answer, 400, "validation_error", field=field)


@pytest.mark.parametrize(
    "key_id", ["key_nothing", "key_0193a1b2c3d4e5f60718293a4b5c6d7e", "key_admin"]
)
async def test_key_that_is_not_there_or_is_anothers_is_the_same_404(
    key_id: str, admin: AdminClient
) -> None:
    answers = [
        await admin.get(f"{KEYS}/{key_id}"),
        await admin.patch(f"{KEYS}/{key_id}", json={"name": "x"}),
        await admin.post(f"{KEYS}/{key_id}/rotate", json={}),
        await admin.post(f"{KEYS}/{key_id}/tokens", json={}),
        await admin.delete(f"{KEYS}/{key_id}"),
    ]
    messages = {error_of(answer, 404, "not_found")["message"] for answer in answers}
    assert messages == {"There is no such key"}


@pytest.mark.parametrize("key_id", ["req_1", "key_%00", "key_a'b", "key_" + "x" * 100])
async def test_what_cannot_be_a_keys_id_is_a_400(
    key_id: str, shared_client: httpx.AsyncClient
) -> None:
    error_of(await shared_client.get(f"{KEYS}/{key_id}"), 400, "validation_error", field="key_id")


async def test_change_touches_only_what_was_sent_and_null_takes_a_bound_away(
    admin: AdminClient,
) -> None:
    key = await make_key(
        admin,
        "generate",
        limits={"requests_per_minute": 5, "tokens_per_minute": 7},
        budget={"limit_usd": 1, "period": "total"},
        expires_at="2199-01-01T00:00:00Z",
        rotate_after_days=3,
    )
    path = f"{KEYS}/{key['id']}"
    del key["key"]
    assert (await admin.patch(path, json={})).json() == key
    steps: list[tuple[Json, Json]] = [
        ({"name": "renamed"}, {}),
        ({"scopes": ["batch", "embed"]}, {"scopes": ["embed", "batch"]}),
        ({"budget": None}, {}),
        ({"expires_at": None}, {}),
        ({"rotate_after_days": None}, {}),
        ({"sanitize": "text"}, {}),
        (
            {"limits": {"tokens_per_minute": 9}},
            {"limits": {"requests_per_minute": None, "tokens_per_minute": 9}},
        ),
    ]
    for change, shown in steps:
        key |= change | shown
        assert (await admin.patch(path, json=change)).json() == key
        assert (await admin.get(path)).json() == key


async def test_change_of_scopes_is_felt_at_once(
    admin: AdminClient, shared_service: RunningService
) -> None:
    key = await make_key(admin, "generate")
    async with shared_service.client(key=key["key"]) as client:
        assert (await client.get(MODELS)).status_code == 200
        await admin.patch(f"{KEYS}/{key['id']}", json={"scopes": ["embed"]})
        error_of(await client.get(MODELS), 403, "authorization_error")


async def test_rotation_keeps_the_id_and_lets_both_secrets_work(
    admin: AdminClient, shared_service: RunningService
) -> None:
    key = await make_key(admin, "generate")
    answer = await admin.post(f"{KEYS}/{key['id']}/rotate", json={})
    rotated = answer.json()
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert rotated["id"] == key["id"]
    assert rotated["prefix"] == rotated["key"][:13]
    overlap = datetime.fromisoformat(rotated["previous_key_expires_at"]) - datetime.now(UTC)
    assert timedelta(minutes=59) < overlap <= timedelta(hours=1)
    assert await opens(shared_service, key["key"])
    assert await opens(shared_service, rotated["key"])


async def test_rotation_without_overlap_ends_the_old_secret_at_once(
    admin: AdminClient, shared_service: RunningService
) -> None:
    key = await make_key(admin, "generate")
    assert await opens(shared_service, key["key"])
    path = f"{KEYS}/{key['id']}/rotate"
    rotated = (await admin.post(path, json={"overlap_seconds": 0})).json()
    assert rotated["previous_key_expires_at"] is None
    assert not await opens(shared_service, key["key"])
    assert await opens(shared_service, rotated["key"])


async def test_second_rotation_ends_the_first_secret(
    admin: AdminClient, shared_service: RunningService
) -> None:
    first = await make_key(admin, "generate")
    path = f"{KEYS}/{first['id']}/rotate"
    second = (await admin.post(path, json={})).json()
    third = (await admin.post(path, json={})).json()
    works = [await opens(shared_service, each["key"]) for each in (first, second, third)]
    assert works == [False, True, True]


@pytest.mark.parametrize("seconds", [-1, 604_801, 1.5, "1"])
async def test_overlap_is_bounded(seconds: object, admin: AdminClient) -> None:
    path = f"{KEYS}/{admin.key_id}/rotate"
    answer = await admin.post(path, json={"overlap_seconds": seconds})
    error_of(answer, 400, "validation_error", field="overlap_seconds")


async def test_revocation_is_felt_at_once_and_is_for_good(
    admin: AdminClient, shared_service: RunningService
) -> None:
    key = await make_key(admin, "generate")
    path = f"{KEYS}/{key['id']}"
    assert await opens(shared_service, key["key"])
    for _ in range(2):
        answer = await admin.delete(path)
        assert (answer.status_code, answer.content) == (204, b"")
    assert not await opens(shared_service, key["key"])
    assert (await admin.get(path)).json()["status"] == "revoked"
    for answer in (
        await admin.patch(path, json={"name": "x"}),
        await admin.post(f"{path}/rotate", json={}),
        await admin.post(f"{path}/tokens", json={}),
    ):
        assert error_of(answer, 409, "conflict")["message"] == "This key is revoked"


async def test_expired_key_can_be_prolonged_but_not_rotated(
    shared_service: RunningService, shared_client: httpx.AsyncClient
) -> None:
    secret = await add_key(
        shared_service, id="key_expired", expires_at=datetime.now(UTC) - timedelta(hours=1)
    )
    path = f"{KEYS}/key_expired"
    assert (await shared_client.get(path)).json()["status"] == "expired"
    error_of(await shared_client.post(f"{path}/rotate", json={}), 409, "conflict")
    error_of(await shared_client.post(f"{path}/tokens", json={}), 409, "conflict")
    assert not await opens(shared_service, secret)
    await shared_client.patch(path, json={"expires_at": None})
    assert await opens(shared_service, secret)


async def test_admin_grants_no_scope_that_it_lacks(
    shared_service: RunningService, shared_client: httpx.AsyncClient
) -> None:
    limited = await make_key(shared_client, "admin", "generate", tenant="limited")
    async with shared_service.client(key=limited["key"]) as client:
        key = await make_key(client, "generate")
        for answer in (
            await client.post(KEYS, json={"name": "x", "scopes": ["generate", "embed"]}),
            await client.patch(f"{KEYS}/{key['id']}", json={"scopes": ["embed"]}),
        ):
            assert error_of(answer, 403, "authorization_error")["required_scope"] == "embed"


async def test_admin_cannot_touch_a_key_of_its_tenant_that_may_do_more(
    shared_service: RunningService, shared_client: httpx.AsyncClient
) -> None:
    limited = await make_key(shared_client, "admin", "generate", tenant="stronger")
    strong = await make_key(shared_client, "generate", "usage:read", tenant="stronger")
    path = f"{KEYS}/{strong['id']}"
    async with shared_service.client(key=limited["key"]) as client:
        assert (await client.get(path)).status_code == 200
        for answer in (
            await client.patch(path, json={"name": "x"}),
            await client.post(f"{path}/rotate", json={}),
            await client.post(f"{path}/tokens", json={}),
            await client.delete(path),
        ):
            assert error_of(answer, 403, "authorization_error")["required_scope"] == "usage:read"
    assert await opens(shared_service, strong["key"])


async def test_admin_makes_no_key_of_another_tenant(admin: AdminClient) -> None:
    body = {"name": "x", "scopes": ["generate"], "tenant": "other"}
    refused = await admin.post(KEYS, json=body)
    assert error_of(refused, 403, "authorization_error")["required_scope"] == "operator"
    own = await admin.post(KEYS, json=body | {"tenant": admin.tenant})
    assert own.status_code == 201


async def test_operator_alone_rules_every_tenant_and_grants_everything(
    shared_service: RunningService, shared_client: httpx.AsyncClient, admin: AdminClient
) -> None:
    operator = await make_key(shared_client, "operator", tenant="operations")
    async with shared_service.client(key=operator["key"]) as client:
        error_of(await client.get(MODELS), 403, "authorization_error")
        made = await make_key(client, *ALL_SCOPES, tenant="anywhere")
        assert made["tenant"] == "anywhere"
        assert (await client.patch(f"{KEYS}/{admin.key_id}", json={"name": "x"})).status_code == 200
        assert (await client.delete(f"{KEYS}/{admin.key_id}")).status_code == 204
    error_of(await admin.get(KEYS), 401, "authentication_error")


@pytest.mark.parametrize("scope", [s for s in ALL_SCOPES if s not in ("admin", "operator")])
async def test_other_scopes_rule_no_keys(
    scope: str, admin: AdminClient, shared_service: RunningService
) -> None:
    key = await make_key(admin, scope)
    path = f"{KEYS}/{key['id']}"
    async with shared_service.client(key=key["key"]) as client:
        for answer in (
            await client.get(KEYS),
            await client.get(path),
            await client.post(KEYS, json={"name": "x", "scopes": [scope]}),
            await client.patch(path, json={"name": "x"}),
            await client.post(f"{path}/rotate", json={}),
            await client.delete(path),
            await client.get(f"{TENANTS}/{admin.tenant}"),
        ):
            assert error_of(answer, 403, "authorization_error")["required_scope"] == "admin"


async def test_key_in_use_changes_only_its_own_name_and_secret(
    admin: AdminClient, shared_service: RunningService
) -> None:
    path = f"{KEYS}/{admin.key_id}"
    changes: list[Json] = [
        {"scopes": ["admin"]},
        {"limits": {}},
        {"budget": None},
        {"expires_at": None},
        {"name": "x", "sanitize": "none"},
    ]
    for change in changes:
        error_of(await admin.patch(path, json=change), 409, "conflict")
    error_of(await admin.delete(path), 409, "conflict")
    assert (await admin.patch(path, json={"name": "x"})).json()["name"] == "x"
    rotated = (await admin.post(f"{path}/rotate", json={})).json()
    assert await opens(shared_service, rotated["key"], KEYS)


async def test_configured_admin_key_is_changed_in_the_settings_only(
    shared_service: RunningService, shared_client: httpx.AsyncClient
) -> None:
    operator = await make_key(shared_client, "operator")
    path = f"{KEYS}/key_admin"
    async with shared_service.client(key=operator["key"]) as client:
        for answer in (
            await client.patch(path, json={"scopes": ["generate"]}),
            await client.post(f"{path}/rotate", json={}),
            await client.delete(path),
        ):
            assert "AI_SERVICE_ADMIN_KEY" in error_of(answer, 409, "conflict")["message"]
        assert (await client.get(path)).json()["status"] == "active"


async def test_bounds_of_a_tenant_are_set_by_operators_and_seen_by_its_admins(
    admin: AdminClient, shared_client: httpx.AsyncClient
) -> None:
    path = f"{TENANTS}/{admin.tenant}"
    unbounded = {
        "id": admin.tenant,
        "limits": {"requests_per_minute": None, "tokens_per_minute": None},
        "budget": None,
    }
    assert (await admin.get(path)).json() == unbounded
    body = {
        "limits": {"requests_per_minute": 100, "tokens_per_minute": 5},
        "budget": {"limit_usd": 0.1, "period": "day"},
    }
    refused = await admin.put(path, json=body)
    assert error_of(refused, 403, "authorization_error")["required_scope"] == "operator"
    assert (await shared_client.put(path, json=body)).json() == unbounded | body
    assert (await admin.get(path)).json() == unbounded | body
    assert (await shared_client.put(path, json={})).json() == unbounded
    error_of(await admin.get(f"{TENANTS}/default"), 404, "not_found")
    error_of(await admin.get(f"{TENANTS}/nobodys"), 404, "not_found")
    assert (await shared_client.get(f"{TENANTS}/nobodys")).status_code == 200


async def test_key_overdue_for_rotation_says_so_on_each_answer_and_in_the_metrics(
    shared_service: RunningService, shared_client: httpx.AsyncClient
) -> None:
    made = datetime(2026, 1, 1, 9, 30, tzinfo=UTC)
    secret = await add_key(shared_service, id="key_overdue", created_at=made, rotate_after_days=30)
    async with shared_service.client(key=secret) as client:
        for path, status in ((MODELS, 200), ("/api/v1/nothing", 404)):
            answer = await client.get(path)
            assert answer.status_code == status
            assert answer.headers["x-key-rotation-due"] == "2026-01-31T09:30:00Z"
        rotated = (await client.post(f"{KEYS}/key_overdue/rotate", json={})).json()
    metrics = (await shared_client.get("/metrics")).text
    assert 'ai_service_overdue_key_requests_total{key_id="key_overdue"} 3.0' in metrics
    async with shared_service.client(key=rotated["key"]) as client:
        assert "x-key-rotation-due" not in (await client.get(MODELS)).headers


async def test_keys_that_cannot_be_asked_for_now_are_a_503(service: RunningService) -> None:
    async with service.client() as client:
        assert (await client.get(KEYS)).status_code == 200  # the caller's own key is remembered now
        with sqlite3.connect(service.settings.data_dir / "ai-service.db") as database:
            database.execute("ALTER TABLE api_keys RENAME TO away")
        database.close()
        for answer in (
            await client.get(KEYS),
            await client.get(f"{KEYS}/key_admin"),
            await client.post(KEYS, json={"name": "x", "scopes": ["generate"]}),
        ):
            error_of(answer, 503, "service_unavailable")
            assert answer.headers["retry-after"] == "5"


async def test_last_use_is_written_when_the_service_stops(start_service: ServiceFactory) -> None:
    before = datetime.now(UTC)
    service = start_service()
    async with service.client() as client:
        key = await make_key(client, "generate")
        assert key["last_used_at"] is None
        assert await opens(service, key["key"])
    service.__exit__(None, None, None)
    async with start_service().client() as client:
        shown = (await client.get(f"{KEYS}/{key['id']}")).json()
    assert datetime.fromisoformat(shown["last_used_at"]) >= before
