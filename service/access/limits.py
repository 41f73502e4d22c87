"""Requests and tokens per minute: what a holder's limits allow, and how that is told.

All of a principal's limits apply at once: its browser token's, its key's and its tenant's. Of each, one
minute's worth is there at rest, and what is used up comes back steadily.
"""

import math
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from functools import lru_cache
from typing import Protocol

from service.access.ports import Quota, RateLimiter, Refusal, Unit
from service.access.principal import OwnedLimits, Principal
from service.core.clock import Clock
from service.core.errors import RateLimited

WINDOW_SECONDS = 60
_UNITS: tuple[Unit, ...] = ("requests", "tokens")
_DECLARED_UNITS: dict[Unit, str] = {"requests": "", "tokens": ';qu="tokens"'}
"""Requests are what the draft takes for granted."""
_UNLIMITED = nullcontext()
_REMEMBERED_HOLDERS = 4096

Headers = list[tuple[bytes, bytes]]


class Metered(Protocol):
    """A call whose tokens are counted."""

    @property
    def used_tokens(self) -> int:
        """What it has used up, once it is over."""
        ...


class Limits:
    """Counts requests and tokens against the limits of whoever asks."""

    def __init__(self, limiter: RateLimiter, *, clock: Clock) -> None:
        self._limiter = limiter
        self._clock = clock

    async def count_request(self, principal: Principal) -> None:
        """One request more. Raises `RateLimited`."""
        if principal.limits:
            await self._take(quotas_of(principal.limits, "requests"), 1)

    def reserve_tokens(
        self, principal: Principal, call: Metered, *, estimate: int
    ) -> AbstractAsyncContextManager[None]:
        """Holds `estimate` tokens while `call` is under way; in the end, what it has used stays counted.

        Entering it raises `RateLimited`. A call that may use more than a minute's worth holds just that: it
        starts if nothing else is counted, and what it uses beyond is a debt that delays the next.
        """
        if principal.limits and (quotas := quotas_of(principal.limits, "tokens")):
            return self._reserved(quotas, call, estimate)
        return _UNLIMITED

    def headers(self, principal: Principal) -> Headers:
        """`RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers), if there are limits.

        They tell what this process knows, which may be a moment old where many share a limiter.
        """
        if not principal.limits:
            return []
        policies, policy_header = _policies(principal.limits, principal.key_id)
        state = ", ".join([f"{name};{self._remaining(quota)}" for name, quota in policies])
        return [(b"ratelimit-policy", policy_header), (b"ratelimit", state.encode())]

    @asynccontextmanager
    async def _reserved(
        self, quotas: tuple[Quota, ...], call: Metered, estimate: int
    ) -> AsyncGenerator[None]:
        amount = min(estimate, *(quota.per_minute for quota in quotas))
        await self._take(quotas, amount)
        began = self._clock.monotonic()
        try:
            yield
        finally:
            change = call.used_tokens - amount
            # What was held for a minute has come back by itself: not a second time.
            is_held = self._clock.monotonic() - began < WINDOW_SECONDS
            if change > 0 or (change < 0 and is_held):
                self._limiter.correct(quotas, change)

    async def _take(self, quotas: Sequence[Quota], amount: int) -> None:
        if quotas and (refusal := await self._limiter.take(quotas, amount)) is not None:
            raise _rate_limited(refusal)

    def _remaining(self, quota: Quota) -> str:
        remaining = self._limiter.remaining(quota)
        return f"r={remaining.units};t={math.ceil(remaining.seconds)}"


@lru_cache(_REMEMBERED_HOLDERS)
def quotas_of(limits: tuple[OwnedLimits, ...], unit: Unit) -> tuple[Quota, ...]:
    """The quotas of this unit, of whoever has one."""
    found = []
    for owned in limits:
        per_minute = (
            owned.limits.requests_per_minute
            if unit == "requests"
            else owned.limits.tokens_per_minute
        )
        if per_minute is not None:
            found.append(Quota(owned.owner, unit, per_minute))
    return tuple(found)


@lru_cache(_REMEMBERED_HOLDERS)
def _policies(
    limits: tuple[OwnedLimits, ...], key_id: str
) -> tuple[tuple[tuple[str, Quota], ...], bytes]:
    """Every quota with its policy's name, quoted, and the header that declares them."""
    quotas = [quota for owned in limits for unit in _UNITS for quota in quotas_of((owned,), unit)]
    policies = tuple((f'"{_policy_name(quota, key_id)}"', quota) for quota in quotas)
    items = [
        f"{name};q={quota.per_minute};w={WINDOW_SECONDS}{_DECLARED_UNITS[quota.unit]}"
        for name, quota in policies
    ]
    return policies, ", ".join(items).encode()


def _policy_name(quota: Quota, key_id: str) -> str:
    if quota.owner == key_id:
        return quota.unit
    return f"{'tenant' if _is_tenant(quota) else 'browser-token'}-{quota.unit}"


def _is_tenant(quota: Quota) -> bool:
    return quota.owner.startswith("tenant:")


def _rate_limited(refusal: Refusal) -> RateLimited:
    quota = refusal.quota
    whose = "The tenant's limit" if _is_tenant(quota) else "The limit"
    return RateLimited(
        f"{whose} of {quota.per_minute} {quota.unit} per minute is used up",
        retry_after_seconds=refusal.retry_after_seconds,
    )
