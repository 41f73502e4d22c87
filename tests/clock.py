"""Time that a test owns."""

import asyncio
from datetime import UTC, datetime, timedelta

from service.core.clock import Clock

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class ManualClock:
    """Stands still until it is told to go on, or until somebody sleeps, which takes no real time."""

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._passed = 0.0
        self.sleeps: list[float] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    async def sleep(self, seconds: float) -> None:
        """Let others run once, then have slept: of two sleepers at once the later one decides."""
        self.sleeps.append(seconds)
        due = self._passed + seconds
        await asyncio.sleep(0)
        self._passed = max(self._passed, due)

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass."""
        self._passed += seconds


_: type[Clock] = ManualClock
