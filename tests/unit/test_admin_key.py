"""The first key of all."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from service.access.admin_key import (
    ADMIN_KEY_ID,
    DEFAULT_TENANT,
    keep_admin_key,
    make_first_admin_key,
)
from service.access.ports import ALL_SCOPES, ApiKey
from service.access.principal import Principal
from tests.clock import START, ManualClock
from tests.door import DIGESTER, SECRET, Door, make_key
from tests.fakes import FakeKeyStore


async def test_first_admin_key_is_made_once_with_every_scope() -> None:
    door = Door()
    secret = await make_first_admin_key(door.store, DIGESTER, clock=door.clock)
    assert secret is not None
    principal = await door.enter(secret)
    assert principal == Principal(
        key_id=ADMIN_KEY_ID, tenant=DEFAULT_TENANT, scopes=frozenset(ALL_SCOPES)
    )
    assert await make_first_admin_key(door.store, DIGESTER, clock=door.clock) is None


async def test_secret_of_the_admin_key_is_kept_nowhere() -> None:
    store = FakeKeyStore()
    secret = await make_first_admin_key(store, DIGESTER, clock=ManualClock())
    assert secret is not None
    kept = repr(await store.find(ADMIN_KEY_ID, tenant=None))
    assert secret not in kept
    assert secret[-20:] not in kept


async def test_configured_admin_key_replaces_the_one_before() -> None:
    door = Door()
    first = await make_first_admin_key(door.store, DIGESTER, clock=door.clock)
    assert first is not None
    await keep_admin_key(door.store, DIGESTER, "a-new-secret", clock=door.clock)
    await door.enter("a-new-secret")
    await door.refusal(first)


async def test_configured_admin_key_that_is_there_already_is_left_as_it_is() -> None:
    clock = ManualClock()
    store = FakeKeyStore()
    await keep_admin_key(store, DIGESTER, SECRET, clock=clock)
    first = await store.find(ADMIN_KEY_ID, tenant=None)
    clock.advance(60)
    await keep_admin_key(store, DIGESTER, SECRET, clock=clock)
    assert await store.find(ADMIN_KEY_ID, tenant=None) == first


@pytest.mark.parametrize(
    "change",
    [{"revoked_at": START}, {"expires_at": START + timedelta(days=1)}, {"scopes": ("generate",)}],
)
async def test_configured_admin_key_that_has_come_down_is_made_whole(
    change: dict[str, Any],
) -> None:
    door = Door()
    await keep_admin_key(door.store, DIGESTER, SECRET, clock=door.clock)
    whole = await door.store.find(ADMIN_KEY_ID, tenant=None)
    assert whole is not None
    await door.store.put(replace(whole, **change))
    await keep_admin_key(door.store, DIGESTER, SECRET, clock=door.clock)
    assert await door.store.find(ADMIN_KEY_ID, tenant=None) == whole


class RacedKeyStore(FakeKeyStore):
    """Another replica stores `quicker` between our look and our write, which the database refuses."""

    def __init__(self, quicker: ApiKey) -> None:
        super().__init__()
        self._quicker = quicker

    async def put(self, key: ApiKey) -> None:
        await super().put(self._quicker)
        raise ValueError("another key has this digest")


async def test_two_replicas_may_start_at_once_with_the_same_admin_key() -> None:
    first = FakeKeyStore()
    await keep_admin_key(first, DIGESTER, SECRET, clock=ManualClock())
    quicker = await first.find(ADMIN_KEY_ID, tenant=None)
    assert quicker is not None
    await keep_admin_key(RacedKeyStore(quicker), DIGESTER, SECRET, clock=ManualClock())


async def test_secret_of_another_key_cannot_be_the_admin_key() -> None:
    store = FakeKeyStore(make_key())
    with pytest.raises(ValueError, match="AI_SERVICE_ADMIN_KEY is the secret of another key"):
        await keep_admin_key(store, DIGESTER, SECRET, clock=ManualClock())
