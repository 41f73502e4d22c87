"""What webhooks need from outside: a place where endpoints and deliveries are kept."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec
from msgspec import Struct

from service.core.events import EVENT_TYPES, EventType

EventPattern = Literal[
    "generation.completed",
    "generation.failed",
    "generation.*",
    "batch.completed",
    "batch.failed",
    "batch.cancelled",
    "batch.*",
    "usage.threshold_reached",
]
"""There is no pattern for everything: whoever wants an event for each request says so."""
TEST_EVENT = "webhook_endpoint.test"
"""What a test delivery carries; nobody subscribes to it."""

DeliveryStatus = Literal["pending", "delivered", "failed"]
DisabledReason = Literal["requested", "gone", "failing"]
"""By its owner; it answered 410; nothing was delivered for three days."""


class WebhookStoreUnavailable(Exception):
    """Endpoints and deliveries cannot be asked for now."""


def event_types(patterns: Collection[str]) -> frozenset[EventType]:
    """The event types that a subscription to these patterns is for."""
    return frozenset(
        event
        for event in EVENT_TYPES
        if event in patterns or f"{event.partition('.')[0]}.*" in patterns
    )


def payload(event_type: str, data: dict[str, Any], happened_at: datetime) -> str:
    """The body that tells of an event, as Standard Webhooks has it."""
    message = {"type": event_type, "timestamp": happened_at, "data": data}
    return msgspec.json.encode(message).decode()


class WebhookEndpoint(Struct, frozen=True, kw_only=True):
    """Where a tenant wants to be told of events.

    `secret` signs what is sent; for the time after a rotation, so does the one before. The secrets are None
    where the service's own secret has changed since. `failing_since` is the first failure since anything was
    delivered.
    """

    id: str
    tenant: str
    url: str
    events: tuple[EventPattern, ...]
    secret: str | None
    previous_secret: str | None = None
    previous_secret_expires_at: datetime | None = None
    created_at: datetime
    failing_since: datetime | None = None
    disabled_at: datetime | None = None
    disabled_reason: DisabledReason | None = None

    def secrets_at(self, now: datetime) -> tuple[str, ...]:
        """Those that sign, the newest first."""
        expires_at = self.previous_secret_expires_at
        previous = self.previous_secret if expires_at is not None and expires_at > now else None
        return tuple(secret for secret in (self.secret, previous) if secret is not None)


class Delivery(Struct, frozen=True, kw_only=True):
    """One event for one endpoint. `payload` is the body, the same at every attempt.

    `attempts` counts those that have begun. A pending delivery is due at `next_attempt_at`; one that is
    being sent, when its sender must be taken for dead. `retries_until`: a failure after it is final; None
    before the first failure, which sets it. `error` says in a word why there was no status.
    """

    id: str
    tenant: str
    endpoint_id: str
    event_id: str
    event_type: str
    payload: str
    status: DeliveryStatus = "pending"
    attempts: int = 0
    created_at: datetime
    next_attempt_at: datetime | None
    retries_until: datetime | None = None
    last_attempt_at: datetime | None = None
    response_status: int | None = None
    error: str | None = None
    delivered_at: datetime | None = None


class Sending(Struct, frozen=True, kw_only=True):
    """A delivery that this process is to send, and where to."""

    delivery: Delivery
    endpoint: WebhookEndpoint


class Attempted(Struct, frozen=True, kw_only=True):
    """How an attempt ended.

    It is to be tried again at `retry_at`; None: delivered, or failed for good. `disable`: the endpoint is
    to get nothing any more; if it is for failing, unless something was delivered meanwhile.
    """

    sending: Sending
    is_delivered: bool
    at: datetime
    response_status: int | None = None
    error: str | None = None
    retry_at: datetime | None = None
    retries_until: datetime | None = None
    disable: DisabledReason | None = None


class WebhookStore(Protocol):
    """Endpoints, and deliveries from the outbox's events to their end.

    Every method raises `WebhookStoreUnavailable`.
    """

    async def add_endpoint(self, endpoint: WebhookEndpoint, *, most: int) -> bool:
        """Keep it; False if the tenant has `most` already. At the same moment there may come to be more."""
        ...

    async def find_endpoint(self, endpoint_id: str, *, tenant: str) -> WebhookEndpoint | None:
        """One tenant's endpoint, if there is one."""
        ...

    async def list_endpoints(
        self, *, tenant: str, limit: int, before: str | None = None
    ) -> list[WebhookEndpoint]:
        """Up to `limit` of a tenant's endpoints, the newest first, behind the one with the id `before`."""
        ...

    async def change_endpoint(
        self,
        endpoint_id: str,
        *,
        tenant: str,
        url: str | None = None,
        events: Sequence[EventPattern] | None = None,
    ) -> WebhookEndpoint | None:
        """The endpoint as it then is, None if there is none. What is None stays."""
        ...

    async def enable_endpoint(self, endpoint_id: str, *, tenant: str) -> None:
        """It gets events again, and its failures are forgotten; one that is enabled stays as it is."""
        ...

    async def disable_endpoint(
        self, endpoint_id: str, *, tenant: str, reason: DisabledReason, now: datetime
    ) -> None:
        """It gets no events, and what was pending has failed; one that is disabled stays as it is."""
        ...

    async def rotate_secret(
        self,
        endpoint_id: str,
        *,
        tenant: str,
        secret: str,
        previous_expires_at: datetime | None,
    ) -> WebhookEndpoint | None:
        """Give it another secret; the former one signs until `previous_expires_at`, if at all."""
        ...

    async def delete_endpoint(self, endpoint_id: str, *, tenant: str) -> bool:
        """Delete it with its deliveries; False if there is none."""
        ...

    async def subscriptions(self) -> list[tuple[str, tuple[EventPattern, ...]]]:
        """The tenant and the patterns of every endpoint that gets events."""
        ...

    async def add_delivery(self, delivery: Delivery) -> None:
        """Keep one that belongs to no event of the outbox."""
        ...

    async def list_deliveries(
        self,
        endpoint_id: str,
        *,
        tenant: str,
        status: DeliveryStatus | None,
        limit: int,
        before: str | None = None,
    ) -> list[Delivery]:
        """Up to `limit` deliveries to an endpoint, the newest first, behind the one with the id `before`."""
        ...

    async def find_delivery(self, delivery_id: str, *, tenant: str) -> Delivery | None:
        """One tenant's delivery, if there is one."""
        ...

    async def redeliver(self, delivery_id: str, *, tenant: str, now: datetime) -> Delivery | None:
        """Make it pending and due, with all its attempts before it; None if there is none."""
        ...

    async def redeliver_failed(self, endpoint_id: str, *, tenant: str, now: datetime) -> int:
        """`redeliver` for all that have failed; returns how many."""
        ...

    async def dispatch(self, *, now: datetime, limit: int) -> int:
        """Turn up to `limit` waiting events into deliveries to every enabled endpoint that wants them.

        Returns how many events there were; each is dispatched once, whoever else dispatches.
        """
        ...

    async def due_endpoints(
        self, *, now: datetime, except_endpoints: Collection[str], limit: int
    ) -> list[str]:
        """The ids of up to `limit` enabled endpoints to which something is due: failing ones last, else by
        chance."""
        ...

    async def lease(
        self, endpoint_id: str, *, now: datetime, until: datetime, limit: int
    ) -> list[Sending]:
        """Up to `limit` deliveries to an endpoint that are due longest; only one if it is failing.

        Nobody else gets them before `until`. None where the endpoint is not enabled.
        """
        ...

    async def record(self, attempted: Attempted) -> bool:
        """Keep how an attempt ended, unless the delivery has been leased anew, or is gone.

        Returns whether the endpoint was disabled by it. A test says nothing of how an endpoint does.
        """
        ...

    async def release(self, delivery: Delivery) -> None:
        """Make one that was leased, and perhaps not sent, due as before."""
        ...

    async def delete_old(self, *, before: datetime, limit: int) -> int:
        """Delete up to `limit` ended deliveries and as many dispatched events, all from before.

        Returns how many were deleted.
        """
        ...
