"""Whether, how often and after how long a target is tried again."""

import asyncio
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.inference.breaker import BreakerState, CircuitBreaker
from service.inference.ports import FailureKind, ProviderFailure
from service.inference.retry import (
    RETRYABLE,
    SPEAKS_AGAINST_TARGET,
    Attempts,
    Retry,
    RetryBudget,
    RetryPolicy,
    TargetHealth,
)
from tests.clock import ManualClock
from tests.fakes import LongestWaits, failure

POLICY = RetryPolicy()
NEVER = 10**9
"""Failures until a breaker opens that is to stay out of the way."""


class Target:
    """A target with a script of answers; None is a success, and the last one stands for all after."""

    def __init__(
        self,
        *script: BaseException | None,
        breaker_failures: int = NEVER,
        reserve: float = 10.0,
        policy: RetryPolicy = POLICY,
    ) -> None:
        self.clock = ManualClock()
        self.calls = 0
        self.health = TargetHealth(
            CircuitBreaker(failures=breaker_failures, open_seconds=10, clock=self.clock),
            RetryBudget(reserve=reserve),
        )
        self.attempts = Attempts(left=policy.max_attempts_per_request)
        self._script = script
        self._retry = Retry(policy, clock=self.clock, random=LongestWaits())

    async def run(self, *, seconds: float = 60.0, attempts: Attempts | None = None) -> str:
        deadline = self.clock.monotonic() + seconds
        return await self._retry.run(
            self._attempt,
            health=self.health,
            attempts=attempts or self.attempts,
            seconds_left=lambda: deadline - self.clock.monotonic(),
        )

    async def run_to_its_failure(self, *, seconds: float = 60.0) -> ProviderFailure:
        with pytest.raises(ProviderFailure) as caught:
            await self.run(seconds=seconds)
        return caught.value

    async def _attempt(self) -> str:
        step = self._script[min(self.calls, len(self._script) - 1)]
        self.calls += 1
        if step is not None:
            raise step
        return "answer"


async def test_answer_needs_one_try() -> None:
    target = Target(None)
    assert await target.run() == "answer"
    assert (target.calls, target.clock.sleeps, target.attempts.made) == (1, [], 1)


@pytest.mark.parametrize("kind", sorted(RETRYABLE))
async def test_failure_that_may_pass_is_tried_again(kind: FailureKind) -> None:
    target = Target(failure(kind), failure(kind), None)
    assert await target.run() == "answer"
    assert (target.calls, target.attempts.made) == (3, 3)


@pytest.mark.parametrize("kind", sorted(set(FailureKind) - RETRYABLE))
async def test_failure_that_will_not_pass_is_not_tried_again(kind: FailureKind) -> None:
    target = Target(failure(kind))
    assert (await target.run_to_its_failure()).kind is kind
    assert target.calls == 1


async def test_target_has_three_tries() -> None:
    target = Target(failure(FailureKind.OVERLOADED))
    await target.run_to_its_failure()
    assert target.calls == 3


async def test_request_has_no_more_tries_than_its_own() -> None:
    target = Target(failure(FailureKind.OVERLOADED), policy=RetryPolicy(max_attempts_per_request=2))
    await target.run_to_its_failure()
    assert (target.calls, target.attempts.left) == (2, 0)


async def test_waits_double_up_to_the_cap() -> None:
    policy = RetryPolicy(
        max_attempts_per_target=7, max_attempts_per_request=7, base_seconds=0.5, cap_seconds=5.0
    )
    target = Target(failure(FailureKind.OVERLOADED), policy=policy)
    await target.run_to_its_failure()
    assert target.clock.sleeps == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


@settings(deadline=None)
@given(attempt=st.integers(1, 100), seed=st.integers())
def test_back_off_is_jittered_by_half_of_it(attempt: int, seed: int) -> None:
    wait = POLICY.wait_seconds(
        failure(FailureKind.OVERLOADED), attempt=attempt, random=Random(seed)
    )
    whole = min(10.0, 0.5 * 2.0 ** (attempt - 1))
    assert whole / 2 <= wait <= whole


@settings(deadline=None)
@given(retry_after=st.floats(0, 1e6), attempt=st.integers(1, 10), seed=st.integers(0, 2**32))
def test_retry_after_is_a_floor_and_does_not_shorten_the_back_off(
    retry_after: float, attempt: int, seed: int
) -> None:
    told = failure(FailureKind.RATE_LIMITED, retry_after=retry_after)
    untold = failure(FailureKind.RATE_LIMITED)
    wait = POLICY.wait_seconds(told, attempt=attempt, random=Random(seed))
    assert wait >= retry_after
    assert wait >= POLICY.wait_seconds(untold, attempt=attempt, random=Random(seed))


def test_retry_after_is_jittered_so_that_a_crowd_does_not_come_back_at_once() -> None:
    told = failure(FailureKind.RATE_LIMITED, retry_after=20)
    random = Random(1)
    waits = {POLICY.wait_seconds(told, attempt=1, random=random) for _ in range(50)}
    assert len(waits) == 50
    assert all(20 <= wait <= 20.125 for wait in waits)


async def test_wait_past_the_deadline_is_not_begun() -> None:
    target = Target(failure(FailureKind.RATE_LIMITED, retry_after=30))
    told = await target.run_to_its_failure(seconds=30)
    assert told.retry_after_seconds == 30
    assert (target.calls, target.clock.sleeps) == (1, [])


async def test_budget_is_not_spent_on_a_retry_that_is_not_made() -> None:
    target = Target(failure(FailureKind.RATE_LIMITED, retry_after=30), reserve=1)
    await target.run_to_its_failure(seconds=30)
    assert target.health.retry_budget.withdraw()


async def test_outage_gets_at_most_1_2_calls_a_request() -> None:
    target = Target(failure(FailureKind.RATE_LIMITED))
    for requests in range(1, 501):
        target.attempts = Attempts(left=6)
        await target.run_to_its_failure()
        assert target.calls <= requests + 10
        if requests >= 50:
            assert target.calls <= 1.2 * requests


async def test_long_time_of_answers_lends_an_outage_no_more_than_the_reserve() -> None:
    target = Target(*[None] * 1_000, failure(FailureKind.OVERLOADED))
    for _ in range(1_000):
        await target.run(attempts=Attempts(left=6))
    for _ in range(100):
        target.attempts = Attempts(left=6)
        await target.run_to_its_failure()
    assert target.calls == 1_000 + 100 + 10


async def test_empty_budget_lets_first_tries_through() -> None:
    target = Target(failure(FailureKind.OVERLOADED), reserve=0)
    await target.run_to_its_failure()
    assert target.calls == 1


async def test_five_answers_earn_one_retry() -> None:
    target = Target(*[None] * 5, failure(FailureKind.OVERLOADED), reserve=2)
    while target.health.retry_budget.withdraw():
        pass
    for _ in range(5):
        await target.run(attempts=Attempts(left=6))
    await target.run_to_its_failure()
    assert target.calls == 5 + 2


@settings(deadline=None)
@given(st.lists(st.booleans(), max_size=300), st.floats(1, 20))
def test_retries_never_exceed_the_reserve_and_a_fifth_of_the_answers(
    answers_or_retries: list[bool], reserve: float
) -> None:
    budget = RetryBudget(reserve=reserve)
    answers = retries = 0
    for is_answer in answers_or_retries:
        if is_answer:
            answers += 1
            budget.deposit()
        else:
            retries += budget.withdraw()
        assert retries <= reserve + 0.2 * answers + 1e-9


@pytest.mark.parametrize("kind", sorted(SPEAKS_AGAINST_TARGET))
async def test_ill_target_opens_its_breaker(kind: FailureKind) -> None:
    target = Target(failure(kind), breaker_failures=1)
    await target.run_to_its_failure()
    assert target.health.breaker.state is BreakerState.OPEN
    assert target.calls == 1


@pytest.mark.parametrize("kind", [FailureKind.RATE_LIMITED, FailureKind.REJECTED])
async def test_refusal_is_an_answer_and_ends_a_row_of_failures(kind: FailureKind) -> None:
    ill = failure(FailureKind.MALFORMED)
    target = Target(ill, failure(kind), ill, breaker_failures=2, reserve=0)
    for _ in range(3):
        await target.run_to_its_failure()
    assert target.health.breaker.state is BreakerState.CLOSED


async def test_time_cut_short_is_neither_a_failure_nor_an_answer_to_the_breaker() -> None:
    ill, cut = failure(FailureKind.MALFORMED), failure(FailureKind.CUT_SHORT)
    target = Target(cut, cut, ill, cut, ill, breaker_failures=2)
    states = []
    for _ in range(5):
        await target.run_to_its_failure()
        states.append(target.health.breaker.state)
    assert states == [*[BreakerState.CLOSED] * 4, BreakerState.OPEN]


async def test_probe_that_is_cut_short_does_not_close_the_breaker() -> None:
    target = Target(
        failure(FailureKind.MALFORMED), failure(FailureKind.CUT_SHORT), None, breaker_failures=1
    )
    await target.run_to_its_failure()
    target.clock.advance(10)
    await target.run_to_its_failure()
    assert target.health.breaker.state is BreakerState.HALF_OPEN
    assert await target.run() == "answer"


async def test_open_breaker_costs_no_call_and_no_try() -> None:
    target = Target(failure(FailureKind.MALFORMED), breaker_failures=1)
    await target.run_to_its_failure()
    refusal = await target.run_to_its_failure()
    assert (refusal.kind, refusal.retry_after_seconds) == (FailureKind.BREAKER_OPEN, 10)
    assert (target.calls, target.attempts.made) == (1, 1)


async def test_no_wait_for_a_target_whose_breaker_has_just_opened() -> None:
    target = Target(failure(FailureKind.OVERLOADED, retry_after=1), breaker_failures=2, reserve=1)
    told = await target.run_to_its_failure()
    assert (told.kind, told.retry_after_seconds) == (FailureKind.OVERLOADED, 1)
    assert target.calls == 2
    assert len(target.clock.sleeps) == 1


@pytest.mark.parametrize("leaving", [asyncio.CancelledError(), RuntimeError("a fault of ours")])
async def test_probe_that_never_ends_properly_frees_its_slot(leaving: BaseException) -> None:
    target = Target(failure(FailureKind.MALFORMED), leaving, None, breaker_failures=1)
    await target.run_to_its_failure()
    target.clock.advance(10)
    with pytest.raises(type(leaving)):
        await target.run()
    assert await target.run() == "answer"
    assert target.health.breaker.state is BreakerState.CLOSED


async def test_failed_probe_is_not_tried_again() -> None:
    target = Target(failure(FailureKind.OVERLOADED), breaker_failures=1)
    await target.run_to_its_failure()
    target.clock.advance(10)
    await target.run_to_its_failure()
    assert target.calls == 2
    assert target.clock.sleeps == []
