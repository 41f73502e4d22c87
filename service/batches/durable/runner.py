"""Running a batch's items here, one by one, as if its owner asked live.

So limits, budgets, the cache and single flight hold as they do for everybody. What passes with time (no
money, no room in the minute, a provider that is down) holds the whole batch back and is no item's fault; what
a provider made of one item is, and after three times the item has failed.
"""

import asyncio
import hashlib
from collections.abc import Collection, Sequence
from typing import Literal

import structlog

from service.batches.durable.brake import Brake
from service.batches.durable.ends import Ends, completed, failed, patiently
from service.batches.durable.governor import Governor
from service.batches.durable.schemas import read_item
from service.batches.ports import BatchStore, ItemEnd, Owner, PendingItem, StoredBatch
from service.batches.usecases import Pace
from service.core.clock import Clock
from service.core.errors import (
    BudgetExceeded,
    DeadlineExceeded,
    InternalError,
    InvalidRequest,
    ProviderError,
    RateLimited,
    ServiceError,
    Unavailable,
)
from service.generation.asking import ask, context_of
from service.generation.usecases import Generation
from service.observability.logs import note, request_line

log = structlog.get_logger("service.requests")

_WINDOW = 200
_MOST_STRIKES = 3
_FIRST_RETRY_SECONDS = 1.0
_SUSPECT_RUNS = 2
_MOST_RUNS = 5
_LONGEST_OUTAGE_SECONDS = 3600.0
_MAY_GO_BETTER = (ProviderError, DeadlineExceeded, InternalError)


def record_id(batch_id: str, index: int, attempts: int) -> str:
    """The id of the ledger's row for a run of an item.

    A run that was broken off has the same when it is made up for: one row, one bill. One that has failed has
    had its row.
    """
    digest = hashlib.sha256(f"{batch_id}/{index}/{attempts}".encode()).hexdigest()
    return f"req_{digest[:32]}"


def _killer() -> InternalError:
    """What an item is told whose processes died of it, again and again."""
    error = InternalError()
    error.message = f"This was begun {_MOST_RUNS} times, and the process that ran it died each time"
    return error


class ServiceRunner:
    """The runner of the mode `service`."""

    def __init__(
        self, store: BatchStore, generation: Generation, governor: Governor, *, clock: Clock
    ) -> None:
        self._store = store
        self._generation = generation
        self._governor = governor
        self._clock = clock

    async def run(self, batch: StoredBatch, owner: Owner) -> None:
        """Work on what is pending until every item has ended."""
        ends = Ends(self._store, batch.id, clock=self._clock)
        run = _Run(
            batch,
            owner,
            store=self._store,
            generation=self._generation,
            governor=self._governor,
            ends=ends,
            clock=self._clock,
        )
        async with ends.written():
            await run.go()

    async def stop(self, batch: StoredBatch) -> None:
        """Nothing goes on elsewhere."""


class _Run:
    def __init__(
        self,
        batch: StoredBatch,
        owner: Owner,
        *,
        store: BatchStore,
        generation: Generation,
        governor: Governor,
        ends: Ends,
        clock: Clock,
    ) -> None:
        self._batch = batch
        self._owner = owner
        self._store = store
        self._generation = generation
        self._governor = governor
        self._ends = ends
        self._clock = clock
        self._pace = Pace(batch.requests_per_second, clock=clock)
        self._brake = Brake(clock)
        self._is_paused = False
        self._pauses = 0
        self._window: list[PendingItem] = []
        self._last_index = -1
        self._reading = asyncio.Lock()

    async def go(self) -> None:
        await self._say_that_it_runs()
        if self._batch.started_at is not None:
            await self._run_suspects()
        async with asyncio.TaskGroup() as workers:
            for _ in range(min(self._batch.max_concurrency, self._batch.total)):
                workers.create_task(self._work())

    async def _run_suspects(self) -> None:
        """An earlier run may have died of an item. What was begun twice and has no end is run one by one: who
        dies then takes no other along."""
        while window := await patiently(self._read_window, clock=self._clock):
            self._last_index = window[-1].index
            ids = {record_id(self._batch.id, item.index, item.attempts): item for item in window}
            begun = await self._begun(ids, runs=_SUSPECT_RUNS)
            killers = await self._begun(begun, runs=_MOST_RUNS) if begun else set()
            for row_id in [row_id for row_id in ids if row_id in begun]:
                item = ids[row_id]
                is_killer = row_id in killers
                end = self._failed(item, _killer()) if is_killer else await self._run_to_end(item)
                await self._ends.add(end)
        await self._ends.all_written()
        self._last_index = -1

    async def _begun(self, row_ids: Collection[str], *, runs: int) -> set[str]:
        return await patiently(
            lambda: self._store.begun_often(row_ids, runs=runs), clock=self._clock
        )

    async def _work(self) -> None:
        while (item := await self._next()) is not None:
            await self._ends.add(await self._run_to_end(item))

    async def _next(self) -> PendingItem | None:
        """The next item of the window, or of the next window, of which there is one at a time in memory."""
        async with self._reading:
            if not self._window:
                window = await patiently(self._read_window, clock=self._clock)
                self._window = list(reversed(window))
            if not self._window:
                return None
            item = self._window.pop()
            self._last_index = item.index
            return item

    async def _read_window(self) -> Sequence[PendingItem]:
        return await self._store.pending(self._batch.id, after=self._last_index, limit=_WINDOW)

    async def _run_to_end(self, item: PendingItem) -> ItemEnd:
        try:
            course = _Course(item)
        except InvalidRequest as error:
            return self._failed(item, error)
        while (end := await self._try(course)) is None:
            pass
        return end

    async def _try(self, course: "_Course") -> ItemEnd | None:
        """How the item has ended; None if it is to be tried again."""
        await self._brake.wait()
        await self._pace.turn()
        pauses = self._pauses
        try:
            end = await self._answered(course)
        except BudgetExceeded as refusal:
            self._brake.hold()
            await self._pause(refusal)
            return None
        except RateLimited as refusal:
            self._brake.hold(refusal.retry_after_seconds)
            return None
        except Unavailable as outage:
            self._brake.hold(outage.retry_after_seconds)
            if course.outage_seconds(self._clock) > _LONGEST_OUTAGE_SECONDS:
                return self._failed(course.item, outage)
            await self._count_failure(course)
            return None
        except _MAY_GO_BETTER as error:
            course.strikes += 1
            if course.strikes == _MOST_STRIKES:
                return self._failed(course.item, error)
            await self._count_failure(course)
            await self._clock.sleep(_FIRST_RETRY_SECONDS * 2 ** (course.strikes - 1))
            return None
        except ServiceError as error:
            return self._failed(course.item, error)
        self._brake.release()
        if self._is_paused and pauses == self._pauses:
            await self._say_that_it_runs()
        return end

    async def _answered(self, course: "_Course") -> ItemEnd:
        """One run of the item. Raises `ServiceError`."""
        async with self._governor.place():
            with request_line() as line:
                note(request_id=self._batch.request_id, batch=self._batch.id)
                try:
                    return await self._ask(course)
                except ServiceError:
                    raise
                except Exception as error:
                    log.exception(
                        "a batch item failed", batch=self._batch.id, index=course.item.index
                    )
                    raise InternalError from error
                finally:
                    log.info("batch item", index=course.item.index, **line)

    async def _ask(self, course: "_Course") -> ItemEnd:
        context = context_of(
            course.body,
            principal=self._owner.principal,
            request_id=self._batch.request_id,
            record_id=record_id(self._batch.id, course.item.index, course.attempts),
        )
        answer = await ask(self._generation, course.body, context)
        return completed(course.item.index, course.body, answer)

    def _failed(self, item: PendingItem, error: ServiceError) -> ItemEnd:
        return failed(item.index, error, request_id=self._batch.request_id)

    async def _count_failure(self, course: "_Course") -> None:
        """Before it is tried again: the row of what has failed is not to be taken for a run broken off."""
        course.attempts += 1
        await patiently(
            lambda: self._store.count_attempts(self._batch.id, course.item.index, course.attempts),
            clock=self._clock,
        )

    async def _pause(self, refusal: BudgetExceeded) -> None:
        self._pauses += 1
        if self._is_paused:
            return
        self._is_paused = True
        resets = (
            f"; it begins anew at {refusal.resets_at:%Y-%m-%dT%H:%M:%SZ}"
            if refusal.resets_at
            else ""
        )
        await self._set_status("paused", f"{refusal.type}: {refusal.message}{resets}")

    async def _say_that_it_runs(self) -> None:
        self._is_paused = False
        await self._set_status("running", None)

    async def _set_status(self, status: Literal["running", "paused"], reason: str | None) -> None:
        await patiently(
            lambda: self._store.set_status(
                self._batch.id, status, reason=reason, now=self._clock.now()
            ),
            clock=self._clock,
        )


class _Course:
    """An item on its way. `strikes` are the failures of this process's runs that count against it.

    Raises `InvalidRequest` for one that cannot be read.
    """

    def __init__(self, item: PendingItem) -> None:
        self.item = item
        self.body = read_item(item.body)
        self.attempts = item.attempts
        self.strikes = 0
        self._down_since: float | None = None

    def outage_seconds(self, clock: Clock) -> float:
        """For how long there has been nobody to answer it; called each time there is not."""
        now = clock.monotonic()
        if self._down_since is None:
            self._down_since = now
        return now - self._down_since
