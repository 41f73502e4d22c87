"""The ledger's port: a row for every request, durable before a provider is called."""

from asyncio import Future
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

from msgspec import Struct

from service.core.messages import UsageSource

RequestKind = Literal["generate", "chat", "embeddings"]
Outcome = Literal["completed", "failed", "cancelled", "unknown"]


class LedgerUnavailable(Exception):
    """The ledger cannot take a row now; nothing billable may be started."""


class Intent(Struct, frozen=True, kw_only=True):
    """A request that is about to cost money.

    `id` is the answer's id ("req_…"); `request_id` is the X-Request-ID it came with, for correlation
    only. `estimated_cost_usd` is charged if nobody lives to settle the row.
    """

    id: str
    tenant: str
    key_id: str
    request_id: str
    kind: RequestKind
    model: str
    stream: bool
    metadata: dict[str, str]
    created_at: datetime
    estimated_input_tokens: int
    estimated_cost_usd: Decimal | None


class BudgetAccount(Struct, frozen=True, kw_only=True):
    """One period of one budget.

    `owner` is the id of a key or a browser token, or `tenant:ID`. `period` names the period
    ("2026-11-23", "2026-11", "total"), `starts_at` is its first moment, None for `total`.
    """

    owner: str
    period: str
    starts_at: datetime | None
    limit_usd: Decimal


class Reservation(Struct, frozen=True, kw_only=True):
    """What a request may cost at worst, to be held in all `accounts` until it is settled.

    Of `amounts_usd`, greatest first, the first is held that every account can bear.
    """

    accounts: tuple[BudgetAccount, ...]
    amounts_usd: tuple[Decimal, ...]


class BudgetExhausted(Exception):
    """An account cannot bear the least of the amounts. Nothing is held, and there is no row."""

    def __init__(self, account: BudgetAccount, *, spent_usd: Decimal) -> None:
        super().__init__(f"the budget of {account.owner} has too little left")
        self.account = account
        self.spent_usd = spent_usd


class ThresholdReached(Struct, frozen=True, kw_only=True):
    """A budget is used up to `percent`: 80, or 100, which is also when it refuses its first request
    after that."""

    tenant: str
    owner: str
    period: str
    percent: int
    limit_usd: Decimal
    spent_usd: Decimal


class UsageEvents(Protocol):
    """Who wants to know what happens to budgets. Told once per period, limit and threshold."""

    def threshold_reached(self, event: ThresholdReached) -> None:
        """Called after the commit that it is part of; must neither block nor raise."""
        ...


class Settlement(Struct, frozen=True, kw_only=True):
    """How a request ended. `cost_usd` is None only where no price is known.

    `provider` and `provider_model` are None where no provider was reached. Timings are milliseconds
    from the intent.
    """

    id: str
    outcome: Outcome
    error_type: str | None = None
    provider: str | None = None
    provider_model: str | None = None
    finish_reason: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    usage_source: UsageSource = "provider"
    cost_usd: Decimal | None = None
    cache_hit: bool = False
    attempts: int = 0
    first_token_ms: float | None = None
    duration_ms: float
    completed_at: datetime


class UsageRecord(Struct, frozen=True, kw_only=True):
    """A row as it stands: its intent and, once settled, how it ended (`outcome` None: in flight).

    `runs`: how often it was opened; more than once if whoever had it in hand died.
    """

    intent: Intent
    settlement: Settlement | None
    runs: int = 1


class Ledger(Protocol):
    """Where requests are written down. Commits are grouped: many rows, one commit.

    A row belongs to the instance that opened it until its lease runs out. The instance renews the
    leases of its open rows; a row whose lease has expired is an orphan, which any instance may settle
    as `unknown` at its estimate.
    """

    async def open(
        self, intent: Intent, reservation: Reservation | None = None, *, again: bool = False
    ) -> Decimal | None:
        """Return once the row is committed, with the amount that is held for it.

        The row and what is held are one commit. Settling the row, by whomever, gives back what is held
        and charges the cost to the same accounts.

        `again`: an earlier run may have left the row behind. It is taken over then, with what it holds or
        has been charged given back first: one row, one bill. A row that has been settled as `completed`
        is paid for; it stays as it is, and nothing is held or charged for running it once more.

        Raises `BudgetExhausted` if an account cannot bear it.

        Raises `LedgerUnavailable` if it could not be. The row then costs nothing, nor does it if the
        caller is cancelled meanwhile: it is missing, or soon settled as `cancelled` at no cost.
        """
        ...

    def settle(self, settlement: Settlement) -> Future[None]:
        """Queue the settlement at once; the future is done when it is committed.

        It is written exactly once: a row that is already settled is left as it is, unless it was
        settled as `unknown` by a sweep, which a real settlement replaces. While the database is away
        the settlement waits in memory and is tried again until it is written or the process ends.
        """
        ...

    def record(
        self, intent: Intent, settlement: Settlement, *, again: bool = False
    ) -> Future[None]:
        """Queue a row that is settled from the start: what it tells of has cost nothing.

        The future is as that of `settle`. `again`: an earlier run may have left the row behind.
        """
        ...

    async def sweep_orphans(self) -> int:
        """Settle the rows whose lease has expired; returns how many."""
        ...

    async def find(self, record_id: str, *, tenant: str) -> UsageRecord | None:
        """One tenant's row, if there is one."""
        ...

    async def ping(self) -> None:
        """Raises `LedgerUnavailable` unless the database answers."""
        ...

    async def start(self) -> None:
        """Start the writer and the lease keeper."""
        ...

    async def aclose(self) -> None:
        """Write what is queued, then stop."""
        ...
