"""Durable batches, as their owners ask for them."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

from msgspec import Struct

from service.access.principal import Principal
from service.batches.durable.items import Check, Items
from service.batches.durable.job import BatchJob
from service.batches.ports import (
    BREATH_SECONDS,
    BatchStore,
    BatchStoreUnavailable,
    ItemResult,
    Mode,
    NewItem,
    StoredBatch,
)
from service.core.clock import Clock
from service.core.errors import NotFound, Unavailable
from service.core.ids import new_id
from service.core.jobs import Jobs

_RETRY_AFTER_SECONDS = 5.0
_READ_AT_ONCE = 200


class HowToRun(Struct, frozen=True, kw_only=True):
    """What a batch's owner says of the way it is run."""

    mode: Mode
    max_concurrency: int
    requests_per_second: float | None


class Batches:
    """Makes, shows and cancels durable batches. Every method raises `Unavailable` if the store is away.

    They are the tenant's. A browser token, whose holder may be any visitor, has only those that it made.
    """

    def __init__(
        self,
        store: BatchStore,
        job: BatchJob,
        jobs: Jobs,
        *,
        clock: Clock,
        expiry_seconds: float,
        checks: Mapping[Mode, Check] | None = None,
    ) -> None:
        """A batch that has not ended after `expiry_seconds` is ended. `checks` are what the items of a mode
        must pass beside those of all."""
        self._checks = checks or {}
        self._store = store
        self._job = job
        self._jobs = jobs
        self._clock = clock
        self._expiry = timedelta(seconds=expiry_seconds)

    def check_of(self, mode: Mode) -> Check | None:
        """What each item of a batch of this mode must pass, if there is something."""
        return self._checks.get(mode)

    async def create(
        self, caller: Principal, items: Items, how: HowToRun, *, request_id: str
    ) -> StoredBatch:
        """Keep a batch of items that were checked, and see that it is run."""
        now = self._clock.now()
        batch = StoredBatch(
            id=new_id("batch_"),
            tenant=caller.tenant,
            key_id=caller.key_id,
            token_id=caller.token_id,
            request_id=request_id,
            mode=how.mode,
            max_concurrency=how.max_concurrency,
            requests_per_second=how.requests_per_second,
            total=items.total,
            created_at=now,
            expires_at=now + self._expiry,
        )
        with _store_at_hand():
            await self._store.create(batch, self._unhurried(items.portions()))
        await self._jobs.submit(self._job.kind, batch.id)
        return batch

    async def _unhurried(
        self, portions: AsyncIterator[Sequence[NewItem]]
    ) -> AsyncIterator[Sequence[NewItem]]:
        async for portion in portions:
            yield portion
            await self._clock.sleep(BREATH_SECONDS)

    async def get(self, caller: Principal, batch_id: str) -> StoredBatch:
        """A batch of the caller's. Raises `NotFound`."""
        with _store_at_hand():
            batch = await self._store.find(batch_id, tenant=caller.tenant)
        if batch is None or caller.token_id not in (None, batch.token_id):
            raise NotFound("There is no such batch")
        return batch

    async def list_batches(
        self, caller: Principal, *, limit: int, before: str | None
    ) -> Sequence[StoredBatch]:
        """The caller's batches, the newest first, those behind the id `before`."""
        with _store_at_hand():
            return await self._store.list_batches(
                tenant=caller.tenant, token_id=caller.token_id, limit=limit, before=before
            )

    async def cancel(self, caller: Principal, batch_id: str) -> StoredBatch:
        """See that the batch ends soon; one that has ended stays as it is. Raises `NotFound`."""
        await self.get(caller, batch_id)
        with _store_at_hand():
            await self._store.request_cancel(batch_id, tenant=caller.tenant, now=self._clock.now())
        batch = await self.get(caller, batch_id)
        if batch.finished_at is None:
            self._job.notice(batch_id)
            await self._jobs.submit(self._job.kind, batch_id)
        return batch

    async def results(
        self, batch: StoredBatch, *, after: int, limit: int | None
    ) -> AsyncIterator[Sequence[ItemResult]]:
        """The items that have ended, in their order and some at a time: `limit` of them at most, those with
        an index above `after`."""
        left = batch.total if limit is None else limit
        while left > 0:
            with _store_at_hand():
                some = await self._store.results(
                    batch.id, after=after, limit=min(left, _READ_AT_ONCE)
                )
            if not some:
                return
            yield some
            after = some[-1].index
            left -= len(some)


@contextmanager
def _store_at_hand() -> Iterator[None]:
    try:
        yield
    except BatchStoreUnavailable as away:
        raise Unavailable(
            "Batches cannot be kept or looked up now", retry_after_seconds=_RETRY_AFTER_SECONDS
        ) from away
