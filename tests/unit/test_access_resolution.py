"""What the holder of a key or a browser token may do, and when that ends."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from service.access.ports import ALL_SCOPES, ApiKey, Budget, RateLimits, Tenant
from service.access.principal import OwnedBudget, OwnedLimits
from service.core.errors import NotAuthenticated
from tests.clock import START
from tests.door import DIGESTER, SECRET, Door, make_key

TOKEN_SECRET = "sk-ais-a-token"
OLD_SECRET = "sk-ais-the-secret-before"
MINUTE = timedelta(minutes=1)
SOME = RateLimits(requests_per_minute=60)
FEW = RateLimits(requests_per_minute=6, tokens_per_minute=1_000)
CENT = Budget(limit_usd=Decimal("0.01"), period="total")
DOLLAR = Budget(limit_usd=Decimal(1), period="month")


def make_token(**changes: Any) -> ApiKey:
    values: dict[str, Any] = {
        "id": "key_t",
        "parent_id": "key_1",
        "digest": DIGESTER.digest(TOKEN_SECRET),
        "scopes": ("generate",),
        "expires_at": START + MINUTE,
    }
    return make_key(**values | changes)


def make_rotated(**changes: Any) -> ApiKey:
    values: dict[str, Any] = {
        "previous_digest": DIGESTER.digest(OLD_SECRET),
        "previous_expires_at": START + MINUTE,
        "rotated_at": START,
    }
    return make_key(**values | changes)


async def test_holder_of_a_plain_key_has_no_bounds() -> None:
    holder = await Door(make_key()).enter()
    assert (holder.limits, holder.budgets, holder.sanitize) == ((), (), "none")
    assert (holder.token_id, holder.rotation_due_at) == (None, None)


async def test_bounds_of_a_key_and_its_tenant_apply_at_once() -> None:
    door = Door(make_key(limits=FEW, budget=CENT, sanitize="html"))
    await door.store.put_tenant(Tenant(id="acme", limits=SOME, budget=DOLLAR))
    holder = await door.enter()
    assert holder.limits == (
        OwnedLimits(owner="key_1", limits=FEW),
        OwnedLimits(owner="tenant:acme", limits=SOME),
    )
    assert holder.budgets == (
        OwnedBudget(owner="key_1", budget=CENT),
        OwnedBudget(owner="tenant:acme", budget=DOLLAR),
    )
    assert holder.sanitize == "html"


async def test_bounds_of_another_tenant_do_not_apply() -> None:
    door = Door(make_key())
    await door.store.put_tenant(Tenant(id="other", limits=SOME, budget=DOLLAR))
    holder = await door.enter()
    assert (holder.limits, holder.budgets) == ((), ())


async def test_holder_of_a_token_is_its_key_bounded_by_all_three() -> None:
    door = Door(make_key(limits=SOME, budget=DOLLAR), make_token(limits=FEW, budget=CENT))
    await door.store.put_tenant(Tenant(id="acme", limits=SOME))
    holder = await door.enter(TOKEN_SECRET)
    assert (holder.key_id, holder.token_id, holder.tenant) == ("key_1", "key_t", "acme")
    assert [owned.owner for owned in holder.limits] == ["key_t", "key_1", "tenant:acme"]
    assert [owned.owner for owned in holder.budgets] == ["key_t", "key_1"]


async def test_token_has_only_the_scopes_that_its_key_has_now_and_never_rules() -> None:
    door = Door(make_key(scopes=ALL_SCOPES), make_token(scopes=ALL_SCOPES))
    holder = await door.enter(TOKEN_SECRET)
    assert holder.scopes == set(ALL_SCOPES) - {"admin", "operator"}
    await door.store.put(make_key(scopes=("embed", "admin")))
    door.authenticator.forget()
    assert (await door.enter(TOKEN_SECRET)).scopes == {"embed"}


@pytest.mark.parametrize(
    ("key", "token", "expected"),
    [("none", "none", "none"), ("html", "none", "html"), ("html", "text", "text")],
)
async def test_token_is_sanitized_as_its_key_unless_it_says_how(
    key: str, token: str, expected: str
) -> None:
    door = Door(make_key(sanitize=key), make_token(sanitize=token))
    assert (await door.enter(TOKEN_SECRET)).sanitize == expected


async def test_token_ends_at_its_moment_even_while_it_is_remembered() -> None:
    door = Door(make_key(), make_token(expires_at=START + timedelta(seconds=0.5)))
    await door.enter(TOKEN_SECRET)
    door.clock.advance(0.5)
    await door.refusal(TOKEN_SECRET)


@pytest.mark.parametrize("end", [{"revoked_at": START}, {"expires_at": START}])
async def test_token_ends_with_its_key(end: dict[str, Any]) -> None:
    door = Door(make_key(**end), make_token())
    await door.refusal(TOKEN_SECRET)


async def test_revoked_key_is_refused_whatever_the_clock_of_who_revoked_it() -> None:
    door = Door(make_key(revoked_at=START + MINUTE))
    await door.refusal()


async def test_secret_before_a_rotation_works_until_its_moment_and_no_longer() -> None:
    door = Door(make_rotated())
    assert await door.enter(OLD_SECRET) == await door.enter(SECRET)
    door.clock.advance(60)
    await door.refusal(OLD_SECRET)
    await door.enter(SECRET)


async def test_secret_before_a_rotation_ends_with_its_key() -> None:
    await Door(make_rotated(revoked_at=START)).refusal(OLD_SECRET)
    await Door(make_rotated(expires_at=START)).refusal(OLD_SECRET)


async def test_rotation_is_due_so_many_days_after_the_last_one() -> None:
    days = timedelta(days=30)
    made = await Door(make_key(rotate_after_days=30)).enter()
    assert made.rotation_due_at == START + days
    rotated = make_rotated(rotate_after_days=30, rotated_at=START + MINUTE)
    assert (await Door(rotated).enter()).rotation_due_at == START + MINUTE + days


async def test_change_on_this_replica_is_felt_at_once() -> None:
    door = Door(make_key())
    await door.enter()
    await door.store.revoke("key_1", tenant="acme", now=START)
    door.authenticator.forget()
    await door.refusal()


async def test_answer_from_before_a_change_is_neither_kept_nor_given_to_who_asks_after() -> None:
    door = Door(make_key())
    door.store.can_answer.clear()
    before = asyncio.create_task(door.enter())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert door.store.lookups == 1
    await door.store.revoke("key_1", tenant="acme", now=START)
    door.authenticator.forget()
    after = asyncio.create_task(door.enter())
    await asyncio.sleep(0)
    door.store.can_answer.set()
    await before
    with pytest.raises(NotAuthenticated):
        await after
    await door.refusal()
