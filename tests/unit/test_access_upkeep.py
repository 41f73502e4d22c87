"""When keys were last used, and that old tokens go: without a write per request."""

from datetime import timedelta

import pytest

from service.core.errors import NotAuthenticated
from tests.clock import START
from tests.door import DIGESTER, Door, make_key

TOKEN = make_key(
    id="key_t",
    parent_id="key_1",
    digest=DIGESTER.digest("token"),
    expires_at=START + timedelta(minutes=1),
)


async def test_uses_are_written_together_and_once() -> None:
    door = Door(make_key(), TOKEN)
    for _ in range(10):
        await door.enter()
    await door.enter("token")
    door.clock.advance(5)
    await door.enter()
    assert door.store.uses == []
    await door.upkeep.write()
    await door.upkeep.write()
    assert door.store.uses == [{"key_1": START + timedelta(seconds=5), "key_t": START}]


async def test_refused_secret_is_no_use() -> None:
    door = Door(make_key(revoked_at=START))
    with pytest.raises(NotAuthenticated):
        await door.enter()
    await door.upkeep.write()
    assert door.store.uses == []


async def test_uses_that_cannot_be_written_are_written_later() -> None:
    door = Door(make_key(), TOKEN)
    await door.enter()
    await door.enter("token")
    door.store.is_available = False
    await door.upkeep.write()
    door.store.is_available = True
    door.clock.advance(5)
    await door.enter()
    await door.upkeep.write()
    assert door.store.uses == [{"key_1": START + timedelta(seconds=5), "key_t": START}]


async def test_uses_are_written_on_the_way_out() -> None:
    door = Door(make_key())
    await door.enter()
    await door.upkeep.aclose()
    assert door.store.uses == [{"key_1": START}]


async def test_token_is_deleted_a_day_after_its_end() -> None:
    door = Door(make_key(), TOKEN)
    door.clock.advance(24 * 3600 + 60)
    await door.upkeep.write()
    assert await door.store.find("key_t", tenant=None) is not None
    door.clock.advance(1)
    await door.upkeep.write()
    assert await door.store.find("key_t", tenant=None) is None
