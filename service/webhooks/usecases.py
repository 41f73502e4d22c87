"""Webhook endpoints and deliveries, as their tenants see them."""

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import structlog

from service.access.principal import Principal
from service.core.clock import Clock
from service.core.errors import Conflict, InvalidRequest, NotFound
from service.core.ids import new_id
from service.core.outbound import Outbound, UrlRefused
from service.webhooks.ports import (
    TEST_EVENT,
    Delivery,
    DeliveryStatus,
    EventPattern,
    WebhookEndpoint,
    WebhookStore,
    payload,
)
from service.webhooks.signing import new_webhook_secret
from service.webhooks.subscribers import Subscribers

MAX_ENDPOINTS = 20
"""A tenant's: each is sent every event that it wants."""

_logger = structlog.get_logger(__name__)


class NewWebhookSecret(NamedTuple):
    """An endpoint and its secret, which can be shown only now."""

    endpoint: WebhookEndpoint
    secret: str


class Webhooks:
    """What a tenant can do with its endpoints. Every method raises `WebhookStoreUnavailable`.

    What is another tenant's is `NotFound`, as is what is not there.
    """

    def __init__(
        self, store: WebhookStore, subscribers: Subscribers, outbound: Outbound, *, clock: Clock
    ) -> None:
        self._store = store
        self._subscribers = subscribers
        self._outbound = outbound
        self._clock = clock

    async def create(
        self, caller: Principal, *, url: str, events: Sequence[EventPattern]
    ) -> NewWebhookSecret:
        """A fresh endpoint. Raises `InvalidRequest` for a URL that may not be asked, `Conflict` if there
        are too many."""
        secret = new_webhook_secret()
        endpoint = WebhookEndpoint(
            id=new_id("whe_"),
            tenant=caller.tenant,
            url=self._checked(url),
            events=_each_once(events),
            secret=secret,
            created_at=self._clock.now(),
        )
        if not await self._store.add_endpoint(endpoint, most=MAX_ENDPOINTS):
            raise Conflict(f"There are {MAX_ENDPOINTS} webhook endpoints already: delete one first")
        await self._changed("webhook_endpoint_created", endpoint, caller)
        return NewWebhookSecret(endpoint, secret)

    async def list_endpoints(
        self, caller: Principal, *, limit: int, before: str | None
    ) -> list[WebhookEndpoint]:
        """Up to `limit` endpoints, the newest first, behind the one with the id `before`."""
        return await self._store.list_endpoints(tenant=caller.tenant, limit=limit, before=before)

    async def get(self, caller: Principal, endpoint_id: str) -> WebhookEndpoint:
        """An endpoint."""
        return _found(await self._store.find_endpoint(endpoint_id, tenant=caller.tenant))

    async def change(
        self,
        caller: Principal,
        endpoint_id: str,
        *,
        url: str | None = None,
        events: Sequence[EventPattern] | None = None,
        enabled: bool | None = None,
    ) -> WebhookEndpoint:
        """The endpoint as it then is; what is None stays. Raises `InvalidRequest` as `create` does."""
        _found(
            await self._store.change_endpoint(
                endpoint_id,
                tenant=caller.tenant,
                url=None if url is None else self._checked(url),
                events=None if events is None else _each_once(events),
            )
        )
        if enabled is True:
            await self._store.enable_endpoint(endpoint_id, tenant=caller.tenant)
        if enabled is False:
            await self._store.disable_endpoint(
                endpoint_id, tenant=caller.tenant, reason="requested", now=self._clock.now()
            )
        endpoint = await self.get(caller, endpoint_id)
        await self._changed("webhook_endpoint_changed", endpoint, caller)
        return endpoint

    async def rotate_secret(
        self, caller: Principal, endpoint_id: str, *, overlap_seconds: int
    ) -> NewWebhookSecret:
        """Another secret; for `overlap_seconds`, both sign."""
        secret = new_webhook_secret()
        endpoint = _found(
            await self._store.rotate_secret(
                endpoint_id,
                tenant=caller.tenant,
                secret=secret,
                previous_expires_at=self._clock.now() + timedelta(seconds=overlap_seconds)
                if overlap_seconds
                else None,
            )
        )
        _log("webhook_secret_rotated", endpoint, caller)
        return NewWebhookSecret(endpoint, secret)

    async def delete(self, caller: Principal, endpoint_id: str) -> None:
        """End an endpoint, with the list of its deliveries."""
        endpoint = await self.get(caller, endpoint_id)
        await self._store.delete_endpoint(endpoint_id, tenant=caller.tenant)
        await self._changed("webhook_endpoint_deleted", endpoint, caller)

    async def test(self, caller: Principal, endpoint_id: str) -> Delivery:
        """A delivery with nothing in it, tried once. Raises `Conflict` if the endpoint is disabled."""
        endpoint = await self._enabled(caller, endpoint_id)
        now = self._clock.now()
        delivery = Delivery(
            id=new_id("whd_"),
            tenant=endpoint.tenant,
            endpoint_id=endpoint.id,
            event_id=new_id("evt_"),
            event_type=TEST_EVENT,
            payload=payload(TEST_EVENT, {"endpoint_id": endpoint.id}, now),
            created_at=now,
            next_attempt_at=now,
            retries_until=now,
        )
        await self._store.add_delivery(delivery)
        self._subscribers.told()
        return delivery

    async def list_deliveries(
        self,
        caller: Principal,
        endpoint_id: str,
        *,
        status: DeliveryStatus | None,
        limit: int,
        before: str | None,
    ) -> list[Delivery]:
        """Up to `limit` deliveries to an endpoint, the newest first, behind the one with the id `before`."""
        await self.get(caller, endpoint_id)
        return await self._store.list_deliveries(
            endpoint_id, tenant=caller.tenant, status=status, limit=limit, before=before
        )

    async def redeliver(self, caller: Principal, delivery_id: str) -> Delivery:
        """Send one again, however it ended. Raises `Conflict` if its endpoint is disabled."""
        delivery = await self._store.find_delivery(delivery_id, tenant=caller.tenant)
        if delivery is None:
            raise _no_delivery()
        await self._enabled(caller, delivery.endpoint_id)
        again = await self._store.redeliver(
            delivery_id, tenant=caller.tenant, now=self._clock.now()
        )
        if again is None:
            raise _no_delivery()
        self._subscribers.told()
        return again

    async def redeliver_failed(self, caller: Principal, endpoint_id: str) -> int:
        """Send all that have failed again; how many. Raises `Conflict` if the endpoint is disabled."""
        await self._enabled(caller, endpoint_id)
        count = await self._store.redeliver_failed(
            endpoint_id, tenant=caller.tenant, now=self._clock.now()
        )
        self._subscribers.told()
        return count

    async def _enabled(self, caller: Principal, endpoint_id: str) -> WebhookEndpoint:
        endpoint = await self.get(caller, endpoint_id)
        if endpoint.disabled_at is not None:
            raise Conflict("This webhook endpoint is disabled: enable it first")
        return endpoint

    def _checked(self, url: str) -> str:
        try:
            return self._outbound.check(url)
        except UrlRefused as refused:
            raise InvalidRequest(str(refused), field="url") from refused

    async def _changed(self, event: str, endpoint: WebhookEndpoint, caller: Principal) -> None:
        await self._subscribers.refresh_from(self._store)
        _log(event, endpoint, caller)


def _each_once(events: Sequence[EventPattern]) -> tuple[EventPattern, ...]:
    return tuple(dict.fromkeys(events))


def _found(endpoint: WebhookEndpoint | None) -> WebhookEndpoint:
    if endpoint is None:
        raise NotFound("There is no such webhook endpoint")
    return endpoint


def _no_delivery() -> NotFound:
    return NotFound("There is no such webhook delivery")


def _log(event: str, endpoint: WebhookEndpoint, caller: Principal) -> None:
    _logger.info(event, endpoint_id=endpoint.id, tenant=endpoint.tenant, by=caller.key_id)
