"""What waits for a commit, with the callers who wait for it."""

from asyncio import Future
from decimal import Decimal
from typing import Literal, TypeVar

from msgspec import Struct, field

from service.usage.ports import Intent, Reservation, Settlement

T = TypeVar("T")


class Opening(Struct, eq=False, kw_only=True):
    """An intent. `abandoned`: its caller has left, so that nobody will settle the row.

    `again`: the row may be there from an earlier run.
    """

    intent: Intent
    reservation: Reservation | None = None
    again: bool = False
    committed: Future[Decimal | None]
    stage: Literal["queued", "writing", "committed", "failed"] = "queued"
    abandoned: bool = False


class Settling(Struct, eq=False, kw_only=True):
    """A settlement. `holds`: its row may hold something in a budget."""

    settlement: Settlement
    committed: Future[None]
    holds: bool = False


class Load(Struct, eq=False, kw_only=True):
    """What goes into one commit. `recorded` rows are written, if they are not there, to be settled."""

    openings: list[Opening] = field(default_factory=list)
    recorded: list[Intent] = field(default_factory=list)
    settlings: list[Settling] = field(default_factory=list)
    pings: list[Future[None]] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """How many rows it writes."""
        return len(self.openings) + len(self.recorded) + len(self.settlings)

    @property
    def size(self) -> int:
        """How many reasons there are to commit."""
        return self.rows + len(self.pings)

    def one_by_one(self) -> "list[Load]":
        """The same as loads of one row each, in order."""
        return [
            *(Load(openings=[opening]) for opening in self.openings),
            *(Load(recorded=[intent]) for intent in self.recorded),
            *(Load(settlings=[settling]) for settling in self.settlings),
            *(Load(pings=[ping]) for ping in self.pings),
        ]


def finish(future: Future[T], result: T) -> None:
    """Tell a caller, if it still waits."""
    if not future.done():
        future.set_result(result)


def fail(future: Future[T], error: Exception) -> None:
    """Tell a caller, if it still waits; one who never asks leaves no warning behind."""
    if not future.done():
        future.set_exception(error)
        future.exception()
