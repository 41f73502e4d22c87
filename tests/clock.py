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


class SteppedClock(ManualClock):
    """Whoever sleeps does so until the test has let that time pass."""

    def __init__(self, start: datetime = START) -> None:
        super().__init__(start)
        self._changed = asyncio.Condition()

    async def sleep(self, seconds: float) -> None:
        due = self.monotonic() + seconds
        async with self._changed:
            self.sleeps.append(seconds)
            self._changed.notify_all()
            await self._changed.wait_for(lambda: self.monotonic() >= due)

    async def is_slept_on(self, times: int) -> None:
        """Return once it has been slept on so many times."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.sleeps) >= times)

    async def let_pass(self, seconds: float) -> None:
        """Let `seconds` pass, and wake whoever has slept enough."""
        async with self._changed:
            self.advance(seconds)
            self._changed.notify_all()
