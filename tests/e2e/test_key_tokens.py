"""Browser tokens over HTTP."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.e2e.keys import KEYS, Json, make_key
from tests.e2e.routes import EMBEDDINGS, GENERATE, MODELS, error_of
from tests.running import RunningService

TENANT = "web"


@pytest.fixture(scope="module")
async def admin(
    shared_service: RunningService, shared_client: httpx.AsyncClient
) -> AsyncIterator[httpx.AsyncClient]:
    """An admin of the tenant, who is no operator."""
    made = await make_key(shared_client, "generate", "embed", "usage:read", "admin", tenant=TENANT)
    async with shared_service.client(key=made["key"]) as client:
        yield client


async def mint(client: httpx.AsyncClient, key: Json, **body: object) -> Json:
    answer = await client.post(f"{KEYS}/{key['id']}/tokens", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    minted: Json = answer.json()
    return minted


def lifetime(token: Json) -> timedelta:
    return datetime.fromisoformat(token["expires_at"]) - datetime.now(UTC)


async def test_key_mints_tokens_of_its_own_that_are_used_like_a_key(
    admin: httpx.AsyncClient, shared_service: RunningService
) -> None:
    key = await make_key(admin, "generate", "embed")
    async with shared_service.client(key=key["key"]) as backend:
        token = await mint(
            backend,
            key,
            ttl_seconds=60,
            scopes=["generate"],
            limits={"requests_per_minute": 10},
            budget={"limit_usd": 0.5, "period": "total"},
            sanitize="html",
        )
    assert (token["parent_id"], token["tenant"], token["scopes"]) == (
        key["id"],
        TENANT,
        ["generate"],
    )
    assert token["budget"] == {"limit_usd": 0.5, "period": "total"}
    assert (token["limits"]["requests_per_minute"], token["sanitize"]) == (10, "html")
    assert timedelta(seconds=30) < lifetime(token) <= timedelta(seconds=60)
    async with shared_service.client(key=token["key"]) as page:
        assert (await page.post(GENERATE, json={"prompt": "Hi"})).status_code == 200
        refused = await page.post(EMBEDDINGS, json={"input": "Hi"})
        assert error_of(refused, 403, "authorization_error")["required_scope"] == "embed"


async def test_token_has_by_default_all_but_the_ruling_scopes_for_a_quarter_of_an_hour(
    admin: httpx.AsyncClient,
) -> None:
    key = await make_key(admin, "generate", "usage:read", "admin")
    token = await mint(admin, key)
    assert token["scopes"] == ["generate", "usage:read"]
    assert timedelta(minutes=14) < lifetime(token) <= timedelta(minutes=15)


async def test_token_does_not_outlive_its_key(admin: httpx.AsyncClient) -> None:
    soon = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
    token = await mint(admin, await make_key(admin, "generate", expires_at=soon), ttl_seconds=3600)
    assert datetime.fromisoformat(token["expires_at"]) == datetime.fromisoformat(soon)


async def test_token_ends_at_once_with_its_key(
    admin: httpx.AsyncClient, shared_service: RunningService
) -> None:
    key = await make_key(admin, "generate")
    token = await mint(admin, key)
    async with shared_service.client(key=token["key"]) as page:
        assert (await page.get(MODELS)).status_code == 200
        await admin.delete(f"{KEYS}/{key['id']}")
        error_of(await page.get(MODELS), 401, "authentication_error")


async def test_token_can_be_looked_at_and_revoked_alone_but_not_changed(
    admin: httpx.AsyncClient, shared_service: RunningService
) -> None:
    key = await make_key(admin, "generate")
    token = await mint(admin, key)
    path = f"{KEYS}/{token['id']}"
    for answer in (
        await admin.patch(path, json={"name": "x"}),
        await admin.post(f"{path}/rotate", json={}),
        await admin.post(f"{path}/tokens", json={}),
    ):
        error_of(answer, 409, "conflict")
    async with shared_service.client(key=token["key"]) as page:
        assert (await page.get(MODELS)).status_code == 200
        assert (await admin.delete(path)).status_code == 204
        error_of(await page.get(MODELS), 401, "authentication_error")
    assert (await admin.get(path)).json()["status"] == "revoked"
    async with shared_service.client(key=key["key"]) as backend:
        assert (await backend.get(MODELS)).status_code == 200


async def test_tokens_are_not_among_the_keys(admin: httpx.AsyncClient) -> None:
    key = await make_key(admin, "generate")
    token = await mint(admin, key)
    listed = {
        each["id"] for each in (await admin.get(KEYS, params={"limit": "100"})).json()["data"]
    }
    assert key["id"] in listed
    assert token["id"] not in listed


async def test_tokens_mint_no_tokens(
    admin: httpx.AsyncClient, shared_service: RunningService
) -> None:
    key = await make_key(admin, "generate")
    token = await mint(admin, key)
    async with shared_service.client(key=token["key"]) as page:
        for key_id in (key["id"], token["id"]):
            refused = await page.post(f"{KEYS}/{key_id}/tokens", json={})
            assert error_of(refused, 403, "authorization_error")["required_scope"] == "admin"


async def test_key_that_rules_none_mints_tokens_of_no_other(
    admin: httpx.AsyncClient, shared_service: RunningService
) -> None:
    key, other = await make_key(admin, "generate"), await make_key(admin, "generate")
    async with shared_service.client(key=key["key"]) as backend:
        for key_id in (other["id"], "key_admin", "key_nothing"):
            refused = await backend.post(f"{KEYS}/{key_id}/tokens", json={})
            error_of(refused, 403, "authorization_error")


async def test_token_is_never_given_more_than_its_key_has(admin: httpx.AsyncClient) -> None:
    path = f"{KEYS}/{(await make_key(admin, 'generate'))['id']}/tokens"
    refused = await admin.post(path, json={"scopes": ["generate", "embed"]})
    assert error_of(refused, 403, "authorization_error")["required_scope"] == "embed"
    for scope in ("admin", "operator"):
        error_of(
            await admin.post(path, json={"scopes": [scope]}),
            400,
            "validation_error",
            field="scopes.0",
        )
    rules_only = await make_key(admin, "admin")
    refused = await admin.post(f"{KEYS}/{rules_only['id']}/tokens", json={})
    error_of(refused, 400, "validation_error", field="scopes")


@pytest.mark.parametrize("seconds", [0, 3_601, -5, 1.5, "60", None])
async def test_lifetime_is_bounded(seconds: object, admin: httpx.AsyncClient) -> None:
    path = f"{KEYS}/{(await make_key(admin, 'generate'))['id']}/tokens"
    answer = await admin.post(path, json={"ttl_seconds": seconds})
    error_of(answer, 400, "validation_error", field="ttl_seconds")
