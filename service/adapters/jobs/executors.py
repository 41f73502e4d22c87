"""Which processes live. Each holds a lease; whoever has none is dead, and its jobs are taken over."""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from service.core.clock import Clock

_logger = structlog.get_logger(__name__)

_RENEWALS_PER_LEASE = 3


class ExecutorsUnavailable(Exception):
    """Nobody can say now who lives."""


class Executors(Protocol):
    """The leases of all processes that run jobs. Every method raises `ExecutorsUnavailable`."""

    async def renew(self, executor_id: str, *, until: datetime) -> None:
        """Give it a lease, or prolong it."""
        ...

    async def remove(self, executor_id: str) -> None:
        """Its lease is over."""
        ...

    async def living(self, *, now: datetime) -> Collection[str]:
        """Those whose lease is not over."""
        ...


class OneExecutor:
    """Executors of a database that only one process uses: nobody else lives."""

    async def renew(self, executor_id: str, *, until: datetime) -> None:
        """Nobody asks."""

    async def remove(self, executor_id: str) -> None:
        """Nobody asks."""

    async def living(self, *, now: datetime) -> Collection[str]:
        """No others."""
        return ()


class Lease:
    """One process's lease, renewed three times in its length, so that two renewals may fail."""

    def __init__(
        self, executors: Executors, *, executor_id: str, clock: Clock, lease_seconds: float
    ) -> None:
        self.executor_id = executor_id
        self._executors = executors
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._keeper: asyncio.Task[None] | None = None
        self._renewing = asyncio.Lock()
        self._renewal_has_failed = False
        self._judges_from = clock.monotonic()

    async def start(self) -> None:
        """Take it, and keep it; do nothing if it is held. Raises `ExecutorsUnavailable`."""
        if self._keeper is None:
            await self.renew()
            # Not a TaskGroup: the task outlives this call, and `aclose` waits for it.
            self._keeper = asyncio.get_running_loop().create_task(self._keep())

    async def renew(self) -> None:
        """Prolong it. Raises `ExecutorsUnavailable`."""
        async with self._renewing:
            until = self._clock.now() + timedelta(seconds=self._lease_seconds)
            try:
                await self._executors.renew(self.executor_id, until=until)
            except ExecutorsUnavailable:
                self._renewal_has_failed = True
                raise
            if self._renewal_has_failed:
                self._renewal_has_failed = False
                self._judges_from = self._clock.monotonic() + self._lease_seconds

    async def dead(self, executor_ids: Collection[str]) -> set[str]:
        """Those others of them that live no more. Raises `ExecutorsUnavailable`.

        Its own lease is renewed first: it may have been frozen. After an outage of the database nobody is
        dead for the time of a lease: the others, too, could not renew theirs.
        """
        others = set(executor_ids) - {self.executor_id}
        if not others:
            return others
        await self.renew()
        if self._clock.monotonic() < self._judges_from:
            return set()
        return others.difference(await self._executors.living(now=self._clock.now()))

    async def aclose(self) -> None:
        """Give it up, so that others take over at once; if the database is away, it runs out."""
        if self._keeper is None:
            return
        async with self._renewing:  # a connection that is cancelled while it is made is left open
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        try:
            await self._executors.remove(self.executor_id)
        except ExecutorsUnavailable as away:
            _logger.debug("job_lease_not_given_up", reason=str(away))

    async def _keep(self) -> None:
        while True:
            await self._clock.sleep(self._lease_seconds / _RENEWALS_PER_LEASE)
            try:
                await self.renew()
            except ExecutorsUnavailable as away:
                _logger.debug("job_lease_not_renewed", reason=str(away))
