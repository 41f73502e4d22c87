"""Targets in order under one deadline: the first that answers wins.

Nothing here knows what is asked of a provider: an attempt is a function from a target to an answer.
For a stream the answer is the stream with its first event in hand, so what is retried and what falls
back is, by construction, only what the caller has not seen.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import TypeVar

from service.core.clock import Clock
from service.core.errors import (
    DeadlineExceeded,
    InvalidRequest,
    ProviderError,
    ServiceError,
    Unavailable,
)
from service.inference.breaker import BreakerState, CircuitBreaker
from service.inference.catalog import Target
from service.inference.ports import FailureKind, ProviderFailure
from service.inference.retry import Attempts, Retry, RetryPolicy, TargetHealth
from service.observability.metrics import Metrics

T = TypeVar("T")

_PASSES_WITH_TIME = frozenset(
    {
        FailureKind.RATE_LIMITED,
        FailureKind.OVERLOADED,
        FailureKind.UNREACHABLE,
        FailureKind.CONNECT_TIMEOUT,
        FailureKind.BREAKER_OPEN,
    }
)
_DEADLINE_SPENT = frozenset({FailureKind.TIMEOUT, FailureKind.CUT_SHORT})
_SILENT = _PASSES_WITH_TIME | {FailureKind.FIRST_TOKEN_TIMEOUT}
_DEFAULT_RETRY_AFTER_SECONDS = 5.0
_REMEMBERED_TARGETS = 1_000

DEADLINE_SPENT = "the caller's deadline was spent"
"""The message of a cancellation that is no hang-up."""


class Deadline:
    """A point on the monotonic clock: the server's `limit_seconds`, or what the caller cut it to."""

    def __init__(
        self, limit_seconds: float, *, asked_seconds: float | None = None, clock: Clock
    ) -> None:
        self._clock = clock
        self.is_shortened = asked_seconds is not None and asked_seconds < limit_seconds
        self._seconds = (
            limit_seconds if asked_seconds is None else min(asked_seconds, limit_seconds)
        )
        self._at = clock.monotonic() + self._seconds

    def seconds_left(self) -> float:
        """Never negative."""
        return max(0.0, self._at - self._clock.monotonic())

    @property
    def gives_a_fair_time(self) -> bool:
        """Whether a target that is called now and does not answer in time is to blame for it.

        It is not where the caller has shortened the deadline, nor where earlier tries have used up more
        than half of it: a failing first target would have the breaker of a healthy second one open.
        """
        return not self.is_shortened and self.seconds_left() >= self._seconds / 2


class Router:
    """Holds each target's health for the process and sends requests along their targets."""

    def __init__(
        self,
        *,
        policy: RetryPolicy,
        breaker_failures: int,
        breaker_open_seconds: float,
        clock: Clock,
        random: Random,
        metrics: Metrics,
    ) -> None:
        self._policy = policy
        self._retry = Retry(policy, clock=clock, random=random)
        self._breaker_failures = breaker_failures
        self._breaker_open_seconds = breaker_open_seconds
        self._clock = clock
        self._metrics = metrics
        self._health: dict[str, TargetHealth] = {}

    def new_attempts(self) -> Attempts:
        """The tries that one request has."""
        return Attempts(left=self._policy.max_attempts_per_request)

    async def run(
        self,
        targets: Sequence[Target],
        attempt: Callable[[Target], Awaitable[T]],
        *,
        deadline: Deadline,
        attempts: Attempts,
    ) -> tuple[Target, T]:
        """The answer and the target that gave it.

        Raises `InvalidRequest` if a provider rejects the input, `DeadlineExceeded` if the time is
        spent, `Unavailable` if every target is overloaded, rate limited or unreachable, and
        `ProviderError` if any answered badly.
        """
        failures: list[ProviderFailure] = []
        for target in targets:
            try:
                return target, await self._call(target, attempt, deadline, attempts)
            except ProviderFailure as failure:
                failures.append(failure)
            if (
                _ends_the_request(failures[-1])
                or attempts.left <= 0
                or deadline.seconds_left() == 0
            ):
                break
        raise error_of(failures) from failures[-1]

    def states(self) -> dict[str, BreakerState]:
        """The breaker of every listed target called so far, by its name.

        A model id that a caller has made up fails for reasons that say nothing about its provider.
        """
        return {
            name: health.breaker.state for name, health in self._health.items() if health.is_listed
        }

    async def _call(
        self,
        target: Target,
        attempt: Callable[[Target], Awaitable[T]],
        deadline: Deadline,
        attempts: Attempts,
    ) -> T:
        async def one_attempt() -> T:
            try:
                result = await _within(deadline, attempt(target))
            except ProviderFailure as failure:
                self._metrics.attempt(target.provider.name, target.label, failure.kind.value)
                raise
            self._metrics.attempt(target.provider.name, target.label, "ok")
            return result

        health = self._health_of(target)
        try:
            return await self._retry.run(
                one_attempt, health=health, attempts=attempts, seconds_left=deadline.seconds_left
            )
        finally:
            if target.is_listed:  # one breaker's state says nothing under a label that many share
                self._metrics.breaker(target.provider.name, target.label, health.breaker.state)

    def _health_of(self, target: Target) -> TargetHealth:
        health = self._health.pop(target.name, None) or TargetHealth(
            CircuitBreaker(
                failures=self._breaker_failures,
                open_seconds=self._breaker_open_seconds,
                clock=self._clock,
            ),
            is_listed=target.is_listed,
        )
        self._health[target.name] = health  # the last used comes last
        if len(self._health) > _REMEMBERED_TARGETS:  # callers may name any model id
            del self._health[next(iter(self._health))]
        return health


async def _within(deadline: Deadline, work: Awaitable[T]) -> T:
    kind = FailureKind.TIMEOUT if deadline.gives_a_fair_time else FailureKind.CUT_SHORT
    try:
        async with asyncio.timeout(deadline.seconds_left()):
            return await work
    except TimeoutError as spent:
        raise ProviderFailure(kind, "The deadline passed") from spent


def _ends_the_request(failure: ProviderFailure) -> bool:
    return failure.kind is FailureKind.REJECTED or failure.kind in _DEADLINE_SPENT


def error_of(failures: Sequence[ProviderFailure]) -> ServiceError:
    """What a caller is told when no target answered, or when the answer broke off."""
    last = failures[-1]
    if last.kind is FailureKind.REJECTED:
        return InvalidRequest(last.reason)
    if last.kind in _DEADLINE_SPENT:
        return DeadlineExceeded("The request's deadline was spent before the answer was complete")
    if all(failure.kind in _PASSES_WITH_TIME for failure in failures):
        waits = [f.retry_after_seconds for f in failures if f.retry_after_seconds is not None]
        return Unavailable(
            "Every provider of this model is overloaded, rate limited or unreachable",
            retry_after_seconds=min(waits, default=_DEFAULT_RETRY_AFTER_SECONDS),
        )
    if all(failure.kind in _SILENT for failure in failures):
        return DeadlineExceeded("No provider began to answer in time")
    return ProviderError("Every provider of this model answered badly or refused the service")
