"""Reading the ledger: what a report says, and the port that adds it up."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal, Protocol, get_args

from msgspec import Struct

from service.usage.period import Period

MAX_GROUPS = 10_000
MAX_TAG_CHARACTERS = 64
_TAG_PREFIX = "tag:"
_Column = Literal["day", "model", "key", "prompt"]
_COLUMNS: dict[str, _Column] = {each: each for each in get_args(_Column)}


class TooManyGroups(Exception):
    """A report of more than `MAX_GROUPS` groups, which nobody reads and everybody waits for."""


class ReportTimeout(Exception):
    """The database took too long to add up."""


class Grouping(Struct, frozen=True, kw_only=True):
    """What rows have in common: their UTC day, the model that was asked for, the key, the version of the
    prompt that they were made from, or what their metadata says under `tag`."""

    by: Literal[_Column, "tag"]
    tag: str = ""

    @classmethod
    def parse(cls, text: str) -> "Grouping":
        """`day`, `model`, `key`, `prompt` or `tag:NAME`. Raises `ValueError` with a word for people."""
        if text in _COLUMNS:
            return cls(by=_COLUMNS[text])
        tag = text.removeprefix(_TAG_PREFIX)
        if tag != text and 0 < len(tag) <= MAX_TAG_CHARACTERS and "\0" not in tag:
            return cls(by="tag", tag=tag)
        raise ValueError("Use day, model, key, prompt or tag:NAME")


class Sums(Struct, frozen=True, kw_only=True):
    """Settled requests, added up. `errors` failed or were lost with the process that had them in hand;
    requests that their callers gave up are none. A request whose price nobody knows adds nothing to
    `cost_usd`."""

    requests: int
    errors: int
    cache_hits: int
    input_tokens: int
    output_tokens: int
    cost_usd: Decimal

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


class GroupSums(Struct, frozen=True, kw_only=True):
    """The sums of one group: a prompt's is `NAME@VERSION`. It is None for the rows without the tag, or
    without a prompt."""

    group: str | None
    sums: Sums


class UsageSummary(Struct, frozen=True, kw_only=True):
    """What one tenant used in a period: days in their order, other groups the dearest first."""

    groups: tuple[GroupSums, ...]
    totals: Sums

    @classmethod
    def of(cls, groups: Iterable[GroupSums], *, grouping: Grouping) -> "UsageSummary":
        """The groups in order, and all of them together."""
        if grouping.by == "day":
            ordered = sorted(groups, key=lambda each: each.group or "")
        else:
            ordered = sorted(groups, key=lambda each: (-each.sums.cost_usd, each.group or ""))
        return cls(groups=tuple(ordered), totals=_together([each.sums for each in ordered]))


class UsageReports(Protocol):
    """Where the ledger's rows are added up."""

    async def sums(self, *, tenant: str, period: Period, grouping: Grouping) -> list[GroupSums]:
        """One tenant's settled rows that were created in `period`, in no order.

        Raises `LedgerUnavailable`, `TooManyGroups` and `ReportTimeout`.
        """
        ...


def _together(sums: list[Sums]) -> Sums:
    return Sums(
        requests=sum(each.requests for each in sums),
        errors=sum(each.errors for each in sums),
        cache_hits=sum(each.cache_hits for each in sums),
        input_tokens=sum(each.input_tokens for each in sums),
        output_tokens=sum(each.output_tokens for each in sums),
        cost_usd=sum((each.cost_usd for each in sums), Decimal(0)),
    )
