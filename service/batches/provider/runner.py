"""The runner of batches that providers run themselves, for a day and at a lower price."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from service.batches.ports import BatchStore, Owner, StoredBatch
from service.batches.provider.bills import Bills
from service.batches.provider.ports import ProviderBatches
from service.batches.provider.tools import ProviderTools, Waits
from service.batches.provider.work import ProviderWork
from service.core.clock import Clock
from service.core.messages import CompletionRequest
from service.inference.catalog import Catalog
from service.inference.metering import Metering
from service.usage.prices import BatchPrices


class ProviderRunner:
    """A `Runner`: it hands items over, waits, and fetches what became of them.

    Neither `max_concurrency` nor limits per minute apply: the provider decides when it does what, and no
    place of live traffic is taken. Budgets do: what they do not bear is not handed over.
    """

    def __init__(
        self,
        *,
        store: BatchStore,
        provider_batches: Mapping[str, ProviderBatches],
        catalog: Catalog,
        prices: BatchPrices,
        metering: Metering,
        clock: Clock,
        poll_seconds: float,
        poll_cap_seconds: float,
    ) -> None:
        """`metering` must know `prices`. A provider is asked after `poll_seconds`, then after ever longer
        waits, up to `poll_cap_seconds`."""
        self._tools = ProviderTools(
            store=store,
            provider_batches=provider_batches,
            catalog=catalog,
            prices=prices,
            bills=Bills(metering),
            clock=clock,
            waits=Waits(first_seconds=poll_seconds, cap_seconds=poll_cap_seconds),
        )
        self._works: set[ProviderWork] = set()

    def check(self, request: CompletionRequest) -> None:
        """Raises `InvalidRequest` for what no provider of the model takes in batches: it names `mode`."""
        self._tools.target(request)

    def notify(self, provider_batch_id: str) -> None:
        """A provider says that something has happened to a batch: ask at once, if it waits here."""
        for work in self._works:
            work.notify(provider_batch_id)

    async def run(self, batch: StoredBatch, owner: Owner) -> None:
        """Work until every item has ended; see `Runner`."""
        async with self._working(batch) as work:
            await work.run(owner)

    async def stop(self, batch: StoredBatch) -> None:
        """Have the provider give up what it has, and fetch what it has done by then: that is owed."""
        async with self._working(batch) as work:
            await work.stop()

    @asynccontextmanager
    async def _working(self, batch: StoredBatch) -> AsyncIterator[ProviderWork]:
        # As it is now: what is noted of it may have changed since the caller has read it.
        now = await self._tools.store.find(batch.id, tenant=None)
        work = ProviderWork(self._tools, now or batch)
        self._works.add(work)
        try:
            yield work
        finally:
            self._works.discard(work)
