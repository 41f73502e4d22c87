"""What the commit queue asks of a database: to write a batch of rows in one commit."""

from datetime import datetime
from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from service.usage.ports import (
    BudgetExhausted,
    Intent,
    Reservation,
    Settlement,
    ThresholdReached,
)


class RowsRefused(Exception):
    """The database is well but will not have these rows. None of them was written."""


class WriterUnavailable(Exception):
    """The batch could not be written, or not surely: its rows may be there, or arrive yet."""


class Batch(Struct, frozen=True, kw_only=True):
    """Rows for one commit.

    `settled` rows give back what they hold (only those in `holding` can hold anything), then `opened`
    rows are made, each with the reservation of its id, if there is one. Those of `opened_again` may be
    there from an earlier run: they give back what they hold or were charged and are taken over, unless
    they are `completed`. `reopened` rows may be there already and are then left alone; they are made
    before any is settled, and hold nothing. No two settlements are for the same row, and none is for one
    that is opened again. All rows get the same lease.
    """

    opened: list[Intent]
    reservations: dict[str, Reservation]
    opened_again: frozenset[str]
    reopened: list[Intent]
    settled: list[Settlement]
    holding: list[str]
    instance_id: str
    lease_expires_at: datetime

    @property
    def concerns_budgets(self) -> bool:
        """Whether any account has to be looked at."""
        return bool(self.reservations or self.holding or self.opened_again)

    @property
    def may_hold(self) -> list[str]:
        """The ids of the rows that may hold or have been charged something."""
        return [*self.holding, *self.opened_again]


class Written(Struct, frozen=True, kw_only=True):
    """What came of a batch: what is held, by row, which rows are not made, and what is to be told."""

    held_usd: dict[str, Decimal] = {}
    refused: dict[str, BudgetExhausted] = {}
    thresholds: list[ThresholdReached] = []


class BatchWriter(Protocol):
    """The hot path's own connection to the database. Used by one task at a time."""

    commits: int

    async def write(self, batch: Batch) -> Written:
        """Return once the whole batch is committed; an empty one only proves that it could be.

        A settlement changes an open row, or one that a sweep has settled as `unknown` unless it says
        `unknown` itself; any other row it leaves as it is. Connects, and connects again, by itself.
        Raises `RowsRefused` or `WriterUnavailable`.
        """
        ...

    async def aclose(self) -> None:
        """Let go of the connection."""
        ...
