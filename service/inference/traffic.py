"""Whether somebody waits for answers, so that work which nobody waits for can step back."""

from service.core.clock import Clock

_RECENT_SECONDS = 1.0


class Traffic:
    """When this process was last asked something live."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._quiet_from = clock.monotonic()

    def note(self) -> None:
        """Somebody asks, and waits."""
        self._quiet_from = self._clock.monotonic() + _RECENT_SECONDS

    @property
    def is_live(self) -> bool:
        """Whether somebody has asked within the last second."""
        return self._clock.monotonic() < self._quiet_from
