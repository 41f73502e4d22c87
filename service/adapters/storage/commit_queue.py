"""Group commit: the rows that arrive while one commit is under way make up the next.

Nothing waits for a batch to fill. One task writes, so that rows of one request stay in order.

When the database fails, new rows are refused at once, settlements stay in memory, and the task tries
again after growing waits. A row whose commit was not answered may be there, or arrive yet: it is
voided, that is, written if it is missing and settled as `cancelled` at no cost. Whichever of the two
writes comes first, nobody is charged. The same is done for a caller who left while its row was on the
way, since nobody else would settle it.
"""

import asyncio
from datetime import timedelta
from decimal import Decimal

import structlog

from service.adapters.storage.batch import Batch, BatchWriter, WriterUnavailable, Written
from service.adapters.storage.load import Load, Opening, Settling, fail, finish
from service.core.clock import Clock
from service.usage.ports import Intent, LedgerUnavailable, Reservation, Settlement, UsageEvents

_logger = structlog.get_logger(__name__)

_FIRST_WAIT_SECONDS = 0.1
_LONGEST_WAIT_SECONDS = 1.0  # with the writer's own time limit, back within 5 s of the database


class CommitQueue:
    """Rows on their way to the database, and those of this process that are open there."""

    def __init__(
        self,
        writer: BatchWriter,
        *,
        events: UsageEvents,
        clock: Clock,
        instance_id: str,
        lease_seconds: float,
        commit_timeout_seconds: float,
    ) -> None:
        self.open_rows: dict[str, Opening] = {}
        self._events = events
        self._writer = writer
        self._clock = clock
        self._instance_id = instance_id
        self._lease = timedelta(seconds=lease_seconds)
        self._commit_timeout_seconds = commit_timeout_seconds
        self._next = Load()
        self._under_way = Load()
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._available = True  # as last logged
        self._refusing = True  # new rows: before the start, after a failure, at the end
        self._closing = False
        self._closed = False

    def start(self) -> None:
        """Begin to write."""
        self._refusing = False
        # Not a TaskGroup: the task outlives this call, and `aclose` waits for it.
        self._task = asyncio.get_running_loop().create_task(self._write_until_closed())

    async def open(
        self, intent: Intent, reservation: Reservation | None = None, *, again: bool = False
    ) -> Decimal | None:
        """Return once the row is committed, with what is held for it.

        `again`: the row may be there from an earlier run, and is taken over.
        Raises `BudgetExhausted`, or `LedgerUnavailable`; the row costs nothing then.
        """
        if self._refusing:
            raise LedgerUnavailable("the ledger's database is not available")
        loop = asyncio.get_running_loop()
        opening = Opening(
            intent=intent, reservation=reservation, again=again, committed=loop.create_future()
        )
        self._next.openings.append(opening)
        self._work.set()
        timer = loop.call_later(self._commit_timeout_seconds, self._time_out, opening)
        try:
            return await opening.committed
        except asyncio.CancelledError:
            self._abandon(opening)
            raise
        finally:
            timer.cancel()

    def settle(self, settlement: Settlement, *, holds: bool | None = None) -> asyncio.Future[None]:
        """Queue a settlement; the future is done when it is committed.

        `holds`: whether the row may hold something, for rows that are not open here.
        """
        future = asyncio.get_running_loop().create_future()
        if holds is None:
            opening = self.open_rows.get(settlement.id)
            holds = opening is not None and opening.reservation is not None
        settling = Settling(settlement=settlement, committed=future, holds=holds)
        self._next.settlings.append(settling)
        self._work.set()
        if self._closed:
            self._lose(self._next)
        return future

    def record(
        self, intent: Intent, settlement: Settlement, *, holds: bool = False
    ) -> asyncio.Future[None]:
        """Queue a row together with its settlement, for one commit."""
        self._next.recorded.append(intent)
        return self.settle(settlement, holds=holds)

    async def ping(self) -> None:
        """Return once a commit has succeeded. Raises `LedgerUnavailable`."""
        ping = asyncio.get_running_loop().create_future()
        self._next.pings.append(ping)
        self._work.set()
        if self._closed:
            self._lose(self._next)
        try:
            async with asyncio.timeout(self._commit_timeout_seconds):
                await ping
        except TimeoutError as error:
            raise LedgerUnavailable("the ledger's database does not answer") from error

    async def aclose(self, *, timeout_seconds: float) -> None:
        """Write what is queued, for `timeout_seconds` at most, then let go of the database."""
        if self._closed:
            return
        self._closing = self._refusing = True
        self._work.set()
        if self._task is not None:
            await asyncio.wait([self._task], timeout=timeout_seconds)
            self._task.cancel()
            await asyncio.wait([self._task])
        self._closed = True
        self._lose(self._under_way)
        self._lose(self._next)
        await self._writer.aclose()

    async def _write_until_closed(self) -> None:
        wait_seconds = _FIRST_WAIT_SECONDS
        while True:
            await self._work.wait()
            self._work.clear()
            load = self._take()
            if not load.size:
                if self._closing:
                    return
                self._refusing = False  # those who waited have left: the next new row is the trial
                continue
            self._under_way = load
            written = await self._commit(load)
            self._under_way = Load()
            if written:
                wait_seconds = _FIRST_WAIT_SECONDS
            else:
                await self._clock.sleep(wait_seconds)
                wait_seconds = min(2 * wait_seconds, _LONGEST_WAIT_SECONDS)
                # What is left is the next trial; where nothing is, the next new row is.
                self._refusing = self._closing or self._next.size > 0
            if self._closing or self._next.size > 0:
                self._work.set()

    def _take(self) -> Load:
        """What is queued, without callers who have left.

        A row's second settlement waits its turn, and so does opening it again after one.
        """
        load, self._next = self._next, Load()
        load.openings = [opening for opening in load.openings if not opening.abandoned]
        by_row: dict[str, Settling] = {}
        for settling in load.settlings:
            if by_row.setdefault(settling.settlement.id, settling) is not settling:
                self._next.settlings.append(settling)
        load.settlings = list(by_row.values())
        self._next.openings = [o for o in load.openings if o.again and o.intent.id in by_row]
        if self._next.openings:
            load.openings = [o for o in load.openings if o not in self._next.openings]
        return load

    async def _commit(self, load: Load) -> bool:
        """Whether the database took part; a row that it refuses is dealt with by itself."""
        for opening in load.openings:
            opening.stage = "writing"
        try:
            written = await self._writer.write(self._batch(load))
        except WriterUnavailable as error:
            self._failed(load, reason=str(error))
            return False
        except Exception as error:  # noqa: BLE001 - whatever is wrong with a row, others go on
            if load.size > 1:
                return await self._commit_one_by_one(load)
            self._refused(load, error)
        else:
            self._succeeded(load, written)
        return True

    async def _commit_one_by_one(self, load: Load) -> bool:
        parts = load.one_by_one()
        for tried, part in enumerate(parts, start=1):
            if not await self._commit(part):
                for rest in parts[tried:]:
                    self._put_back(rest)
                return False
        return True

    def _batch(self, load: Load) -> Batch:
        return Batch(
            opened=[opening.intent for opening in load.openings],
            reservations={
                opening.intent.id: opening.reservation
                for opening in load.openings
                if opening.reservation is not None
            },
            opened_again=frozenset(o.intent.id for o in load.openings if o.again),
            reopened=load.recorded,
            settled=[settling.settlement for settling in load.settlings],
            holding=[settling.settlement.id for settling in load.settlings if settling.holds],
            instance_id=self._instance_id,
            lease_expires_at=self._clock.now() + self._lease,
        )

    def _succeeded(self, load: Load, written: Written) -> None:
        for opening in load.openings:
            if exhausted := written.refused.get(opening.intent.id):
                opening.stage = "failed"
                fail(opening.committed, exhausted)
                continue
            opening.stage = "committed"
            self.open_rows[opening.intent.id] = opening
            if opening.abandoned:
                self._void(opening)
            finish(opening.committed, written.held_usd.get(opening.intent.id))
        for settling in load.settlings:
            self.open_rows.pop(settling.settlement.id, None)
            finish(settling.committed, None)
        for ping in load.pings:
            finish(ping, None)
        for event in written.thresholds:
            self._events.threshold_reached(event)
        self._refusing = self._closing
        if load.rows and not self._available:  # an empty commit may succeed on a full disk
            self._available = True
            _logger.info("ledger_available_again")

    def _failed(self, load: Load, *, reason: str) -> None:
        """Keep what must not be lost; fail who waits for a new row, on its way or still queued."""
        for opening in load.openings:
            self._void(opening)
        load.openings += self._next.openings
        self._next.openings = []
        self._put_back(load)
        self._became_unavailable(reason)

    def _put_back(self, load: Load) -> None:
        for opening in load.openings:
            opening.stage = "failed"
            fail(opening.committed, LedgerUnavailable("the ledger's database is not available"))
        for ping in load.pings:
            fail(ping, LedgerUnavailable("the ledger's database is not available"))
        self._next.recorded[:0] = load.recorded
        self._next.settlings[:0] = load.settlings

    def _refused(self, load: Load, error: Exception) -> None:
        """Deal with the one row of `load`. A settlement is replaced by what a sweep would write."""
        cause = type(error.__cause__ or error).__name__
        for opening in load.openings:
            opening.stage = "failed"
            fail(opening.committed, LedgerUnavailable("the database refused the row"))
            _logger.error("ledger_row_refused", id=opening.intent.id, error=cause)
        for intent in load.recorded:
            _logger.error("ledger_row_refused", id=intent.id, error=cause)
        for settling in load.settlings:
            _logger.error("ledger_settlement_refused", id=settling.settlement.id, error=cause)
            self._settle_at_estimate(settling)
        for ping in load.pings:
            fail(ping, LedgerUnavailable("the database refused an empty commit"))

    def _settle_at_estimate(self, settling: Settling) -> None:
        opening = self.open_rows.get(settling.settlement.id)
        if opening is None or settling.settlement.outcome == "unknown":
            fail(settling.committed, LedgerUnavailable("the database refused the settlement"))
            return
        intent = opening.intent
        settling.settlement = Settlement(
            id=intent.id,
            outcome="unknown",
            input_tokens=intent.estimated_input_tokens,
            usage_source="estimated",
            cost_usd=intent.estimated_cost_usd,
            duration_ms=self._milliseconds_since(intent),
            completed_at=self._clock.now(),
        )
        self._next.settlings.append(settling)

    def _time_out(self, opening: Opening) -> None:
        if not opening.committed.done():
            fail(
                opening.committed, LedgerUnavailable("the ledger's database did not commit in time")
            )
            self._abandon(opening)
            self._became_unavailable("a commit takes too long")

    def _abandon(self, opening: Opening) -> None:
        """The caller leaves: a row that is on its way is voided when its fate is known."""
        opening.abandoned = True
        if opening.stage == "committed":
            self._void(opening)

    def _void(self, opening: Opening) -> None:
        intent = opening.intent
        self.record(
            intent,
            Settlement(
                id=intent.id,
                outcome="cancelled",
                cost_usd=Decimal(0),
                duration_ms=self._milliseconds_since(intent),
                completed_at=self._clock.now(),
            ),
            holds=opening.reservation is not None,
        )

    def _milliseconds_since(self, intent: Intent) -> float:
        return (self._clock.now() - intent.created_at).total_seconds() * 1000

    def _became_unavailable(self, reason: str) -> None:
        self._refusing = True
        if self._available:
            self._available = False
            _logger.warning("ledger_unavailable", reason=reason)

    def _lose(self, load: Load) -> None:
        """At the end, with the database away: the rows are swept when their leases are over."""
        futures = [settling.committed for settling in load.settlings]
        lost = sum(future.cancelled() or not future.done() for future in futures)
        if lost:
            _logger.error("ledger_settlements_lost", count=lost)
        closed = LedgerUnavailable("the ledger is closed")
        for future in (*futures, *load.pings):
            fail(future, closed)
        for opening in load.openings:
            fail(opening.committed, closed)
        load.openings, load.recorded, load.settlings, load.pings = [], [], [], []
