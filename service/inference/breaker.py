"""The circuit breaker of one target: a target that keeps failing is left alone for a while."""

from enum import IntEnum

from service.core.clock import Clock


class BreakerState(IntEnum):
    """As the metric `ai_service_breaker_state` shows it."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


class Entry:
    """A call's leave to go; it is handed back with how the call ended."""


class CircuitBreaker:
    """Opens after `failures` in a row; after `open_seconds` lets one probe through.

    The probe's success closes the breaker, its failure opens it again. A call that entered before the
    breaker opened may end at any later time: its success closes the breaker too, its failure says
    nothing new and does not put the probe off. The pattern is Michael Nygard's ("Release It!"), with
    consecutive failures as the trip rule.
    """

    def __init__(self, *, failures: int, open_seconds: float, clock: Clock) -> None:
        self._failures_to_open = failures
        self._open_seconds = open_seconds
        self._clock = clock
        self._failures_in_a_row = 0
        self._opened_at: float | None = None
        self._probe: Entry | None = None

    @property
    def state(self) -> BreakerState:
        """Open, half-open (a probe may go or is under way) or closed."""
        if self._opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if self._seconds_open_left() == 0 else BreakerState.OPEN

    def try_enter(self) -> Entry | float:
        """An entry if a call may go; else the seconds after which it is worth asking again."""
        entry = Entry()
        if self._opened_at is None:
            return entry
        left = self._seconds_open_left()
        if left > 0:
            return left
        if self._probe is not None:
            return self._open_seconds
        self._probe = entry
        return entry

    def succeeded(self) -> None:
        """A call that entered was answered."""
        self._failures_in_a_row = 0
        self._opened_at = None
        self._probe = None

    def failed(self, entry: Entry) -> None:
        """The call that entered failed in a way that speaks against the target."""
        self._failures_in_a_row += 1
        is_probe = entry is self._probe
        if is_probe or (
            self._opened_at is None and self._failures_in_a_row >= self._failures_to_open
        ):
            self._opened_at = self._clock.monotonic()
            self._probe = None

    def abandoned(self, entry: Entry) -> None:
        """The call that entered ended without saying anything about the target."""
        if entry is self._probe:
            self._probe = None

    def _seconds_open_left(self) -> float:
        if self._opened_at is None:
            return 0.0
        return max(0.0, self._opened_at + self._open_seconds - self._clock.monotonic())
