"""Time, as these suites need it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from service.core.clock import Clock, SystemClock


class MovableClock(SystemClock):
    """The machine's clock, which a test moves ahead. Only what it says changes: sleeps are real."""

    def __init__(self) -> None:
        self._ahead = timedelta()

    def now(self) -> datetime:
        return super().now() + self._ahead

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead.total_seconds()

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._ahead += timedelta(seconds=seconds)


async def until(condition: Callable[[], Awaitable[bool]], *, timeout_seconds: float = 5) -> None:
    """Return as soon as the condition holds; `TimeoutError` if it does not in time."""
    async with asyncio.timeout(timeout_seconds):
        while not await condition():  # noqa: ASYNC110 - the database has no event to wait for
            await asyncio.sleep(0.01)


class SteppedClock:
    """Stands still until a test moves it, and whoever sleeps wakes then."""

    def __init__(self) -> None:
        self._start = SystemClock().now()
        self._passed = 0.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        """Return once the clock has been moved so far."""
        self.sleeps.append(seconds)
        wakes = asyncio.Event()
        self._sleepers.append((self._passed + seconds, wakes))
        await wakes.wait()

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._passed += seconds
        for due, wakes in self._sleepers:
            if due <= self._passed:
                wakes.set()
        self._sleepers = [(due, wakes) for due, wakes in self._sleepers if due > self._passed]


_: type[Clock] = SteppedClock
