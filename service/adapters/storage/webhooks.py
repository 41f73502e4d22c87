"""Webhook endpoints and deliveries in tables; the endpoints' secrets are sealed.

A lease is a `next_attempt_at` in the future: a sender that dies needs nobody to find out. Statements that
begin a transaction write, so that none is upgraded from reading, which SQLite refuses.
"""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from msgspec.structs import asdict
from sqlalchemy import (
    ColumnElement,
    Executable,
    RowMapping,
    Update,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from service.adapters.storage.engine import one_statement_at_a_time, outages, transaction
from service.adapters.storage.sealing import Seal
from service.adapters.storage.tables import events, webhook_deliveries, webhook_endpoints
from service.core.ids import new_id
from service.webhooks.ports import (
    TEST_EVENT,
    Attempted,
    Delivery,
    DeliveryStatus,
    DisabledReason,
    EventPattern,
    Sending,
    WebhookEndpoint,
    WebhookStoreUnavailable,
    event_types,
    payload,
)

_endpoint = webhook_endpoints.c
_delivery = webhook_deliveries.c
_IS_ENABLED = _endpoint.disabled_at.is_(None)
_SENT_AGAIN: dict[ColumnElement[Any] | str, Any] = {
    "status": "pending",
    "attempts": 0,
    "retries_until": None,
    "response_status": None,
    "error": None,
    "delivered_at": None,
}


class SqlWebhookStore:
    """The WebhookStore port."""

    def __init__(self, engine: AsyncEngine, *, secret: bytes) -> None:
        self._engine = engine
        self._single = one_statement_at_a_time(engine)
        self._outages = outages(engine)
        self._seal = Seal.of_secret(secret, purpose="webhooks")

    async def add_endpoint(self, endpoint: WebhookEndpoint, *, most: int) -> bool:
        """Keep it; False if the tenant has `most` already."""
        count = select(func.count()).where(_endpoint.tenant == endpoint.tenant)
        values = asdict(endpoint) | {
            "secret": self._sealed(endpoint.id, endpoint.secret),
            "previous_secret": self._sealed(endpoint.id, endpoint.previous_secret),
        }
        async with self._transaction() as connection:
            if self._engine.dialect.name == "postgresql":  # SQLite's lets in one at a time anyway
                lock = func.hashtextextended(endpoint.tenant, 0)
                await connection.execute(select(func.pg_advisory_xact_lock(lock)))
            if (await connection.scalar(count) or 0) >= most:
                return False
            await connection.execute(insert(webhook_endpoints).values(values))
        return True

    async def find_endpoint(self, endpoint_id: str, *, tenant: str) -> WebhookEndpoint | None:
        """One tenant's endpoint, if there is one."""
        return self._first(
            await self._rows(select(webhook_endpoints).where(_is(endpoint_id, tenant)))
        )

    async def list_endpoints(
        self, *, tenant: str, limit: int, before: str | None = None
    ) -> list[WebhookEndpoint]:
        """Up to `limit` of a tenant's endpoints, the newest first."""
        query = select(webhook_endpoints).where(_endpoint.tenant == tenant)
        if before is not None:
            query = query.where(_endpoint.id < before)
        rows = await self._rows(query.order_by(_endpoint.id.desc()).limit(limit))
        return [self._opened(row) for row in rows]

    async def change_endpoint(
        self,
        endpoint_id: str,
        *,
        tenant: str,
        url: str | None = None,
        events: Sequence[EventPattern] | None = None,
    ) -> WebhookEndpoint | None:
        """The endpoint as it then is, None if there is none."""
        changes = {"url": url, "events": events}
        given = {name: value for name, value in changes.items() if value is not None}
        if not given:
            return await self.find_endpoint(endpoint_id, tenant=tenant)
        return await self._change(endpoint_id, tenant, **given)

    async def enable_endpoint(self, endpoint_id: str, *, tenant: str) -> None:
        """It gets events again, and its failures are forgotten."""
        statement = (
            update(webhook_endpoints)
            .where(_is(endpoint_id, tenant), ~_IS_ENABLED)
            .values(disabled_at=None, disabled_reason=None, failing_since=None)
        )
        await self._count(statement)

    async def disable_endpoint(
        self, endpoint_id: str, *, tenant: str, reason: DisabledReason, now: datetime
    ) -> None:
        """It gets no events, and what was pending has failed."""
        async with self._transaction() as connection:
            await _disable(connection, _is(endpoint_id, tenant), endpoint_id, reason, now)

    async def rotate_secret(
        self,
        endpoint_id: str,
        *,
        tenant: str,
        secret: str,
        previous_expires_at: datetime | None,
    ) -> WebhookEndpoint | None:
        """Give it another secret; the former one signs until `previous_expires_at`, if at all."""
        return await self._change(
            endpoint_id,
            tenant,
            secret=self._sealed(endpoint_id, secret),
            previous_secret=None if previous_expires_at is None else _endpoint.secret,
            previous_secret_expires_at=previous_expires_at,
        )

    async def delete_endpoint(self, endpoint_id: str, *, tenant: str) -> bool:
        """Delete it with its deliveries; False if there is none."""
        return await self._count(delete(webhook_endpoints).where(_is(endpoint_id, tenant))) == 1

    async def subscriptions(self) -> list[tuple[str, tuple[EventPattern, ...]]]:
        """The tenant and the patterns of every endpoint that gets events."""
        rows = await self._rows(select(_endpoint.tenant, _endpoint.events).where(_IS_ENABLED))
        return [(row["tenant"], tuple(row["events"])) for row in rows]

    async def add_delivery(self, delivery: Delivery) -> None:
        """Keep one that belongs to no event of the outbox."""
        await self._count(insert(webhook_deliveries).values(asdict(delivery)))

    async def list_deliveries(
        self,
        endpoint_id: str,
        *,
        tenant: str,
        status: DeliveryStatus | None,
        limit: int,
        before: str | None = None,
    ) -> list[Delivery]:
        """Up to `limit` deliveries to an endpoint, the newest first."""
        query = select(webhook_deliveries).where(
            _delivery.endpoint_id == endpoint_id, _delivery.tenant == tenant
        )
        if status is not None:
            query = query.where(_delivery.status == status)
        if before is not None:
            query = query.where(_delivery.id < before)
        rows = await self._rows(query.order_by(_delivery.id.desc()).limit(limit))
        return [Delivery(**row) for row in rows]

    async def find_delivery(self, delivery_id: str, *, tenant: str) -> Delivery | None:
        """One tenant's delivery, if there is one."""
        query = select(webhook_deliveries).where(
            _delivery.id == delivery_id, _delivery.tenant == tenant
        )
        rows = await self._rows(query)
        return Delivery(**rows[0]) if rows else None

    async def redeliver(self, delivery_id: str, *, tenant: str, now: datetime) -> Delivery | None:
        """Make it pending and due, with all its attempts before it; None if there is none."""
        statement = (
            update(webhook_deliveries)
            .where(_delivery.id == delivery_id, _delivery.tenant == tenant)
            .values(_SENT_AGAIN | {"next_attempt_at": now})
        )
        rows = await self._rows(statement.returning(*_delivery))
        return Delivery(**rows[0]) if rows else None

    async def redeliver_failed(self, endpoint_id: str, *, tenant: str, now: datetime) -> int:
        """`redeliver` for all that have failed; returns how many."""
        return await self._count(
            update(webhook_deliveries)
            .where(
                _delivery.endpoint_id == endpoint_id,
                _delivery.tenant == tenant,
                _delivery.status == "failed",
            )
            .values(_SENT_AGAIN | {"next_attempt_at": now})
        )

    async def dispatch(self, *, now: datetime, limit: int) -> int:
        """Turn up to `limit` waiting events into deliveries; returns how many events there were."""
        waiting = events.c.dispatched_at.is_(None)
        oldest = select(events.c.id, events.c.tenant).where(waiting).order_by(events.c.id)
        found = await self._rows(oldest.limit(limit))
        if not found:
            return 0
        endpoints = await self._rows(
            select(_endpoint.id, _endpoint.tenant, _endpoint.events).where(
                _endpoint.tenant.in_({row["tenant"] for row in found}), _IS_ENABLED
            )
        )
        still_waiting = (
            select(events.c.id)
            .where(events.c.id.in_([row["id"] for row in found]), waiting)
            .with_for_update(skip_locked=True)
        )
        dispatched = (
            update(events)
            .where(events.c.id.in_(still_waiting))
            .values(dispatched_at=now)
            .returning(*events.c)
        )
        async with self._transaction() as connection:
            happened = (await connection.execute(dispatched)).mappings().all()
            if deliveries := _deliveries(happened, endpoints, now):
                await connection.execute(insert(webhook_deliveries), deliveries)
        return len(happened)

    async def due_endpoints(
        self, *, now: datetime, except_endpoints: Collection[str], limit: int
    ) -> list[str]:
        """The ids of up to `limit` enabled endpoints to which something is due: failing ones last, else by
        chance."""
        due = (
            select(_endpoint.id)
            .where(_IS_ENABLED, _endpoint.id.not_in(except_endpoints))
            .where(exists().where(_delivery.endpoint_id == _endpoint.id, _is_due(now)))
            .order_by(_endpoint.failing_since.is_not(None), func.random())
            .limit(limit)
        )
        return [row["id"] for row in await self._rows(due)]

    async def lease(
        self, endpoint_id: str, *, now: datetime, until: datetime, limit: int
    ) -> list[Sending]:
        """Up to `limit` deliveries to an endpoint that are due; only one if it is failing."""
        enabled = select(webhook_endpoints).where(_endpoint.id == endpoint_id, _IS_ENABLED)
        endpoint = self._first(await self._rows(enabled))
        if endpoint is None:
            return []
        due = (
            select(_delivery.id)
            .where(_delivery.endpoint_id == endpoint_id, _is_due(now))
            .order_by(_delivery.next_attempt_at)
            .limit(limit if endpoint.failing_since is None else 1)
            .with_for_update(skip_locked=True)
        )
        leased = (
            update(webhook_deliveries)
            .where(_delivery.id.in_(due))
            .values(next_attempt_at=until, last_attempt_at=now, attempts=_delivery.attempts + 1)
            .returning(*_delivery)
        )
        rows = await self._rows(leased)
        return [Sending(delivery=Delivery(**row), endpoint=endpoint) for row in rows]

    async def record(self, attempted: Attempted) -> bool:
        """Keep how an attempt ended; returns whether the endpoint was disabled by it."""
        delivery, endpoint = attempted.sending.delivery, attempted.sending.endpoint
        kept = _leased(delivery).values(
            status=_status(attempted),
            next_attempt_at=attempted.retry_at,
            retries_until=attempted.retries_until,
            response_status=attempted.response_status,
            error=attempted.error,
            delivered_at=attempted.at if attempted.is_delivered else None,
        )
        is_disabled = False
        async with self._transaction() as connection:
            # The endpoint comes first, as it does for whoever disables it: nobody waits for each other.
            if delivery.event_type != TEST_EVENT:
                await connection.execute(_kept_in_mind(attempted))
            await connection.execute(kept)
            if attempted.disable is not None:
                is_it = _endpoint.id == endpoint.id
                if attempted.disable == "failing":
                    is_it = and_(is_it, _endpoint.failing_since == endpoint.failing_since)
                is_disabled = await _disable(
                    connection, is_it, endpoint.id, attempted.disable, attempted.at
                )
        return is_disabled

    async def release(self, delivery: Delivery) -> None:
        """Make one that was leased, and perhaps not sent, due as before."""
        await self._count(
            _leased(delivery).values(
                next_attempt_at=delivery.last_attempt_at, attempts=delivery.attempts - 1
            )
        )

    async def delete_old(self, *, before: datetime, limit: int) -> int:
        """Delete up to `limit` ended deliveries and as many dispatched events, all from before."""
        ended = and_(
            _delivery.created_at < before,
            _delivery.status != "pending",
            or_(_delivery.last_attempt_at.is_(None), _delivery.last_attempt_at < before),
        )
        over = and_(events.c.created_at < before, events.c.dispatched_at.is_not(None))
        deleted = 0
        for table, condition in ((webhook_deliveries, ended), (events, over)):
            old = select(table.c.id).where(condition).order_by(table.c.created_at).limit(limit)
            deleted += await self._count(delete(table).where(table.c.id.in_(old)))
        return deleted

    async def _change(self, endpoint_id: str, tenant: str, **values: Any) -> WebhookEndpoint | None:
        statement = update(webhook_endpoints).where(_is(endpoint_id, tenant)).values(values)
        return self._first(await self._rows(statement.returning(*_endpoint)))

    async def _rows(self, statement: Executable) -> Sequence[RowMapping]:
        async with self._connection() as connection:
            return (await connection.execute(statement)).mappings().all()

    async def _count(self, statement: Executable) -> int:
        async with self._connection() as connection:
            count: int = (await connection.execute(statement)).rowcount
            return count

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._single.connect() as connection:
                yield connection
        except self._outages as error:
            raise WebhookStoreUnavailable("webhooks cannot be asked for now") from error

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with transaction(self._engine) as connection:
                yield connection
        except self._outages as error:
            raise WebhookStoreUnavailable("webhooks cannot be written now") from error

    def _sealed(self, endpoint_id: str, secret: str | None) -> bytes | None:
        return None if secret is None else self._seal.encrypt(secret.encode(), context=endpoint_id)

    def _opened(self, row: RowMapping) -> WebhookEndpoint:
        return WebhookEndpoint(
            **dict(row)
            | {
                "events": tuple(row["events"]),
                "secret": self._unsealed(row["id"], row["secret"]),
                "previous_secret": self._unsealed(row["id"], row["previous_secret"]),
            }
        )

    def _unsealed(self, endpoint_id: str, sealed: bytes | None) -> str | None:
        from cryptography.exceptions import InvalidTag

        if sealed is None:
            return None
        try:
            return self._seal.decrypt(sealed, context=endpoint_id).decode()
        except InvalidTag:  # the service has another secret now: the endpoint needs a rotation
            return None

    def _first(self, rows: Sequence[RowMapping]) -> WebhookEndpoint | None:
        return self._opened(rows[0]) if rows else None


def _is(endpoint_id: str, tenant: str) -> ColumnElement[bool]:
    return and_(_endpoint.id == endpoint_id, _endpoint.tenant == tenant)


def _is_due(now: datetime) -> ColumnElement[bool]:
    return and_(_delivery.status == "pending", _delivery.next_attempt_at <= now)


def _leased(delivery: Delivery) -> Update:
    """The delivery, if it is still ours: another lease has counted another attempt."""
    return update(webhook_deliveries).where(
        _delivery.id == delivery.id,
        _delivery.status == "pending",
        _delivery.attempts == delivery.attempts,
    )


def _status(attempted: Attempted) -> DeliveryStatus:
    if attempted.is_delivered:
        return "delivered"
    return "failed" if attempted.retry_at is None else "pending"


def _kept_in_mind(attempted: Attempted) -> Update:
    """Whether the endpoint is failing, and since when."""
    is_it = _endpoint.id == attempted.sending.endpoint.id
    fails = _endpoint.failing_since
    if attempted.is_delivered:
        return update(webhook_endpoints).where(is_it, fails.is_not(None)).values(failing_since=None)
    return (
        update(webhook_endpoints).where(is_it, fails.is_(None)).values(failing_since=attempted.at)
    )


async def _disable(
    connection: AsyncConnection,
    is_it: ColumnElement[bool],
    endpoint_id: str,
    reason: DisabledReason,
    now: datetime,
) -> bool:
    """Whether it was enabled. What was pending stays in the list, as failed."""
    disabled = (
        update(webhook_endpoints)
        .where(is_it, _IS_ENABLED)
        .values(disabled_at=now, disabled_reason=reason)
    )
    if (await connection.execute(disabled)).rowcount == 0:
        return False
    pending = and_(_delivery.endpoint_id == endpoint_id, _delivery.status == "pending")
    await connection.execute(
        update(webhook_deliveries).where(pending).values(status="failed", next_attempt_at=None)
    )
    return True


def _deliveries(
    happened: Sequence[RowMapping], endpoints: Sequence[RowMapping], now: datetime
) -> list[dict[str, Any]]:
    wanted = [(row["id"], row["tenant"], event_types(row["events"])) for row in endpoints]
    return [
        asdict(
            Delivery(
                id=new_id("whd_"),
                tenant=event["tenant"],
                endpoint_id=endpoint_id,
                event_id=event["id"],
                event_type=event["type"],
                payload=payload(event["type"], event["data"], event["created_at"]),
                created_at=now,
                next_attempt_at=now,
            )
        )
        for event in happened
        for endpoint_id, tenant, types in wanted
        if tenant == event["tenant"] and event["type"] in types
    ]
