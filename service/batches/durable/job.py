"""The durable job behind a batch: from its first item to its end, whatever that is."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal

import structlog
from msgspec import Struct

from service.access.owners import Owners
from service.access.ports import KeyStoreUnavailable
from service.batches.durable.ends import error_json, patiently
from service.batches.durable.schemas import Batch
from service.batches.ports import (
    BREATH_SECONDS,
    BatchStore,
    BatchStoreUnavailable,
    FinishedStatus,
    Mode,
    Owner,
    Runner,
    StoredBatch,
)
from service.core.clock import Clock
from service.core.errors import (
    Conflict,
    DeadlineExceeded,
    NotAuthenticated,
    NotAuthorized,
    ServiceError,
)
from service.core.events import Event, EventType

log = structlog.get_logger(__name__)

_LOOK_SECONDS = 2.0
_MOST_LOOKS_PER_SECOND = 10
_ENDED_AT_ONCE = 1000
_EVENTS: Mapping[FinishedStatus, EventType] = {
    "completed": "batch.completed",
    "failed": "batch.failed",
    "expired": "batch.failed",
    "cancelled": "batch.cancelled",
}


class _Stop(Struct, frozen=True):
    """Why a batch ends before its items have, and what becomes of those."""

    status: FinishedStatus
    items: Literal["failed", "cancelled"]
    error: ServiceError
    reason: str | None = None


class BatchJob:
    """The `Job` of batches."""

    kind = "batch"

    def __init__(
        self,
        store: BatchStore,
        owners: Owners,
        runners: Mapping[Mode, Runner],
        *,
        clock: Clock,
    ) -> None:
        self._runners = runners
        self._store = store
        self._owners = owners
        self._clock = clock
        self._changed: dict[str, asyncio.Event] = {}

    async def unfinished(self) -> Sequence[str]:
        """The ids of all batches that have not finished. Raises `BatchStoreUnavailable`."""
        return await self._store.unfinished()

    async def run(self, job_id: str) -> None:
        """Run a batch to its end; nothing if it has had one."""
        batch = await patiently(lambda: self._store.find(job_id, tenant=None), clock=self._clock)
        if batch is None or batch.finished_at is not None:
            return
        changed = self._changed[job_id] = asyncio.Event()
        try:
            await self._run(batch, changed)
        finally:
            if self._changed.get(job_id) is changed:
                del self._changed[job_id]

    def notice(self, batch_id: str) -> None:
        """The batch has been changed: if it runs here, that is felt at once, elsewhere at the next look."""
        if changed := self._changed.get(batch_id):
            changed.set()

    async def _run(self, batch: StoredBatch, changed: asyncio.Event) -> None:
        runner = self._runners[batch.mode]
        found = await patiently(lambda: self._look(batch.id), clock=self._clock)
        if isinstance(found, Owner):
            found = await self._until_stopped(batch, runner, found, changed)
        if found is None:
            await self._finish(batch, "completed", reason=None)
            return
        await runner.stop(batch)
        await self._end_what_is_left(batch, found)
        await self._finish(batch, found.status, reason=found.reason)

    async def _until_stopped(
        self, batch: StoredBatch, runner: Runner, owner: Owner, changed: asyncio.Event
    ) -> _Stop | None:
        """None once all items have ended, or why they will not."""
        running, watching = await _first_of(
            runner.run(batch, owner), self._watch(batch.id, owner, changed)
        )
        return None if _is_done(running) else watching.result()

    async def _watch(self, batch_id: str, owner: Owner, changed: asyncio.Event) -> _Stop | None:
        """Returns when the batch is to stop; until then, keeps its owner up to date."""
        while True:
            # Hundreds that run, or wait for money, must not keep the database busy with looks.
            seconds = max(_LOOK_SECONDS, len(self._changed) / _MOST_LOOKS_PER_SECOND)
            await _first_of(self._clock.sleep(seconds), changed.wait())
            changed.clear()
            with suppress(BatchStoreUnavailable):
                found = await self._look(batch_id)
                if not isinstance(found, Owner):
                    return found
                owner.principal = found.principal

    async def _look(self, batch_id: str) -> Owner | _Stop | None:
        """Whose the batch is, or why it is to stop; None if it has been finished by somebody else.

        Raises `BatchStoreUnavailable`.
        """
        batch = await self._store.find(batch_id, tenant=None)
        if batch is None or batch.finished_at is not None:
            return None
        if batch.cancel_requested_at is not None:
            return _Stop("cancelled", "cancelled", Conflict("The batch was cancelled before this"))
        if batch.expires_at <= self._clock.now():
            expired = DeadlineExceeded("The batch expired before this was answered")
            return _Stop("expired", "cancelled", expired)
        try:
            principal = await self._owners.find(
                tenant=batch.tenant, key_id=batch.key_id, token_id=batch.token_id
            )
            principal.require("batch")
        except (NotAuthenticated, NotAuthorized) as error:
            return _Stop("failed", "failed", error, f"{error.type}: {error.message}")
        except KeyStoreUnavailable as away:
            raise BatchStoreUnavailable("the batch's owner cannot be looked up now") from away
        return Owner(principal)

    async def _end_what_is_left(self, batch: StoredBatch, stop: _Stop) -> None:
        result = error_json(stop.error, request_id=batch.request_id)

        async def end_some() -> int:
            return await self._store.end_all(batch.id, stop.items, result, limit=_ENDED_AT_ONCE)

        while await patiently(end_some, clock=self._clock) == _ENDED_AT_ONCE:
            await self._clock.sleep(BREATH_SECONDS)

    async def _finish(
        self, batch: StoredBatch, status: FinishedStatus, *, reason: str | None
    ) -> None:
        now = self._clock.now()

        def tell(finished: StoredBatch) -> Event:
            data = Batch.of(finished).model_dump(mode="json")
            return Event.of(finished.tenant, _EVENTS[status], data, now=now)

        finished = await patiently(
            lambda: self._store.finish(batch.id, status, reason=reason, now=now, tell=tell),
            clock=self._clock,
        )
        if finished is not None:
            log.info(
                "batch finished",
                batch=batch.id,
                tenant=batch.tenant,
                status=status,
                completed=finished.completed,
                failed=finished.failed,
                cancelled=finished.cancelled,
            )


async def _first_of(*works: Awaitable[Any]) -> list["asyncio.Task[Any]"]:
    """Run all until one returns, and cancel the others. Raises what one of them raises."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_awaited(work)) for work in works]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()
    return tasks


async def _awaited(work: Awaitable[Any]) -> Any:
    return await work


def _is_done(task: "asyncio.Task[Any]") -> bool:
    return not task.cancelled()
