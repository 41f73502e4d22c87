"""Rate limits counted in this process."""

from collections.abc import Sequence
from functools import lru_cache

from pyrate_limiter import GCRA, Duration, Rate

from service.access.ports import Quota, RateLimiter, Refusal, Remaining
from service.core.clock import Clock

MICROSECONDS = 1_000_000
_BOUNDLESS = 2**60
_REMEMBERED_QUOTAS = 4096
_SWEEP_FROM = 10_000

_gcra = GCRA()


class MemoryLimiter:
    """A RateLimiter for one process.

    What is kept of a quota is one number, GCRA's theoretical arrival time: when it will be whole again, in
    microseconds. A quota that is whole is as good as unknown, so those are forgotten when there are many.
    """

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._whole_at: dict[tuple[str, str], float] = {}
        self._learnt_as_of: dict[tuple[str, str], int] = {}
        self._sweep_at = _SWEEP_FROM

    async def take(self, quotas: Sequence[Quota], amount: int) -> Refusal | None:
        return self.take_now(quotas, amount)

    def take_now(self, quotas: Sequence[Quota], amount: int) -> Refusal | None:
        """As `take`, which has nothing to wait for here."""
        rates = [_rate(quota) for quota in quotas]
        whole_at, decision = _gcra.step(rates, self._state(quotas), self._now_ms(), amount)
        if decision.failing_rate is not None:
            wait_ms = decision.retry_after_ms or int(Duration.MINUTE)
            return Refusal(quotas[rates.index(decision.failing_rate)], wait_ms / 1000)
        self._keep(quotas, whole_at)
        return None

    def correct(self, quotas: Sequence[Quota], amount: int) -> None:
        rates = [_boundless_rate(quota) for quota in quotas]
        whole_at, _ = _gcra.step(rates, self._state(quotas), self._now_ms(), amount)
        self._keep(quotas, whole_at)

    def remaining(self, quota: Quota) -> Remaining:
        unit_us, in_stock = terms(quota)
        now_us = self._now_ms() * 1000
        us_to_whole = max(0, int(self._whole_at.get(_name(quota), 0)) - now_us)
        left = max(0, in_stock - -(-us_to_whole // unit_us))
        us = us_to_whole if left else us_to_whole - (in_stock - 1) * unit_us
        return Remaining(left, us / MICROSECONDS)

    def learn(self, quotas: Sequence[Quota], us_to_whole: Sequence[int], *, as_of: int) -> None:
        """Take over what a limiter that many share says of these quotas.

        Its answers may be heard in another order than it gave them: of two, that with the later `as_of`, a
        time by its own clock, stands.
        """
        now_us = self._now_ms() * 1000
        for quota, us in zip(quotas, us_to_whole, strict=True):
            name = _name(quota)
            if as_of >= self._learnt_as_of.get(name, 0):
                self._learnt_as_of[name] = as_of
                self._whole_at[name] = now_us + us
        self._sweep()

    async def aclose(self) -> None:
        """There is nothing to wait for."""

    def _state(self, quotas: Sequence[Quota]) -> tuple[float, ...]:
        return tuple([self._whole_at.get(_name(quota), 0) for quota in quotas])

    def _keep(self, quotas: Sequence[Quota], whole_at: Sequence[float]) -> None:
        for quota, at in zip(quotas, whole_at, strict=True):
            self._whole_at[_name(quota)] = at
        self._sweep()

    def _sweep(self) -> None:
        if len(self._whole_at) < self._sweep_at:
            return
        now_us = self._now_ms() * 1000
        self._whole_at = {name: at for name, at in self._whole_at.items() if at > now_us}
        self._learnt_as_of = {
            name: as_of for name, as_of in self._learnt_as_of.items() if name in self._whole_at
        }
        self._sweep_at = max(_SWEEP_FROM, 2 * len(self._whole_at))

    def _now_ms(self) -> int:
        return int(self._clock.monotonic() * 1000)


@lru_cache(_REMEMBERED_QUOTAS)
def terms(quota: Quota) -> tuple[int, int]:
    """A quota in the words of GCRA: the microseconds that a unit takes to come back, and the units in stock
    at rest.

    A unit's time is rounded up to a microsecond: limits of millions a minute are some percent stricter.
    """
    unit_us, in_stock = _gcra.redis_args([_rate(quota)])
    return int(unit_us), int(in_stock)


@lru_cache(_REMEMBERED_QUOTAS)
def _rate(quota: Quota) -> Rate:
    """One object for each quota: which of them refused is known by identity."""
    return Rate(quota.per_minute, Duration.MINUTE)


@lru_cache(_REMEMBERED_QUOTAS)
def _boundless_rate(quota: Quota) -> Rate:
    """The same, but it never refuses: neither what is over the limit, nor to give back while in debt."""
    return Rate(quota.per_minute, Duration.MINUTE, burst=_BOUNDLESS)


def _name(quota: Quota) -> tuple[str, str]:
    return quota.owner, quota.unit


_: type[RateLimiter] = MemoryLimiter
