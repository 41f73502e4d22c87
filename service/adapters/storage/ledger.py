"""The Ledger port: rows go through the commit queue, and leases say who answers for the open ones."""

import asyncio
from asyncio import Future
from datetime import timedelta
from decimal import Decimal

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from service.adapters.storage.batch import BatchWriter
from service.adapters.storage.commit_queue import CommitQueue
from service.adapters.storage.records import RequestRecords
from service.core.clock import Clock
from service.core.ids import new_id
from service.usage.ports import (
    Intent,
    LedgerUnavailable,
    Reservation,
    Settlement,
    UsageEvents,
    UsageRecord,
)

_logger = structlog.get_logger(__name__)

_RENEWALS_PER_LEASE = 3
_SWEEP_SECONDS = 30.0
_ORPHANS_AT_ONCE = 500


class GroupCommitLedger:
    """A ledger that writes many rows with one commit.

    Each start of the process is an instance of its own: what a former one has left open is an orphan
    as soon as its lease is over.
    """

    def __init__(
        self,
        *,
        writer: BatchWriter,
        engine: AsyncEngine,
        events: UsageEvents,
        clock: Clock,
        lease_seconds: float = 30.0,
        commit_timeout_seconds: float = 2.0,
        close_timeout_seconds: float = 5.0,
    ) -> None:
        self._writer = writer
        self._records = RequestRecords(engine)
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._close_timeout_seconds = close_timeout_seconds
        self._instance_id = new_id("inst_")
        self._queue = CommitQueue(
            writer,
            events=events,
            clock=clock,
            instance_id=self._instance_id,
            lease_seconds=lease_seconds,
            commit_timeout_seconds=commit_timeout_seconds,
        )
        self._keeper: asyncio.Task[None] | None = None
        self._keeping = asyncio.Lock()

    @property
    def commits(self) -> int:
        """How many commits there have been; with many rows in each, far fewer than rows."""
        return self._writer.commits

    @property
    def open_rows(self) -> int:
        """How many rows this instance has open."""
        return len(self._queue.open_rows)

    async def start(self) -> None:
        """Start the writer and the lease keeper. The database need not be there yet."""
        self._queue.start()
        # Not a TaskGroup: the task outlives this call, and `aclose` waits for it.
        self._keeper = asyncio.get_running_loop().create_task(self._keep_leases())

    async def open(
        self, intent: Intent, reservation: Reservation | None = None, *, again: bool = False
    ) -> Decimal | None:
        """Return once the row is committed, with what is held for it.

        `again`: the row may be there from an earlier run, and is taken over.
        Raises `BudgetExhausted`, or `LedgerUnavailable`; the row costs nothing then.
        """
        return await self._queue.open(intent, reservation, again=again)

    def settle(self, settlement: Settlement) -> Future[None]:
        """Queue the settlement at once; the future is done when it is committed."""
        return self._queue.settle(settlement)

    def record(
        self, intent: Intent, settlement: Settlement, *, again: bool = False
    ) -> Future[None]:
        """Queue a row that is settled from the start; the future is done when it is committed.

        `again`: the row may be there from an earlier run, and may hold something.
        """
        return self._queue.record(intent, settlement, holds=again)

    async def renew_leases(self) -> int:
        """Prolong the leases of this instance's open rows; returns how many there are."""
        if not self._queue.open_rows:
            return 0
        until = self._clock.now() + timedelta(seconds=self._lease_seconds)
        return await self._records.renew(self._instance_id, until=until)

    async def sweep_orphans(self) -> int:
        """Settle the rows whose lease is over; returns how many.

        This instance's own are renewed first: it may have been unable to while the database was away.
        """
        now = self._clock.now()  # before the renewal, so that no lease it gives is over
        await self.renew_leases()
        swept = 0
        while orphans := await self._records.orphans(now=now, limit=_ORPHANS_AT_ONCE):
            settlements = [(orphan.settlement(now=now), orphan.holds) for orphan in orphans]
            await asyncio.gather(*(self._queue.settle(s, holds=holds) for s, holds in settlements))
            swept += len(orphans)
        if swept:
            _logger.warning("ledger_orphans_settled", count=swept)
        return swept

    async def find(self, record_id: str, *, tenant: str) -> UsageRecord | None:
        """One tenant's row, if there is one."""
        return await self._records.find(record_id, tenant=tenant)

    async def ping(self) -> None:
        """Raises `LedgerUnavailable` unless the database can be written."""
        await self._queue.ping()

    async def aclose(self) -> None:
        """Write what is queued, for some seconds at most, then stop."""
        await self._queue.aclose(timeout_seconds=self._close_timeout_seconds)
        if self._keeper is not None:
            async with (
                self._keeping
            ):  # a connection that is cancelled while it is made is left open
                self._keeper.cancel()
            await asyncio.wait([self._keeper])

    async def _keep_leases(self) -> None:
        """Renew three times a lease, so that two renewals may fail; sweep at start and every 30 s."""
        next_sweep = self._clock.monotonic()
        kept = True
        while True:
            async with self._keeping:
                turn = self._clock.monotonic()
                try:
                    if turn >= next_sweep:
                        await self.sweep_orphans()
                        next_sweep = turn + _SWEEP_SECONDS
                    else:
                        await self.renew_leases()
                except LedgerUnavailable as error:
                    if kept:
                        _logger.warning("ledger_leases_not_kept", reason=str(error))
                    kept = False
                else:
                    if not kept:
                        _logger.info("ledger_leases_kept_again")
                    kept = True
            await self._clock.sleep(self._lease_seconds / _RENEWALS_PER_LEASE)
