"""The outbox: events are written in the transaction that makes them true, and delivered afterwards."""

from collections.abc import Sequence

from msgspec.structs import asdict
from sqlalchemy import Connection, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from service.adapters.storage.tables import events
from service.core.events import Event


async def add_events(connection: AsyncConnection, happened: Sequence[Event]) -> None:
    """Insert them in the caller's transaction."""
    await connection.run_sync(insert_events, happened)


def insert_events(connection: Connection, happened: Sequence[Event]) -> None:
    """As `add_events`, for `Transactions`."""
    if happened:
        connection.execute(insert(events), [asdict(event) for event in happened])
