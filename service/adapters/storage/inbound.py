"""Webhooks that have come, and what they say of requests.

An event's transaction begins with its insert: on PostgreSQL its equal waits there until that is committed.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

import msgspec
from msgspec.structs import asdict
from sqlalchemy import ColumnElement, Connection, cast, delete, func, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.sql.dml import ReturningUpdate

from service.adapters.storage.engine import outages
from service.adapters.storage.outbox import insert_events
from service.adapters.storage.tables import inbound_events, requests
from service.adapters.storage.transactions import Transactions
from service.core.events import Event
from service.webhooks.inbound_ports import (
    Arrival,
    Effect,
    InboundEventsUnavailable,
    RequestReport,
)

T = TypeVar("T")

_CONTENT = "content"


class SqlInboundEvents:
    """The InboundEvents port."""

    def __init__(self, engine: AsyncEngine, transactions: Transactions) -> None:
        self._transactions = transactions
        self._outages = outages(engine)
        self._is_sqlite = engine.dialect.name == "sqlite"
        dialect = sqlite if self._is_sqlite else postgresql
        self._note = dialect.insert(inbound_events).on_conflict_do_nothing()

    async def take(self, arrival: Arrival, about: RequestReport | None = None) -> Effect:
        """Note the event and, in the same transaction, what it says of a request."""

        def work(connection: Connection) -> Effect:
            if connection.execute(self._note, asdict(arrival)).rowcount == 0:
                return "repeated"
            if about is None:
                return "taken"
            tenant = connection.scalar(_report(about))
            if tenant is None:
                return "none"
            insert_events(connection, [_event(tenant, about, now=arrival.received_at)])
            return "taken"

        return await self._transact(work)

    async def forget(self, *, received_before: datetime) -> None:
        """Delete the events that are as old as that."""
        old = delete(inbound_events).where(inbound_events.c.received_at < received_before)
        await self._transact(lambda connection: connection.execute(old))

    async def forget_content(self, *, reported_before: datetime) -> None:
        """Delete the content of reports that are as old as that; the reports stay."""
        report = requests.c.provider_report
        old = (
            update(requests)
            .where(
                requests.c.provider_report_at < reported_before,
                report[_CONTENT].as_string().is_not(None),
            )
            .values(provider_report=self._without_content())
        )
        await self._transact(lambda connection: connection.execute(old))

    def _without_content(self) -> ColumnElement[object]:
        report = requests.c.provider_report
        if self._is_sqlite:
            return func.json_remove(report, f"$.{_CONTENT}")
        return report.op("-")(cast(_CONTENT, postgresql.TEXT))

    async def _transact(self, work: Callable[[Connection], T]) -> T:
        try:
            return await self._transactions.run(work)
        except self._outages as error:
            raise InboundEventsUnavailable("events cannot be written now") from error


def _report(about: RequestReport) -> ReturningUpdate[tuple[str]]:
    """Sets the report and returns the request's tenant, unless a later one is there."""
    at = requests.c.provider_report_at
    return (
        update(requests)
        .where(
            requests.c.id == about.request_id,
            requests.c.created_at > about.made_after,
            # Of two at the same moment the one that came later: senders count in seconds.
            or_(at.is_(None), at <= about.report.reported_at),
        )
        .values(
            provider_report=msgspec.to_builtins(about.report),
            provider_report_at=about.report.reported_at,
        )
        .returning(requests.c.tenant)
    )


def _event(tenant: str, about: RequestReport, *, now: datetime) -> Event:
    """For the tenant's own ears; even so without content."""
    report = msgspec.to_builtins(about.report)
    report.pop(_CONTENT)
    data = {"request_id": about.request_id, "provider_report": report}
    return Event.of(tenant, about.report.type, data, now=now)
