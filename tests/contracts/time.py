"""Time, as these suites need it."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from service.core.clock import SystemClock


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
