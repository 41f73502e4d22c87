"""Webhooks that have come, and what they say of requests.

Each is one transaction that begins with its insert: on SQLite it so waits for its turn to write, where one
that read first would be refused; on PostgreSQL an event's equal waits there until the first is committed.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec
from msgspec.structs import asdict
from sqlalchemy import ColumnElement, cast, delete, func, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.dml import ReturningUpdate

from service.adapters.storage.engine import outages
from service.adapters.storage.outbox import add_events
from service.adapters.storage.tables import inbound_events, requests
from service.core.events import Event
from service.webhooks.inbound_ports import (
    Arrival,
    Effect,
    InboundEventsUnavailable,
    RequestReport,
)

_CONTENT = "content"


class SqlInboundEvents:
    """The InboundEvents port."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._outages = outages(engine)
        self._is_sqlite = engine.dialect.name == "sqlite"
        dialect = sqlite if self._is_sqlite else postgresql
        self._note = dialect.insert(inbound_events).on_conflict_do_nothing()

    async def take(self, arrival: Arrival, about: RequestReport | None = None) -> Effect:
        """Note the event and, in the same transaction, what it says of a request."""
        async with self._transaction() as connection:
            noted = await connection.execute(self._note, asdict(arrival))
            if noted.rowcount == 0:
                return "repeated"
            if about is None:
                return "taken"
            tenant = await connection.scalar(_report(about))
            if tenant is None:
                return "none"
            await add_events(connection, [_event(tenant, about, now=arrival.received_at)])
            return "taken"

    async def forget(self, *, received_before: datetime) -> None:
        """Delete the events that are as old as that."""
        async with self._transaction() as connection:
            await connection.execute(
                delete(inbound_events).where(inbound_events.c.received_at < received_before)
            )

    async def forget_content(self, *, reported_before: datetime) -> None:
        """Delete the content of reports that are as old as that; the reports stay."""
        report = requests.c.provider_report
        async with self._transaction() as connection:
            await connection.execute(
                update(requests)
                .where(
                    requests.c.provider_report_at < reported_before,
                    report[_CONTENT].as_string().is_not(None),
                )
                .values(provider_report=self._without_content())
            )

    def _without_content(self) -> ColumnElement[object]:
        report = requests.c.provider_report
        if self._is_sqlite:
            return func.json_remove(report, f"$.{_CONTENT}")
        return report.op("-")(cast(_CONTENT, postgresql.TEXT))

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncConnection]:
        try:
            async with self._engine.begin() as connection:
                yield connection
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
