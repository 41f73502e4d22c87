"""How long something took, on a machine that others use too."""

import asyncio
from collections.abc import AsyncIterator

import pytest


class LoopTime:
    """Time as the event loop had it: milliseconds in which a busy machine did not let it run are not counted.

    What the service adds is waiting, and that is counted; what the machine adds is not the service's.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.ms = 0
        self._tick()

    def stop(self) -> None:
        self._next_tick.cancel()

    def _tick(self) -> None:
        self.ms += 1
        self._next_tick = self._loop.call_later(0.001, self._tick)


@pytest.fixture
async def time() -> AsyncIterator[LoopTime]:
    """Time from here on."""
    time = LoopTime()
    yield time
    time.stop()
