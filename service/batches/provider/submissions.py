"""What is noted of the batches that go to providers: enough to go on after a death at any point.

    opening    its items get their rows in the ledger; nothing has been sent
    sending    it may have been sent: ask the provider before it is sent again
    running    the provider has it, under an id of its own

Once all its items have ended, or wait for another one, it is no longer noted.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, Literal

import msgspec
from msgspec import Struct

from service.access.ports import Sanitize


class Submission(Struct, frozen=True, kw_only=True):
    """One batch for one model of one provider, with the items of ours that are in it.

    `spans` are the first and the last of each run of their indexes. `sanitize` is what the owner's key
    asks for where an item does not say. `sent_at` is when it was last sent.
    """

    number: int
    provider: str
    model: str
    label: str
    sanitize: Sanitize
    spans: tuple[tuple[int, int], ...]
    state: Literal["opening", "sending", "running"]
    opened_at: datetime
    sent_at: datetime | None = None
    provider_batch_id: str | None = None

    @property
    def indexes(self) -> Iterator[int]:
        """The items' places in our batch."""
        return (index for first, last in self.spans for index in range(first, last + 1))

    @property
    def size(self) -> int:
        """How many items it has."""
        return sum(last - first + 1 for first, last in self.spans)


class Notes(Struct):
    """All of one batch's submissions. Numbers are never given twice: they tell what the provider has."""

    next_number: int = 0
    submissions: dict[int, Submission] = {}

    @classmethod
    def of(cls, noted: Any) -> "Notes":
        """The notes as the store has kept them."""
        return cls() if noted is None else msgspec.convert(noted, cls, strict=False)

    def to_json(self) -> Any:
        """What the store keeps."""
        return msgspec.to_builtins(self, str_keys=True)

    @property
    def indexes(self) -> set[int]:
        """All items that are in a submission."""
        return {index for noted in self.submissions.values() for index in noted.indexes}


def spans_of(indexes: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """The runs of consecutive numbers among them."""
    spans: list[tuple[int, int]] = []
    for index in sorted(indexes):
        if spans and index == spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], index)
        else:
            spans.append((index, index))
    return tuple(spans)


def tag_of(batch_id: str, submission: Submission) -> str:
    """What the provider is told of whose it is."""
    return f"{batch_id}-{submission.number}"


def custom_id(tag: str, index: int) -> str:
    """An item's id at the provider."""
    return f"{tag}-{index}"


def index_of(tag: str, told: str) -> int | None:
    """The inverse; None for an id that is not of this submission."""
    found, _, number = told.rpartition("-")
    return int(number) if found == tag and number.isdecimal() and len(number) < 10 else None
