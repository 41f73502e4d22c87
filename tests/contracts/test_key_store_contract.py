"""What every key store does."""

from asyncio import gather
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from service.access.admin_key import keep_admin_key, make_first_admin_key
from service.access.digests import Digester
from service.access.ports import (
    ALL_SCOPES,
    ApiKey,
    Budget,
    KeyStore,
    KeyStoreUnavailable,
    RateLimits,
    ResolvedKey,
    Tenant,
)
from service.adapters.storage import Storage, open_storage
from tests.contracts.databases import Database
from tests.contracts.time import MovableClock

KEY = ApiKey(
    id="key_1",
    tenant="acme",
    name="Zoë's key 🔑",
    prefix="aisk_4f1c",
    digest="d1" * 32,
    scopes=("generate", "usage:read"),
    created_at=datetime(2026, 11, 23, 9, 30, 0, 123456, tzinfo=UTC),
)


NOW = datetime(2027, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
HOUR = timedelta(hours=1)
TOKEN = replace(
    KEY, id="key_1t", digest="70" * 32, scopes=("generate",), parent_id=KEY.id, expires_at=NOW
)
TENANT = Tenant(
    id="acme",
    limits=RateLimits(requests_per_minute=60),
    budget=Budget(limit_usd=Decimal("12.345678901"), period="day"),
)
FULL = replace(
    KEY,
    scopes=ALL_SCOPES,
    expires_at=NOW,
    revoked_at=NOW,
    limits=RateLimits(requests_per_minute=1, tokens_per_minute=1_000_000_000),
    budget=Budget(limit_usd=Decimal("0.000001000"), period="total"),
    sanitize="html",
    rotate_after_days=90,
    rotated_at=NOW,
    previous_digest="d0" * 32,
    previous_expires_at=NOW,
    last_used_at=NOW,
    parent_id="key_0",
)


@pytest.fixture
def keys(storage: Storage) -> KeyStore:
    """The store under test."""
    return storage.keys


@pytest.fixture(params=["sqlite", "postgres"])
def missing_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where no database is."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path}/missing/ai-service.db"
    return f"postgresql+asyncpg://postgres@/none?host={tmp_path}"


async def test_key_is_found_by_its_digest_and_by_its_id(keys: KeyStore) -> None:
    await keys.put(KEY)
    assert await keys.resolve(KEY.digest) == ResolvedKey(key=KEY, tenant=Tenant(id="acme"))
    assert await keys.find(KEY.id, tenant=None) == KEY


async def test_missing_key_is_none(keys: KeyStore) -> None:
    await keys.put(KEY)
    assert await keys.resolve("00" * 32) is None
    assert await keys.find("key_2", tenant=None) is None


async def test_another_tenants_key_is_not_there(keys: KeyStore) -> None:
    await keys.put(KEY)
    assert await keys.find(KEY.id, tenant="acme") == KEY
    assert await keys.find(KEY.id, tenant="other") is None
    assert await keys.list_keys(tenant="other", limit=10) == []
    assert await keys.change(KEY.id, tenant="other", changes={"name": "mine"}) is None
    rotated = await keys.rotate(
        KEY.id, tenant="other", digest="d2" * 32, prefix="p", now=NOW, previous_expires_at=None
    )
    assert rotated is None
    await keys.revoke(KEY.id, tenant="other", now=NOW)
    assert await keys.find(KEY.id, tenant=None) == KEY


async def test_key_keeps_every_field(keys: KeyStore) -> None:
    await keys.put(FULL)
    assert await keys.find(KEY.id, tenant=None) == FULL
    assert await keys.list_keys(tenant=None, limit=10) == [], "it is a token"


async def test_key_of_the_same_id_is_replaced(keys: KeyStore) -> None:
    await keys.put(KEY)
    changed = replace(KEY, digest="d2" * 32, revoked_at=KEY.created_at, scopes=())
    await keys.put(changed)
    assert await keys.find(KEY.id, tenant=None) == changed
    assert await keys.resolve(KEY.digest) is None


async def test_digest_of_another_key_is_refused(keys: KeyStore) -> None:
    await keys.put(KEY)
    with pytest.raises(ValueError, match="another key has this digest"):
        await keys.put(replace(KEY, id="key_2"))
    assert await keys.find("key_2", tenant=None) is None


async def test_key_is_added_unless_its_id_or_its_digest_is_there(keys: KeyStore) -> None:
    assert await keys.add(KEY)
    assert not await keys.add(replace(KEY, digest="d2" * 32, name="other"))
    assert not await keys.add(replace(KEY, id="key_2", name="other"))
    assert await keys.list_keys(tenant=None, limit=10) == [KEY]


async def test_token_is_resolved_with_its_key_and_its_tenant(keys: KeyStore) -> None:
    key = replace(FULL, parent_id=None)
    for stored in (key, TOKEN):
        await keys.put(stored)
    await keys.put_tenant(TENANT)
    assert await keys.resolve(TOKEN.digest) == ResolvedKey(key=TOKEN, tenant=TENANT, parent=key)
    assert await keys.resolve(key.digest) == ResolvedKey(key=key, tenant=TENANT)


async def test_keys_are_listed_newest_first_in_pages_without_tokens(keys: KeyStore) -> None:
    made = [
        replace(KEY, id=f"key_{n}", digest=f"{n}" * 64, tenant="acme" if n % 2 else "other")
        for n in range(6)
    ]
    for key in (*made, replace(TOKEN, parent_id="key_1")):
        await keys.put(key)
    assert await keys.list_keys(tenant=None, limit=10) == made[::-1]
    first = await keys.list_keys(tenant="acme", limit=2)
    rest = await keys.list_keys(tenant="acme", limit=2, before=first[-1].id)
    assert [key.id for key in (*first, *rest)] == ["key_5", "key_3", "key_1"]


async def test_change_touches_only_what_it_names(keys: KeyStore) -> None:
    key = replace(FULL, revoked_at=None)
    await keys.put(key)
    changed = await keys.change(
        KEY.id, tenant="acme", changes={"budget": None, "limits": RateLimits(), "scopes": ()}
    )
    assert changed == replace(key, budget=None, limits=RateLimits(), scopes=())
    assert await keys.find(KEY.id, tenant=None) == changed


async def test_rotation_lets_the_secret_before_work_beside_the_new_one(keys: KeyStore) -> None:
    await keys.put(KEY)
    for digest in ("d2" * 32, "d3" * 32):
        await keys.rotate(
            KEY.id,
            tenant="acme",
            digest=digest,
            prefix="new",
            now=NOW,
            previous_expires_at=NOW + HOUR,
        )
    rotated = await keys.find(KEY.id, tenant="acme")
    assert rotated == replace(
        KEY,
        digest="d3" * 32,
        prefix="new",
        rotated_at=NOW,
        previous_digest="d2" * 32,
        previous_expires_at=NOW + HOUR,
    )
    for digest in ("d2" * 32, "d3" * 32):
        resolved = await keys.resolve(digest)
        assert resolved is not None
        assert resolved.key == rotated
    assert await keys.resolve(KEY.digest) is None


async def test_rotation_without_overlap_forgets_the_secret_before(keys: KeyStore) -> None:
    await keys.put(KEY)
    await keys.rotate(
        KEY.id, tenant="acme", digest="d2" * 32, prefix="new", now=NOW, previous_expires_at=None
    )
    assert await keys.resolve(KEY.digest) is None


async def test_secret_of_now_goes_before_what_another_key_once_had(keys: KeyStore) -> None:
    await keys.put(replace(KEY, id="key_9", digest="d9" * 32, previous_digest=KEY.digest))
    await keys.put(KEY)
    await keys.put(replace(KEY, id="key_0", digest="d8" * 32))
    resolved = await keys.resolve(KEY.digest)
    assert resolved is not None
    assert resolved.key == KEY


async def test_revocation_ends_a_key_with_its_tokens_once_and_for_good(keys: KeyStore) -> None:
    for key in (KEY, TOKEN, replace(KEY, id="key_2", digest="d2" * 32)):
        await keys.put(key)
    await keys.revoke(KEY.id, tenant="acme", now=NOW)
    await keys.revoke(KEY.id, tenant="acme", now=NOW + HOUR)
    ends = [await keys.find(key_id, tenant=None) for key_id in (KEY.id, TOKEN.id, "key_2")]
    assert [key.revoked_at for key in ends if key] == [NOW, NOW, None]
    assert await keys.change(KEY.id, tenant="acme", changes={"name": "alive?"}) is None
    rotated = await keys.rotate(
        KEY.id, tenant="acme", digest="d3" * 32, prefix="p", now=NOW, previous_expires_at=None
    )
    assert rotated is None


async def test_revoking_a_token_leaves_its_key(keys: KeyStore) -> None:
    await keys.put(KEY)
    await keys.put(TOKEN)
    await keys.revoke(TOKEN.id, tenant="acme", now=NOW)
    assert await keys.find(KEY.id, tenant=None) == KEY


async def test_uses_are_recorded_and_never_go_back(keys: KeyStore) -> None:
    others = {f"key_x{n}": NOW for n in range(1_500)}  # more than one statement takes
    for key in (KEY, TOKEN, replace(KEY, id="key_x1499", digest="d2" * 32)):
        await keys.put(key)
    await keys.record_uses({KEY.id: NOW, TOKEN.id: NOW - HOUR})
    await keys.record_uses({KEY.id: NOW - HOUR, TOKEN.id: NOW} | others)
    for key_id in (KEY.id, TOKEN.id, "key_x1499"):
        found = await keys.find(key_id, tenant=None)
        assert found is not None
        assert found.last_used_at == NOW


async def test_tokens_are_deleted_after_their_end_and_keys_never(keys: KeyStore) -> None:
    await keys.put(replace(KEY, expires_at=NOW))
    await keys.put(TOKEN)
    assert await keys.delete_tokens(expired_before=NOW) == 0
    assert await keys.delete_tokens(expired_before=NOW + HOUR) == 1
    assert await keys.find(TOKEN.id, tenant=None) is None
    assert await keys.find(KEY.id, tenant=None) is not None


async def test_replicas_that_start_together_keep_one_admin_key(
    storage: Storage, other_storage: Storage, clock: MovableClock
) -> None:
    digester = Digester(b"pepper")
    stores = [storage.keys, other_storage.keys] * 4
    first = await gather(*(make_first_admin_key(store, digester, clock=clock) for store in stores))
    (secret,) = [made for made in first if made is not None]
    for configured in ("another-secret", secret):
        await gather(
            *(keep_admin_key(store, digester, configured, clock=clock) for store in stores)
        )
        (admin,) = await storage.keys.list_keys(tenant=None, limit=10)
        assert admin.digest == digester.digest(configured)


async def test_tenant_without_a_row_has_no_bounds(keys: KeyStore) -> None:
    assert await keys.find_tenant("acme") == Tenant(id="acme")


async def test_tenant_is_kept_and_replaced(keys: KeyStore) -> None:
    for tenant in (TENANT, Tenant(id="acme", limits=RateLimits(tokens_per_minute=5))):
        await keys.put_tenant(tenant)
        assert await keys.find_tenant("acme") == tenant


async def test_store_that_is_away_is_unavailable(
    missing_database_url: str, clock: MovableClock
) -> None:
    storage = open_storage(missing_database_url, clock=clock)
    keys = storage.keys
    questions: list[Awaitable[object]] = [
        keys.resolve(KEY.digest),
        keys.find(KEY.id, tenant=None),
        keys.list_keys(tenant=None, limit=1),
        keys.add(KEY),
        keys.put(KEY),
        keys.rotate(
            KEY.id, tenant="acme", digest="d", prefix="p", now=NOW, previous_expires_at=None
        ),
        keys.change(KEY.id, tenant="acme", changes={"name": "x"}),
        keys.revoke(KEY.id, tenant="acme", now=NOW),
        keys.record_uses({KEY.id: NOW}),
        keys.delete_tokens(expired_before=NOW),
        keys.find_tenant("acme"),
        keys.put_tenant(TENANT),
    ]
    for question in questions:
        with pytest.raises(KeyStoreUnavailable):
            await question
    await storage.aclose()


async def test_store_that_comes_back_answers_again(database: Database, keys: KeyStore) -> None:
    await keys.put(KEY)
    async with database.away():
        with pytest.raises(KeyStoreUnavailable):
            await keys.put(replace(KEY, name="renamed"))
    assert await keys.find(KEY.id, tenant=None) == KEY
    await keys.put(replace(KEY, name="renamed"))


async def test_slow_store_is_unavailable_in_time(database: Database, clock: MovableClock) -> None:
    async with open_storage(database.url, clock=clock, commit_timeout_seconds=0.2) as storage:
        await storage.keys.put(KEY)
        async with database.slow():
            with pytest.raises(KeyStoreUnavailable):
                await storage.keys.put(replace(KEY, name="renamed"))
        await storage.keys.put(replace(KEY, name="renamed"))
