"""The circuit breaker of one target."""

from hypothesis import given, settings
from hypothesis import strategies as st

from service.inference.breaker import BreakerState, CircuitBreaker, Entry
from tests.clock import ManualClock

FAILURES, OPEN_SECONDS = 3, 10.0


def make_breaker() -> tuple[CircuitBreaker, ManualClock]:
    clock = ManualClock()
    return CircuitBreaker(failures=FAILURES, open_seconds=OPEN_SECONDS, clock=clock), clock


def enter(breaker: CircuitBreaker) -> Entry:
    entry = breaker.try_enter()
    assert isinstance(entry, Entry)
    return entry


def fail(breaker: CircuitBreaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.failed(enter(breaker))


def open_breaker() -> tuple[CircuitBreaker, ManualClock]:
    breaker, clock = make_breaker()
    fail(breaker, FAILURES)
    return breaker, clock


def test_stays_closed_until_failures_come_in_a_row() -> None:
    breaker, _ = make_breaker()
    fail(breaker, FAILURES - 1)
    enter(breaker)
    breaker.succeeded()
    fail(breaker, FAILURES - 1)
    assert breaker.state is BreakerState.CLOSED


def test_opens_at_the_last_of_the_failures() -> None:
    breaker, _ = open_breaker()
    assert breaker.state is BreakerState.OPEN


def test_while_open_says_how_long_it_will_be() -> None:
    breaker, clock = open_breaker()
    assert breaker.try_enter() == OPEN_SECONDS
    clock.advance(4)
    assert breaker.try_enter() == OPEN_SECONDS - 4


def test_half_open_lets_a_single_probe_through() -> None:
    breaker, clock = open_breaker()
    clock.advance(OPEN_SECONDS)
    assert breaker.state is BreakerState.HALF_OPEN
    enter(breaker)
    assert breaker.try_enter() == OPEN_SECONDS
    assert breaker.state is BreakerState.HALF_OPEN


def test_successful_probe_closes_it() -> None:
    breaker, clock = open_breaker()
    clock.advance(OPEN_SECONDS)
    enter(breaker)
    breaker.succeeded()
    assert breaker.state is BreakerState.CLOSED
    fail(breaker, FAILURES - 1)
    assert breaker.state is BreakerState.CLOSED


def test_failed_probe_opens_it_for_the_whole_time_again() -> None:
    breaker, clock = open_breaker()
    clock.advance(OPEN_SECONDS + 5)
    fail(breaker)
    assert breaker.try_enter() == OPEN_SECONDS


def test_abandoned_probe_frees_its_slot_and_leaves_it_half_open() -> None:
    breaker, clock = open_breaker()
    clock.advance(OPEN_SECONDS)
    breaker.abandoned(enter(breaker))
    assert breaker.state is BreakerState.HALF_OPEN
    enter(breaker)


def test_abandoned_call_from_before_does_not_free_the_slot_of_the_probe() -> None:
    breaker, clock = make_breaker()
    early = enter(breaker)
    fail(breaker, FAILURES)
    clock.advance(OPEN_SECONDS)
    enter(breaker)
    breaker.abandoned(early)
    assert breaker.try_enter() == OPEN_SECONDS


def test_late_failures_do_not_put_the_probe_off() -> None:
    breaker, clock = make_breaker()
    early = [enter(breaker) for _ in range(FAILURES + 1)]
    for entry in early[:-1]:
        breaker.failed(entry)
    clock.advance(OPEN_SECONDS - 1)
    breaker.failed(early[-1])
    assert breaker.try_enter() == 1


def test_late_failure_does_not_end_the_probe() -> None:
    breaker, clock = make_breaker()
    early = enter(breaker)
    fail(breaker, FAILURES)
    clock.advance(OPEN_SECONDS)
    enter(breaker)
    breaker.failed(early)
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.try_enter() == OPEN_SECONDS


def test_late_success_closes_it() -> None:
    breaker, _ = make_breaker()
    enter(breaker)
    fail(breaker, FAILURES)
    breaker.succeeded()
    assert breaker.state is BreakerState.CLOSED


@settings(deadline=None)
@given(
    st.lists(
        st.one_of(
            st.just("enter"),
            st.just("succeed"),
            st.just("fail"),
            st.just("abandon"),
            st.just("wait"),
        ),
        max_size=60,
    )
)
def test_never_has_two_probes_and_never_locks_up(steps: list[str]) -> None:
    breaker, clock = make_breaker()
    inside: list[tuple[Entry, bool]] = []
    for step in steps:
        if step == "wait":
            clock.advance(OPEN_SECONDS)
        elif step == "enter":
            is_probe = breaker.state is not BreakerState.CLOSED
            entry = breaker.try_enter()
            if isinstance(entry, Entry):
                assert not (is_probe and any(probe for _, probe in inside))
                inside.append((entry, is_probe))
        elif inside:
            entry, _ = inside.pop(0)
            if step == "succeed":
                breaker.succeeded()
                inside = [(other, False) for other, _ in inside]
            elif step == "fail":
                breaker.failed(entry)
            else:
                breaker.abandoned(entry)
    for entry, _ in inside:
        breaker.abandoned(entry)
    clock.advance(OPEN_SECONDS)
    enter(breaker)
