"""Batches that wait at the vendors, in the terms of neither: what was sent, and how it ends."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

from tests.simulator.behaviours import Reply, Status, Words

Vendor = Literal["anthropic", "openai"]
Ending = Reply | Words | Status | Literal["expired", "cancelled"]
"""How one request of a batch ends: with an answer, with an error, or not run at all."""


@dataclass(slots=True)
class BatchedRequest:
    """One request; `text` is its last message's, by which a test names it."""

    custom_id: str
    body: dict[str, Any]
    text: str
    ending: Ending = field(default_factory=Reply)


@dataclass(slots=True, eq=False)
class VendorBatch:
    """One batch at one vendor, kept up to date. Times are Unix seconds."""

    id: str
    vendor: Vendor
    requests: list[BatchedRequest]
    created_at: float
    metadata: dict[str, str] | None = None
    input_file_id: str = ""
    state: Literal["running", "cancelling", "ended", "refused"] = "running"
    refusal: str = ""
    """Why it was turned away whole: an error code."""
    cancelled_at: float | None = None
    ended_at: float | None = None

    @property
    def is_expired(self) -> bool:
        return any(request.ending == "expired" for request in self.requests)

    def cancel(self) -> None:
        """As both vendors: what runs may still be answered."""
        if self.state == "running":
            self.state, self.cancelled_at = "cancelling", time.time()

    def end(self, endings: Mapping[str, Ending]) -> None:
        """Every request ends as `endings` say by its text; the others are answered, or cancelled."""
        if self.state not in ("running", "cancelling"):
            return
        default: Ending = Reply() if self.state == "running" else "cancelled"
        for request in self.requests:
            request.ending = endings.get(request.text, default)
        self.state, self.ended_at = "ended", time.time()

    def refuse(self, code: str) -> None:
        """The vendor will have none of it."""
        self.state, self.refusal, self.ended_at = "refused", code, time.time()


class Batches:
    """All batches and files of both vendors. Used on the simulator's loop."""

    def __init__(self) -> None:
        self.all: list[VendorBatch] = []
        self.files: dict[str, bytes] = {}
        self.on_arrival: Callable[[VendorBatch], None] | None = None
        self._numbers = count(1)

    def number(self) -> int:
        """A new number, for an id."""
        return next(self._numbers)

    def add(self, batch: VendorBatch) -> None:
        """Take a batch in."""
        self.all.append(batch)
        if self.on_arrival is not None:
            self.on_arrival(batch)

    def find(self, vendor: Vendor, batch_id: str) -> VendorBatch | None:
        """The vendor's batch of that id."""
        return next((b for b in self.all if b.vendor == vendor and b.id == batch_id), None)

    def page(
        self, vendor: Vendor, *, after: str | None, limit: int
    ) -> tuple[list[VendorBatch], bool]:
        """The vendor's batches, the newest first, and whether there are more."""
        listed = [batch for batch in reversed(self.all) if batch.vendor == vendor]
        ids = [batch.id for batch in listed]
        start = ids.index(after) + 1 if after in ids else 0
        return listed[start : start + limit], len(listed) > start + limit

    def clear(self) -> None:
        """Forget everything."""
        self.all, self.files, self.on_arrival = [], {}, None
