"""What every key store does."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from service.access.ports import ALL_SCOPES, ApiKey, KeyStore, KeyStoreUnavailable
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


async def test_key_is_found_by_digest_and_by_id(keys: KeyStore) -> None:
    await keys.put(KEY)
    assert await keys.find_by_digest(KEY.digest) == KEY
    assert await keys.find(KEY.id) == KEY


async def test_missing_key_is_none(keys: KeyStore) -> None:
    await keys.put(KEY)
    assert await keys.find_by_digest("00" * 32) is None
    assert await keys.find("key_2") is None


async def test_key_keeps_every_field(keys: KeyStore) -> None:
    moment = datetime(2027, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    key = replace(KEY, scopes=ALL_SCOPES, expires_at=moment, revoked_at=moment)
    await keys.put(key)
    assert await keys.find(KEY.id) == key


async def test_key_of_the_same_id_is_replaced(keys: KeyStore) -> None:
    await keys.put(KEY)
    changed = replace(KEY, digest="d2" * 32, revoked_at=KEY.created_at, scopes=())
    await keys.put(changed)
    assert await keys.find(KEY.id) == changed
    assert await keys.find_by_digest(KEY.digest) is None


async def test_digest_of_another_key_is_refused(keys: KeyStore) -> None:
    await keys.put(KEY)
    with pytest.raises(ValueError, match="another key has this digest"):
        await keys.put(replace(KEY, id="key_2"))
    assert await keys.find("key_2") is None


async def test_store_that_is_away_is_unavailable(
    missing_database_url: str, clock: MovableClock
) -> None:
    storage = open_storage(missing_database_url, clock=clock)
    with pytest.raises(KeyStoreUnavailable):
        await storage.keys.find_by_digest(KEY.digest)
    with pytest.raises(KeyStoreUnavailable):
        await storage.keys.find(KEY.id)
    with pytest.raises(KeyStoreUnavailable):
        await storage.keys.put(KEY)
    await storage.aclose()


async def test_store_that_comes_back_answers_again(database: Database, keys: KeyStore) -> None:
    await keys.put(KEY)
    async with database.away():
        with pytest.raises(KeyStoreUnavailable):
            await keys.put(replace(KEY, name="renamed"))
    assert await keys.find(KEY.id) == KEY
    await keys.put(replace(KEY, name="renamed"))


async def test_slow_store_is_unavailable_in_time(database: Database, clock: MovableClock) -> None:
    async with open_storage(database.url, clock=clock, commit_timeout_seconds=0.2) as storage:
        await storage.keys.put(KEY)
        async with database.slow():
            with pytest.raises(KeyStoreUnavailable):
                await storage.keys.put(replace(KEY, name="renamed"))
        await storage.keys.put(replace(KEY, name="renamed"))
