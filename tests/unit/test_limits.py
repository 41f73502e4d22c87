"""Requests and tokens per minute, on a clock that the test moves."""

import asyncio

import pytest

from service.access.limits import Limits
from service.access.ports import Quota, RateLimits, Remaining
from service.access.principal import OwnedLimits, Principal
from service.adapters.limits.memory import MemoryLimiter
from service.core.errors import RateLimited
from tests.clock import ManualClock


class FakeCall:
    """A call that has used so many tokens."""

    def __init__(self, used_tokens: int = 0) -> None:
        self.used_tokens = used_tokens


def limited(
    *,
    key: RateLimits | None = None,
    tenant: RateLimits | None = None,
    token: RateLimits | None = None,
) -> Principal:
    """Who comes with a browser token of `key_1`, with these limits."""
    owners = {"key_token": token, "key_1": key, "tenant:acme": tenant}
    return Principal(
        key_id="key_1",
        tenant="acme",
        scopes=frozenset({"generate"}),
        limits=tuple(
            OwnedLimits(owner=owner, limits=limits) for owner, limits in owners.items() if limits
        ),
    )


class Bench:
    """Limits over counters in memory."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.limiter = MemoryLimiter(clock=self.clock)
        self.limits = Limits(self.limiter, clock=self.clock)

    async def requests(self, principal: Principal, attempts: int) -> int:
        """How many of so many requests are let through."""
        let_through = 0
        for _ in range(attempts):
            try:
                await self.limits.count_request(principal)
            except RateLimited:
                continue
            let_through += 1
        return let_through

    async def call(self, principal: Principal, *, estimate: int, used: int) -> None:
        """A call that takes no time."""
        async with self.limits.reserve_tokens(principal, FakeCall(used), estimate=estimate):
            pass

    def left(self, owner: str = "key_1", *, tokens: int) -> int:
        return self.limiter.remaining(Quota(owner, "tokens", tokens)).units

    def headers(self, principal: Principal) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.limits.headers(principal)}


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_minutes_worth_of_requests_passes_at_once_and_the_next_waits_its_turn(
    bench: Bench,
) -> None:
    who = limited(key=RateLimits(requests_per_minute=60))
    assert await bench.requests(who, 100) == 60
    bench.clock.advance(0.999)
    assert await bench.requests(who, 1) == 0
    bench.clock.advance(0.001)
    assert await bench.requests(who, 2) == 1
    bench.clock.advance(60)
    assert await bench.requests(who, 100) == 60


async def test_refusal_says_what_is_used_up_and_when_to_come_back(bench: Bench) -> None:
    who = limited(key=RateLimits(requests_per_minute=4))
    await bench.requests(who, 4)
    with pytest.raises(RateLimited, match="limit of 4 requests per minute") as refused:
        await bench.limits.count_request(who)
    assert refused.value.retry_after_seconds == 15
    assert refused.value.details() == {"retry_after": 15}
    bench.clock.advance(refused.value.retry_after_seconds)
    await bench.limits.count_request(who)


async def test_every_owners_limit_applies_and_a_refusal_uses_up_none(bench: Bench) -> None:
    who = limited(
        key=RateLimits(requests_per_minute=10),
        tenant=RateLimits(requests_per_minute=6),
        token=RateLimits(requests_per_minute=8),
    )
    assert await bench.requests(who, 20) == 6
    for owner, per_minute in (("key_token", 8), ("key_1", 10)):
        assert bench.limiter.remaining(Quota(owner, "requests", per_minute)).units == per_minute - 6
    with pytest.raises(RateLimited, match="tenant's limit of 6 requests"):
        await bench.limits.count_request(who)


async def test_keys_of_a_tenant_share_its_limit_and_nothing_else(bench: Bench) -> None:
    limits = RateLimits(requests_per_minute=10)
    one = limited(key=limits, tenant=RateLimits(requests_per_minute=15))
    other = limited(token=limits, tenant=RateLimits(requests_per_minute=15))
    assert await bench.requests(one, 20) == 10
    assert await bench.requests(other, 20) == 5


async def test_reservation_is_corrected_by_what_was_used(bench: Bench) -> None:
    who = limited(key=RateLimits(tokens_per_minute=1000))
    call = FakeCall(300)
    async with bench.limits.reserve_tokens(who, call, estimate=900):
        assert bench.left(tokens=1000) == 100
        with pytest.raises(RateLimited, match="1000 tokens per minute"):
            await bench.call(who, estimate=101, used=0)
    assert bench.left(tokens=1000) == 700


async def test_use_beyond_the_reservation_is_counted_though_there_is_no_room(
    bench: Bench,
) -> None:
    who = limited(key=RateLimits(tokens_per_minute=600))
    await bench.call(who, estimate=100, used=900)
    assert bench.left(tokens=600) == 0
    bench.clock.advance(30)
    with pytest.raises(RateLimited) as refused:
        await bench.call(who, estimate=1, used=1)
    assert refused.value.retry_after_seconds == pytest.approx(0.1)
    bench.clock.advance(1)
    await bench.call(who, estimate=1, used=1)


async def test_what_fails_is_cancelled_or_is_left_gives_everything_back(bench: Bench) -> None:
    who = limited(key=RateLimits(tokens_per_minute=1000))
    for end in (ValueError, asyncio.CancelledError, GeneratorExit):
        with pytest.raises(end):
            async with bench.limits.reserve_tokens(who, FakeCall(), estimate=1000):
                raise end
        assert bench.left(tokens=1000) == 1000


async def test_call_larger_than_the_limit_passes_when_nothing_else_is_counted(
    bench: Bench,
) -> None:
    who = limited(key=RateLimits(tokens_per_minute=600), tenant=RateLimits(tokens_per_minute=1200))
    await bench.call(who, estimate=5000, used=600)
    with pytest.raises(RateLimited):
        await bench.call(who, estimate=5000, used=600)
    bench.clock.advance(60)
    await bench.call(who, estimate=5000, used=6000)
    assert bench.limiter.remaining(Quota("tenant:acme", "tokens", 1200)) == Remaining(0, 240.05)
    assert bench.limiter.remaining(Quota("key_1", "tokens", 600)) == Remaining(0, 540.1)


async def test_reservation_that_was_held_for_a_minute_is_not_given_back_again(
    bench: Bench,
) -> None:
    """Its tokens have come back by themselves meanwhile, and others may have used them up."""
    who = limited(key=RateLimits(tokens_per_minute=1000))
    async with bench.limits.reserve_tokens(who, FakeCall(), estimate=1000):
        bench.clock.advance(60)
        await bench.call(who, estimate=1000, used=1000)
    assert bench.left(tokens=1000) == 0


async def test_more_than_was_reserved_is_counted_however_long_it_took(bench: Bench) -> None:
    who = limited(key=RateLimits(tokens_per_minute=1000))
    async with bench.limits.reserve_tokens(who, FakeCall(700), estimate=500):
        bench.clock.advance(300)
    assert bench.left(tokens=1000) == 800


async def test_giving_back_never_makes_more_than_a_whole_minute(bench: Bench) -> None:
    who = limited(key=RateLimits(tokens_per_minute=1000))
    async with bench.limits.reserve_tokens(who, FakeCall(), estimate=1000):
        bench.clock.advance(59)
    assert bench.left(tokens=1000) == 1000
    await bench.call(who, estimate=1000, used=1000)
    assert bench.left(tokens=1000) == 0


async def test_requests_and_tokens_are_counted_apart(bench: Bench) -> None:
    who = limited(key=RateLimits(requests_per_minute=1, tokens_per_minute=1))
    await bench.limits.count_request(who)
    await bench.call(who, estimate=1, used=1)


async def test_who_has_no_limits_is_told_none(bench: Bench) -> None:
    for who in (limited(), limited(key=RateLimits())):
        assert await bench.requests(who, 1000) == 1000
        await bench.call(who, estimate=10**9, used=10**9)
    assert bench.headers(limited()) == {}


async def test_headers_tell_the_policies_and_what_is_left(bench: Bench) -> None:
    who = limited(
        key=RateLimits(requests_per_minute=100, tokens_per_minute=6000),
        tenant=RateLimits(requests_per_minute=500),
        token=RateLimits(tokens_per_minute=1000),
    )
    policy = (
        '"browser-token-tokens";q=1000;w=60;qu="tokens", "requests";q=100;w=60,'
        ' "tokens";q=6000;w=60;qu="tokens", "tenant-requests";q=500;w=60'
    )
    assert bench.headers(who) == {
        "ratelimit-policy": policy,
        "ratelimit": '"browser-token-tokens";r=1000;t=0, "requests";r=100;t=0,'
        ' "tokens";r=6000;t=0, "tenant-requests";r=500;t=0',
    }
    await bench.requests(who, 50)
    await bench.call(who, estimate=300, used=300)
    assert bench.headers(who) == {
        "ratelimit-policy": policy,
        "ratelimit": '"browser-token-tokens";r=700;t=18, "requests";r=50;t=30,'
        ' "tokens";r=5700;t=3, "tenant-requests";r=450;t=6',
    }


async def test_headers_of_a_refusal_say_when_there_is_room_again(bench: Bench) -> None:
    who = limited(key=RateLimits(requests_per_minute=4))
    await bench.requests(who, 4)
    assert bench.headers(who)["ratelimit"] == '"requests";r=0;t=15'


@pytest.mark.parametrize("per_minute", [1, 7, 59, 60, 61, 999, 7_000_000])
async def test_what_is_left_is_exact_for_limits_that_do_not_divide_a_minute(
    bench: Bench, per_minute: int
) -> None:
    quota = Quota("key_1", "tokens", per_minute)
    taken = 0
    for amount in (0, 1, per_minute // 3, per_minute):
        if await bench.limiter.take([quota], amount) is None:
            taken += amount
        assert bench.limiter.remaining(quota).units == per_minute - taken


async def test_changed_limit_starts_from_what_has_been_used_of_the_former(bench: Bench) -> None:
    assert await bench.requests(limited(key=RateLimits(requests_per_minute=10)), 20) == 10
    assert await bench.requests(limited(key=RateLimits(requests_per_minute=1000)), 2000) == 0
    bench.clock.advance(30)
    assert await bench.requests(limited(key=RateLimits(requests_per_minute=1000)), 2000) == 500


async def test_quotas_that_are_whole_again_are_forgotten(bench: Bench) -> None:
    for number in range(30_000):
        await bench.limiter.take([Quota(f"key_{number}", "requests", 60)], 1)
        bench.clock.advance(0.001)
    assert len(bench.limiter._whole_at) < 11_000  # noqa: SLF001 - nothing else shows it
    assert bench.limiter.remaining(Quota("key_29999", "requests", 60)).units == 59
