"""Batches are content: what has ended long ago is deleted."""

import asyncio
from datetime import timedelta

import structlog

from service.batches.ports import BREATH_SECONDS, BatchStore, BatchStoreUnavailable
from service.core.clock import Clock

log = structlog.get_logger(__name__)

_FIRST_TURN_SECONDS = 60.0
_TURN_SECONDS = 3600.0
_ABANDONED_AFTER = timedelta(hours=1)
"""A creation that has not ended by then never will: the client's connection is long gone."""


class BatchRetention:
    """Deletes batches with their items, hourly, once their end is `days` ago."""

    def __init__(self, store: BatchStore, *, days: float, clock: Clock) -> None:
        self._store = store
        self._kept = timedelta(days=days)
        self._clock = clock
        self._keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start in the background; the first turn is in a minute, as starts are busy enough."""
        # Not a TaskGroup: the task outlives this call, and `aclose` waits for it.
        self._keeper = asyncio.get_running_loop().create_task(self._keep())

    async def aclose(self) -> None:
        """Stop."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])

    async def purge(self) -> None:
        """Delete what is old enough; if it cannot be now, then later."""
        now = self._clock.now()
        count = 0
        try:
            while some := await self._store.purge(
                finished_before=now - self._kept, abandoned_before=now - _ABANDONED_AFTER
            ):
                count += some
                await self._clock.sleep(BREATH_SECONDS)
        except BatchStoreUnavailable as away:
            log.warning("old_batches_not_deleted", reason=str(away))
        if count:
            log.info("old_batches_deleted", rows=count)

    async def _keep(self) -> None:
        await self._clock.sleep(_FIRST_TURN_SECONDS)
        while True:
            await self.purge()
            await self._clock.sleep(_TURN_SECONDS)
