"""Holding a whole batch back."""

from service.core.clock import Clock

_FIRST_SECONDS = 1.0
_LONGEST_SECONDS = 60.0


class Brake:
    """While it is held, nothing starts. Held again and again without success, it holds for longer."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held_until = clock.monotonic()
        self._next_seconds = _FIRST_SECONDS

    def hold(self, at_least_seconds: float = 0.0) -> None:
        """Hold for a while: a second at first, doubling to a minute. What is held already stays so."""
        now = self._clock.monotonic()
        if now < self._held_until:
            return  # whoever was under way then is refused for the same reason
        seconds = min(max(at_least_seconds, self._next_seconds), _LONGEST_SECONDS)
        self._held_until = now + seconds
        self._next_seconds = min(2 * self._next_seconds, _LONGEST_SECONDS)

    def release(self) -> None:
        """Something went well: the next hold is a short one."""
        self._next_seconds = _FIRST_SECONDS

    async def wait(self) -> None:
        """Return when it is not held."""
        while (left := self._held_until - self._clock.monotonic()) > 0:
            await self._clock.sleep(left)
