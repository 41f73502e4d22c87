"""Who may call: keys, their digests and what they may do."""

import asyncio
import re
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.access.digests import KEY_PREFIX, Digester, new_secret, visible_prefix
from service.access.ports import ALL_SCOPES, KeyStoreUnavailable, Scope
from service.access.principal import Principal
from service.core.errors import NotAuthorized
from tests.clock import START
from tests.door import DIGESTER, Door, make_key


async def test_key_is_known_by_its_secret() -> None:
    principal = await Door(make_key()).enter()
    assert principal == Principal(
        key_id="key_1", tenant="acme", scopes=frozenset({"generate", "batch"})
    )


async def test_unknown_expired_and_revoked_keys_are_refused_in_the_same_words() -> None:
    refusals = {
        await Door().refusal(),
        await Door(make_key()).refusal("sk-ais-another"),
        await Door(make_key()).refusal(""),
        await Door(make_key()).refusal("sk-ais-\u20ac"),
        await Door(make_key(expires_at=START)).refusal(),
        await Door(make_key(revoked_at=START)).refusal(),
    }
    assert refusals == {"Invalid or missing API key"}


async def test_key_expires_at_its_moment_even_while_it_is_remembered() -> None:
    door = Door(make_key(expires_at=START + timedelta(seconds=0.5)))
    await door.enter()
    door.clock.advance(0.5)
    await door.refusal()
    assert door.store.lookups == 1


async def test_busy_key_is_looked_up_once_a_second() -> None:
    door = Door(make_key())
    for _ in range(20):
        await door.enter()
        door.clock.advance(0.1)
    assert door.store.lookups == 2


async def test_many_at_once_are_one_look_up_and_the_first_may_hang_up() -> None:
    door = Door(make_key())
    first = asyncio.create_task(door.enter())
    others = [asyncio.create_task(door.enter()) for _ in range(20)]
    await asyncio.sleep(0)
    first.cancel()
    holders = await asyncio.gather(*others)
    assert {holder.key_id for holder in holders} == {"key_1"}
    assert door.store.lookups == 1


async def test_revocation_elsewhere_is_felt_within_a_second() -> None:
    door = Door(make_key())
    await door.enter()
    await door.store.put(make_key(revoked_at=START))
    door.clock.advance(0.999)
    await door.enter()
    door.clock.advance(0.001)
    await door.refusal()


async def test_key_that_is_made_now_is_known_at_once() -> None:
    door = Door()
    await door.refusal()
    await door.store.put(make_key())
    await door.enter()


async def test_store_that_is_away_is_no_reason_to_refuse_a_key() -> None:
    door = Door(make_key())
    door.store.is_available = False
    with pytest.raises(KeyStoreUnavailable):
        await door.enter()


async def test_remembered_key_gets_through_while_the_store_is_away() -> None:
    door = Door(make_key())
    await door.enter()
    door.store.is_available = False
    await door.enter()
    door.clock.advance(1)
    with pytest.raises(KeyStoreUnavailable):
        await door.enter()


async def test_store_that_comes_back_is_asked_again() -> None:
    door = Door(make_key())
    door.store.is_available = False
    with pytest.raises(KeyStoreUnavailable):
        await door.enter()
    door.store.is_available = True
    await door.enter()


def test_scope_that_is_missing_is_named() -> None:
    principal = Principal(key_id="key_1", tenant="acme", scopes=frozenset({"generate"}))
    principal.require("generate")
    with pytest.raises(NotAuthorized) as caught:
        principal.require("admin")
    assert caught.value.required_scope == "admin"


@pytest.mark.parametrize("scope", ALL_SCOPES)
def test_no_scope_stands_for_another(scope: Scope) -> None:
    principal = Principal(key_id="key_1", tenant="acme", scopes=frozenset({scope}))
    for other in set(ALL_SCOPES) - {scope}:
        with pytest.raises(NotAuthorized):
            principal.require(other)


def test_secrets_have_256_random_bits_behind_a_prefix_that_scanners_know() -> None:
    secrets = {new_secret() for _ in range(1_000)}
    assert len(secrets) == 1_000
    assert all(re.fullmatch(r"sk-ais-[A-Za-z0-9_-]{43}", secret) for secret in secrets)


@settings(deadline=None)
@given(st.text())
def test_digest_is_64_hex_digits_and_always_the_same(secret: str) -> None:
    digest = DIGESTER.digest(secret)
    assert re.fullmatch(r"[0-9a-f]{64}", digest)
    assert Digester(b"pepper").digest(secret) == digest


@settings(deadline=None)
@given(st.text(), st.text())
def test_other_secrets_and_other_peppers_have_other_digests(one: str, other: str) -> None:
    assert (DIGESTER.digest(one) == DIGESTER.digest(other)) is (one == other)
    assert Digester(b"salt").digest(one) != DIGESTER.digest(one)


def test_digest_of_today_will_be_found_tomorrow() -> None:
    # Keys are looked up by this: a change of it locks everybody out.
    assert DIGESTER.digest("sk-ais-known") == (
        "eadbf946253a4f3c70a1a3de2c2813297f51070231d6ddf63fc851b25abab2fe"
    )


def test_visible_prefix_tells_keys_apart_and_gives_little_away() -> None:
    assert visible_prefix(KEY_PREFIX + "abcdefghijkl") == KEY_PREFIX + "abcdef"
    assert visible_prefix("a-secret-of-another-form") == "a-se"
