"""What the commit queue asks of a database: to write a batch of rows in one commit."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct

from service.usage.ports import Intent, Settlement


class RowsRefused(Exception):
    """The database is well but will not have these rows. None of them was written."""


class WriterUnavailable(Exception):
    """The batch could not be written, or not surely: its rows may be there, or arrive yet."""


class Batch(Struct, frozen=True, kw_only=True):
    """Rows for one commit, in the order in which they are applied.

    `opened` rows are new. `reopened` ones may be there already and are then left alone. No two
    settlements are for the same row. All rows get the same lease.
    """

    opened: list[Intent]
    reopened: list[Intent]
    settled: list[Settlement]
    instance_id: str
    lease_expires_at: datetime


class BatchWriter(Protocol):
    """The hot path's own connection to the database. Used by one task at a time."""

    commits: int

    async def write(self, batch: Batch) -> None:
        """Return once the whole batch is committed; an empty one only proves that it could be.

        A settlement changes an open row, or one that a sweep has settled as `unknown` unless it says
        `unknown` itself; any other row it leaves as it is. Connects, and connects again, by itself.
        Raises `RowsRefused` or `WriterUnavailable`.
        """
        ...

    async def aclose(self) -> None:
        """Let go of the connection."""
        ...
