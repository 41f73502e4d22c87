"""Targets in order under one deadline."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from itertools import permutations

import pytest

from service.core.errors import (
    DeadlineExceeded,
    InvalidRequest,
    ProviderError,
    ServiceError,
    Unavailable,
)
from service.inference.breaker import BreakerState
from service.inference.catalog import Target
from service.inference.ports import FailureKind, ProviderFailure
from service.inference.profiles import ModelProfile
from service.inference.retry import RetryPolicy
from service.inference.routing import Deadline, Router, error_of
from service.observability.metrics import Metrics
from tests.clock import ManualClock
from tests.fakes import FakeProvider, LongestWaits, failure

PASSES_WITH_TIME = {
    FailureKind.RATE_LIMITED,
    FailureKind.OVERLOADED,
    FailureKind.UNREACHABLE,
    FailureKind.CONNECT_TIMEOUT,
    FailureKind.BREAKER_OPEN,
}
BAD_ANSWERS = {FailureKind.MALFORMED, FailureKind.MISCONFIGURED}
SHORT = 0.01
"""Real seconds, after which something that never ends is given up."""


class Bench:
    """A router over targets whose attempts are written down."""

    def __init__(self, *scripts: Sequence[BaseException | None], breaker_failures: int = 5) -> None:
        self.clock = ManualClock()
        self.metrics = Metrics()
        self.targets = [
            Target(provider=FakeProvider(name=f"p{number}"), model="m", profile=ModelProfile())
            for number in range(len(scripts))
        ]
        self.calls: list[str] = []
        self._scripts = {
            target.name: list(script) for target, script in zip(self.targets, scripts, strict=True)
        }
        self.router = Router(
            policy=RetryPolicy(),
            breaker_failures=breaker_failures,
            breaker_open_seconds=10,
            clock=self.clock,
            random=LongestWaits(),
            metrics=self.metrics,
        )
        self.attempts = self.router.new_attempts()

    async def run(
        self,
        *,
        seconds: float = 30,
        asked: float | None = None,
        attempt: Callable[[Target], Awaitable[str]] | None = None,
    ) -> str:
        self.attempts = self.router.new_attempts()
        target, answer = await self.router.run(
            self.targets,
            attempt or self._attempt,
            deadline=Deadline(seconds, asked_seconds=asked, clock=self.clock),
            attempts=self.attempts,
        )
        assert target.name == answer
        return answer

    async def run_to_its_error(self, **how: float) -> ServiceError:
        with pytest.raises(ServiceError) as caught:
            await self.run(**how)  # type: ignore[arg-type]
        return caught.value

    async def _attempt(self, target: Target) -> str:
        self.calls.append(target.name)
        script = self._scripts[target.name]
        step = script.pop(0) if len(script) > 1 else script[0]
        if step is not None:
            raise step
        return target.name

    def count(self, provider: str, outcome: str) -> float:
        labels = {"provider": provider, "model": "m", "outcome": outcome}
        name = "ai_service_upstream_attempts_total"
        return self.metrics.registry.get_sample_value(name, labels) or 0


async def never(_: Target) -> str:
    await asyncio.Event().wait()
    raise AssertionError("nobody sets this event")


async def test_first_target_that_answers_wins() -> None:
    bench = Bench([None], [None])
    assert await bench.run() == "p0/m"
    assert bench.calls == ["p0/m"]


async def test_next_target_answers_for_one_that_is_down() -> None:
    bench = Bench([failure(FailureKind.OVERLOADED)], [None])
    assert await bench.run() == "p1/m"
    assert bench.calls == ["p0/m"] * 3 + ["p1/m"]
    assert bench.attempts.made == 4


async def test_any_other_failure_goes_on_to_the_next_target() -> None:
    stops = {FailureKind.REJECTED, FailureKind.TIMEOUT, FailureKind.CUT_SHORT}
    for kind in set(FailureKind) - stops:
        assert await Bench([failure(kind)], [None]).run() == "p1/m"


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        (FailureKind.REJECTED, InvalidRequest),
        (FailureKind.TIMEOUT, DeadlineExceeded),
        (FailureKind.CUT_SHORT, DeadlineExceeded),
    ],
)
async def test_rejection_and_a_spent_deadline_end_the_request(
    kind: FailureKind, error: type[ServiceError]
) -> None:
    bench = Bench([failure(kind)], [None])
    assert type(await bench.run_to_its_error()) is error
    assert bench.calls == ["p0/m"]


async def test_rejection_is_told_in_the_providers_words() -> None:
    rejection = ProviderFailure(FailureKind.REJECTED, "prompt is too long")
    error = await Bench([rejection]).run_to_its_error()
    assert isinstance(error, InvalidRequest)
    assert error.message == "prompt is too long"
    assert error.__cause__ is rejection


async def test_tries_of_a_request_are_shared_by_its_targets() -> None:
    down = [failure(FailureKind.OVERLOADED)]
    bench = Bench(down, down, [None])
    error = await bench.run_to_its_error()
    assert isinstance(error, Unavailable)
    assert bench.calls == ["p0/m"] * 3 + ["p1/m"] * 3
    assert bench.attempts.made == 6


async def test_retry_after_past_the_deadline_goes_on_to_the_next_target_at_once() -> None:
    bench = Bench([failure(FailureKind.RATE_LIMITED, retry_after=31)], [None])
    assert await bench.run(seconds=30) == "p1/m"
    assert bench.clock.sleeps == []


async def test_nobody_is_called_when_the_time_is_spent() -> None:
    bench = Bench([failure(FailureKind.MALFORMED)], [None])

    async def slow_failure(target: Target) -> str:
        bench.calls.append(target.name)
        bench.clock.advance(30)
        raise failure(FailureKind.MALFORMED)

    with pytest.raises(ProviderError):
        await bench.run(seconds=30, attempt=slow_failure)
    assert bench.calls == ["p0/m"]


async def test_open_breaker_is_passed_over_without_a_call() -> None:
    bench = Bench([failure(FailureKind.MALFORMED)], [None], breaker_failures=1)
    await bench.run()
    bench.calls.clear()
    assert await bench.run() == "p1/m"
    assert bench.calls == ["p1/m"]
    assert bench.router.states() == {"p0/m": BreakerState.OPEN, "p1/m": BreakerState.CLOSED}


async def test_call_that_outlasts_the_deadline_is_given_up() -> None:
    bench = Bench([None], [None])
    with pytest.raises(DeadlineExceeded):
        await bench.run(seconds=SHORT, attempt=never)


async def test_servers_own_deadline_speaks_against_the_target() -> None:
    bench = Bench([None], breaker_failures=1)
    with pytest.raises(DeadlineExceeded):
        await bench.run(seconds=SHORT, attempt=never)
    assert bench.router.states() == {"p0/m": BreakerState.OPEN}
    assert bench.count("p0", "timeout") == 1


async def test_deadline_that_a_caller_has_shortened_does_not() -> None:
    bench = Bench([None], breaker_failures=1)
    for _ in range(3):
        with pytest.raises(DeadlineExceeded):
            await bench.run(seconds=30, asked=SHORT, attempt=never)
    assert bench.router.states() == {"p0/m": BreakerState.CLOSED}
    assert bench.count("p0", "cut_short") == 3


async def test_timeout_that_a_caller_asks_for_in_vain_is_the_servers_own() -> None:
    bench = Bench([None], breaker_failures=1)
    with pytest.raises(DeadlineExceeded):
        await bench.run(seconds=SHORT, asked=3600, attempt=never)
    assert bench.router.states() == {"p0/m": BreakerState.OPEN}


async def test_target_that_got_only_the_rest_of_the_time_is_not_blamed() -> None:
    bench = Bench([None], [None], breaker_failures=1)

    async def slow_then_silent(target: Target) -> str:
        if target.name == "p0/m":
            bench.clock.advance(1 - SHORT)
            raise failure(FailureKind.MALFORMED)
        return await never(target)

    with pytest.raises(DeadlineExceeded):
        await bench.run(seconds=1, attempt=slow_then_silent)
    assert bench.router.states() == {"p0/m": BreakerState.OPEN, "p1/m": BreakerState.CLOSED}


async def test_cancelled_call_is_cancelled_and_says_nothing_of_the_target() -> None:
    bench = Bench([None], breaker_failures=1)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(bench.run(attempt=never))
        await asyncio.sleep(0)
        task.cancel()
    assert task.cancelled()
    assert bench.router.states() == {"p0/m": BreakerState.CLOSED}


async def test_calls_are_counted_by_how_they_ended() -> None:
    bench = Bench([failure(FailureKind.OVERLOADED)], [None])
    await bench.run()
    assert bench.count("p0", "overloaded") == 3
    assert bench.count("p1", "ok") == 1


async def test_names_that_callers_invent_do_not_pile_up() -> None:
    bench = Bench([None])
    provider = FakeProvider(name="openai")
    for number in range(1_500):
        bench.targets = [
            Target(provider=provider, model=f"m{number}", profile=ModelProfile()),
        ]
        await bench.run(attempt=_its_name)
    assert len(bench.router.states()) == 1_000


async def _its_name(target: Target) -> str:
    return target.name


def error(*kinds: FailureKind) -> ServiceError:
    return error_of([failure(kind) for kind in kinds])


@pytest.mark.parametrize("kind", sorted(PASSES_WITH_TIME))
def test_what_passes_with_time_is_unavailable(kind: FailureKind) -> None:
    found = error(kind, FailureKind.OVERLOADED, kind)
    assert isinstance(found, Unavailable)
    assert found.retry_after_seconds == 5


@pytest.mark.parametrize("bad", sorted(BAD_ANSWERS))
def test_one_bad_answer_among_others_is_a_provider_error(bad: FailureKind) -> None:
    for kinds in permutations([bad, FailureKind.OVERLOADED, FailureKind.FIRST_TOKEN_TIMEOUT]):
        assert type(error(*kinds)) is ProviderError


def test_silence_is_a_timeout() -> None:
    for kinds in permutations([FailureKind.FIRST_TOKEN_TIMEOUT, FailureKind.RATE_LIMITED]):
        assert type(error(*kinds)) is DeadlineExceeded


@pytest.mark.parametrize("earlier", sorted(set(FailureKind)))
def test_rejection_and_a_spent_deadline_outrank_what_came_before(earlier: FailureKind) -> None:
    assert type(error(earlier, FailureKind.REJECTED)) is InvalidRequest
    assert type(error(earlier, FailureKind.TIMEOUT)) is DeadlineExceeded
    assert type(error(earlier, FailureKind.CUT_SHORT)) is DeadlineExceeded


def test_smallest_retry_after_is_told() -> None:
    found = error_of(
        [
            failure(FailureKind.RATE_LIMITED, retry_after=30),
            failure(FailureKind.OVERLOADED),
            failure(FailureKind.BREAKER_OPEN, retry_after=7),
        ]
    )
    assert isinstance(found, Unavailable)
    assert found.retry_after_seconds == 7


def test_every_failure_becomes_an_error_that_keeps_the_inside_to_itself() -> None:
    for kind in FailureKind:
        if kind is not FailureKind.REJECTED:
            assert "because of" not in error(kind).message


def test_deadline_counts_down_to_zero_and_no_further() -> None:
    clock = ManualClock()
    deadline = Deadline(30, asked_seconds=10, clock=clock)
    clock.advance(4)
    assert deadline.seconds_left() == 6
    clock.advance(60)
    assert deadline.seconds_left() == 0


def test_caller_cannot_lengthen_the_deadline() -> None:
    assert Deadline(30, asked_seconds=60, clock=ManualClock()).seconds_left() == 30
