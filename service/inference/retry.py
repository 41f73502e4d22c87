"""The one file that decides about trying again: whether, how often and after how long.

A try costs from three purses: the tries of this target, the tries of the whole request, and the
target's process-wide retry budget, which stops retries from multiplying an outage.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from service.core.clock import Clock
from service.inference.breaker import BreakerState, CircuitBreaker, Entry
from service.inference.ports import FailureKind, ProviderFailure

T = TypeVar("T")

RETRYABLE = frozenset({FailureKind.RATE_LIMITED, FailureKind.OVERLOADED, FailureKind.UNREACHABLE})
"""Failures that another try at the same target may mend."""

SPEAKS_AGAINST_TARGET = frozenset(
    {
        FailureKind.OVERLOADED,
        FailureKind.UNREACHABLE,
        FailureKind.CONNECT_TIMEOUT,
        FailureKind.FIRST_TOKEN_TIMEOUT,
        FailureKind.TIMEOUT,
        FailureKind.MISCONFIGURED,
        FailureKind.MALFORMED,
    }
)
"""Failures that the breaker counts. A rate limit or a refused input is not an ill target."""

SAYS_NOTHING = frozenset({FailureKind.CUT_SHORT})
"""Failures that are not the target's: the breaker takes them neither for an illness nor for an answer."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often and after how long. The defaults' source is RFC-less practice: the vendors' own SDKs
    wait 0.5 s, doubling; the cap and the jitter keep a crowd of clients from marching in step.
    """

    max_attempts_per_target: int = 3
    max_attempts_per_request: int = 6
    base_seconds: float = 0.5
    cap_seconds: float = 10.0

    def wait_seconds(self, failure: ProviderFailure, *, attempt: int, random: Random) -> float:
        """The wait after try number `attempt` (from 1). A Retry-After is a floor, jitter comes on top.

        A Retry-After of next to nothing does not shorten the back-off.
        """
        backoff = min(self.cap_seconds, self.base_seconds * 2.0 ** (attempt - 1))
        jittered = backoff * random.uniform(0.5, 1.0)
        if failure.retry_after_seconds is None:
            return jittered
        floor = failure.retry_after_seconds + random.uniform(0.0, 0.25) * self.base_seconds
        return max(jittered, floor)


class RetryBudget:
    """A token bucket that ties a target's retries to its answers: at most one for every five.

    `reserve` lets a quiet service retry at all. Only answers fill it again, so that an outage has the
    reserve and no more: from five times as many requests on, the calls a request stay below 1.2. (The
    rule is gRPC's retry throttling; a budget that first tries fill, too, would stay above.)
    """

    def __init__(self, *, ratio: float = 0.2, reserve: float = 10.0) -> None:
        self._ratio = ratio
        self._capacity = reserve
        self._balance = reserve

    def deposit(self) -> None:
        """The target has answered."""
        self._balance = min(self._capacity, self._balance + self._ratio)

    def withdraw(self) -> bool:
        """Whether one retry may be made."""
        if self._balance < 1.0:
            return False
        self._balance -= 1.0
        return True


@dataclass
class Attempts:
    """The tries of one request, over all its targets."""

    left: int
    made: int = 0

    def spend(self) -> None:
        """Count one."""
        self.left -= 1
        self.made += 1


@dataclass
class TargetHealth:
    """What this process knows of a target: its breaker and its retry budget.

    One that `is_listed` is named by the configuration; others are model ids that callers have made up.
    """

    breaker: CircuitBreaker
    retry_budget: RetryBudget = field(default_factory=RetryBudget)
    is_listed: bool = True


class Retry:
    """Calls a target until it answers, fails for good, or a purse is empty."""

    def __init__(self, policy: RetryPolicy, *, clock: Clock, random: Random) -> None:
        self._policy = policy
        self._clock = clock
        self._random = random

    async def run(
        self,
        attempt: Callable[[], Awaitable[T]],
        *,
        health: TargetHealth,
        attempts: Attempts,
        seconds_left: Callable[[], float],
    ) -> T:
        """The first answer. Raises the last `ProviderFailure`."""
        tries = 0
        while True:
            tries += 1
            try:
                answer = await _guarded(attempt, health.breaker, attempts)
            except ProviderFailure as failure:
                wait = self._policy.wait_seconds(failure, attempt=tries, random=self._random)
                if (
                    failure.kind not in RETRYABLE
                    or tries >= self._policy.max_attempts_per_target
                    or attempts.left <= 0
                    or wait >= seconds_left()
                    or health.breaker.state is not BreakerState.CLOSED
                    or not health.retry_budget.withdraw()
                ):
                    raise
            else:
                health.retry_budget.deposit()
                return answer
            await self._clock.sleep(wait)


async def _guarded(
    attempt: Callable[[], Awaitable[T]], breaker: CircuitBreaker, attempts: Attempts
) -> T:
    """One try through the breaker."""
    entry = breaker.try_enter()
    if not isinstance(entry, Entry):
        raise ProviderFailure(
            FailureKind.BREAKER_OPEN,
            "The provider has been failing and is left alone for a while",
            retry_after_seconds=entry,
        )
    attempts.spend()
    try:
        result = await attempt()
    except ProviderFailure as failure:
        if failure.kind in SPEAKS_AGAINST_TARGET:
            breaker.failed(entry)
        elif failure.kind in SAYS_NOTHING:
            breaker.abandoned(entry)
        else:
            breaker.succeeded()
        raise
    except BaseException:
        breaker.abandoned(entry)
        raise
    breaker.succeeded()
    return result
