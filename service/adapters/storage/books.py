"""The arithmetic of budgets, for the time of one transaction that has locked their accounts.

A writer loads the accounts that a batch concerns, in the order of their keys, lets the books decide, and
writes back what has changed. Whoever shares an account waits for that transaction, so nothing is decided
on a number that is no longer true.
"""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from decimal import Decimal

from msgspec import Struct

from service.adapters.storage.batch import Batch, Written
from service.usage.ports import (
    BudgetAccount,
    BudgetExhausted,
    Intent,
    Outcome,
    Reservation,
    Settlement,
    ThresholdReached,
)

AccountKey = tuple[str, str]
"""Owner and period."""

HOLDS_NOTHING = (None, None)
_WARNING_PERCENT = 80
_FULL_PERCENT = 100


class Account(Struct, kw_only=True):
    """A row of `budget_accounts`. `threshold_percent` is the highest threshold that was told."""

    owner: str
    period: str
    tenant: str
    limit_usd: Decimal
    spent_usd: Decimal
    reserved_usd: Decimal
    threshold_percent: int = 0

    @property
    def key(self) -> AccountKey:
        """What tells it from others."""
        return self.owner, self.period

    @property
    def free_usd(self) -> Decimal:
        """What nobody has spent or holds."""
        return self.limit_usd - self.spent_usd - self.reserved_usd

    def has_reached(self, percent: int) -> bool:
        """Whether so much of the limit is spent."""
        return self.spent_usd * _FULL_PERCENT >= self.limit_usd * percent


class Held(Struct, frozen=True, kw_only=True):
    """A row of the ledger before it is settled: what it holds, and where."""

    id: str
    outcome: Outcome | None
    cost_usd: Decimal | None
    reserved_usd: Decimal
    accounts: tuple[AccountKey, ...]


class Books:
    """The accounts of one transaction."""

    def __init__(self, accounts: Iterable[Account]) -> None:
        self._accounts = {account.key: account for account in accounts}
        self._before = {key: copy(account) for key, account in self._accounts.items()}
        self.thresholds: list[ThresholdReached] = []

    @property
    def changed(self) -> list[Account]:
        """What has to be written back."""
        return [account for key, account in self._accounts.items() if self._before[key] != account]

    def hold(self, reservation: Reservation) -> Decimal:
        """Hold the greatest amount that all accounts can bear. Raises `BudgetExhausted`."""
        accounts = [self._follow_limit(account) for account in reservation.accounts]
        for amount in reservation.amounts_usd:
            if all(amount <= account.free_usd for account in accounts):
                for account in accounts:
                    account.reserved_usd += amount
                return amount
        least = reservation.amounts_usd[-1]
        short = next(i for i, account in enumerate(accounts) if least > account.free_usd)
        if accounts[short].has_reached(_WARNING_PERCENT):
            self._tell(accounts[short], _FULL_PERCENT)
        raise BudgetExhausted(reservation.accounts[short], spent_usd=accounts[short].spent_usd)

    def settle(self, held: Held, settlement: Settlement) -> None:
        """Give back what the row holds and charge what it cost, as far as it is not settled yet.

        What a sweep has settled as `unknown` is corrected by the difference.
        """
        is_correction = held.outcome == "unknown" and settlement.outcome != "unknown"
        if held.outcome is not None and not is_correction:
            return
        cost = settlement.cost_usd or Decimal(0)
        for key in held.accounts:
            account = self._accounts.get(key)
            if account is None:  # its rows may be cleared away when their period is long over
                continue
            if is_correction:
                account.spent_usd += cost - (held.cost_usd or Decimal(0))
            else:
                account.spent_usd += cost
                account.reserved_usd -= held.reserved_usd
            for percent in (_WARNING_PERCENT, _FULL_PERCENT):
                if account.has_reached(percent):
                    self._tell(account, percent)

    def take_back(self, held: Held, *, sign: int = 1) -> None:
        """Undo what an earlier run of the row holds or was charged; with `sign` -1, undo that."""
        for key in held.accounts:
            account = self._accounts.get(key)
            if account is None:
                continue
            if held.outcome is None:
                account.reserved_usd -= sign * held.reserved_usd
            else:
                account.spent_usd -= sign * (held.cost_usd or Decimal(0))

    def _follow_limit(self, wanted: BudgetAccount) -> Account:
        """The account under the limit that holds now; a new limit is told of anew."""
        account = self._accounts[wanted.owner, wanted.period]
        if account.limit_usd != wanted.limit_usd:
            account.limit_usd = wanted.limit_usd
            reached = [p for p in (_WARNING_PERCENT, _FULL_PERCENT) if account.has_reached(p)]
            account.threshold_percent = min(account.threshold_percent, max(reached, default=0))
        return account

    def _tell(self, account: Account, percent: int) -> None:
        if percent <= account.threshold_percent:
            return
        account.threshold_percent = percent
        self.thresholds.append(
            ThresholdReached(
                tenant=account.tenant,
                owner=account.owner,
                period=account.period,
                percent=percent,
                limit_usd=account.limit_usd,
                spent_usd=account.spent_usd,
            )
        )


def concerned(reservations: Iterable[Reservation], helds: Sequence[Held]) -> list[AccountKey]:
    """The accounts to lock, in the one order in which everybody locks them."""
    wanted = {(a.owner, a.period) for reservation in reservations for a in reservation.accounts}
    return sorted(wanted.union(*(held.accounts for held in helds)))


def missing_accounts(batch: Batch, found: Iterable[Account]) -> list[tuple[BudgetAccount, str]]:
    """Accounts that reservations need and that are not there yet, each with its tenant."""
    there = {account.key for account in found}
    missing = {
        (account.owner, account.period): (account, intent.tenant)
        for intent in batch.opened
        if intent.id in batch.reservations
        for account in batch.reservations[intent.id].accounts
        if (account.owner, account.period) not in there
    }
    return [missing[key] for key in sorted(missing)]


def settle_and_hold(books: Books, batch: Batch, helds: Iterable[Held]) -> Written:
    """All that a batch does to accounts: what is given back first, then what is newly held."""
    by_id = {held.id: held for held in helds}
    for settlement in batch.settled:
        if held := by_id.get(settlement.id):
            books.settle(held, settlement)
    held_usd: dict[str, Decimal] = {}
    refused: dict[str, BudgetExhausted] = {}
    for intent in batch.opened:
        earlier = by_id.get(intent.id)
        reservation = batch.reservations.get(intent.id)
        if earlier is not None and earlier.outcome == "completed":
            if reservation is not None:
                held_usd[intent.id] = reservation.amounts_usd[
                    0
                ]  # is paid for: all of it may be used
            continue
        if earlier is not None:
            books.take_back(earlier)
        if reservation is None:
            continue
        try:
            held_usd[intent.id] = books.hold(reservation)
        except BudgetExhausted as exhausted:
            refused[intent.id] = exhausted
            if earlier is not None:
                books.take_back(earlier, sign=-1)
    return Written(held_usd=held_usd, refused=refused, thresholds=books.thresholds)


def held_columns(batch: Batch, written: Written, row_id: str) -> tuple[object, object]:
    """The values of `budget_accounts` and `reserved_usd` of a new row."""
    reservation = batch.reservations.get(row_id)
    if reservation is None:
        return HOLDS_NOTHING
    accounts = [[account.owner, account.period] for account in reservation.accounts]
    return accounts, written.held_usd[row_id]


def opened_by(
    batch: Batch, written: Written, *, first: str, again: str
) -> Iterator[tuple[str, list[Intent]]]:
    """The statements that open rows, each with the rows that it is for, if there are any."""
    opened = [intent for intent in batch.opened if intent.id not in written.refused]
    for sql, is_again in ((first, False), (again, True)):
        if rows := [intent for intent in opened if (intent.id in batch.opened_again) is is_again]:
            yield sql, rows
