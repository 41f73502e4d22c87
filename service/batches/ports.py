"""What durable batches need from outside: a place where they are kept, and runners that work on them."""

from collections.abc import AsyncIterable, Callable, Collection, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, Protocol

from msgspec import Struct

from service.access.principal import Principal
from service.core.events import Event
from service.core.messages import Usage

Mode = Literal["service", "provider"]
UnfinishedStatus = Literal["queued", "running", "paused"]
FinishedStatus = Literal["completed", "failed", "cancelled", "expired"]
BatchStatus = Literal["queued", "running", "paused", "completed", "failed", "cancelled", "expired"]
EndState = Literal["completed", "failed", "cancelled"]

MAX_ITEMS = 50_000
MAX_PENDING_CHARACTERS = 4 * 1024 * 1024
"""Of the items that are read at once, unless one alone has more: every batch that runs has some in memory."""
BREATH_SECONDS = 0.01
"""Between writes in bulk: SQLite's lock knows no queue, and the ledger must get it in between."""


class BatchStoreUnavailable(Exception):
    """The batches cannot be asked for, or changed, now."""


class StoredBatch(Struct, frozen=True, kw_only=True):
    """A batch as it is kept; its items stand beside it.

    `request_id` is the X-Request-ID that it came with. `reason` says why it is paused or has failed.
    `completed`, `failed` and `cancelled` count the items that have ended so, of `total`; tokens and
    `cost_usd` are the sums of what those used. `provider_batches` is for a runner's own notes, as JSON has
    them.
    """

    id: str
    tenant: str
    key_id: str
    token_id: str | None
    request_id: str
    mode: Mode
    max_concurrency: int
    requests_per_second: float | None
    status: BatchStatus = "queued"
    reason: str | None = None
    total: int
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    expires_at: datetime
    provider_batches: Any = None


class NewItem(Struct, frozen=True):
    """One request of a batch: `body` is the JSON text of a generate or chat body, `custom_id` included."""

    custom_id: str | None
    body: str


class PendingItem(Struct, frozen=True, kw_only=True):
    """A request that has not ended. `attempts`: how often a run of it has failed, and may be made up for."""

    index: int
    custom_id: str | None
    body: str
    attempts: int


class ItemEnd(Struct, frozen=True, kw_only=True):
    """How a request ended, with what it used.

    `result` is JSON text: a response's if it is `completed`, else that of an error's inner object.
    """

    index: int
    state: EndState
    result: str
    usage: Usage = Usage()
    cost_usd: Decimal = Decimal(0)


class ItemResult(Struct, frozen=True, kw_only=True):
    """A request that has ended; `result` is as `ItemEnd` has it."""

    index: int
    custom_id: str | None
    state: EndState
    result: str


class BatchStore(Protocol):
    """Where batches and their items are kept. Every method raises `BatchStoreUnavailable` if that is away.

    What has ended stays as it is: an item ends once, and so does a batch.
    """

    async def create(self, batch: StoredBatch, items: AsyncIterable[Sequence[NewItem]]) -> None:
        """Keep a new batch with its items, of which there are `total`, in their order.

        They are written portion by portion; the batch is there once all of them are.
        """
        ...

    async def find(self, batch_id: str, *, tenant: str | None) -> StoredBatch | None:
        """The batch with this id; of this tenant only, unless that is None."""
        ...

    async def list_batches(
        self, *, tenant: str, token_id: str | None, limit: int, before: str | None = None
    ) -> list[StoredBatch]:
        """Up to `limit` of a tenant's batches, or only of those that this browser token has made; the newest
        first, those behind the id `before`."""
        ...

    async def unfinished(self) -> list[str]:
        """The ids of all batches that have not finished, of every tenant, oldest first."""
        ...

    async def set_status(
        self,
        batch_id: str,
        status: Literal["running", "paused"],
        *,
        reason: str | None,
        now: datetime,
    ) -> None:
        """Say that the batch is being worked on, since `now` if not before, or why that is held up."""
        ...

    async def request_cancel(self, batch_id: str, *, tenant: str, now: datetime) -> bool:
        """Note that the batch is to be cancelled; False if there is none, or it has finished."""
        ...

    async def pending(self, batch_id: str, *, after: int, limit: int) -> list[PendingItem]:
        """Up to `limit` items that have not ended, in their order, with an index above `after`.

        Fewer, but not none, where they have more than `MAX_PENDING_CHARACTERS` together.
        """
        ...

    async def pending_at(self, batch_id: str, indexes: Collection[int]) -> list[PendingItem]:
        """Those of some hundred items at most that have not ended, in their order."""
        ...

    async def count_attempts(self, batch_id: str, index: int, attempts: int) -> None:
        """Note how many runs of an item that has not ended have failed."""
        ...

    async def end_items(self, batch_id: str, ends: Sequence[ItemEnd]) -> int:
        """End those of the items that have not ended; returns how many.

        The batch's counts and sums change with them, in one transaction.
        """
        ...

    async def end_all(
        self, batch_id: str, state: Literal["failed", "cancelled"], result: str, *, limit: int
    ) -> int:
        """End up to `limit` of the items that have not ended, all alike; returns how many."""
        ...

    async def finish(
        self,
        batch_id: str,
        status: FinishedStatus,
        *,
        reason: str | None,
        now: datetime,
        tell: Callable[[StoredBatch], Event],
    ) -> StoredBatch | None:
        """Finish the batch, and write the event that `tell` makes of it in the same transaction.

        The batch as it now is; None if it had finished already, or is not there.
        """
        ...

    async def note_provider_batches(self, batch_id: str, notes: Any) -> None:
        """Keep a runner's notes in place of those before. Committed when this returns."""
        ...

    async def results(self, batch_id: str, *, after: int, limit: int) -> list[ItemResult]:
        """Up to `limit` items that have ended, in their order, with an index above `after`."""
        ...

    async def begun_often(self, record_ids: Collection[str], *, runs: int) -> set[str]:
        """Those of these ledger rows that were begun `runs` times or more, and never completed."""
        ...

    async def purge(self, *, finished_before: datetime, abandoned_before: datetime) -> int:
        """Delete some of what finished before; returns how many rows, 0 once there is no more.

        What a creation that broke off before has left is deleted as well.
        """
        ...


class Owner(Struct):
    """Whose key a batch runs under, as it was a few seconds ago at most."""

    principal: Principal


class Runner(Protocol):
    """Works on the batches of one mode."""

    async def run(self, batch: StoredBatch, owner: Owner) -> None:
        """Work on what is pending until every item has ended; each end goes to the store.

        It is cancelled when the batch is to end before that, and when the process stops; then it is run
        again, and must go on where it was. What `owner` may use up can change meanwhile.
        """
        ...

    async def stop(self, batch: StoredBatch) -> None:
        """The batch ends before its items have: give up what is under way elsewhere.

        `run` has been cancelled before. The items that have not ended afterwards are ended by the caller.
        """
        ...
