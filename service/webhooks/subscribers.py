"""Which tenants wait for which events, kept in memory for the hot path."""

import asyncio

from service.core.events import EventType
from service.webhooks.ports import WebhookStore, event_types


class Subscribers:
    """The Audience, as a store had it when it was last asked; and whoever delivers waits here for news.

    Until it has answered once, everybody counts as waiting: an event too many is delivered to nobody.
    """

    def __init__(self) -> None:
        self._wanted: frozenset[tuple[str, EventType]] | None = None
        self._news = asyncio.Event()

    def awaits(self, tenant: str, type_: EventType) -> bool:
        """Whether anybody in the tenant wants events of this type."""
        return self._wanted is None or (tenant, type_) in self._wanted

    def told(self) -> None:
        """There is something to deliver."""
        self._news.set()

    async def refresh_from(self, store: WebhookStore) -> None:
        """Ask the store. Raises `WebhookStoreUnavailable`."""
        self._wanted = frozenset(
            (tenant, type_)
            for tenant, patterns in await store.subscriptions()
            for type_ in event_types(patterns)
        )

    async def wait_for_news(self, timeout_seconds: float) -> None:
        """Return when something has been told since the last time, or after so long."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()
