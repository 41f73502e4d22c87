"""How much of this process all durable batches may take together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.core.clock import Clock
from service.inference.traffic import Traffic

_PLACES_BESIDE_LIVE = 2
_LOOK_SECONDS = 0.02


class Governor:
    """Places for items under way: many while nobody else asks, hardly any while somebody does.

    What has its place keeps it, as it is short; it is only that nothing more starts.
    """

    def __init__(self, traffic: Traffic, *, places: int, clock: Clock) -> None:
        self._traffic = traffic
        self._clock = clock
        self._free = asyncio.Semaphore(places)
        self._taken = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Wait for a place, and keep it."""
        async with self._free:
            while self._taken >= _PLACES_BESIDE_LIVE and self._traffic.is_live:
                await self._clock.sleep(_LOOK_SECONDS)
            self._taken += 1
            try:
                yield
            finally:
                self._taken -= 1
